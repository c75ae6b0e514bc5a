"""Messages of cards: the headings of digests, and what stands below them by layout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import discord

from bot.domain.post_template import fill_template
from bot.domain.subscription import Frequency, Layout, SubscriptionOptions
from bot.i18n import format_date, tr, tr_noop, trn
from bot.render.card import SEPARATOR, format_headline
from bot.render.layouts import EMBED_LAYOUTS
from bot.render.layouts.magazine import HEADER
from bot.render.limits import CONTENT, EMBED_TITLE, THREAD_NAME
from bot.render.markdown import cut_text, fit_escaped
from bot.store.cards.rows import StoredCard

_TOPICS, _PUBLISHER = 120, 80


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    """A message's text and embeds."""

    content: str | None
    embeds: tuple[discord.Embed, ...]


def render_digest(
    cards: Sequence[StoredCard], layout: Layout, pictures: str | None, *, text: str = "", colour: int | None = None
) -> RenderedMessage:
    """Render these cards in a layout of embeds below the text (`format_text`); without any, only the text."""
    embeds = EMBED_LAYOUTS[layout].render_cards(cards, pictures) if cards else []
    if colour is not None:
        for embed in embeds:
            embed.colour = discord.Colour(colour)
    return RenderedMessage(text or None, tuple(embeds))


def format_text(
    cards: Sequence[StoredCard],
    layout: Layout,
    options: SubscriptionOptions,
    at: datetime,
    *,
    heading: str = "",
    reserved: int = 0,
) -> str:
    """Return the text above a message's cards: the role to mention, then the subscription's own text or the heading.

    It leaves `reserved` characters of its room to others.
    """
    limit = (HEADER if layout is Layout.MAGAZINE else CONTENT) - reserved
    role = f"<@&{options.mention_role_id}>" if options.mention_role_id else ""
    # A template may come out empty, such as one of the publisher alone; without any text a message may be refused.
    own = fill_template(options.template, _placeholder_values(cards, heading, at)) if options.template else ""
    return cut_text(" ".join(filter(None, (role, own or heading))), limit)


def _placeholder_values(cards: Sequence[StoredCard], heading: str, at: datetime) -> dict[str, str]:
    card = cards[0].card if cards else None
    return {
        "heading": heading,
        "date": discord.utils.format_dt(at, "D"),
        "title": fit_escaped(format_headline(card), EMBED_TITLE) if card else "",
        "publisher": fit_escaped(card.provider.name, _PUBLISHER) if card and card.provider else "",
        "topics": fit_escaped(", ".join(card.topics), _TOPICS) if card else "",
    }


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
    note = tr("nothing new") if empty else ""
    note = trn("in {count} message", "in {count} messages", parts) if parts > 1 else note
    dated = discord.utils.format_dt(at, "D")
    return SEPARATOR.join(filter(None, (f"**{tr(_NAMES[when])}**", about, dated, note)))


def continued_heading() -> str:
    """Return the heading of a digest's continuation messages."""
    return f"-# {tr('Continued')}"


def catch_up_heading(since: datetime) -> str:
    """Return the heading for stories delayed by an outage."""
    waited = tr("waiting for this channel since {when}", when=discord.utils.format_dt(since, "f"))
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
