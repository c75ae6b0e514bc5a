"""Split a card off from where its story is listed, or join that with another."""

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
from bot.i18n import tr
from bot.render.card_list import format_choice
from bot.render.limits import CHOICES
from bot.render.moderation import done_text
from bot.store.cards.rows import StoredCard
from bot.ui.components import arrange_rows
from bot.ui.moderation import ModerationResult, build_undo_button, join_stories, load_cards, split_card

Select = discord.ui.Select[Any]
_ID = re.compile(r"\d{1,10}")


class SplitSelect(ErrorReportingItem, discord.ui.DynamicItem[Select], template=r"nd:split"):
    """Splits the selected card off from its story in this server."""

    def __init__(self, members: Sequence[StoredCard] = ()) -> None:
        super().__init__(_build_select(f"✂️ {tr('Not the same story…')}", members, "nd:split"))

    @classmethod
    def from_match(cls, _match: re.Match[str]) -> Self:
        return cls()

    async def handle_click(self, interaction: Interaction) -> None:
        require_moderator(interaction)
        (card,) = await load_cards(interaction, [_read_choice(self.item)])
        await _send_result(interaction, card, await split_card(interaction, card, DecisionSource.BUTTON))


class JoinSelect(ErrorReportingItem, discord.ui.DynamicItem[Select], template=r"nd:join:(?P<card>\d{1,10})"):
    """Makes the story of a card one with that of the selected card in this server."""

    def __init__(self, card_id: int, others: Sequence[StoredCard] = ()) -> None:
        super().__init__(_build_select(f"🔗 {tr('The same story as…')}", others, f"nd:join:{card_id}"))
        self.card_id = card_id

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        return cls(int(match["card"]))

    async def handle_click(self, interaction: Interaction) -> None:
        require_moderator(interaction)
        (card,) = await load_cards(interaction, [self.card_id])
        (other,) = await load_cards(interaction, [_read_choice(self.item)])
        await _send_result(interaction, card, await join_stories(interaction, card, other, DecisionSource.BUTTON))


STORY_SELECTS = (SplitSelect, JoinSelect)
"""Persistent components under the list of who else has a story."""


async def build_story_view(
    interaction: Interaction, card: StoredCard, members: Sequence[StoredCard]
) -> discord.ui.View | None:
    """Let moderators split off one of the other cards of a card's story, or join it with that of one that is like it.

    None for others, and where there is nothing to choose.
    """
    others = await list_joinable(interaction, card)
    split = SplitSelect(members) if members and can_moderate(interaction) else None
    join = JoinSelect(card.id, others) if others else None
    return arrange_rows([split], [join]) if split or join else None


async def list_joinable(interaction: Interaction, card: StoredCard) -> list[StoredCard]:
    """Return cards of other stories that are like this one, for moderators; none for others."""
    if not can_moderate(interaction):
        return []
    return await interaction.client.store.cards.fetch_similar(card.id, guild_id_of(interaction), limit=CHOICES)


def _build_select(placeholder: str, cards: Sequence[StoredCard], custom_id: str) -> Select:
    options = [discord.SelectOption(label=format_choice(card), value=str(card.id)) for card in cards[:CHOICES]]
    return discord.ui.Select(placeholder=placeholder, options=options, custom_id=custom_id)


def _read_choice(select: Select) -> int:
    # A forged select may name any card, or none.
    return next((int(value) for value in select.values if _ID.fullmatch(value)), 0)


async def _send_result(interaction: Interaction, card: StoredCard, result: ModerationResult) -> None:
    text, view = done_text(card, result.entry, result.note), arrange_rows([build_undo_button([result.entry.id])])
    await answer_interaction(interaction, text, view=view)
