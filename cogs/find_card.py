"""The message context menu: right-click a message, then Apps."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client.acknowledgement import answer_interaction
from bot.client.bot import NewsBot
from bot.i18n import tr_noop
from bot.ui.find_card import build_linked_cards_reply

Interaction = discord.Interaction[NewsBot]


class FindCardCommand(commands.Cog):
    """Find this card."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot
        # discord.py does not support context menus as cog methods.
        about = {"description": tr_noop("The cards that its links are about")}
        self._menu = app_commands.ContextMenu(name="Find this card", callback=self._find_card, extras=about)

    async def cog_load(self) -> None:
        self.bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        self.bot.tree.remove_command(self._menu.name, type=self._menu.type)

    async def _find_card(self, interaction: Interaction, message: discord.Message) -> None:
        await answer_interaction(interaction, **await build_linked_cards_reply(interaction, message))
