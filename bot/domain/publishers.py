"""Tell publishers apart: one that brings a story twice, on two sites or in two feeds, covers it once."""

from __future__ import annotations

from urllib.parse import urlsplit

from bot.cards.model import Card
from bot.cards.text import normalize_name

_SERVICE = ("www.", "m.", "amp.", "feeds.")


def publisher_names(card: Card) -> frozenset[str]:
    """Return what names the publisher of a card: its name, and the hosts of its site and of the card's address."""
    provider, hosts = card.provider, []
    if provider and provider.domain:
        hosts.append(provider.domain)
    if card.url:
        hosts.append(urlsplit(card.url).hostname or "")
    names = [normalize_name(provider.name)] if provider else []
    return frozenset(filter(None, [*names, *map(_site, hosts)]))


def are_different_publishers(one: Card, other: Card) -> bool:
    """Whether two cards are certainly of different publishers."""
    names, others = publisher_names(one), publisher_names(other)
    return bool(names) and bool(others) and names.isdisjoint(others)


def _site(host: str) -> str:
    host = host.casefold()
    while prefix := next((each for each in _SERVICE if host.startswith(each)), ""):
        host = host.removeprefix(prefix)
    return host
