"""What moderators do: decide which cards this server sees."""

from __future__ import annotations

from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.desk.publication import Verdict
from bot.gateway import suggestions
from bot.gateway.client import NewsBot
from bot.gateway.decisions import decide
from bot.gateway.failures import AnsweringModal
from bot.gateway.lists import listed
from bot.gateway.rights import require_moderator
from bot.render.limits import LABEL_DESCRIPTION
from bot.render.markdown import cut
from bot.store.records import FiledCard

Interaction = discord.Interaction[NewsBot]
Words = app_commands.Range[str, 1, 200]
_REASON = 400


class WithdrawModal(AnsweringModal, title="Withdraw a card"):
    """Asks why."""

    def __init__(self, card: FiledCard) -> None:
        super().__init__()
        self.card = card
        self.reason: discord.ui.TextInput[Any] = discord.ui.TextInput(
            style=discord.TextStyle.paragraph, required=False, max_length=_REASON
        )
        title = cut(card.card.title, LABEL_DESCRIPTION)
        self.add_item(discord.ui.Label(text="Why? (for the desk's log)", description=title, component=self.reason))

    async def on_submit(self, interaction: Interaction, /) -> None:  # type: ignore[override]  # our client's interaction
        require_moderator(interaction)
        text = await decide(
            interaction,
            self.card,
            Verdict.WITHDRAW,
            expected=self.card.verdict,
            source="command",
            reason=self.reason.value,
        )
        await interaction.response.send_message(text, ephemeral=True)


@app_commands.guild_only()
@app_commands.default_permissions(manage_messages=True)
class DeskCommands(commands.GroupCog, name="desk", description="Decide which cards this server sees"):
    """/desk queue, publish, withdraw."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    async def interaction_check(self, interaction: Interaction, /) -> bool:  # type: ignore[override]  # our client's
        """Servers may open the command to other roles in their settings; deciding still needs the permission."""
        require_moderator(interaction)
        return True

    @app_commands.command(description="Cards that wait for a decision")
    async def queue(self, interaction: Interaction) -> None:
        await interaction.response.send_message(**await listed(interaction, {"kind": "queue"}), ephemeral=True)

    @app_commands.command(description="Publish a card in this server")
    @app_commands.describe(card="Type words of its title, then choose")
    @app_commands.autocomplete(card=suggestions.any_cards)
    async def publish(self, interaction: Interaction, card: Words) -> None:
        chosen = await suggestions.chosen_card(interaction, card, hidden=True)
        text = await decide(interaction, chosen, Verdict.PUBLISH, expected=chosen.verdict, source="command")
        await interaction.response.send_message(text, ephemeral=True)

    @app_commands.command(description="Take a card away from this server")
    @app_commands.describe(card="Type words of its title, then choose", reason="Why; asked for when left out")
    @app_commands.autocomplete(card=suggestions.any_cards)
    async def withdraw(
        self, interaction: Interaction, card: Words, reason: app_commands.Range[str, 0, _REASON] | None = None
    ) -> None:
        chosen = await suggestions.chosen_card(interaction, card, hidden=True)
        if reason is None:
            await interaction.response.send_modal(WithdrawModal(chosen))
            return
        text = await decide(
            interaction, chosen, Verdict.WITHDRAW, expected=chosen.verdict, source="command", reason=reason
        )
        await interaction.response.send_message(text, ephemeral=True)
