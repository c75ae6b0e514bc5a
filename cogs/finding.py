"""The message context menu: right-click a message, then Apps."""

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
        # discord.py does not support context menus as cog methods.
        about = {"description": marked("The cards that its links are about")}
        self._menu = app_commands.ContextMenu(name="Find this card", callback=self._find, extras=about)

    async def cog_load(self) -> None:
        self.bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        self.bot.tree.remove_command(self._menu.name, type=self._menu.type)

    async def _find(self, interaction: Interaction, message: discord.Message) -> None:
        await answer(interaction, **await found_reply(interaction, message))
