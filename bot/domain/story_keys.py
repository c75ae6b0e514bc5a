"""Compute the keys by which cards of one article, or of articles that list each other, find each other.

Keys are compared for equality only, so that an indexed table can find a card's neighbours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

import regex  # type: ignore[import-untyped]  # it comes without types

from bot.cards.model import Card
from bot.cards.urls import normalize_url

OWN, RELATED = "u:", "r:"
"""Key prefixes: the card's own normalized URL, and that of a related story."""
_SITE, _INDEX = r"[^/?]*(?:/[a-z]{2}(?:-[a-z]{2})?)?", r"(?:/(?:default|home|index)\.[a-z]+)?"
_SECTION = (
    r"/(?:blog|business|category|health|hub|latest|news|politics|science|sections?|sports?|tags?|tech|technology|topics?"
    r"|world)"
)
_FRONT = regex.compile(rf"{_SITE}(?:{_SECTION}){{0,2}}{_INDEX}", regex.IGNORECASE)
"""Front page of a site, of a language or section of it. URLs with a query do not match: it often names the page."""
_LIKE_A_FRONT = regex.compile(rf"{_SITE}(?:{_SECTION})?(?:/[a-z]{{1,12}})?{_INDEX}", regex.IGNORECASE)
"""Also matches a short word as a section; for related URLs only, since a card's own URL is more likely an article's."""


def compute_keys(card: Card) -> frozenset[str]:
    """A card's keys. Front pages and section pages are left out: unrelated cards share them."""
    own = {OWN + alias for alias in card.aliases if not _FRONT.fullmatch(alias)}
    listed = (_canonical_address(story.url) for story in card.related)
    return frozenset(own | {RELATED + address for address in listed if not _LIKE_A_FRONT.fullmatch(address)})


def neighbour_keys(card_keys: Iterable[str]) -> set[str]:
    """Return the keys of cards that are, list, or are listed by, one of these articles.

    Two cards that list the same third article are none: publishers list the same background pieces below unrelated
    news.
    """
    own = {key for key in card_keys if key.startswith(OWN)}
    listed = {key.removeprefix(RELATED) for key in card_keys if key.startswith(RELATED)}
    return own | {RELATED + key.removeprefix(OWN) for key in own} | {OWN + address for address in listed}


def leave_out_related(card: Card, addresses: Collection[str]) -> Card:
    """Return the card without the related stories that have one of these normalized addresses."""
    related = tuple(story for story in card.related if _canonical_address(story.url) not in addresses)
    return replace(card, related=related)


def _canonical_address(url: str) -> str:
    try:
        return normalize_url(url) if url else ""
    except ValueError:
        return ""
