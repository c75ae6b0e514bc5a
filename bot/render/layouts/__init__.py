"""Layouts: how the cards of a message look, and how many fit into one.

A new layout is a module here with its line below, a member of `bot.domain.subscription.Layout`, and its texts.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.subscription import Layout
from bot.render.layouts.card import CardLayout
from bot.render.layouts.cards import CardsLayout
from bot.render.layouts.layout import DigestLayout, MessageLayout
from bot.render.layouts.list import ListLayout

DIGEST_LAYOUTS: Mapping[Layout, DigestLayout] = {Layout.CARDS: CardsLayout(), Layout.LIST: ListLayout()}
"""The layouts that a subscription can choose, in the order in which they are offered."""

LAYOUTS: Mapping[Layout, MessageLayout] = {Layout.CARD: CardLayout(), **DIGEST_LAYOUTS}
"""All layouts made of cards alone. A review is not: it also shows decisions and reports (`bot.ui.review_message`)."""
