"""How the bot appears in a server."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client.acknowledgement import answer_interaction
from bot.client.bot import Interaction, NewsBot
from bot.client.permissions import require_server_manager
from bot.ui.profile import change_profile, reset_profile


@app_commands.guild_only()
@app_commands.default_permissions(manage_guild=True)
class ProfileCommands(commands.GroupCog, name="newsdesk", description="Newsdesk in this server"):
    """/newsdesk profile."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    async def interaction_check(self, interaction: Interaction, /) -> bool:  # type: ignore[override]  # our client's
        """Check the permission even if the server opened the command to other roles in its settings."""
        require_server_manager(interaction)
        return True

    @app_commands.command(description="Change my name, avatar and banner in this server")
    @app_commands.describe(
        name="My name here",
        avatar="A square picture, up to 8 MB",
        banner="A wide picture, up to 8 MB",
        reset="Go back to my own name and pictures",
    )
    async def profile(
        self,
        interaction: Interaction,
        name: app_commands.Range[str, 1, 32] | None = None,
        avatar: discord.Attachment | None = None,
        banner: discord.Attachment | None = None,
        reset: bool = False,
    ) -> None:
        text = await (reset_profile(interaction) if reset else change_profile(interaction, name, avatar, banner))
        await answer_interaction(interaction, text)
