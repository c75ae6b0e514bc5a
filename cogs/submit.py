"""Commands for links: everybody submits, the moderators decide."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client.acknowledgement import answer_interaction
from bot.client.bot import Interaction, NewsBot
from bot.i18n import tr_noop
from bot.ui import autocomplete
from bot.ui.links import COMMENT, build_details, build_message_reply, build_submission_reply

Address = app_commands.Range[str, 1, 2048]
Words = app_commands.Range[str, 1, 200]
Comment = app_commands.Range[str, 1, COMMENT]


class SubmitCommands(commands.Cog):
    """/submit, and "Submit this link" in the context menu of messages."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot
        # discord.py does not support context menus as cog methods.
        extras = {"description": tr_noop("Suggest a message's link to the moderators")}
        menu = app_commands.ContextMenu(name="Submit this link", callback=self._submit_message, extras=extras)
        self._menu = app_commands.guild_only(menu)

    async def cog_load(self) -> None:
        self.bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        self.bot.tree.remove_command(self._menu.name, type=self._menu.type)

    async def _submit_message(self, interaction: Interaction, message: discord.Message) -> None:
        await answer_interaction(interaction, **await build_message_reply(interaction, message))

    @app_commands.command(description="Suggest a link to the moderators")
    @app_commands.describe(
        url="Link to the page",
        topics="Topics of the card, separated by commas",
        comment="Note for the moderators; nobody else sees it",
    )
    @app_commands.autocomplete(topics=autocomplete.complete_topic_list)
    @app_commands.guild_only()
    async def submit(
        self, interaction: Interaction, url: Address, topics: Words | None = None, comment: Comment | None = None
    ) -> None:
        reply = await build_submission_reply(interaction, url, build_details(topics, comment))
        await answer_interaction(interaction, **reply)
