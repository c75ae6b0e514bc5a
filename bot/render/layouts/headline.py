"""A card in a line, for layouts of short entries."""

from __future__ import annotations

import discord

from bot.cards.model import Card
from bot.render.card import SEPARATOR, format_headline, link_target
from bot.render.limits import EMBED_TOTAL, count_units
from bot.render.markdown import fit_escaped, fit_link
from bot.store.cards.rows import StoredCard

_HEADLINE = 200
_PROVIDER = 60


def format_line(stored: StoredCard, room: int = EMBED_TOTAL) -> str:
    """Format a card as its linked headline in bold, publisher and time."""
    behind = "".join(f"{SEPARATOR}{fact}" for fact in list_facts(stored))
    return f"**{link_headline(stored.card, room - count_units(behind) - len('****'))}**{behind}"


def link_headline(card: Card, room: int = EMBED_TOTAL) -> str:
    """Format a headline as a link to the article. An overlong URL is dropped rather than cut."""
    url = link_target(card)
    linked = fit_link(format_headline(card), url, min(count_units(url) + _HEADLINE, room)) if url else ""
    return linked or fit_escaped(format_headline(card), min(_HEADLINE, room))


def list_facts(stored: StoredCard, coverage: str = "") -> list[str]:
    """Return publisher, `coverage` and time, without those that are unknown."""
    card = stored.card
    provider = fit_escaped(" ".join(card.provider.name.split()), _PROVIDER) if card.provider else ""
    return [fact for fact in (provider, coverage, discord.utils.format_dt(card.published_at, "R")) if fact]
