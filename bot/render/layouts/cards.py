"""Up to ten small embeds."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.i18n import tr_noop
from bot.render.card_list import render_card_list
from bot.render.limits import EMBEDS
from bot.store.cards.rows import StoredCard


class CardsLayout:
    """A small embed for each card; a single card in full."""

    description = tr_noop("cards: a small embed each")
    needs_sizes = False

    def measure_card(self, _card: StoredCard) -> int:
        return 1

    def split_cards(self, sizes: Sequence[int]) -> list[int]:
        # By number alone: long cards share the message's text limit, so that any ten fit.
        return [min(EMBEDS, len(sizes) - start) for start in range(0, len(sizes), EMBEDS)]

    def render_cards(self, cards: Sequence[StoredCard], pictures: str | None) -> list[discord.Embed]:
        return render_card_list(cards, pictures)
