"""Split a card off from where its story is listed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Self

import discord

from bot.client.acknowledgement import answer_interaction
from bot.client.bot import Interaction
from bot.client.error_handler import ErrorReportingItem
from bot.client.permissions import can_moderate, guild_id_of, require_moderator
from bot.domain.moderation import DecisionSource
from bot.errors import UserError
from bot.i18n import tr
from bot.render.card_list import format_choice
from bot.render.limits import CHOICES
from bot.render.moderation import done_text
from bot.store.cards.rows import StoredCard
from bot.ui.components import arrange_rows
from bot.ui.moderation import GONE, build_undo_button, split_card

_ID = re.compile(r"\d{1,10}")


class SplitSelect(ErrorReportingItem, discord.ui.DynamicItem[discord.ui.Select[Any]], template=r"nd:split"):
    """Splits the selected card off from its story in this server."""

    def __init__(self, members: Sequence[StoredCard] = ()) -> None:
        options = [discord.SelectOption(label=format_choice(card), value=str(card.id)) for card in members[:CHOICES]]
        placeholder = f"✂️ {tr('Not the same story…')}"
        super().__init__(discord.ui.Select(placeholder=placeholder, options=options, custom_id="nd:split"))

    @classmethod
    def from_match(cls, _match: re.Match[str]) -> Self:
        return cls()

    async def handle_click(self, interaction: Interaction) -> None:
        require_moderator(interaction)
        # A forged select may name any card, or none.
        selected = next((int(value) for value in self.item.values if _ID.fullmatch(value)), 0)
        card = await interaction.client.store.cards.get_card(selected, guild_id_of(interaction))
        if card is None:
            raise UserError(tr(GONE))
        result = await split_card(interaction, card, DecisionSource.BUTTON)
        text, view = done_text(card, result.entry, result.note), arrange_rows([build_undo_button([result.entry.id])])
        await answer_interaction(interaction, text, view=view)


def build_split_view(interaction: Interaction, members: Sequence[StoredCard]) -> discord.ui.View | None:
    """Let moderators split off one of these cards of a story; None for others, or if there is none."""
    return arrange_rows([SplitSelect(members)]) if members and can_moderate(interaction) else None
