"""One question for every embed that is made anywhere: would Discord take it?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

import discord

from bot.render import limits

# What notifies, or shows as a mention. Channel mentions are this program's own in a list of subscriptions.
MENTION = re.compile(r"@everyone|@here|<@[!&]?\d+>|<id:|</[^>]+:\d+>", re.IGNORECASE)
ESCAPED = re.compile(r"\\[^0-9A-Za-z\s]")


def assert_within_limits(embeds: Sequence[discord.Embed]) -> None:
    """Every string of these embeds, sent as one message, is within Discord's limits, and none is empty."""
    assert len(embeds) <= limits.EMBEDS
    assert limits.total(embeds) <= limits.EMBED_TOTAL
    assert sum(len(embed) for embed in embeds) <= limits.EMBED_TOTAL
    for embed in embeds:
        assert len(embed.fields) <= limits.FIELDS
        for name, text, limit in _strings(embed):
            assert text is None or text.strip(), f"{name} is empty"
            assert text is None or limits.units(text) <= limit, f"{name} is too long"
            assert text is None or _encodes(text), f"{name} holds half a character"
        for url in addresses(embed):
            assert url.lower().startswith(("http://", "https://")), url
            assert len(url) <= limits.URL


def _strings(embed: discord.Embed) -> Iterator[tuple[str, str | None, int]]:
    yield "title", embed.title, limits.EMBED_TITLE
    yield "description", embed.description, limits.EMBED_DESCRIPTION
    yield "author", embed.author.name, limits.EMBED_AUTHOR
    yield "footer", embed.footer.text, limits.EMBED_FOOTER
    for field in embed.fields:
        yield "field name", field.name or "", limits.FIELD_NAME
        yield "field value", field.value or "", limits.FIELD_VALUE


def addresses(embed: discord.Embed) -> list[str]:
    found = (embed.url, embed.author.url, embed.author.icon_url, embed.footer.icon_url)
    return [url for url in (*found, embed.image.url, embed.thumbnail.url) if url]


def texts(embeds: Iterable[discord.Embed]) -> list[str]:
    return [text for embed in embeds for _, text, _ in _strings(embed) if text]


def _encodes(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def assert_no_mention(embeds: Iterable[discord.Embed]) -> None:
    for text in texts(embeds):
        assert not MENTION.search(text), text
