"""What the bot says in a server that it joins, with a button to set it up."""

from __future__ import annotations

import re
from typing import Any, Self

import discord
from discord import app_commands

from bot.client.acknowledgement import answer_interaction
from bot.client.bot import Interaction, NewsBot
from bot.client.error_handler import ErrorReportingItem
from bot.i18n import tr
from bot.render.markdown import escape_markdown
from bot.ui.components import arrange_rows
from bot.ui.help import mention_commands
from bot.ui.subscription_wizard import SubscriptionWizard


class SetupButton(ErrorReportingItem, discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"nd:begin"):
    """Opens what `/digest setup` opens, for those who may manage channels."""

    def __init__(self) -> None:
        label, style = tr("Set up"), discord.ButtonStyle.primary
        super().__init__(discord.ui.Button(label=label, style=style, custom_id="nd:begin"))

    @classmethod
    def from_match(cls, _match: re.Match[str]) -> Self:
        return cls()

    async def handle_click(self, interaction: Interaction) -> None:
        if interaction.guild_id is None:
            raise app_commands.NoPrivateMessage
        if not interaction.permissions.manage_channels:
            raise app_commands.MissingPermissions(["manage_channels"])
        view = await SubscriptionWizard.start_draft(interaction)
        await answer_interaction(interaction, **view.build_reply())


async def build_greeting(bot: NewsBot, guild: discord.Guild, is_direct: bool) -> dict[str, Any]:
    """Build the message for a server's channel; for a direct message it names the server and has no button."""
    setup, add, helping = await mention_commands(bot, ("digest", "setup"), ("feed", "add"), ("help",))
    thanks = (
        tr("Thanks for adding me to **{server}**! I bring news to its channels.", server=escape_markdown(guild.name))
        if is_direct
        else tr("Thanks for adding me! I bring news to this server's channels.")
    )
    commands = [
        tr("{command}: choose a channel and what it gets", command=setup),
        tr("{command}: follow a site's feed", command=add),
        tr("{command}: see everything you can do", command=helping),
    ]
    message: dict[str, Any] = {"content": "\n- ".join([thanks, *commands])}
    return message if is_direct else message | {"view": arrange_rows([SetupButton()])}
