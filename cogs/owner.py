"""Commands for the bot's owners."""

from __future__ import annotations

from discord import app_commands
from discord.ext import commands

from bot.client.acknowledgement import answer_interaction
from bot.client.bot import Interaction, NewsBot
from bot.render.status import BotStatus, render_status
from bot.ui.help import OWNERS
from bot.ui.owner_actions import require_owner


class OwnerCommands(commands.Cog):
    """/status."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    @app_commands.command(description="The queue, closed channels and last errors (bot owners only)", extras=OWNERS)
    @app_commands.default_permissions(administrator=True)
    async def status(self, interaction: Interaction) -> None:
        # Discord shows the command to administrators; it knows no permission for the owners of a bot.
        await require_owner(interaction)
        store = self.bot.store
        status = BotStatus(
            queue=await store.outbox.queue.queue_state(),
            circuits=await store.outbox.circuits.list_for_guilds(),
            leader=await store.leader.get_state(),
            resting=await store.subscriptions.list_in_trouble(),
            feeds=await store.feeds.count_states(),
            links=await store.moderation.submissions.count_weekly(self.bot.clock()),
            unindexed=await store.cards.index_rebuild.count_remaining(),
        )
        await answer_interaction(interaction, embed=render_status(status))
