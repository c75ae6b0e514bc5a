"""Layouts: how the cards of a message look, and how many fit into one.

A new layout of embeds is a module here with its line below, a member of `bot.domain.subscription.Layout`, and its
texts.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.subscription import Layout
from bot.render.layouts.card import CardLayout
from bot.render.layouts.cards import CardsLayout
from bot.render.layouts.compact import CompactLayout
from bot.render.layouts.layout import DigestLayout, EmbedLayout, MessageLayout
from bot.render.layouts.list import ListLayout
from bot.render.layouts.magazine import MagazineLayout

_CARDS, _LIST, _COMPACT = CardsLayout(), ListLayout(), CompactLayout()
DIGEST_LAYOUTS: Mapping[Layout, DigestLayout] = {
    Layout.CARDS: _CARDS,
    Layout.LIST: _LIST,
    Layout.COMPACT: _COMPACT,
    Layout.MAGAZINE: MagazineLayout(),
}
"""The layouts that a subscription can choose, in the order in which they are offered."""

EMBED_LAYOUTS: Mapping[Layout, EmbedLayout] = {
    Layout.CARD: CardLayout(),
    Layout.CARDS: _CARDS,
    Layout.LIST: _LIST,
    Layout.COMPACT: _COMPACT,
}

LAYOUTS: Mapping[Layout, MessageLayout] = {**EMBED_LAYOUTS, **DIGEST_LAYOUTS}
"""All layouts made of cards alone. A review is not: it also shows decisions and reports (`bot.ui.review_message`)."""
