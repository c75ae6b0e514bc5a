"""The /help command."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.client.acknowledgement import answer_interaction
from bot.client.bot import Interaction, NewsBot
from bot.render.help import render_help
from bot.ui.help import list_usable_commands


class HelpCommands(commands.Cog):
    """/help."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    @app_commands.command(description="See what you can do here")
    async def help(self, interaction: Interaction) -> None:
        await answer_interaction(interaction, embeds=render_help(await list_usable_commands(interaction)))
