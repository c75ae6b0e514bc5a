"""What a layout provides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import discord

from bot.store.cards.rows import StoredCard


class MessageLayout(Protocol):
    """Arranges cards in messages. Stateless and pure."""

    needs_sizes: bool
    """Whether the cards' sizes decide how many fit into a message. If not, any size may stand in for them."""

    def measure_card(self, card: StoredCard) -> int:
        """Return the room that a card takes in a message, in the unit of `split_cards`."""
        ...

    def split_cards(self, sizes: Sequence[int]) -> list[int]:
        """Return the number of cards in each message, filled in order: at least one each, all cards together."""
        ...

    def render_cards(self, cards: Sequence[StoredCard], pictures: str | None) -> list[discord.Embed]:
        """Render one message's cards, at least one. `pictures` is the base URL of site-relative images."""
        ...


class DigestLayout(MessageLayout, Protocol):
    """A layout that a subscription can choose. `description` is its text in lists of choices, marked with `tr_noop`."""

    description: str
