"""What channel managers do: choose which cards come to which channel."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.ext import commands

from bot.cards.text import folded
from bot.desk.subscription import Subscription, When
from bot.errors import UserError
from bot.gateway import suggestions
from bot.gateway.client import NewsBot
from bot.gateway.rights import guild_id, require_channel_manager, require_postable, trouble
from bot.render.lists import subscriptions_embed
from bot.render.reports import ChannelCheck, check_embed

Interaction = discord.Interaction[NewsBot]
_MOST = 50
"""Subscriptions of one server: enough for every channel, and a listing that one can read."""


@app_commands.guild_only()
@app_commands.default_permissions(manage_channels=True)
class DigestCommands(commands.GroupCog, name="digest", description="Which cards come to which channel"):
    """/digest subscribe, list, check, remove."""

    def __init__(self, bot: NewsBot) -> None:
        self.bot = bot

    @app_commands.command(description="Bring cards to a channel")
    @app_commands.describe(
        channel="Where the cards go",
        topics="One or more topics, with commas between them; nothing means every topic",
        when="When they come",
        min_quality="Only cards of at least this quality (about 0 to 190)",
    )
    @app_commands.autocomplete(topics=suggestions.several_topics)
    @app_commands.choices(when=[app_commands.Choice(name="instant: each card as it appears", value="instant")])
    async def subscribe(
        self,
        interaction: Interaction,
        channel: discord.TextChannel,
        topics: app_commands.Range[str, 0, 500] = "",
        when: str = "instant",
        min_quality: app_commands.Range[int, 0, 1000] = 0,
    ) -> None:
        require_channel_manager(interaction, channel.id)
        require_postable(channel)
        subscriptions, server = self.bot.store.subscriptions, guild_id(interaction)
        wanted = suggestions.split_topics(topics)
        existing = await subscriptions.of_guild(server)
        if len(existing) >= _MOST:
            raise UserError(f"A server has at most {_MOST} subscriptions. Remove one first: `/digest remove`.")
        if any(each.channel_id == channel.id and set(each.topics) == set(wanted) for each in existing):
            raise UserError(f"{channel.mention} has this subscription already. See `/digest list`.")
        made = await subscriptions.add(
            guild_id=server,
            channel_id=channel.id,
            created_by=interaction.user.id,
            now=self.bot.clock(),
            when=When(when),
            topic_names=wanted,
            min_quality=min_quality,
        )
        text = f"{channel.mention} gets new cards from now on; those that are already out are not posted."
        if strange := await self._unknown(wanted, server):
            named = ", ".join(discord.utils.escape_markdown(topic) for topic in strange)
            text += f"\nNo card has had the topic **{named}** so far: is it spelled as in `/topics`?"
        await interaction.response.send_message(text, embed=subscriptions_embed([made]), ephemeral=True)

    @app_commands.command(name="list", description="What is subscribed in this server")
    async def list_(self, interaction: Interaction) -> None:
        found = await self._found(interaction)
        await interaction.response.send_message(embed=subscriptions_embed(found), ephemeral=True)

    @app_commands.command(description="Whether I can post in the subscribed channels, and how to mend it")
    async def check(self, interaction: Interaction) -> None:
        found = await self._found(interaction)
        closed = {circuit.channel_id for circuit in await self.bot.store.circuits.of_guild(guild_id(interaction))}
        channels = dict.fromkeys(each.channel_id for each in found)
        checks = [ChannelCheck(channel_id, trouble(interaction, channel_id, closed)) for channel_id in channels]
        await interaction.response.send_message(embed=check_embed(checks), ephemeral=True)

    @app_commands.command(description="End a subscription; posts that are there stay")
    @app_commands.describe(subscription="Choose it from the list")
    @app_commands.autocomplete(subscription=suggestions.subscriptions)
    async def remove(self, interaction: Interaction, subscription: str) -> None:
        subscriptions, server = self.bot.store.subscriptions, guild_id(interaction)
        chosen = next((each for each in await subscriptions.of_guild(server) if str(each.id) == subscription), None)
        if chosen is None:
            raise UserError("There is no such subscription. Choose one from the list.")
        require_channel_manager(interaction, chosen.channel_id)
        await subscriptions.remove(server, chosen.id)
        await interaction.response.send_message(f"<#{chosen.channel_id}> gets no more of these cards.", ephemeral=True)

    async def _found(self, interaction: Interaction) -> list[Subscription]:
        found = await self.bot.store.subscriptions.of_guild(guild_id(interaction))
        if not found:
            raise UserError("Nothing is subscribed yet. `/digest subscribe` brings cards to a channel.")
        return found

    async def _unknown(self, wanted: list[str], server: int) -> list[str]:
        """Topics that no card here has had so far."""
        known = {folded(name) for name in await self.bot.store.archive.all_topics(server)} if wanted else set()
        return [topic for topic in wanted if folded(topic) not in known]
