"""Hashes for change detection: one of what readers see, one of all content."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from bot.cards.model import Card, CardState

RELATED_SHOWN = 3
"""Number of related stories named in a post; the rest is only counted."""


def compute_revision(card: Card) -> str:
    """Hash what readers see of a card: equal revisions need no edit. Excludes heat, quality and state."""
    # What is added here edits every message ever posted, so it must be something that readers see.
    related = [(story.title, story.url, story.provider) for story in card.related[:RELATED_SHOWN]]
    provider = card.provider and (card.provider.name, card.provider.icon)
    shown = (
        card.title, card.excerpt, card.url, card.image and card.image.url, provider, card.topics, card.type,
        card.published_at.isoformat(), related, len(card.related),
    )  # fmt: skip
    return _short_hash(json.dumps(shown, ensure_ascii=False))


def compute_content_hash(card: Card) -> str:
    """Hash a card's content except its path and state, to detect renamed files."""
    # `repr` includes fields that are added to `Card` later.
    return _short_hash(repr(replace(card, slug="", state=CardState.HELD, held_reason=None)))


def _short_hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
