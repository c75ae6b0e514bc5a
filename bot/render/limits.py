"""Discord's limits, from its documentation: "Message" (embed limits), "Application Commands" and "Components".

Discord's API counts code points, its clients UTF-16 units. `count_units` counts the latter, which is never less.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import discord

EMBED_TITLE = 256
EMBED_DESCRIPTION = 4096
EMBED_AUTHOR = 256
EMBED_FOOTER = 2048
FIELDS = 25
FIELD_NAME = 256
FIELD_VALUE = 1024
EMBED_TOTAL = 6000
"""Total of titles, descriptions, authors, footers, field names and values over all embeds of a message."""
EMBEDS = 10
CONTENT = 2000
COMPONENTS = 40
"""Components of a message, nested ones included. The pictures of a gallery are none."""
DISPLAYED_TEXT = 4000
"""Total of all text displays of a message."""
MEDIA_DESCRIPTION = 256
"""Of a picture. Discord's documentation says 1,024, discord.py's 256."""
BUTTON_LABEL = 80
LABEL_DESCRIPTION = 100
CHOICE_NAME = 100
CHOICES = 25
CUSTOM_ID = 100
URL = 2048
LINK_BUTTON_URL = 512
THREAD_NAME = 100


def count_units(text: str) -> int:
    """Return the length in UTF-16 units, which is at least that in code points."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def count_total(embeds: Iterable[discord.Embed]) -> int:
    """Return how much of `EMBED_TOTAL` these embeds use."""
    return sum(count_units(text) for embed in embeds for text in _iter_texts(embed))


def _iter_texts(embed: discord.Embed) -> Iterator[str]:
    yield from (embed.title or "", embed.description or "", embed.author.name or "", embed.footer.text or "")
    for field in embed.fields:
        yield from (field.name or "", field.value or "")
