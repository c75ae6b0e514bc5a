"""The /trends command: cards over time."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.client.acknowledgement import answer_interaction
from bot.client.bot import NewsBot
from bot.ui import autocomplete
from bot.ui.trends import build_trends_reply

Words = app_commands.Range[str, 1, 200]
Interaction = discord.Interaction[NewsBot]


class TrendCommands(commands.Cog):
    """/trends."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    @app_commands.command(description="A chart of the cards of each day and how hot they were")
    @app_commands.describe(topic="Only this topic", days="How many days, 7 to 90; 30 when left out")
    @app_commands.autocomplete(topic=autocomplete.complete_topics)
    async def trends(
        self, interaction: Interaction, topic: Words | None = None, days: app_commands.Range[int, 7, 90] = 30
    ) -> None:
        await answer_interaction(interaction, **await build_trends_reply(interaction, topic, days))
