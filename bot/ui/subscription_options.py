"""Parse and validate subscription options."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import discord

from bot.cards.text import normalize_name
from bot.client.bot import Interaction
from bot.client.permissions import can_mention, find_deleted_roles, guild_id_of, require_can_post
from bot.domain.digest_schedule import is_known_zone
from bot.domain.subscription import Frequency, Subscription, SubscriptionOptions
from bot.domain.timezones import parse_zone
from bot.errors import UserError
from bot.i18n import tr
from bot.render.markdown import escape_markdown
from bot.ui.autocomplete import SubscribableChannel
from bot.ui.option_table import parse_given

MAX_SUBSCRIPTIONS = 50
"""Maximum subscriptions per guild: enough for every channel, and still a readable list."""


def apply_options(given: Mapping[str, Any], base: SubscriptionOptions) -> SubscriptionOptions:
    """Merge options as given, by name, into the base. Raises `UserError` if the result is inconsistent."""
    # discord.py passes None for an option that was left out, a modal an empty text for a field.
    given = {name: value for name, value in given.items() if value not in (None, "")}
    options = replace(base, **parse_given(given))
    if base.frequency is Frequency.INSTANT and "when" not in given and ("at" in given or "on" in given):
        options = replace(options, frequency=Frequency.DAILY)  # a time of day implies a digest
    return _validate_options(options, given)


def _validate_options(options: SubscriptionOptions, given: Collection[str]) -> SubscriptionOptions:
    if {normalize_name(topic) for topic in options.topics} & {normalize_name(word) for word in options.excluded}:
        raise UserError(
            tr("A topic stands in `topics` and in `without`: no card could ever match. Leave it out of one.")
        )
    if options.frequency is Frequency.INSTANT:
        if "at" in given or "on" in given:
            raise UserError(
                tr("Instant cards come as they appear. For times of day choose `when: daily`, or another one.")
            )
        return replace(options, times=(), days=())
    if not is_known_zone(options.timezone):
        # The stored zone may have become unknown on this machine: the error says so, with close names.
        parse_zone(options.timezone)
    if options.frequency is Frequency.WEEKDAYS:
        if "on" in given:
            raise UserError(tr("`weekdays` means Monday to Friday. For other days choose `when: daily` and `on`."))
        return replace(options, days=())
    if options.frequency is Frequency.WEEKLY and len(options.days) > 1 and "when" in given:
        raise UserError(tr("A weekly digest comes on one day. For several days choose `when: daily` and `on`."))
    return options


async def default_options(interaction: Interaction) -> SubscriptionOptions:
    """Return the defaults of a new subscription, with the time zone last used in this guild."""
    zone = await interaction.client.store.subscriptions.guild_settings.get_timezone(guild_id_of(interaction))
    return SubscriptionOptions(timezone=zone or "UTC")


async def save_timezone(interaction: Interaction, typed: str | None) -> None:
    """Store the time zone as the guild's default for the next subscription."""
    if typed:
        await interaction.client.store.subscriptions.guild_settings.set_timezone(
            guild_id_of(interaction), parse_zone(typed)
        )


async def create_subscription(
    interaction: Interaction, channel: SubscribableChannel, options: SubscriptionOptions
) -> Subscription:
    """Subscribe a channel of this guild. Raises `UserError` if that is impossible or a duplicate."""
    validate_channel(interaction, channel, options)
    store, guild_id, now = interaction.client.store, guild_id_of(interaction), interaction.client.clock()
    if channel.id == await store.subscriptions.guild_settings.get_review_channel(guild_id):
        raise UserError(tr("{channel} is the moderators' desk. Choose a channel for readers.", channel=channel.mention))
    existing = await store.subscriptions.list_for_guild(guild_id)
    if len(existing) >= MAX_SUBSCRIPTIONS:
        raise UserError(
            tr("A server has at most {most} subscriptions. Remove one first: `/digest remove`.", most=MAX_SUBSCRIPTIONS)
        )
    if any(each.channel_id == channel.id and _is_same_subscription(each.options, options) for each in existing):
        raise UserError(tr("{channel} has this subscription already. See `/digest list`.", channel=channel.mention))
    return await store.subscriptions.add_subscription(
        guild_id=guild_id,
        channel_id=channel.id,
        created_by=interaction.user.id,
        now=now,
        options=options,
        forum=isinstance(channel, discord.ForumChannel),
    )


def _is_same_subscription(one: SubscriptionOptions, other: SubscriptionOptions) -> bool:
    """Return whether both select the same cards at the same times; appearance does not matter."""

    def essentials(options: SubscriptionOptions) -> tuple[object, ...]:
        topics = frozenset(map(normalize_name, options.topics))
        return (
            topics,
            frozenset(map(normalize_name, options.excluded)),
            options.frequency,
            options.times,
            options.days,
            options.min_quality,
        )

    return essentials(one) == essentials(other)


def validate_channel(
    interaction: Interaction,
    channel: SubscribableChannel,
    options: SubscriptionOptions,
    *,
    mentioned: int | None = None,
) -> None:
    """Raise with the fix if the bot, or this person, lacks what the subscription needs in the channel.

    `mentioned` is the role that the subscription mentions already: another person was allowed to choose it.
    """
    require_can_post(channel)
    if options.crosspost and not (isinstance(channel, discord.TextChannel) and channel.is_news()):
        raise UserError(tr("`crosspost` is for announcement channels, and {channel} is none.", channel=channel.mention))
    if options.mention_role_id not in (None, mentioned):
        _require_mentionable(interaction, channel, options.mention_role_id)


def _require_mentionable(interaction: Interaction, channel: SubscribableChannel, role_id: int) -> None:
    role = channel.guild.get_role(role_id)
    if role is None or role.is_default():
        raise UserError(tr("Choose a role of its own to mention: not everyone should be called for every digest."))
    if not role.mentionable and not channel.permissions_for(channel.guild.me).mention_everyone:
        raise UserError(
            tr(
                "I may not mention {role}. Allow anyone to mention it in the role's settings, or give me "
                "**Mention Everyone**.",
                role=role.mention,
            )
        )
    if not can_mention(interaction, channel, role):
        raise UserError(
            tr(
                "You may not mention {role} in {channel}, so I do not do it for you. It takes the permission **Mention "
                "Everyone** there, or a role that anyone may mention.",
                role=role.mention,
                channel=channel.mention,
            )
        )


def drop_deleted_role(interaction: Interaction, options: SubscriptionOptions) -> SubscriptionOptions:
    """Drop a mention of a deleted role."""
    if options.mention_role_id is not None and find_deleted_roles(interaction, [options.mention_role_id]):
        return replace(options, mention_role_id=None)
    return options


def limit_to_person(interaction: Interaction, subscription: Subscription, channel: SubscribableChannel) -> Subscription:
    """Return the subscription for a message that this person triggers: no role they could not mention themselves."""
    role = (
        channel.guild.get_role(subscription.options.mention_role_id) if subscription.options.mention_role_id else None
    )
    if role is not None and can_mention(interaction, channel, role):
        return subscription
    return replace(subscription, options=replace(subscription.options, mention_role_id=None))


async def unknown_topics_note(interaction: Interaction, wanted: Sequence[str]) -> str:
    """Return a note on topics that no card here has so far; empty if all are known."""
    strange = await _unknown_topics(interaction, wanted)
    if not strange:
        return ""
    named = ", ".join(map(escape_markdown, strange))
    return "\n" + tr("No card has had the topic **{topic}** so far: is it spelled as in `/topics`?", topic=named)


async def _unknown_topics(interaction: Interaction, wanted: Sequence[str]) -> list[str]:
    if not wanted:
        return []
    known = {
        normalize_name(name) for name in await interaction.client.store.cards.list_all_topics(guild_id_of(interaction))
    }
    return [topic for topic in wanted if normalize_name(topic) not in known]
