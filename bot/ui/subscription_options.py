"""Parse and validate subscription options."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import discord

from bot.cards.text import normalize_name
from bot.client.bot import Interaction
from bot.client.localization import in_guild_language
from bot.client.permissions import can_mention, find_deleted_roles, guild_id_of, require_can_post, thread_problem
from bot.domain.digest_schedule import initial_schedule, is_known_zone
from bot.domain.subscription import Frequency, Subscription, SubscriptionOptions, digest_layout
from bot.domain.timezones import parse_zone
from bot.errors import UserError
from bot.i18n import tr, tr_noop
from bot.render.limits import CHOICES
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
    if "layout" in given:
        _require_possible_layout(options)
    return _validate_options(options, given)


def _validate_options(options: SubscriptionOptions, given: Collection[str]) -> SubscriptionOptions:
    if {normalize_name(topic) for topic in options.topics} & {normalize_name(word) for word in options.excluded}:
        raise UserError(tr("The same topic is in `topics` and `without`, so no card could match. Remove it from one."))
    if options.frequency is Frequency.INSTANT:
        if "at" in given or "on" in given:
            raise UserError(tr("Instant cards have no times of day. For those choose `when: daily` or another digest."))
        return replace(options, times=(), days=())
    if not is_known_zone(options.timezone):
        # The stored zone may have become unknown on this machine: the error says so, with close names.
        parse_zone(options.timezone)
    if options.frequency is Frequency.WEEKDAYS:
        if "on" in given:
            raise UserError(tr("`weekdays` means Monday to Friday. For other days choose `when: daily` and `on`."))
        return replace(options, days=())
    if options.frequency is Frequency.WEEKLY and len(options.days) > 1 and "when" in given:
        raise UserError(tr("A weekly digest has just one day. For several days choose `when: daily` and `on`."))
    return options


def _require_possible_layout(options: SubscriptionOptions) -> None:
    if options.frequency is not Frequency.INSTANT and digest_layout(options) is not options.layout:
        raise UserError(
            tr(
                "A magazine can't mention a role or be crossposted, since its notifications have no text. Choose "
                "another layout, or leave out the role and `crosspost`."
            )
        )


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
) -> tuple[Subscription, int]:
    """Subscribe a channel of this guild. Raises `UserError` if that is impossible or a duplicate.

    Also returns the number of cards that are posted at once.
    """
    validate_channel(interaction, channel, options)
    store, guild_id = interaction.client.store, guild_id_of(interaction)
    if channel.id == await store.subscriptions.guild_settings.get_review_channel(guild_id):
        raise UserError(tr("{channel} is the moderators' desk. Choose a channel for readers.", channel=channel.mention))
    existing = await store.subscriptions.list_for_guild(guild_id)
    if len(existing) >= MAX_SUBSCRIPTIONS:
        raise UserError(
            tr(
                "A server can have {most} subscriptions. Remove one first with `/digest remove`.",
                most=MAX_SUBSCRIPTIONS,
            )
        )
    if any(each.channel_id == channel.id and _is_same_subscription(each.options, options) for each in existing):
        raise UserError(tr("{channel} already has this subscription. See `/digest list`.", channel=channel.mention))
    draft = draft_subscription(interaction, channel.id, options)
    return await interaction.client.pipeline.add_subscription(
        replace(draft, is_forum=isinstance(channel, discord.ForumChannel))
    )


def draft_subscription(interaction: Interaction, channel_id: int, options: SubscriptionOptions) -> Subscription:
    """Build the subscription that these options would make now."""
    now = interaction.client.clock()
    since, next_digest_at = initial_schedule(options, now)
    language = in_guild_language(interaction) if options.language is None else options.language
    return Subscription(
        id=0,
        guild_id=guild_id_of(interaction),
        channel_id=channel_id,
        created_by=interaction.user.id,
        created_at=now,
        new_after=since,
        options=options,
        next_digest_at=next_digest_at,
        language=language,
    )


def _is_same_subscription(one: SubscriptionOptions, other: SubscriptionOptions) -> bool:
    """Return whether both select the same cards at the same times; appearance does not matter."""

    def essentials(options: SubscriptionOptions) -> tuple[object, ...]:
        topics = frozenset(map(normalize_name, options.topics))
        return (
            topics,
            frozenset(map(normalize_name, options.excluded)),
            frozenset(map(normalize_name, options.providers)),
            frozenset(map(normalize_name, options.words)),
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
        raise UserError(
            tr("`crosspost` only works in announcement channels, and {channel} isn't one.", channel=channel.mention)
        )
    if options.thread and isinstance(channel, discord.ForumChannel):
        raise UserError(tr("Posts in {channel} are already threads. Leave out `thread`.", channel=channel.mention))
    if options.thread and isinstance(channel, discord.Thread):
        raise UserError(tr("{channel} is a thread itself. Leave out `thread`.", channel=channel.mention))
    if options.mention_role_id not in (None, mentioned):
        _require_mentionable(interaction, channel, options.mention_role_id)


def _require_mentionable(interaction: Interaction, channel: SubscribableChannel, role_id: int) -> None:
    role = channel.guild.get_role(role_id)
    if role is None or role.is_default():
        raise UserError(tr("Choose a specific role. I don't mention everyone."))
    if not role.mentionable and not channel.permissions_for(channel.guild.me).mention_everyone:
        raise UserError(
            tr(
                "I can't mention {role}. Allow anyone to mention it in the role's settings, or give me **Mention "
                "Everyone**.",
                role=role.mention,
            )
        )
    if not can_mention(interaction, channel, role):
        raise UserError(
            tr(
                "You can't mention {role} in {channel}, so I can't do it for you. You need **Mention Everyone** "
                "there, or a role that anyone can mention.",
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


async def subscription_notes(interaction: Interaction, subscription: Subscription) -> str:
    """Return notes on what may be missing: known topics and publishers, and a permission. Empty if nothing is."""
    options = subscription.options
    problem = thread_problem(interaction, subscription.channel_id) if options.thread else ""
    return await _unknown_names_note(interaction, options) + (f"\n⚠️ {problem}" if problem else "")


async def _unknown_names_note(interaction: Interaction, options: SubscriptionOptions) -> str:
    note = await unknown_topics_note(interaction, options.topics)
    cards, guild_id = interaction.client.store.cards, guild_id_of(interaction)
    for provider in options.providers:
        found = await cards.list_providers(guild_id, provider, limit=CHOICES)
        if normalize_name(provider) not in {normalize_name(each.name) for each in found}:
            text = tr_noop("No card has come from **{provider}** yet. Check the spelling on its cards.")
            return f"{note}\n{tr(text, provider=escape_markdown(provider))}"
    return note


async def unknown_topics_note(interaction: Interaction, wanted: Sequence[str]) -> str:
    """Return a note on topics that no card here has so far; empty if all are known."""
    strange = await _unknown_topics(interaction, wanted)
    if not strange:
        return ""
    named = ", ".join(map(escape_markdown, strange))
    return "\n" + tr("No card has the topic **{topic}** yet. Check its spelling in `/topics`.", topic=named)


async def _unknown_topics(interaction: Interaction, wanted: Sequence[str]) -> list[str]:
    if not wanted:
        return []
    known = {
        normalize_name(name) for name in await interaction.client.store.cards.list_all_topics(guild_id_of(interaction))
    }
    return [topic for topic in wanted if normalize_name(topic) not in known]
