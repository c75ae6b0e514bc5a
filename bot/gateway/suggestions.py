"""Autocomplete for command options, and parsing of the chosen values."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import discord
from discord import app_commands

from bot.desk.period import SUGGESTED
from bot.desk.subscription import Subscription
from bot.desk.timetable import words_of
from bot.desk.typed import zones
from bot.errors import UserError
from bot.gateway.failures import suggesting
from bot.gateway.rights import (
    HiddenChannelError,
    channel_of,
    find_channel,
    guild_id,
    may_moderate,
    require_channel_manager,
)
from bot.language import tr
from bot.render.limits import CHOICES
from bot.render.lists import choice_name
from bot.render.markdown import cut
from bot.store.records import FiledCard

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

Target = discord.TextChannel | discord.Thread | discord.ForumChannel
"""Target channel types; an announcement channel counts as a text channel."""
Choices = list[app_commands.Choice[str]]
_VALUE = 100  # maximum characters of a choice's name or value
_CARD = re.compile(r"^card:(\d{1,10})$")


def _choices(names: Sequence[str]) -> Choices:
    return [app_commands.Choice(name=name, value=name) for name in names if len(name) <= _VALUE]


@suggesting
async def topics(interaction: discord.Interaction[NewsBot], current: str) -> Choices:
    found = await interaction.client.store.archive.topics(guild_id(interaction), current, limit=CHOICES)
    return _choices([topic.name for topic in found])


@suggesting
async def several_topics(interaction: discord.Interaction[NewsBot], current: str) -> Choices:
    """Complete the last of several comma-separated topics."""
    before, comma, last = current.rpartition(",")
    chosen = split_topics(before)
    start = ", ".join(chosen) + (", " if comma and chosen else "")
    found = await interaction.client.store.archive.topics(guild_id(interaction), last, limit=CHOICES)
    return _choices([start + topic.name for topic in found if topic.name not in chosen])


def split_topics(text: str) -> list[str]:
    """Return the topics of an option, without duplicates, in order."""
    return list(dict.fromkeys(name for piece in text.split(",") if (name := " ".join(piece.split()))))


@suggesting
async def providers(interaction: discord.Interaction[NewsBot], current: str) -> Choices:
    found = await interaction.client.store.archive.providers(guild_id(interaction), current, limit=CHOICES)
    return _choices([provider.name for provider in found])


@suggesting
async def periods(_interaction: discord.Interaction[NewsBot], current: str) -> Choices:
    wish = current.strip().casefold()
    named = [(tr(period), period) for period in SUGGESTED]
    fitting = [(name, value) for name, value in named if wish in name.casefold() or wish in value]
    return [app_commands.Choice(name=name, value=value) for name, value in fitting] or _choices([current][: bool(wish)])


@suggesting
async def time_zones(_interaction: discord.Interaction[NewsBot], current: str) -> Choices:
    return _choices(zones(current)[:CHOICES])


@suggesting
async def cards(interaction: discord.Interaction[NewsBot], current: str) -> Choices:
    """Complete visible cards by words."""
    return await _cards(interaction, current, hidden=False)


@suggesting
async def any_cards(interaction: discord.Interaction[NewsBot], current: str) -> Choices:
    """Complete cards including held ones, for moderators."""
    return await _cards(interaction, current, hidden=True) if may_moderate(interaction) else []


async def _cards(interaction: discord.Interaction[NewsBot], current: str, *, hidden: bool) -> Choices:
    archive = interaction.client.store.archive
    found = await archive.complete_cards(current, guild_id(interaction), limit=CHOICES, hidden=hidden)
    return [app_commands.Choice(name=choice_name(card), value=f"card:{card.id}") for card in found]


async def chosen_card(interaction: discord.Interaction[NewsBot], value: str, *, hidden: bool = False) -> FiledCard:
    """Resolve an option to a card: a suggestion, a slug, or words that match only one. Raises `UserError`."""
    archive, server = interaction.client.store.archive, guild_id(interaction)
    if suggested := _CARD.match(value):
        card = await archive.card(int(suggested[1]), server, hidden=hidden)
    else:
        card = await archive.by_slug(value.strip(), server, hidden=hidden) or await _only(interaction, value, hidden)
    if card is None:
        raise UserError(tr("That card is not here. Type a few words of its title and choose it from the list."))
    return card


async def _only(interaction: discord.Interaction[NewsBot], words: str, hidden: bool) -> FiledCard | None:
    archive = interaction.client.store.archive
    found = await archive.complete_cards(words, guild_id(interaction), limit=2, hidden=hidden) if words.strip() else []
    if len(found) > 1:
        shown = cut(words, _VALUE)
        raise UserError(tr("Several cards have the words “{words}”. Choose one from the list.", words=shown))
    return found[0] if found else None


@suggesting
async def subscriptions(interaction: discord.Interaction[NewsBot], current: str) -> Choices:
    """Complete this guild's subscriptions, as “#channel: topics”."""
    found = await interaction.client.store.subscriptions.of_guild(guild_id(interaction))
    named = [(subscription_name(interaction, each), each.id) for each in found]
    wish = current.casefold()
    fitting = [(name, key) for name, key in named if wish in name.casefold() or wish == str(key)]
    return [app_commands.Choice(name=name, value=str(key)) for name, key in fitting[:CHOICES]]


async def chosen_subscription(interaction: discord.Interaction[NewsBot], value: str) -> Subscription:
    """Resolve an option to a subscription of this guild. Raises `UserError`, also if the person may not manage it."""
    found = await interaction.client.store.subscriptions.of_guild(guild_id(interaction))
    chosen = next((each for each in found if str(each.id) == value), None)
    if chosen is None:
        raise UserError(tr("There is no such subscription. Choose one from the list."))
    await require_channel_manager(interaction, chosen.channel_id)
    return chosen


async def target(interaction: discord.Interaction[NewsBot], channel_id: int) -> Target:
    """Return a subscribed channel if the bot can post in it. Raises `UserError`."""
    try:
        channel = await find_channel(interaction, channel_id)
    except HiddenChannelError as error:
        words = tr("I cannot see that channel. Add me to the thread, or give my role **View Channel** there.")
        raise UserError(words) from error
    if not isinstance(channel, discord.TextChannel | discord.Thread | discord.ForumChannel):
        raise UserError(tr("That channel is gone. `/digest remove` ends its subscription."))
    return channel


def subscription_name(interaction: discord.Interaction[NewsBot], subscription: Subscription) -> str:
    """Format a subscription as a choice: channel, topics and times."""
    wish = subscription.wish
    paused = f" ({tr('paused')})" if subscription.paused else ""
    topics = ", ".join(wish.topics) or tr("every topic")
    return cut(f"#{_channel(interaction, subscription.channel_id)}: {topics}, {words_of(wish)}{paused}", _VALUE)


def _channel(interaction: discord.Interaction[NewsBot], channel_id: int) -> str:
    channel = channel_of(interaction, channel_id)
    return channel.name if channel else tr("deleted channel")
