"""When has a card changed? Only when a reader would see it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from bot.cards.model import Card, State

RELATED_SHOWN = 3
"""How many related stories a post names; the rest is a number."""


def revision(card: Card) -> str:
    """Names what a reader sees of a card: equal revisions need no edit. Heat, quality and state are not part of it."""
    related = [(story.title, story.url, story.provider) for story in card.related[:RELATED_SHOWN]]
    provider = card.provider and (card.provider.name, card.provider.icon)
    shown = (
        card.title, card.excerpt, card.url, card.image and card.image.url, provider, card.topics, card.type,
        card.published_at.isoformat(), related, len(card.related),
    )  # fmt: skip
    return _digest(json.dumps(shown, ensure_ascii=False))


def content(card: Card) -> str:
    """Names everything a file says except where it lies: equal contents under two names are one card, renamed."""
    return _digest(repr(replace(card, slug="", state=State.HELD, held_reason=None)))


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()
