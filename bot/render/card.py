"""A card as an embed: in full for a post, compact for a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import discord

from bot.cards.fingerprint import RELATED_SHOWN
from bot.cards.links import asset
from bot.cards.model import Card, Provider
from bot.desk.wording import Phrase
from bot.language import tr, trn
from bot.render.colour import NEUTRAL, topic_colour
from bot.render.excerpt import excerpted
from bot.render.limits import (
    EMBED_AUTHOR,
    EMBED_DESCRIPTION,
    EMBED_TITLE,
    EMBED_TOTAL,
    FIELD_VALUE,
    URL,
    units,
)
from bot.render.listing import listed, story
from bot.render.markdown import fitted, fitted_plain
from bot.store.records import FiledCard

COMPACT_EXCERPT = 200
_COMPACT_AUTHOR = 80
_TOPICS = 256
_NOTE = 300
VIDEO_MARK = "▶ "
SEPARATOR = " · "


def card_embed(
    filed: FiledCard,
    pictures: str | None,
    *,
    compact: bool = False,
    number: int | None = None,
    note: str = "",
    budget: int = EMBED_TOTAL,
    found: Sequence[Phrase] = (),
) -> discord.Embed:
    """Render a card. `pictures` is the base URL of site-relative images, `note` a line for moderators.

    `budget` bounds the total text; if it is short, the title is kept first and the excerpt is cut first. The excerpt
    is chosen around the phrases `found` by a search.
    """
    card = filed.card
    embed = discord.Embed(colour=topic_colour(card.topics), timestamp=card.published_at)
    purse = _Purse(budget)
    _head(embed, card, purse)
    _author(embed, card.provider, number, pictures, purse, _COMPACT_AUTHOR if compact else EMBED_AUTHOR)
    noted = purse.framed("**", fitted, " ".join(note.split()), _NOTE)
    _topics(embed, card, purse)
    also = _also_counted(card, purse) if compact else _also_listed(embed, card, purse)
    embed.description = _description(noted, card.excerpt.strip(), also, compact, purse, found)
    _picture(embed, card, pictures, compact)
    return embed


class _Purse:
    """Text budget of an embed."""

    def __init__(self, left: int) -> None:
        self.left = left

    def write(self, form: Callable[[str, int], str], text: str, limit: int) -> str:
        written = form(text, min(limit, self.left))
        self.left -= units(written)
        return written

    def framed(self, frame: str, form: Callable[[str, int], str], text: str, limit: int) -> str:
        """Write the text between two marks, or nothing at all."""
        written = form(text, min(limit, self.left - 2 * len(frame)))
        framed = f"{frame}{written}{frame}" if written else ""
        self.left -= units(framed)
        return framed


def _head(embed: discord.Embed, card: Card, purse: _Purse) -> None:
    embed.title = purse.write(fitted, headline(card), EMBED_TITLE) or None
    embed.url = address(card)


def headline(card: Card) -> str:
    """Return the title on one line, with a marker for videos."""
    return (VIDEO_MARK if card.type == "video" else "") + " ".join(card.title.split())


def address(card: Card) -> str | None:
    """Return the URL for the title, if Discord accepts it."""
    return card.url if card.url and len(card.url) <= URL else None


def _author(
    embed: discord.Embed, provider: Provider | None, number: int | None, pictures: str | None, purse: _Purse, limit: int
) -> None:
    parts = [str(number)] if number is not None else []
    parts += [provider.name] if provider and provider.name.strip() else []
    if name := purse.write(fitted_plain, SEPARATOR.join(parts), limit):
        icon = asset(provider.icon, pictures) if provider and provider.icon else None
        embed.set_author(name=name, icon_url=icon)


def _topics(embed: discord.Embed, card: Card, purse: _Purse) -> None:
    if topics := purse.write(fitted_plain, SEPARATOR.join(card.topics), _TOPICS):
        embed.set_footer(text=topics)


def topics_line(card: Card) -> str:
    """Return the topics line of a full embed."""
    return fitted_plain(SEPARATOR.join(card.topics), _TOPICS)


def topics_in(line: str) -> list[str]:
    """Parse the topics from such a line; empty if it was too long to list them all."""
    return [] if line.endswith("…") else [topic for topic in line.split(SEPARATOR) if topic]


def _also_listed(embed: discord.Embed, card: Card, purse: _Purse) -> str:
    also = tr("Also covered by")
    room = min(FIELD_VALUE, purse.left - units(also))
    if stories := listed(card.related, story, room, at_most=RELATED_SHOWN):
        embed.add_field(name=also, value=stories, inline=False)
        purse.left -= units(also) + units(stories)
    return ""


def _also_counted(card: Card, purse: _Purse) -> str:
    others = len(card.related)
    words = also_covered(others) if others else ""
    return purse.framed("*", lambda text, room: text if units(text) <= room else "", words, units(words))


def also_covered(others: int) -> str:
    """Return the number of other publishers that cover the story, as text."""
    return trn("Also covered by {count} other", "Also covered by {count} others", others)


def _description(
    noted: str, excerpt: str, also: str, compact: bool, purse: _Purse, found: Sequence[Phrase]
) -> str | None:
    breaks = 2
    room = min(EMBED_DESCRIPTION - units(noted) - units(also), purse.left) - breaks
    words = excerpted(excerpt, found, min(room, COMPACT_EXCERPT) if compact else room)
    lines = [line for line in (noted, words, also) if line]
    while units("\n".join(lines)) > purse.left + units(noted) + units(also):
        lines.pop()  # the budget does not even allow the line breaks
    return "\n".join(lines) or None


def _picture(embed: discord.Embed, card: Card, pictures: str | None, compact: bool) -> None:
    if picture := asset(card.image.url, pictures) if card.image else None:
        (embed.set_thumbnail if compact else embed.set_image)(url=picture)


def unpublished_embed() -> discord.Embed:
    """Return the placeholder for a card that is currently unpublished, without any of its content."""
    return discord.Embed(description=f"*{tr('This card is not published at the moment.')}*", colour=NEUTRAL)


def withdrawn_embed() -> discord.Embed:
    """Return the note for a withdrawn card, in channels that prefer it to deletion."""
    return discord.Embed(description=f"*{tr('This card was withdrawn.')}*", colour=NEUTRAL)


def without_pictures(embed: discord.Embed) -> discord.Embed:
    """Return the embed without image, thumbnail and icon, for a message whose images Discord rejected."""
    bare = embed.copy().set_image(url=None).set_thumbnail(url=None)
    return bare.set_author(name=embed.author.name) if embed.author.name else bare
