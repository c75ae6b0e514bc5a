"""Personal digests: one per member and server, with the topics that the member follows there.

A personal digest is a subscription of the server whose channel is the member's direct messages. Only queries by member
find it; the server's moderators can neither see nor manage it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, exists, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.text import normalize_name
from bot.domain.delivery import DeliveryStatus
from bot.domain.digest_schedule import initial_schedule
from bot.domain.subscription import SubscriptionOptions
from bot.store.cards.names import ensure_topic_ids
from bot.store.database import Database
from bot.store.sql_helpers import insert_or_ignore, upsert
from bot.store.subscriptions.option_columns import option_columns
from bot.store.subscriptions.subscriptions import delete_subscription
from bot.store.tables import circuits, deliveries, subscription_topics, subscriptions, topics

_PERSONAL = subscriptions.c.user_id.is_not(None)


@dataclass(frozen=True, slots=True)
class Follower:
    """A member of a server. `channel_id` is their direct message channel with the bot."""

    user_id: int
    guild_id: int
    channel_id: int


class PersonalDigests:
    """Storage of personal digests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def follow_topic(self, follower: Follower, topic: str, options: SubscriptionOptions, now: datetime) -> None:
        """Add a topic to the member's digest. Creates, resumes or reschedules the digest as needed."""
        since, next_digest_at = initial_schedule(options, now)
        times: dict[str, Any] = option_columns(options) | {"next_digest_at": next_digest_at}
        own = {"user_id": follower.user_id, "guild_id": follower.guild_id, "channel_id": follower.channel_id}
        new = own | times | {"created_by": follower.user_id, "created_at": now, "new_after": since}
        # The unique index is partial, and both engines only recognize it by its condition.
        adding = upsert(subscriptions).values(new).on_conflict_do_nothing(
            index_elements=["user_id", "guild_id"], index_where=text("user_id IS NOT NULL")
        )  # fmt: skip
        condition = _belongs_to_member(follower.user_id, follower.guild_id)
        async with self._database.begin_write() as connection:
            if not (await connection.execute(adding)).rowcount:
                await _resume_subscriptions(connection, condition & subscriptions.c.paused, since, next_digest_at)
                before = (await connection.execute(select(subscriptions).where(condition))).mappings().one()
                if any(before[name] != times[name] for name in ("options", "language")):
                    await connection.execute(update(subscriptions).where(condition).values(times))
            subscription_id: int = (await connection.execute(select(subscriptions.c.id).where(condition))).scalar_one()
            await _add_topic(connection, subscription_id, topic)

    async def unfollow_topic(self, user_id: int, guild_id: int, topic: str) -> bool:
        """Remove a topic from the member's digest, and with the last one the digest. False if it was not followed."""
        named = select(topics.c.id).where(topics.c.key == normalize_name(topic)).scalar_subquery()
        query = select(subscriptions.c.id).where(_belongs_to_member(user_id, guild_id))
        async with self._database.begin_write() as connection:
            subscription_id = (await connection.execute(query)).scalar_one_or_none()
            of_digest = subscription_topics.c.subscription_id == subscription_id
            removed = delete(subscription_topics).where(of_digest, subscription_topics.c.topic_id == named)
            if subscription_id is None or not (await connection.execute(removed)).rowcount:
                return False
            if (await connection.execute(select(subscription_topics).where(of_digest).limit(1))).first() is None:
                # a subscription without topics matches all topics
                await _forget_circuits(connection, subscriptions.c.id == subscription_id)
                await delete_subscription(connection, subscriptions.c.id == subscription_id)
            return True

    async def resume_digest(self, user_id: int, guild_id: int, options: SubscriptionOptions, now: datetime) -> None:
        """Resume the member's digest, starting from now as if it were new."""
        async with self._database.begin_write() as connection:
            await _resume_subscriptions(
                connection, _belongs_to_member(user_id, guild_id), *initial_schedule(options, now)
            )

    async def mark_closed(self, channel_id: int, now: datetime) -> bool:
        """Handle a channel that rejects messages: if it is a member's, pause its digests and delete unsent messages.

        Returns whether it is a member's channel; then the server must not be notified.
        """
        waiting = deliveries.c.message_id.is_(None) & (deliveries.c.status == DeliveryStatus.WAITING)
        condition = (subscriptions.c.channel_id == channel_id) & _PERSONAL & ~subscriptions.c.paused
        async with self._database.begin_write() as connection:
            if not (await connection.execute(select(_is_personal_channel(channel_id)))).scalar_one():
                return False
            paused = {"paused": True, "next_digest_at": None, "dm_closed_at": now}
            await connection.execute(update(subscriptions).where(condition).values(paused))
            own = (deliveries.c.channel_id == channel_id) & deliveries.c.user_id.is_not(None)
            await connection.execute(delete(deliveries).where(own, waiting))
            return True

    async def pause_digest(self, user_id: int, guild_id: int) -> bool:
        """Pause the member's digest of a server until they resume it, and delete unsent messages.

        Returns False if they have none, or it is paused already.
        """
        own = (deliveries.c.user_id == user_id) & (deliveries.c.guild_id == guild_id)
        unsent = own & deliveries.c.message_id.is_(None) & (deliveries.c.status == DeliveryStatus.WAITING)
        paused = {"paused": True, "next_digest_at": None, "member_seen_at": None}
        running = _belongs_to_member(user_id, guild_id) & ~subscriptions.c.paused
        async with self._database.begin_write() as connection:
            await connection.execute(delete(deliveries).where(unsent))
            return bool((await connection.execute(update(subscriptions).where(running).values(paused))).rowcount)

    async def was_member(self, user_id: int, guild_id: int, since: datetime) -> bool:
        """Return whether Discord has confirmed membership after `since`."""
        query = exists().where(_belongs_to_member(user_id, guild_id), subscriptions.c.member_seen_at > since)
        async with self._database.begin_autocommit() as connection:
            return bool((await connection.execute(select(query))).scalar_one())

    async def record_member(self, user_id: int, guild_id: int, now: datetime) -> None:
        """Record that Discord confirmed membership."""
        statement = update(subscriptions).where(_belongs_to_member(user_id, guild_id)).values(member_seen_at=now)
        await self._database.write_shared(lambda connection: connection.execute(statement))

    async def forget_members(self, guild_id: int) -> None:
        """Forget confirmed memberships after the bot was removed from the server: check each before the next digest."""
        theirs = (subscriptions.c.guild_id == guild_id) & _PERSONAL
        statement = update(subscriptions).where(theirs).values(member_seen_at=None)
        await self._database.write_shared(lambda connection: connection.execute(statement))

    async def set_language(self, user_id: int, language: str) -> None:
        """Set the language of the member's digests."""
        other = (subscriptions.c.user_id == user_id) & subscriptions.c.language.is_distinct_from(language)
        async with self._database.begin_autocommit() as connection:
            if not (await connection.execute(select(exists().where(other)))).scalar_one():
                return
        changing = update(subscriptions).where(other).values(language=language)
        await self._database.write_shared(lambda connection: connection.execute(changing))

    async def is_personal_channel(self, channel_id: int) -> bool:
        """Return whether a channel is a member's direct messages."""
        async with self._database.begin_autocommit() as connection:
            return bool((await connection.execute(select(_is_personal_channel(channel_id)))).scalar_one())

    async def is_unnotified(self, user_id: int) -> bool:
        """Return whether a digest of the member was paused by `mark_closed` and they have not been notified."""
        query = exists().where(subscriptions.c.user_id == user_id, subscriptions.c.dm_closed_at.is_not(None))
        async with self._database.begin_autocommit() as connection:
            return bool((await connection.execute(select(query))).scalar_one())

    async def mark_notified(self, user_id: int) -> None:
        """Record that the member was notified."""
        async with self._database.begin_write() as connection:
            condition = subscriptions.c.user_id == user_id
            await connection.execute(update(subscriptions).where(condition).values(dm_closed_at=None))

    async def guild_of_delivery(self, user_id: int, delivery_id: int) -> int:
        """Return the server of a digest message sent to a member; 0 for any other message."""
        query = select(deliveries.c.guild_id).where(deliveries.c.id == delivery_id, deliveries.c.user_id == user_id)
        async with self._database.begin_autocommit() as connection:
            return (await connection.execute(query)).scalar_one_or_none() or 0


def _belongs_to_member(user_id: int, guild_id: int) -> ColumnElement[bool]:
    return (subscriptions.c.user_id == user_id) & (subscriptions.c.guild_id == guild_id)


def _is_personal_channel(channel_id: int) -> ColumnElement[bool]:
    """SQL condition: the channel is a member's. Checks messages, too: they are still updated after the digest ended."""
    of_messages = exists().where(deliveries.c.channel_id == channel_id, deliveries.c.user_id.is_not(None))
    return of_messages | exists().where(subscriptions.c.channel_id == channel_id, _PERSONAL)


async def _resume_subscriptions(
    connection: AsyncConnection, condition: ColumnElement[bool], since: datetime, next_digest_at: datetime | None
) -> None:
    await _forget_circuits(connection, condition)
    values = {"paused": False, "dm_closed_at": None, "new_after": since, "next_digest_at": next_digest_at}
    await connection.execute(update(subscriptions).where(condition).values(values))


async def _forget_circuits(connection: AsyncConnection, condition: ColumnElement[bool]) -> None:
    channels = select(subscriptions.c.channel_id).where(condition)
    await connection.execute(delete(circuits).where(circuits.c.channel_id.in_(channels)))


async def _add_topic(connection: AsyncConnection, subscription_id: int, topic: str) -> None:
    (topic_id,) = (await ensure_topic_ids(connection, {normalize_name(topic): topic})).values()
    row = {"subscription_id": subscription_id, "topic_id": topic_id, "name": topic}
    await connection.execute(insert_or_ignore(subscription_topics).values(row))
