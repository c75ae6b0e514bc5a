"""The /help command."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.gateway.acknowledgement import answer
from bot.gateway.client import NewsBot
from bot.gateway.guide import guide
from bot.render.guide import guide_embeds

Interaction = discord.Interaction[NewsBot]


class HelpCommands(commands.Cog):
    """/help."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    @app_commands.command(description="What you can do here")
    async def help(self, interaction: Interaction) -> None:
        await answer(interaction, embeds=guide_embeds(await guide(interaction)))
