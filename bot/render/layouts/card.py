"""One story in full: its first card, with the others under "Also covered by"."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import discord

from bot.cards.model import Card, RelatedArticle
from bot.cards.urls import normalize_url
from bot.render.card import format_headline, link_target, render_card
from bot.store.cards.rows import StoredCard


class CardLayout:
    """The layout of instant posts. All cards tell one story, so they stay in one message."""

    needs_sizes = False

    def measure_card(self, _card: StoredCard) -> int:
        return 1

    def split_cards(self, sizes: Sequence[int]) -> list[int]:
        return [len(sizes)] if sizes else []

    def render_cards(self, cards: Sequence[StoredCard], pictures: str | None) -> list[discord.Embed]:
        return [render_card(_merge_coverage(cards), pictures)]


def _merge_coverage(cards: Sequence[StoredCard]) -> StoredCard:
    """Return the first card with the others prepended to its related stories; each article once, without its own."""
    lead = cards[0].card
    later = [_as_related(other.card) for other in cards[1:]]
    own = _article_key(lead.url or "")
    # Cards are preferred to the lead's own list: their titles and addresses are current.
    seen_urls = {_article_key(story.url) for story in later} | {own}
    earlier = [story for story in lead.related if not story.url or _article_key(story.url) not in seen_urls]
    shown = [story for story in later if not story.url or _article_key(story.url) != own]
    return replace(cards[0], card=replace(lead, related=(*shown, *earlier)))


def _as_related(card: Card) -> RelatedArticle:
    return RelatedArticle(format_headline(card), link_target(card) or "", card.provider.name if card.provider else "")


def _article_key(url: str) -> str:
    try:
        return normalize_url(url)
    except ValueError:
        return url
