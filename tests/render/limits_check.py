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
    assert limits.count_total(embeds) <= limits.EMBED_TOTAL
    assert sum(len(embed) for embed in embeds) <= limits.EMBED_TOTAL
    for embed in embeds:
        assert len(embed.fields) <= limits.FIELDS
        for name, text, limit in _iter_strings(embed):
            assert text is None or text.strip(), f"{name} is empty"
            assert text is None or limits.count_units(text) <= limit, f"{name} is too long"
            assert text is None or _is_encodable(text), f"{name} holds half a character"
        for url in find_urls(embed):
            assert url.lower().startswith(("http://", "https://")), url
            assert len(url) <= limits.URL


def _iter_strings(embed: discord.Embed) -> Iterator[tuple[str, str | None, int]]:
    yield "title", embed.title, limits.EMBED_TITLE
    yield "description", embed.description, limits.EMBED_DESCRIPTION
    yield "author", embed.author.name, limits.EMBED_AUTHOR
    yield "footer", embed.footer.text, limits.EMBED_FOOTER
    for field in embed.fields:
        yield "field name", field.name or "", limits.FIELD_NAME
        yield "field value", field.value or "", limits.FIELD_VALUE


def find_urls(embed: discord.Embed) -> list[str]:
    found = (embed.url, embed.author.url, embed.author.icon_url, embed.footer.icon_url)
    return [url for url in (*found, embed.image.url, embed.thumbnail.url) if url]


def find_texts(embeds: Iterable[discord.Embed]) -> list[str]:
    return [text for embed in embeds for _, text, _ in _iter_strings(embed) if text]


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def assert_magazine_within_limits(view: discord.ui.LayoutView) -> None:
    """A message of Components V2 is within Discord's limits: nested components, all texts together, each part."""
    items = list(view.walk_children())
    assert 0 < len(items) <= limits.COMPONENTS
    texts = [item.content for item in items if isinstance(item, discord.ui.TextDisplay)]
    assert all(text.strip() and _is_encodable(text) for text in texts)
    assert sum(map(limits.count_units, texts)) <= limits.DISPLAYED_TEXT
    for item in items:
        if isinstance(item, discord.ui.MediaGallery):
            assert 1 <= len(item.items) <= 10
            for picture in item.items:
                assert limits.count_units(picture.description or "") <= limits.MEDIA_DESCRIPTION
                assert picture.media.url.lower().startswith(("http://", "https://"))
                assert len(picture.media.url) <= limits.URL
    ids = [custom_id for item in items if (custom_id := getattr(item, "custom_id", None))]
    assert len(ids) == len(set(ids))


def displayed_texts(view: discord.ui.LayoutView) -> list[str]:
    return [item.content for item in view.walk_children() if isinstance(item, discord.ui.TextDisplay)]


def assert_no_mention(embeds: Iterable[discord.Embed]) -> None:
    for text in find_texts(embeds):
        assert not MENTION.search(text), text
