"""Several cards in one message: small cards, a list of headlines, or a story with later coverage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import discord

from bot.cards.model import Card, RelatedArticle
from bot.cards.urls import normalize_url
from bot.domain.subscription import Frequency, Layout
from bot.i18n import format_date, tr, tr_noop, trn
from bot.render.card import SEPARATOR, format_headline, link_target, render_card
from bot.render.card_list import render_card_list
from bot.render.colour import topic_colour
from bot.render.limits import CONTENT, EMBED_DESCRIPTION, EMBED_TOTAL, EMBEDS, THREAD_NAME, count_units
from bot.render.markdown import cut_text, fit_escaped, fit_link
from bot.store.cards.rows import StoredCard

LIST_CARDS = 25
"""Maximum headlines per message: the options of a select menu for saving."""
_HEADLINE = 200
_PROVIDER = 60
_TOPICS = 120


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    """A message's text and embeds."""

    content: str | None
    embeds: tuple[discord.Embed, ...]


def render_digest(
    cards: Sequence[StoredCard],
    layout: Layout,
    pictures: str | None,
    *,
    heading: str = "",
    mention: int | None = None,
) -> RenderedMessage:
    """Render these cards; without any, only the heading. `mention` is a role id."""
    called = f"<@&{mention}>" if mention else ""
    content = cut_text(" ".join(filter(None, (called, heading))), CONTENT) or None
    if not cards:
        return RenderedMessage(content, ())
    if layout is Layout.CARD:
        return RenderedMessage(content, (render_card(_with_coverage(cards), pictures),))
    if layout is Layout.LIST:
        return RenderedMessage(content, tuple(_list_embeds(cards)))
    return RenderedMessage(content, tuple(render_card_list(cards, pictures)))


def _with_coverage(cards: Sequence[StoredCard]) -> StoredCard:
    """Return the first card with the others prepended to its related stories; each article once, without its own."""
    lead = cards[0].card
    later = [_as_related(other.card) for other in cards[1:]]
    seen_urls = {_article_key(story.url) for story in later} | {_article_key(lead.url or "")}
    earlier = [story for story in lead.related if not story.url or _article_key(story.url) not in seen_urls]
    own = _article_key(lead.url or "")
    shown = [story for story in later if not story.url or _article_key(story.url) != own]
    return replace(cards[0], card=replace(lead, related=(*shown, *earlier)))


def _as_related(card: Card) -> RelatedArticle:
    return RelatedArticle(format_headline(card), link_target(card) or "", card.provider.name if card.provider else "")


def _article_key(url: str) -> str:
    try:
        return normalize_url(url)
    except ValueError:
        return url


def _list_embeds(cards: Sequence[StoredCard]) -> Iterable[discord.Embed]:
    entries = [format_entry(card) for card in cards[:LIST_CARDS]]
    for start, end in _fill_embeds([count_units(text) for text in entries]):
        yield discord.Embed(description="\n".join(entries[start:end]), colour=topic_colour(cards[start].card.topics))


def _fill_embeds(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Assign entries to embeds (start, end); entries beyond the message's limit are left out."""
    places: list[tuple[int, int]] = []
    start, remaining, whole = 0, EMBED_DESCRIPTION, EMBED_TOTAL
    for place, size in enumerate(sizes):
        if size + 1 > remaining:
            if start < place:
                places.append((start, place))
            start, remaining = place, EMBED_DESCRIPTION
        if size + 1 > whole:
            break
        remaining -= size + 1
        whole -= size + 1
    else:
        place = len(sizes)
    return places + ([(start, place)] if start < place else [])


def format_entry(stored: StoredCard) -> str:
    """Format a list item: headline in bold as a link to the article, publisher and time.

    An overlong URL is dropped rather than cut.
    """
    card = stored.card
    url = link_target(card)
    linked = fit_link(format_headline(card), url, count_units(url) + _HEADLINE) if url else ""
    title = linked or fit_escaped(format_headline(card), _HEADLINE)
    provider = fit_escaped(" ".join(card.provider.name.split()), _PROVIDER) if card.provider else ""
    when = discord.utils.format_dt(card.published_at, "R")
    return f"- {SEPARATOR.join(filter(None, (f'**{title}**', provider, when)))}"


def split_parts(sizes: Sequence[int], layout: Layout) -> list[int]:
    """Return the number of cards in each message, filled in order. `sizes` are those of `entry_size`."""
    if layout is not Layout.LIST:
        return [min(EMBEDS, len(sizes) - start) for start in range(0, len(sizes), EMBEDS)]
    counts: list[int] = []
    start = 0
    while start < len(sizes):
        filled = _fill_embeds(sizes[start : start + LIST_CARDS])
        counts.append(max(filled[-1][1] if filled else 0, 1))
        start += counts[-1]
    return counts


def entry_size(stored: StoredCard) -> int:
    """Return the size of a card's list item, in UTF-16 units."""
    return count_units(format_entry(stored))


_NAMES = {
    Frequency.INSTANT: tr_noop("Digest"),
    Frequency.HOURLY: tr_noop("Hourly digest"),
    Frequency.DAILY: tr_noop("Daily digest"),
    Frequency.WEEKDAYS: tr_noop("Daily digest"),
    Frequency.WEEKLY: tr_noop("Weekly digest"),
}


def format_heading(
    when: Frequency, at: datetime, topics: Sequence[str] = (), *, empty: bool = False, parts: int = 1
) -> str:
    """Return the line above a digest: `**Daily digest** · Python, Space · 25 November 2026`.

    It omits the number of cards, since one may be withdrawn later.
    """
    about = fit_escaped(", ".join(topics), _TOPICS) if topics else ""
    note = tr("nothing new this time") if empty else ""
    note = trn("in {count} message", "in {count} messages", parts) if parts > 1 else note
    dated = discord.utils.format_dt(at, "D")
    return SEPARATOR.join(filter(None, (f"**{tr(_NAMES[when])}**", about, dated, note)))


def continued_heading() -> str:
    """Return the heading of a digest's continuation messages."""
    return f"-# {tr('Continued')}"


def catch_up_heading(since: datetime) -> str:
    """Return the heading for stories delayed by an outage."""
    waited = tr("what has waited for this channel since {when}", when=discord.utils.format_dt(since, "f"))
    return f"**{tr('Catching up')}**{SEPARATOR}{waited}"


def quiet_heading() -> str:
    """Return the heading for stories delayed by quiet hours."""
    return f"**{tr('While it was quiet')}**"


def forum_title(cards: Sequence[StoredCard], layout: Layout, at: datetime) -> str:
    """Return a forum post's title as plain text: the story's title, or the digest's date."""
    if layout is Layout.CARD and cards:
        return cut_text(format_headline(cards[0].card), THREAD_NAME) or tr("News")
    best = f": {format_headline(cards[0].card)}" if cards else ""
    return cut_text(tr("News of {day}", day=format_date(at)) + best, THREAD_NAME)
