"""Commands for every member: browse and search cards."""

from __future__ import annotations

from typing import Literal

import discord
from discord import app_commands
from discord.ext import commands

from bot.client.acknowledgement import answer_interaction
from bot.client.bot import Interaction, NewsBot
from bot.client.installation import installable_by_users
from bot.client.permissions import guild_id_of
from bot.domain import date_parser
from bot.errors import UserError
from bot.i18n import tr, tr_noop
from bot.render.card import render_card
from bot.render.card_list import render_topics
from bot.store.cards.card_query import CardQuery, SearchOrder
from bot.ui import autocomplete
from bot.ui.catch_up import mark_read
from bot.ui.find_card import build_linked_cards_reply
from bot.ui.page_requests import LatestRequest
from bot.ui.pagination import first_page
from bot.ui.share_button import share_buttons
from bot.ui.trends import build_trends_reply
from bot.ui.views import build_card_view

Words = app_commands.Range[str, 1, 200]
_EVERY_CARD = tr_noop("Every card of a story, not just the newest")


class CardCommands(commands.Cog):
    """/latest, /search, /topics, /card, /trends, and "Find this card" in the context menu of messages."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot
        # discord.py does not support context menus as cog methods.
        extras = {"description": tr_noop("Find the cards about a message's links")}
        menu = app_commands.ContextMenu(name="Find this card", callback=self._find_card, extras=extras)
        self._menu = installable_by_users(menu)

    async def cog_load(self) -> None:
        self.bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        self.bot.tree.remove_command(self._menu.name, type=self._menu.type)

    async def _find_card(self, interaction: Interaction, message: discord.Message) -> None:
        await answer_interaction(interaction, **await build_linked_cards_reply(interaction, message))

    @commands.Cog.listener()
    async def on_app_command_completion(self, interaction: Interaction, command: object) -> None:
        # The event comes for the commands of every cog. Who searches or looks at a topic has not read the news.
        if command is self.latest:
            await mark_read(interaction)

    @app_commands.command(description="Show the latest news")
    @app_commands.describe(topic="Only this topic", count="How many at a time, 1 to 10", every_card=_EVERY_CARD)
    @app_commands.autocomplete(topic=autocomplete.complete_topics)
    async def latest(
        self,
        interaction: Interaction,
        topic: Words | None = None,
        count: app_commands.Range[int, 1, 10] = 5,
        every_card: bool = False,
    ) -> None:
        reply = await first_page(interaction, LatestRequest(topic, count, every_card))
        await answer_interaction(interaction, **reply)

    @app_commands.command(description='Search all news: words, "a phrase", -without, beginning*')
    @app_commands.describe(
        query="What to search for",
        topic="Only this topic",
        provider="Only this publisher",
        kind="Only articles, or only videos",
        since="today, 7 days, 2 weeks, or a date such as 2026-11-24",
        until="The same formats; 7 days means older than a week",
        order="Newest, best match, or hottest story first",
        every_card=_EVERY_CARD,
    )
    @app_commands.autocomplete(
        topic=autocomplete.complete_topics,
        provider=autocomplete.complete_providers,
        since=autocomplete.complete_periods,
        until=autocomplete.complete_periods,
    )
    @installable_by_users
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
        every_card: bool = False,
    ) -> None:
        start = date_parser.parse_since(since, self.bot.clock()) if since else None
        end = date_parser.parse_until(until, self.bot.clock(), start) if until else None
        request = CardQuery(query, topic, provider, start, SearchOrder(order), kind, end, every_card)
        await answer_interaction(interaction, **await first_page(interaction, request))

    @app_commands.command(description="See the topics, and what's trending")
    async def topics(self, interaction: Interaction) -> None:
        found = await self.bot.store.cards.trends.count_topics(guild_id_of(interaction), self.bot.clock(), limit=100)
        if not found:
            raise UserError(tr("There are no cards yet."))
        await answer_interaction(interaction, embed=render_topics(found))

    @app_commands.command(description="Show a card in full")
    @app_commands.describe(card="Type words from its title, then choose")
    @app_commands.autocomplete(card=autocomplete.complete_cards)
    @installable_by_users
    async def card(self, interaction: Interaction, card: Words) -> None:
        selected = await autocomplete.resolve_card(interaction, card)
        embed = render_card(selected, self.bot.settings.asset_base_url)
        view = build_card_view(selected, below=share_buttons(interaction, [selected]))
        await answer_interaction(interaction, embed=embed, view=view)

    @app_commands.command(description="Chart how many cards came each day, and how hot they were")
    @app_commands.describe(topic="Only this topic", days="How many days, 7 to 90 (default: 30)")
    @app_commands.autocomplete(topic=autocomplete.complete_topics)
    async def trends(
        self, interaction: Interaction, topic: Words | None = None, days: app_commands.Range[int, 7, 90] = 30
    ) -> None:
        await answer_interaction(interaction, **await build_trends_reply(interaction, topic, days))
