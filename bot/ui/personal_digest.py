"""Personal digests, sent by DM: opt-in only, and visible only to their member."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import time

import discord
from discord import app_commands

from bot.cards.text import normalize_name
from bot.client.bot import Interaction
from bot.client.error_handler import safe_autocomplete
from bot.client.permissions import guild_id_of
from bot.domain.subscription import Frequency, Subscription, SubscriptionOptions
from bot.errors import UserError
from bot.i18n import current_language, tr, tr_noop
from bot.render.limits import CHOICES
from bot.render.markdown import fit_escaped
from bot.render.privacy import following_text
from bot.store.subscriptions.personal_digests import Follower
from bot.ui.subscription_options import apply_options, default_options, unknown_topics_note

_MAX_TOPICS = 25
"""Maximum topics a member can follow in a guild; beyond that, following every topic makes more sense."""
_TOPIC_SHOWN = 100
_AT = time(8)
_NOTHING = tr_noop("You aren't following anything here. Start with `/follow`.")
_CLOSED = tr_noop(
    "I can't message you. Open this server's **Privacy Settings**, allow **Direct Messages**, and run the command "
    "again."
)
_RESTS = tr_noop("I couldn't message you, so your digest is paused. Resume it with `/following`.")


async def follow_topic(interaction: Interaction, topic: str, given: Mapping[str, str | None]) -> str:
    """Add a topic to the member's digest, with options as given. Return what they follow now; raises `UserError`."""
    bot, topic = interaction.client, " ".join(topic.split())
    own = await _find_own_digest(interaction)
    options = await _merge_options(interaction, own, topic, given)
    # Before anything is stored: with closed direct messages the digest could never be delivered.
    channel_id = await _open_direct_messages(interaction, own)
    follower = Follower(interaction.user.id, guild_id_of(interaction), channel_id)
    await bot.store.subscriptions.personal_digests.follow_topic(follower, topic, options, bot.clock())
    return await _describe_digest(interaction) + await unknown_topics_note(interaction, [topic])


async def unfollow_topic(interaction: Interaction, topic: str) -> str:
    """Remove a topic from the member's digest. Return what remains; raises `UserError`."""
    removed = await interaction.client.store.subscriptions.personal_digests.unfollow_topic(
        interaction.user.id, guild_id_of(interaction), topic
    )
    if not removed:
        own = await _find_own_digest(interaction)
        raise UserError(tr("You aren't following that.") + f" {following_text(own)}" if own else tr(_NOTHING))
    done = tr("You're no longer following **{topic}**.", topic=fit_escaped(topic, _TOPIC_SHOWN))
    return f"{done}\n{await _describe_digest(interaction)}"


async def describe_following(interaction: Interaction) -> str:
    """Return what the member follows here, and resume a paused digest. Raises `UserError`."""
    bot, own = interaction.client, await _find_own_digest(interaction)
    if own is None:
        raise UserError(tr(_NOTHING))
    if own.paused:
        await _open_direct_messages(interaction, own)
        await bot.store.subscriptions.personal_digests.resume_digest(
            interaction.user.id, own.guild_id, own.options, bot.clock()
        )
    return await _describe_digest(interaction)


async def notify_of_pause(interaction: Interaction) -> None:
    """Tell a member once that their digest is paused, below the reply to their next command."""
    follows = interaction.client.store.subscriptions.personal_digests
    if await follows.is_unnotified(interaction.user.id):
        await interaction.followup.send(tr(_RESTS), ephemeral=True)
        await follows.mark_notified(interaction.user.id)


@safe_autocomplete
async def complete_followed_topics(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
    """Autocomplete the topics that the member follows here."""
    own, query = await _find_own_digest(interaction), normalize_name(current)
    names = [name for name in own.options.topics if query in normalize_name(name)] if own else []
    return [app_commands.Choice(name=name, value=name) for name in names[:CHOICES]]


async def _find_own_digest(interaction: Interaction) -> Subscription | None:
    return await interaction.client.store.subscriptions.find_for_member(interaction.user.id, guild_id_of(interaction))


async def _describe_digest(interaction: Interaction) -> str:
    own = await _find_own_digest(interaction)
    return following_text(own) if own else tr("That was your last topic here, so your digest has ended.")


async def _merge_options(
    interaction: Interaction, own: Subscription | None, topic: str, given: Mapping[str, str | None]
) -> SubscriptionOptions:
    """Merge the given options into the digest's settings. Raises `UserError`, also if nothing would change."""
    base = own.options if own else replace(await default_options(interaction), frequency=Frequency.DAILY, times=(_AT,))
    # The member reads it, whatever the server speaks.
    base = replace(base, language=current_language())
    query, known = apply_options(given, base), {normalize_name(name) for name in base.topics}
    if not topic:
        raise UserError(tr("Enter a topic. See all topics with `/topics`."))
    # A paused digest is resumed by following the same topic again.
    if own and not own.paused and normalize_name(topic) in known and query == base:
        raise UserError(tr("You're already following that.") + f" {following_text(own)}")
    if len(known | {normalize_name(topic)}) > _MAX_TOPICS:
        raise UserError(
            tr(
                "You can follow up to {most} topics here. Remove one first with `/unfollow`.",
                most=_MAX_TOPICS,
            )
        )
    return query


async def _open_direct_messages(interaction: Interaction, own: Subscription | None) -> int:
    """Return the member's DM channel; send a greeting first if the digest is new or was paused.

    Raises `UserError` if Discord does not let the bot send DMs to the member.
    """
    # Discord opens a DM channel to anybody: only a message shows whether the member accepts one.
    channel = await interaction.user.create_dm()
    if own is None or own.paused:
        try:
            await channel.send(_greeting_text(interaction.guild))
        except discord.Forbidden as error:
            raise UserError(tr(_CLOSED)) from error
    return channel.id


def _greeting_text(guild: discord.Guild | None) -> str:
    if guild is None:
        return tr("Your digest from **your server** arrives here. End it with `/unfollow` in the server.")
    server = fit_escaped(guild.name, 200)
    return tr("Your digest from **{server}** arrives here. End it with `/unfollow` in the server.", server=server)
