"""What members ask about a message: right-click it, then Apps."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.gateway.acknowledgement import answer
from bot.gateway.client import NewsBot
from bot.gateway.finding import found_reply
from bot.language import marked

Interaction = discord.Interaction[NewsBot]


class FindingCommands(commands.Cog):
    """Find this card."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot
        # discord.py makes no context menu of a cog's method by itself.
        about = {"description": marked("The cards that its links are about")}
        self._menu = app_commands.ContextMenu(name="Find this card", callback=self._find, extras=about)

    async def cog_load(self) -> None:
        self.bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        self.bot.tree.remove_command(self._menu.name, type=self._menu.type)

    async def _find(self, interaction: Interaction, message: discord.Message) -> None:
        await answer(interaction, **await found_reply(interaction, message))
