"""What is for the people who run the bot."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

import discord

from bot.errors import UserError
from bot.gateway.acknowledgement import answer
from bot.gateway.failures import Answering
from bot.language import tr, trn

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot


async def require_operator(interaction: discord.Interaction[NewsBot]) -> None:
    """Raises unless the person owns the bot, alone or in a team."""
    if not await interaction.client.is_owner(interaction.user):
        raise UserError(tr("Only the people who run this bot may do that."))


class AcceptWithdrawalsButton(Answering, discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"nd:accept"):
    """Says that the folder is right: the cards it lost are withdrawn."""

    def __init__(self) -> None:
        label, style = tr("Withdraw them"), discord.ButtonStyle.danger
        super().__init__(discord.ui.Button(label=label, style=style, custom_id="nd:accept"))

    @classmethod
    def carrying(cls, _match: re.Match[str]) -> Self:
        return cls()

    async def act(self, interaction: discord.Interaction[NewsBot]) -> None:
        await require_operator(interaction)
        report = await interaction.client.newsroom.load(accept_withdrawals=True)
        text = trn("{count} card is withdrawn.", "{count} cards are withdrawn.", report.withdrawn)
        await answer(interaction, text)


def accept_view() -> discord.ui.View:
    """The button under the warning."""
    view = discord.ui.View(timeout=None)
    view.add_item(AcceptWithdrawalsButton())
    return view
