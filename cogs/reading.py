"""Commands for every member: browse and search cards."""

from __future__ import annotations

from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.desk import period
from bot.errors import UserError
from bot.gateway import suggestions
from bot.gateway.acknowledgement import answer
from bot.gateway.client import NewsBot
from bot.gateway.rights import guild_id
from bot.gateway.sharing import sharing
from bot.gateway.turning import listed
from bot.gateway.views import card_view
from bot.language import tr
from bot.render.card import card_embed
from bot.render.lists import topics_embed

Words = app_commands.Range[str, 1, 200]
Interaction = discord.Interaction[NewsBot]


class ReadingCommands(commands.Cog):
    """/latest, /search, /topics, /card."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    @app_commands.command(description="The newest cards")
    @app_commands.describe(topic="Only this topic", count="How many, 1 to 10")
    @app_commands.autocomplete(topic=suggestions.topics)
    async def latest(
        self, interaction: Interaction, topic: Words | None = None, count: app_commands.Range[int, 1, 10] = 5
    ) -> None:
        reply = await listed(interaction, {"kind": "latest", "topic": topic, "count": count})
        await answer(interaction, **reply)

    @app_commands.command(description='Search all cards: words, "a phrase", -without, beginning*')
    @app_commands.describe(
        query="Words to find",
        topic="Only this topic",
        provider="Only this publisher",
        kind="Only articles, or only videos",
        since="today, 7 days, 2 weeks, or a date such as 2026-11-24",
        until="The same: a date counts to its end, 7 days means what is older",
        order="newest first, best match first, or hottest story first",
    )
    @app_commands.autocomplete(
        topic=suggestions.topics, provider=suggestions.providers, since=suggestions.periods, until=suggestions.periods
    )
    async def search(
        self,
        interaction: Interaction,
        query: Words,
        topic: Words | None = None,
        provider: Words | None = None,
        kind: Literal["article", "video"] | None = None,
        since: str | None = None,
        until: str | None = None,
        order: Literal["newest", "best", "hottest"] = "newest",
    ) -> None:
        start = period.since(since, self.bot.clock()) if since else None
        end = period.until(until, self.bot.clock(), start) if until else None
        request = {
            "kind": "search",
            "words": query,
            "topic": topic,
            "provider": provider,
            "type": kind,
            "since": start and start.isoformat(),
            "until": end and end.isoformat(),
            "order": order,
        }
        await answer(interaction, **await listed(interaction, request))

    @app_commands.command(description="What the cards are about, and what rises")
    async def topics(self, interaction: Interaction) -> None:
        found = await self.bot.store.trends.topics(guild_id(interaction), self.bot.clock(), limit=100)
        if not found:
            raise UserError(tr("There are no cards yet."))
        await answer(interaction, embed=topics_embed(found))

    @app_commands.command(description="One card in full")
    @app_commands.describe(card="Type words of its title, then choose")
    @app_commands.autocomplete(card=suggestions.cards)
    async def card(self, interaction: Interaction, card: Words) -> None:
        chosen = await suggestions.chosen_card(interaction, card)
        embed = card_embed(chosen, self.bot.settings.asset_base_url)
        view = card_view(chosen, below=sharing(interaction, [chosen]))
        await answer(interaction, embed=embed, view=view)
