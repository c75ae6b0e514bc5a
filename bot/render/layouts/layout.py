"""What a layout provides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import discord

from bot.store.cards.rows import StoredCard


class MessageLayout(Protocol):
    """Divides cards into messages. Stateless and pure."""

    needs_sizes: bool
    """Whether the cards' sizes decide how many fit into a message. If not, any size may stand in for them."""

    def measure_card(self, card: StoredCard) -> int:
        """Return the room that a card takes in a message, in the unit of `split_cards`."""
        ...

    def split_cards(self, sizes: Sequence[int]) -> list[int]:
        """Return the number of cards in each message, filled in order: at least one each, all cards together."""
        ...


class EmbedLayout(MessageLayout, Protocol):
    """A layout of embeds. The magazine alone is none of these (`bot.ui.magazine`)."""

    def render_cards(self, cards: Sequence[StoredCard], pictures: str | None) -> list[discord.Embed]:
        """Render one message's cards, at least one. `pictures` is the base URL of site-relative images."""
        ...


class DigestLayout(MessageLayout, Protocol):
    """A layout that a subscription can choose. `description` is its text in lists of choices, marked with `tr_noop`."""

    description: str


def fill_messages(sizes: Sequence[int], room: int, most: int) -> list[int]:
    """Divide cards of these sizes, in order, into messages of up to `most` cards that take up to `room` together.

    A card that takes more is alone in its message.
    """
    counts: list[int] = []
    used = 0
    for size in sizes:
        if not counts or counts[-1] == most or used + size > room:
            counts.append(0)
            used = 0
        counts[-1] += 1
        used += size
    return counts
