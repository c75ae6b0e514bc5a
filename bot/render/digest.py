"""Several cards in one message: small cards, a list of headlines, or a story with later coverage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import discord

from bot.cards.links import normalised
from bot.cards.model import Card, Related
from bot.desk.subscription import Layout, When
from bot.language import day, marked, tr, trn
from bot.render.card import SEPARATOR, address, card_embed, headline
from bot.render.colour import topic_colour
from bot.render.limits import CONTENT, EMBED_DESCRIPTION, EMBED_TOTAL, EMBEDS, THREAD_NAME, units
from bot.render.lists import card_list
from bot.render.markdown import cut, fitted, fitted_link
from bot.store.records import FiledCard

LIST_CARDS = 25
"""Maximum headlines per message: the options of a select menu for saving."""
_HEADLINE = 200
_PROVIDER = 60
_TOPICS = 120


@dataclass(frozen=True, slots=True)
class Message:
    """A message's text and embeds."""

    content: str | None
    embeds: tuple[discord.Embed, ...]


def digest_message(
    cards: Sequence[FiledCard],
    layout: Layout,
    pictures: str | None,
    *,
    heading: str = "",
    mention: int | None = None,
) -> Message:
    """Render these cards; without any, only the heading. `mention` is a role id."""
    called = f"<@&{mention}>" if mention else ""
    content = cut(" ".join(filter(None, (called, heading))), CONTENT) or None
    if not cards:
        return Message(content, ())
    if layout is Layout.CARD:
        return Message(content, (card_embed(_with_coverage(cards), pictures),))
    if layout is Layout.LIST:
        return Message(content, tuple(_list_embeds(cards)))
    return Message(content, tuple(card_list(cards, pictures)))


def _with_coverage(cards: Sequence[FiledCard]) -> FiledCard:
    """Return the first card with the others prepended to its related stories; each article once, without its own."""
    lead = cards[0].card
    later = [_as_related(other.card) for other in cards[1:]]
    told = {_article(story.url) for story in later} | {_article(lead.url or "")}
    earlier = [story for story in lead.related if not story.url or _article(story.url) not in told]
    own = _article(lead.url or "")
    shown = [story for story in later if not story.url or _article(story.url) != own]
    return replace(cards[0], card=replace(lead, related=(*shown, *earlier)))


def _as_related(card: Card) -> Related:
    return Related(headline(card), address(card) or "", card.provider.name if card.provider else "")


def _article(url: str) -> str:
    try:
        return normalised(url)
    except ValueError:
        return url


def _list_embeds(cards: Sequence[FiledCard]) -> Iterable[discord.Embed]:
    entries = [entry(card) for card in cards[:LIST_CARDS]]
    for start, end in _filled([units(text) for text in entries]):
        yield discord.Embed(description="\n".join(entries[start:end]), colour=topic_colour(cards[start].card.topics))


def _filled(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Assign entries to embeds (start, end); entries beyond the message's limit are left out."""
    places: list[tuple[int, int]] = []
    start, left, whole = 0, EMBED_DESCRIPTION, EMBED_TOTAL
    for place, size in enumerate(sizes):
        if size + 1 > left:
            if start < place:
                places.append((start, place))
            start, left = place, EMBED_DESCRIPTION
        if size + 1 > whole:
            break
        left -= size + 1
        whole -= size + 1
    else:
        place = len(sizes)
    return places + ([(start, place)] if start < place else [])


def entry(filed: FiledCard) -> str:
    """Format a list item: headline in bold as a link to the article, publisher and time.

    An overlong URL is dropped rather than cut.
    """
    card = filed.card
    url = address(card)
    linked = fitted_link(headline(card), url, units(url) + _HEADLINE) if url else ""
    title = linked or fitted(headline(card), _HEADLINE)
    provider = fitted(" ".join(card.provider.name.split()), _PROVIDER) if card.provider else ""
    when = discord.utils.format_dt(card.published_at, "R")
    return f"- {SEPARATOR.join(filter(None, (f'**{title}**', provider, when)))}"


def parts(sizes: Sequence[int], layout: Layout) -> list[int]:
    """Return the number of cards in each message, filled in order. `sizes` are those of `entry_size`."""
    if layout is not Layout.LIST:
        return [min(EMBEDS, len(sizes) - start) for start in range(0, len(sizes), EMBEDS)]
    counts: list[int] = []
    start = 0
    while start < len(sizes):
        filled = _filled(sizes[start : start + LIST_CARDS])
        counts.append(max(filled[-1][1] if filled else 0, 1))
        start += counts[-1]
    return counts


def entry_size(filed: FiledCard) -> int:
    """Return the size of a card's list item, in UTF-16 units."""
    return units(entry(filed))


_NAMES = {
    When.INSTANT: marked("Digest"),
    When.HOURLY: marked("Hourly digest"),
    When.DAILY: marked("Daily digest"),
    When.WEEKDAYS: marked("Daily digest"),
    When.WEEKLY: marked("Weekly digest"),
}


def heading(when: When, at: datetime, topics: Sequence[str] = (), *, empty: bool = False, parts: int = 1) -> str:
    """Return the line above a digest: `**Daily digest** · Python, Space · 25 November 2026`.

    It omits the number of cards, since one may be withdrawn later.
    """
    about = fitted(", ".join(topics), _TOPICS) if topics else ""
    said = tr("nothing new this time") if empty else ""
    said = trn("in {count} message", "in {count} messages", parts) if parts > 1 else said
    dated = discord.utils.format_dt(at, "D")
    return SEPARATOR.join(filter(None, (f"**{tr(_NAMES[when])}**", about, dated, said)))


def continued() -> str:
    """Return the heading of a digest's continuation messages."""
    return f"-# {tr('Continued')}"


def catch_up_heading(since: datetime) -> str:
    """Return the heading for stories delayed by an outage."""
    waited = tr("what has waited for this channel since {when}", when=discord.utils.format_dt(since, "f"))
    return f"**{tr('Catching up')}**{SEPARATOR}{waited}"


def quiet_heading() -> str:
    """Return the heading for stories delayed by quiet hours."""
    return f"**{tr('While it was quiet')}**"


def forum_title(cards: Sequence[FiledCard], layout: Layout, at: datetime) -> str:
    """Return a forum post's title as plain text: the story's title, or the digest's date."""
    if layout is Layout.CARD and cards:
        return cut(headline(cards[0].card), THREAD_NAME) or tr("News")
    best = f": {headline(cards[0].card)}" if cards else ""
    return cut(tr("News of {day}", day=day(at)) + best, THREAD_NAME)
