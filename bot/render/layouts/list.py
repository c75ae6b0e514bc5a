"""Linked headlines."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.i18n import tr_noop
from bot.render.colour import topic_colour
from bot.render.layouts.headline import format_line
from bot.render.limits import EMBED_DESCRIPTION, EMBED_TOTAL, count_units
from bot.store.cards.rows import StoredCard

MOST_CARDS = 25
"""Maximum headlines per message: the options of a select menu for saving."""


class ListLayout:
    """A line for each card. Sizes are in UTF-16 units, as Discord counts."""

    description = tr_noop("list: linked headlines")
    needs_sizes = True

    def measure_card(self, card: StoredCard) -> int:
        return count_units(_format_entry(card))

    def split_cards(self, sizes: Sequence[int]) -> list[int]:
        counts: list[int] = []
        start = 0
        while start < len(sizes):
            embeds = _fill_embeds(sizes[start : start + MOST_CARDS])
            # An entry that fits nowhere still gets a message, so that the loop ends.
            counts.append(max(embeds[-1][1] if embeds else 0, 1))
            start += counts[-1]
        return counts

    def render_cards(self, cards: Sequence[StoredCard], _pictures: str | None) -> list[discord.Embed]:
        entries = [_format_entry(card) for card in cards[:MOST_CARDS]]
        return [
            discord.Embed(description="\n".join(entries[start:end]), colour=topic_colour(cards[start].card.topics))
            for start, end in _fill_embeds([count_units(text) for text in entries])
        ]


def _fill_embeds(sizes: Sequence[int]) -> list[tuple[int, int]]:
    """Assign entries to embeds (start, end); entries beyond the message's limit are left out."""
    # Two limits at once: that of each description, and that of all embeds of a message together.
    places: list[tuple[int, int]] = []
    start, remaining, whole = 0, EMBED_DESCRIPTION, EMBED_TOTAL
    for place, size in enumerate(sizes):
        if size + 1 > remaining:  # 1 for the line break
            if start < place:
                places.append((start, place))
            start, remaining = place, EMBED_DESCRIPTION
        if size + 1 > whole:
            break
        remaining -= size + 1
        whole -= size + 1
    else:
        place = len(sizes)
    return places + ([(start, place)] if start < place else [])


def _format_entry(card: StoredCard) -> str:
    return f"- {format_line(card)}"
