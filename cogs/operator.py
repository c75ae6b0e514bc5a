"""Commands for the bot's owners."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.gateway.acknowledgement import answer
from bot.gateway.client import NewsBot
from bot.gateway.guide import OWNERS
from bot.gateway.operators import require_operator
from bot.render.reports import Status, status_embed

Interaction = discord.Interaction[NewsBot]


class OperatorCommands(commands.Cog):
    """/status."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    @app_commands.command(
        description="The queue, closed channels and last errors (for the bot's owners)", extras=OWNERS
    )
    @app_commands.default_permissions(administrator=True)
    async def status(self, interaction: Interaction) -> None:
        await require_operator(interaction)
        store = self.bot.store
        status = Status(
            queue=await store.deliveries.state(),
            circuits=await store.circuits.of_servers(),
            leader=await store.leader.state(),
            resting=await store.subscriptions.in_trouble(),
        )
        await answer(interaction, embed=status_embed(status))
