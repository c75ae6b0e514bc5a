"""Parse and validate subscription options."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import discord

from bot.cards.text import folded
from bot.desk.subscription import Layout, OnWithdrawal, Subscription, When, Wish
from bot.desk.timetable import is_known_zone
from bot.desk.typed import parse_days, parse_times, parse_zone
from bot.errors import UserError
from bot.gateway.rights import gone_roles, guild_id, may_mention, require_postable
from bot.gateway.suggestions import Target, split_topics
from bot.language import languages, marked, tr
from bot.render.markdown import escaped

if TYPE_CHECKING:
    from bot.gateway.client import NewsBot

MOST = 50
"""Maximum subscriptions per guild: enough for every channel, and still a readable list."""
_MOST_WORDS = 25
_TOO_MANY = marked("These are {number} topics or words; at most {most} are possible.")
SERVERS_OWN = "server"
"""Value of the language option: follow the guild's locale."""
_NOTHING = marked("all, every, none, nothing")
"""Words accepted for "no limit", in English and in the user's locale, which may have several."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The options as typed; None if omitted."""

    when: str | None = None
    at: str | None = None
    on: str | None = None
    timezone: str | None = None
    topics: str | None = None
    without: str | None = None
    min_quality: int | None = None
    max_cards: int | None = None
    layout: str | None = None
    mention: discord.Role | None = None
    crosspost: bool | None = None
    on_withdrawal: str | None = None
    skip_empty: bool | None = None
    language: str | None = None


def wish_of(asked: Asked, base: Wish) -> Wish:
    """Merge the options into the base. Raises `UserError` if the result is inconsistent."""
    given: dict[str, Any] = {
        "times": parse_times(asked.at) if asked.at else None,
        "days": parse_days(asked.on) if asked.on else None,
        "timezone": parse_zone(asked.timezone) if asked.timezone else None,
        "topics": _several(asked.topics),
        "without": _several(asked.without),
        "min_quality": asked.min_quality,
        "max_cards": asked.max_cards,
        "layout": Layout(asked.layout) if asked.layout else None,
        "mention": asked.mention.id if asked.mention else None,
        "crosspost": asked.crosspost,
        "on_withdrawal": OnWithdrawal(asked.on_withdrawal) if asked.on_withdrawal else None,
        "skip_empty": asked.skip_empty,
        "when": When(asked.when) if asked.when else None,
    }
    if given["when"] is None and base.when is When.INSTANT and (asked.at or asked.on):
        given["when"] = When.DAILY  # a time of day implies a digest
    wish = replace(base, **{name: value for name, value in given.items() if value is not None})
    if asked.language:
        wish = replace(wish, language=None if asked.language == SERVERS_OWN else known_language(asked.language))
    return _sensible(wish, asked)


def known_language(typed: str) -> str:
    """Validate a language: Discord's clients only offer supported ones, but others can be typed."""
    if typed not in languages():
        raise UserError(tr("I do not speak that language. Choose one from the list."))
    return typed


def _several(text: str | None) -> tuple[str, ...] | None:
    if text is None:
        return None
    words = [] if _means_nothing(text.strip().casefold()) else split_topics(text)
    if len(words) > _MOST_WORDS:
        raise UserError(tr(_TOO_MANY, number=len(words), most=_MOST_WORDS))
    return tuple(words)


def _means_nothing(word: str) -> bool:
    return word in {"-", *split_topics(_NOTHING), *split_topics(tr(_NOTHING))}


def _sensible(wish: Wish, asked: Asked) -> Wish:
    if {folded(topic) for topic in wish.topics} & {folded(word) for word in wish.without}:
        raise UserError(
            tr("A topic stands in `topics` and in `without`: no card could ever match. Leave it out of one.")
        )
    if wish.when is When.INSTANT:
        if asked.at or asked.on:
            raise UserError(
                tr("Instant cards come as they appear. For times of day choose `when: daily`, or another one.")
            )
        return replace(wish, times=(), days=())
    if not is_known_zone(wish.timezone):
        parse_zone(wish.timezone)  # raises for an unknown zone
    if wish.when is When.WEEKDAYS:
        if asked.on:
            raise UserError(tr("`weekdays` means Monday to Friday. For other days choose `when: daily` and `on`."))
        return replace(wish, days=())
    if wish.when is When.WEEKLY and len(wish.days) > 1 and asked.when:
        raise UserError(tr("A weekly digest comes on one day. For several days choose `when: daily` and `on`."))
    return wish


async def base_wish(interaction: discord.Interaction[NewsBot]) -> Wish:
    """Return the defaults of a new subscription, with the time zone last used in this guild."""
    zone = await interaction.client.store.subscriptions.timezone(guild_id(interaction))
    return Wish(timezone=zone or "UTC")


async def remember_zone(interaction: discord.Interaction[NewsBot], typed: str | None) -> None:
    """Store the time zone as the guild's default for the next subscription."""
    if typed:
        await interaction.client.store.subscriptions.set_timezone(guild_id(interaction), parse_zone(typed))


async def subscribe(interaction: discord.Interaction[NewsBot], channel: Target, wish: Wish) -> Subscription:
    """Subscribe a channel of this guild. Raises `UserError` if that is impossible or a duplicate."""
    require_possible(interaction, channel, wish)
    store, server, now = interaction.client.store, guild_id(interaction), interaction.client.clock()
    if channel.id == await store.reviews.channel(server):
        raise UserError(tr("{channel} is the moderators' desk. Choose a channel for readers.", channel=channel.mention))
    existing = await store.subscriptions.of_guild(server)
    if len(existing) >= MOST:
        raise UserError(tr("A server has at most {most} subscriptions. Remove one first: `/digest remove`.", most=MOST))
    if any(each.channel_id == channel.id and _alike(each.wish, wish) for each in existing):
        raise UserError(tr("{channel} has this subscription already. See `/digest list`.", channel=channel.mention))
    return await store.subscriptions.add(
        guild_id=server,
        channel_id=channel.id,
        created_by=interaction.user.id,
        now=now,
        wish=wish,
        forum=isinstance(channel, discord.ForumChannel),
    )


def _alike(one: Wish, other: Wish) -> bool:
    """Return whether both select the same cards at the same times; appearance does not matter."""

    def asked(wish: Wish) -> tuple[object, ...]:
        topics = frozenset(map(folded, wish.topics))
        return topics, frozenset(map(folded, wish.without)), wish.when, wish.times, wish.days, wish.min_quality

    return asked(one) == asked(other)


def require_possible(interaction: discord.Interaction[NewsBot], channel: Target, wish: Wish) -> None:
    """Raise with the fix if the bot, or this person, lacks what the subscription needs in the channel."""
    require_postable(channel)
    if wish.crosspost and not (isinstance(channel, discord.TextChannel) and channel.is_news()):
        raise UserError(tr("`crosspost` is for announcement channels, and {channel} is none.", channel=channel.mention))
    if wish.mention is not None:
        _require_mentionable(interaction, channel, wish.mention)


def _require_mentionable(interaction: discord.Interaction[NewsBot], channel: Target, role_id: int) -> None:
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
    if not may_mention(interaction, channel, role):
        raise UserError(
            tr(
                "You may not mention {role} in {channel}, so I do not do it for you. It takes the permission **Mention "
                "Everyone** there, or a role that anyone may mention.",
                role=role.mention,
                channel=channel.mention,
            )
        )


def without_gone_role(interaction: discord.Interaction[NewsBot], wish: Wish) -> Wish:
    """Drop a mention of a deleted role."""
    if wish.mention is not None and gone_roles(interaction, [wish.mention]):
        return replace(wish, mention=None)
    return wish


def as_this_person(
    interaction: discord.Interaction[NewsBot], subscription: Subscription, channel: Target
) -> Subscription:
    """Return the subscription for a message that this person triggers: no role they could not mention themselves."""
    role = channel.guild.get_role(subscription.wish.mention) if subscription.wish.mention else None
    if role is not None and may_mention(interaction, channel, role):
        return subscription
    return replace(subscription, wish=replace(subscription.wish, mention=None))


async def about_unknown(interaction: discord.Interaction[NewsBot], wanted: Sequence[str]) -> str:
    """Return a note on topics that no card here has had so far; empty if all are known."""
    strange = await _unknown(interaction, wanted)
    if not strange:
        return ""
    named = ", ".join(map(escaped, strange))
    return "\n" + tr("No card has had the topic **{topic}** so far: is it spelled as in `/topics`?", topic=named)


async def _unknown(interaction: discord.Interaction[NewsBot], wanted: Sequence[str]) -> list[str]:
    if not wanted:
        return []
    known = {folded(name) for name in await interaction.client.store.archive.all_topics(guild_id(interaction))}
    return [topic for topic in wanted if folded(topic) not in known]
