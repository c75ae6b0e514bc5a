"""Autocomplete for command options, and parsing of the chosen values."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence

import discord
from discord import app_commands

from bot.client.bot import Interaction
from bot.client.error_handler import safe_autocomplete
from bot.client.permissions import (
    HiddenChannelError,
    can_moderate,
    find_channel,
    get_cached_channel,
    guild_id_of,
    require_channel_manager,
)
from bot.domain.date_parser import SUGGESTED_PERIODS
from bot.domain.digest_schedule import describe_schedule
from bot.domain.subscription import Subscription
from bot.domain.timezones import suggest_zones
from bot.errors import UserError
from bot.i18n import tr
from bot.render.card_list import format_choice
from bot.render.limits import CHOICES
from bot.render.markdown import cut_text
from bot.store.cards.name_counts import TopicCount
from bot.store.cards.rows import StoredCard
from bot.ui.colours import suggest_colours

SubscribableChannel = discord.TextChannel | discord.Thread | discord.ForumChannel
"""Target channel types; an announcement channel counts as a text channel."""
Choices = list[app_commands.Choice[str]]
_VALUE = 100  # maximum characters of a choice's name or value
_CARD = re.compile(r"^card:(\d{1,10})$")


def _to_choices(names: Sequence[str]) -> Choices:
    return [app_commands.Choice(name=name, value=name) for name in names if len(name) <= _VALUE]


@safe_autocomplete
async def complete_topics(interaction: Interaction, current: str) -> Choices:
    found = await interaction.client.store.cards.list_topics(guild_id_of(interaction), current, limit=CHOICES)
    return _to_choices([topic.name for topic in found])


@safe_autocomplete
async def complete_topic_list(interaction: Interaction, current: str) -> Choices:
    """Complete the last of several comma-separated topics."""
    return await _complete_list(interaction, current, interaction.client.store.cards.list_topics)


@safe_autocomplete
async def complete_provider_list(interaction: Interaction, current: str) -> Choices:
    """Complete the last of several comma-separated publishers."""
    return await _complete_list(interaction, current, interaction.client.store.cards.list_providers)


async def _complete_list(
    interaction: Interaction, current: str, list_names: Callable[..., Awaitable[Sequence[TopicCount]]]
) -> Choices:
    # Discord replaces the whole input with the choice, so each choice repeats what is already there.
    before, comma, last = current.rpartition(",")
    selected = split_topics(before)
    start = ", ".join(selected) + (", " if comma and selected else "")
    found = await list_names(guild_id_of(interaction), last.strip(), limit=CHOICES)
    return _to_choices([start + each.name for each in found if each.name not in selected])


def split_topics(text: str) -> list[str]:
    """Return the topics of an option, without duplicates, in order."""
    return list(dict.fromkeys(name for piece in text.split(",") if (name := " ".join(piece.split()))))


@safe_autocomplete
async def complete_providers(interaction: Interaction, current: str) -> Choices:
    found = await interaction.client.store.cards.list_providers(guild_id_of(interaction), current, limit=CHOICES)
    return _to_choices([provider.name for provider in found])


@safe_autocomplete
async def complete_periods(_interaction: Interaction, current: str) -> Choices:
    query = current.strip().casefold()
    named = [(tr(period), period) for period in SUGGESTED_PERIODS]
    # A date matches no suggestion; it is then offered back as typed, for the command to parse.
    fitting = [(name, value) for name, value in named if query in name.casefold() or query in value]
    return [app_commands.Choice(name=name, value=value) for name, value in fitting] or _to_choices(
        [current][: bool(query)]
    )


@safe_autocomplete
async def complete_timezones(_interaction: Interaction, current: str) -> Choices:
    return _to_choices(suggest_zones(current)[:CHOICES])


@safe_autocomplete
async def complete_colours(_interaction: Interaction, current: str) -> Choices:
    return [app_commands.Choice(name=name, value=value) for name, value in suggest_colours(current).items()]


@safe_autocomplete
async def complete_cards(interaction: Interaction, current: str) -> Choices:
    """Complete visible cards by words."""
    return await _complete_cards(interaction, current, hidden=False)


@safe_autocomplete
async def complete_all_cards(interaction: Interaction, current: str) -> Choices:
    """Complete cards including held ones, for moderators."""
    return await _complete_cards(interaction, current, hidden=True) if can_moderate(interaction) else []


async def _complete_cards(interaction: Interaction, current: str, *, hidden: bool) -> Choices:
    repository = interaction.client.store.cards
    found = await repository.complete_cards(current, guild_id_of(interaction), limit=CHOICES, hidden=hidden)
    return [app_commands.Choice(name=format_choice(card), value=f"card:{card.id}") for card in found]


async def resolve_card(interaction: Interaction, value: str, *, hidden: bool = False) -> StoredCard:
    """Resolve an option to a card: a suggestion, a slug, or words that match only one. Raises `UserError`."""
    repository, guild_id = interaction.client.store.cards, guild_id_of(interaction)
    if suggested := _CARD.match(value):
        card = await repository.get_card(int(suggested[1]), guild_id, hidden=hidden)
    else:
        # People also submit what they typed without choosing from the list.
        card = await repository.get_by_slug(value.strip(), guild_id, hidden=hidden) or await _find_single_match(
            interaction, value, hidden
        )
    if card is None:
        raise UserError(tr("I can't find that card. Type a few words of its title and choose it from the list."))
    return card


async def _find_single_match(interaction: Interaction, words: str, hidden: bool) -> StoredCard | None:
    repository = interaction.client.store.cards
    found = (
        # Two are enough to know that the words are ambiguous.
        await repository.complete_cards(words, guild_id_of(interaction), limit=2, hidden=hidden)
        if words.strip()
        else []
    )
    if len(found) > 1:
        shown = cut_text(words, _VALUE)
        raise UserError(tr("Several cards match “{words}”. Choose one from the list.", words=shown))
    return found[0] if found else None


@safe_autocomplete
async def complete_subscriptions(interaction: Interaction, current: str) -> Choices:
    """Complete this guild's subscriptions, as “#channel: topics”."""
    found = await interaction.client.store.subscriptions.list_for_guild(guild_id_of(interaction))
    named = [(format_subscription(interaction, each), each.id) for each in found]
    query = current.casefold()
    # A choice already made comes back as its value when the person goes on editing.
    fitting = [(name, key) for name, key in named if query in name.casefold() or query == str(key)]
    return [app_commands.Choice(name=name, value=str(key)) for name, key in fitting[:CHOICES]]


async def resolve_subscription(interaction: Interaction, value: str) -> Subscription:
    """Resolve an option to a subscription of this guild. Raises `UserError`, also if the person may not manage it."""
    found = await interaction.client.store.subscriptions.list_for_guild(guild_id_of(interaction))
    selected = next((each for each in found if str(each.id) == value), None)
    if selected is None:
        raise UserError(tr("I can't find that subscription. Choose one from the list."))
    await require_channel_manager(interaction, selected.channel_id)
    return selected


async def resolve_channel(interaction: Interaction, channel_id: int) -> SubscribableChannel:
    """Return a subscribed channel if the bot can post in it. Raises `UserError`."""
    try:
        channel = await find_channel(interaction, channel_id)
    except HiddenChannelError as error:
        words = tr("I can't see that channel. Add me to the thread, or give my role **View Channel** there.")
        raise UserError(words) from error
    if not isinstance(channel, discord.TextChannel | discord.Thread | discord.ForumChannel):
        raise UserError(tr("That channel was deleted. Remove its subscription with `/digest remove`."))
    return channel


def format_subscription(interaction: Interaction, subscription: Subscription) -> str:
    """Format a subscription as a choice: channel, topics and times."""
    options = subscription.options
    paused = f" ({tr('paused')})" if subscription.paused else ""
    topics = ", ".join(options.topics) or tr("every topic")
    return cut_text(
        f"#{_channel_name(interaction, subscription.channel_id)}: {topics}, {describe_schedule(options)}{paused}",
        _VALUE,
    )


def _channel_name(interaction: Interaction, channel_id: int) -> str:
    channel = get_cached_channel(interaction, channel_id)
    return channel.name if channel else tr("deleted channel")
