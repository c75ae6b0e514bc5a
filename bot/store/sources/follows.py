"""Follows: which servers get the cards of a source that is not everybody's, and how."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, delete, exists, false, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.text import normalize_name
from bot.domain.follows import Follow, FollowPolicy
from bot.domain.subscription import Layout
from bot.store.cards.names import ensure_topic_ids
from bot.store.cards.server_cards import add_backlog
from bot.store.cards.story_coverage import mark_stale
from bot.store.column_parsers import enum_or_default
from bot.store.database import Database
from bot.store.sources.unused_cards import DEFAULT_RETENTION, Retention, delete_unused
from bot.store.tables import (
    cards,
    deferred_cards,
    deliveries,
    delivery_cards,
    follow_topics,
    follows,
    server_cards,
    sources,
    story_coverage,
    subscriptions,
    topics,
)

_FIELDS = ("guild_id", "source_id", "policy", "quality", "paused", "followed_at", "created_by")
"""Fields of `Follow` that are columns."""


class Follows:
    """Storage of follows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def follow_source(self, follow: Follow) -> bool:
        """Begin to follow a source; what it brought before becomes backlog. False, and no change, if it is followed.

        Load a new source before it is followed: what it brings afterwards is news, and posted.
        """
        async with self._database.begin_write() as connection:
            if (await connection.execute(select(follows.c.policy).where(_is_follow(follow)))).first():
                return False
            await connection.execute(insert(follows).values({name: getattr(follow, name) for name in _FIELDS}))
            await connection.execute(update(sources).where(sources.c.id == follow.source_id).values(unfollowed_at=None))
            await _replace_topics(connection, follow)
            await add_backlog(connection, follow.guild_id, follow.source_id, follow.followed_at)
            return True

    async def edit_follow(self, follow: Follow) -> bool:
        """Change a follow, for cards that arrive from now on; False if there is none.

        Topics also hold for the cards that are there. No post is touched.
        """
        values = {name: getattr(follow, name) for name in ("policy", "quality", "paused")}
        async with self._database.begin_write() as connection:
            changed = await connection.execute(update(follows).where(_is_follow(follow)).values(values))
            if changed.rowcount:
                await _replace_topics(connection, follow)
            return bool(changed.rowcount)

    async def unfollow_source(self, guild_id: int, source_id: int, now: datetime, *, keep_posts: bool) -> bool:
        """Stop following a source: its cards leave the server. False if it is not followed.

        With `keep_posts` the messages that show them stay as they are for good, otherwise they are retracted. In either
        case a channel does not get these cards again if the server follows the source again.
        """
        here = (server_cards.c.guild_id == guild_id) & (server_cards.c.source_id == source_id)
        leaving = select(server_cards.c.card_id).where(here)
        async with self._database.begin_write() as connection:
            removed = await connection.execute(delete(follows).where(_is_key(follows, guild_id, source_id)))
            if not removed.rowcount:
                return False
            await connection.execute(delete(follow_topics).where(_is_key(follow_topics, guild_id, source_id)))
            await _detach_posts(connection, guild_id, leaving, keep_posts=keep_posts)
            await mark_stale(connection, _stories_counted_with(guild_id, leaving))
            await connection.execute(delete(server_cards).where(here))
            nobody = ~exists().where(follows.c.source_id == source_id)
            idle = update(sources).where(sources.c.id == source_id, nobody)
            await connection.execute(idle.values(unfollowed_at=now))
            return True

    async def delete_unused(self, now: datetime, retention: Retention = DEFAULT_RETENTION) -> None:
        """Delete what nobody needs any more of followed sources (`bot.store.sources.unused_cards`)."""
        await delete_unused(self._database, now, retention)

    async def list_follows(self, guild_id: int) -> list[Follow]:
        """Return the server's follows, oldest first."""
        query = select(*(follows.c[name] for name in _FIELDS)).where(follows.c.guild_id == guild_id)
        names = (
            select(follow_topics.c.source_id, func.coalesce(follow_topics.c.name, topics.c.name))
            .join(topics)
            .where(follow_topics.c.guild_id == guild_id)
        )
        async with self._database.begin_read() as connection:
            order = (follows.c.followed_at, follows.c.source_id)
            rows = (await connection.execute(query.order_by(*order))).mappings().all()
            given: dict[int, list[str]] = {}
            for source_id, name in await connection.execute(names.order_by(topics.c.key)):
                given.setdefault(source_id, []).append(name)
        return [
            Follow(
                **{**row, "policy": enum_or_default(FollowPolicy, row["policy"], FollowPolicy.REVIEW)},
                topics=tuple(given.get(row["source_id"], ())),
            )
            for row in rows
        ]

    async def was_unfollowed(self, guild_id: int, card_id: int) -> bool:
        """Whether a message of the server shows the card of a source that the server has unfollowed since."""
        query = (
            select(delivery_cards.c.card_id)
            .join(deliveries, deliveries.c.id == delivery_cards.c.delivery_id)
            .where(delivery_cards.c.card_id == card_id, delivery_cards.c.detached, deliveries.c.guild_id == guild_id)
        )
        async with self._database.begin_autocommit() as connection:
            return (await connection.execute(query.limit(1))).first() is not None


def _is_follow(follow: Follow) -> ColumnElement[bool]:
    return _is_key(follows, follow.guild_id, follow.source_id)


def _is_key(table: Table, guild_id: int, source_id: int) -> ColumnElement[bool]:
    return (table.c.guild_id == guild_id) & (table.c.source_id == source_id)


async def _replace_topics(connection: AsyncConnection, follow: Follow) -> None:
    key = {"guild_id": follow.guild_id, "source_id": follow.source_id}
    await connection.execute(delete(follow_topics).where(_is_key(follow_topics, **key)))
    if follow.topics:
        names = {normalize_name(name): name for name in follow.topics}
        ids = await ensure_topic_ids(connection, names)
        rows = [key | {"topic_id": ids[each], "name": name} for each, name in names.items()]
        await connection.execute(insert(follow_topics), rows)


def _stories_counted_with(guild_id: int, card_ids: Select[Any]) -> Select[Any]:
    """Select the stories of cards that a server counts other publishers for than everybody does."""
    row, counted = server_cards.c, story_coverage.c
    joined = (counted.guild_id == row.guild_id) & (counted.story_id == row.story_id)
    query = select(row.story_id).join_from(server_cards, story_coverage, joined)
    return query.where(row.guild_id == guild_id, row.card_id.in_(card_ids))


async def _detach_posts(connection: AsyncConnection, guild_id: int, card_ids: Select[Any], *, keep_posts: bool) -> None:
    """Detach cards from the server's messages, so that no later plan changes them there, even if they come back."""

    def in_messages(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        message = select(deliveries.c.id).where(deliveries.c.guild_id == guild_id, *conditions)
        return delivery_cards.c.card_id.in_(card_ids) & delivery_cards.c.delivery_id.in_(message)

    await connection.execute(update(delivery_cards).where(in_messages()).values(detached=True))
    # Nor does one that waits for the end of quiet hours come after all.
    own = select(subscriptions.c.id).where(subscriptions.c.guild_id == guild_id)
    waiting = deferred_cards.c.card_id.in_(card_ids) & deferred_cards.c.subscription_id.in_(own)
    await connection.execute(delete(deferred_cards).where(waiting))
    # Reviews go in either case, and messages that have not been sent: there is no post to keep.
    stays = (deliveries.c.layout != Layout.REVIEW) & deliveries.c.message_id.is_not(None) if keep_posts else false()
    going = in_messages(~stays)
    shown = select(delivery_cards.c.card_id).where(going)
    await connection.execute(update(cards).where(cards.c.id.in_(shown)).values(needs_planning=True))
    await connection.execute(update(delivery_cards).where(going).values(revision=None))
