"""Tell publishers apart: one that brings a story twice, on two sites or in two feeds, covers it once."""

from __future__ import annotations

from urllib.parse import urlsplit

from bot.cards.model import Card
from bot.cards.text import normalize_name
from bot.cards.urls import normalize_host


def identify_publisher(card: Card) -> tuple[str, ...]:
    """Return what names the publisher of a card, best first: its name, and the hosts of its site and of the card.

    Two cards that share any of these are of one publisher; empty if it is unknown.
    """
    provider = card.provider
    names = [normalize_name(provider.name), normalize_host(provider.domain)] if provider else []
    names.append(normalize_host(urlsplit(card.url or "").hostname or ""))
    return tuple(dict.fromkeys(filter(None, names)))


def story_publisher(card: Card) -> str:
    """Return the one name by which cards of a story are compared: many publishers share the host of a portal."""
    return next(iter(identify_publisher(card)), "")
