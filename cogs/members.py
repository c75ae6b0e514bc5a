"""What is a member's own: what is stored about them, and what they keep."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.gateway.client import NewsBot
from bot.gateway.members import erase_reply, export_reply

Interaction = discord.Interaction[NewsBot]


class MemberCommands(commands.Cog):
    """/privacy export, erase."""

    privacy = app_commands.Group(name="privacy", description="What is stored about you")

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    @privacy.command(name="export", description="Everything that is stored about you, as a file")
    async def privacy_export(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        await interaction.followup.send(**await export_reply(interaction), ephemeral=True)

    @privacy.command(name="erase", description="Delete what is stored about you; you are asked once more")
    async def privacy_erase(self, interaction: Interaction) -> None:
        await interaction.response.send_message(**await erase_reply(interaction), ephemeral=True)
