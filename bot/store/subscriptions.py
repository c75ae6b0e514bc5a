"""Which channels want which cards, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, time
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.text import folded
from bot.desk.delivery import Progress
from bot.desk.subscription import Layout, OnWithdrawal, Subscription, When, Wish
from bot.desk.timetable import first_turn
from bot.store.database import Database
from bot.store.filing import topic_ids
from bot.store.languages import post_language
from bot.store.tables import deliveries, guild_settings, subscription_topics, subscriptions, topics
from bot.store.upserts import upsert

_PLAIN = (
    "when",
    "timezone",
    "min_quality",
    "max_cards",
    "layout",
    "mention",
    "crosspost",
    "on_withdrawal",
    "skip_empty",
    "language",
)
"""Fields of a wish that are columns as they are; topics have a table of their own."""


class Subscriptions:
    """Subscriptions; but for the scheduler's, always asked for within one server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        *,
        guild_id: int,
        channel_id: int,
        created_by: int,
        now: datetime,
        wish: Wish | None = None,
        forum: bool = False,
    ) -> Subscription:
        """Subscribe a channel. Topics that no card has had yet are kept all the same and match later cards."""
        wish = wish or Wish()
        since, next_at = first_turn(wish, now)
        values: dict[str, Any] = {
            "guild_id": guild_id,
            "channel_id": channel_id,
            "created_by": created_by,
            "created_at": now,
            "forum": forum,
            "since": since,
            "next_at": next_at,
        }
        async with self._database.write() as connection:
            adding = insert(subscriptions).values(values | columns(wish)).returning(subscriptions.c.id)
            subscription_id: int = (await connection.execute(adding)).scalar_one()
            await _choose_topics(connection, subscription_id, wish.topics)
            language = await _language(connection, subscription_id)
        return Subscription(id=subscription_id, wish=wish, language=language, **values)

    async def change(self, subscription: Subscription, wish: Wish, now: datetime) -> Subscription:
        """Let an existing subscription wish for something else from now on; what was old to it stays old."""
        since, following = first_turn(wish, now)
        since = max(subscription.since, since)
        next_at = None if subscription.paused else following
        values = columns(wish) | {"since": since, "next_at": next_at}
        async with self._database.write() as connection:
            await connection.execute(_update(subscription).values(values))
            mine = subscription_topics.c.subscription_id == subscription.id
            await connection.execute(delete(subscription_topics).where(mine))
            await _choose_topics(connection, subscription.id, wish.topics)
            language = await _language(connection, subscription.id)
        return replace(subscription, wish=wish, since=since, next_at=next_at, language=language)

    async def pause(self, subscription: Subscription) -> None:
        """Nothing more is planned until it is resumed; posts that are there follow their cards."""
        async with self._database.write() as connection:
            await connection.execute(_update(subscription).values(paused=True, next_at=None))

    async def resume(self, subscription: Subscription, now: datetime) -> Subscription:
        """Go on as if it were new."""
        since, next_at = first_turn(subscription.wish, now)
        values: dict[str, Any] = {"paused": False, "since": since, "next_at": next_at}
        async with self._database.write() as connection:
            await connection.execute(_update(subscription).values(values))
        return replace(subscription, **values)

    async def of_guild(self, guild_id: int) -> list[Subscription]:
        """A server's subscriptions, oldest first; its members' own digests are not among them."""
        return await self._found((subscriptions.c.guild_id == guild_id) & subscriptions.c.user_id.is_(None))

    async def of_member(self, user_id: int, guild_id: int) -> Subscription | None:
        """A member's own digest in a server."""
        mine = (subscriptions.c.user_id == user_id) & (subscriptions.c.guild_id == guild_id)
        return next(iter(await self._found(mine)), None)

    async def due(self, now: datetime) -> list[Subscription]:
        """The subscriptions whose digest is due, in the order in which they became so."""
        return await self._found(subscriptions.c.next_at <= now, subscriptions.c.next_at)

    async def named(self, ids: Sequence[int]) -> list[Subscription]:
        """The subscriptions with these ids that there still are."""
        return await self._found(subscriptions.c.id.in_(ids))

    async def _found(self, chosen: ColumnElement[bool], *order: ColumnElement[Any]) -> list[Subscription]:
        mine = select(subscriptions, post_language().label("spoken")).where(chosen)
        mine = mine.order_by(*order, subscriptions.c.id)
        async with self._database.read() as connection:
            rows = (await connection.execute(mine)).mappings().all()
            if not rows:
                return []
            names: dict[int, list[str]] = {}
            for subscription_id, name in await connection.execute(_topics_of(chosen)):
                names.setdefault(subscription_id, []).append(name)
        return [_subscription(row, names.get(row["id"], ()), row["spoken"]) for row in rows]

    async def remove(self, guild_id: int, subscription_id: int) -> bool:
        """End a subscription. Posts that are there stay and follow their cards; what waits is dropped."""
        chosen = (subscriptions.c.id == subscription_id) & (subscriptions.c.guild_id == guild_id)
        async with self._database.write() as connection:
            return await end(connection, chosen)

    async def timezone(self, guild_id: int) -> str | None:
        """The zone that the server's people chose last, an IANA name."""
        asked = select(guild_settings.c.timezone).where(guild_settings.c.guild_id == guild_id)
        async with self._database.read() as connection:
            zone: str | None = (await connection.execute(asked)).scalar_one_or_none()
            return zone

    async def set_timezone(self, guild_id: int, timezone: str) -> None:
        values = {"timezone": timezone}
        row = upsert(guild_settings).values(guild_id=guild_id, **values)
        async with self._database.write() as connection:
            await connection.execute(row.on_conflict_do_update(index_elements=["guild_id"], set_=values))


async def begin_anew(connection: AsyncConnection, ids: Sequence[int], now: datetime) -> None:
    """Let subscriptions count from now on, as if they had just been made."""
    rows = (await connection.execute(select(subscriptions).where(subscriptions.c.id.in_(ids)))).mappings().all()
    for row in rows:
        since, next_at = first_turn(_wish(row, ()), now)
        values = {"since": since, "next_at": None if row["paused"] else next_at}
        await connection.execute(update(subscriptions).where(subscriptions.c.id == row["id"]).values(values))


async def end(connection: AsyncConnection, chosen: ColumnElement[bool]) -> bool:
    """End one subscription, within a transaction, as `Subscriptions.remove` does."""
    ended = delete(subscriptions).where(chosen).returning(subscriptions.c.id)
    subscription_id = (await connection.execute(ended)).scalar_one_or_none()
    mine = (deliveries.c.subscription_id == subscription_id) & deliveries.c.message_id.is_(None)
    waiting = mine & (deliveries.c.progress == Progress.WAITING)
    await connection.execute(delete(deliveries).where(waiting))
    await connection.execute(update(deliveries).where(mine).values(wanted=None))
    return subscription_id is not None


async def _language(connection: AsyncConnection, subscription_id: int) -> str:
    asked = select(post_language()).where(subscriptions.c.id == subscription_id)
    language: str = (await connection.execute(asked)).scalar_one()
    return language


def _update(subscription: Subscription) -> Any:
    return update(subscriptions).where(subscriptions.c.id == subscription.id)


def columns(wish: Wish) -> dict[str, Any]:
    """A wish as columns; its topics have a table of their own."""
    return {name: getattr(wish, name) for name in _PLAIN} | {
        "times": [f"{moment:%H:%M}" for moment in wish.times],
        "days": list(wish.days),
        "without": list(wish.without),
    }


def _subscription(row: RowMapping, topic_names: Sequence[str], language: str) -> Subscription:
    own = ("id", "guild_id", "channel_id", "created_by", "created_at", "forum", "paused", "since", "next_at", "user_id")
    return Subscription(wish=_wish(row, topic_names), language=language, **{name: row[name] for name in own})


def _wish(row: RowMapping, topic_names: Sequence[str]) -> Wish:
    kinds = {"when": When(row["when"]), "layout": Layout(row["layout"])}
    return Wish(
        **{name: row[name] for name in _PLAIN} | kinds | {"on_withdrawal": OnWithdrawal(row["on_withdrawal"])},
        times=tuple(time.fromisoformat(moment) for moment in row["times"]),
        days=tuple(row["days"]),
        without=tuple(row["without"]),
        topics=tuple(topic_names),
    )


def _topics_of(chosen: ColumnElement[bool]) -> Select[Any]:
    return (
        select(subscription_topics.c.subscription_id, topics.c.name)
        .join(topics)
        .join(subscriptions, subscriptions.c.id == subscription_topics.c.subscription_id)
        .where(chosen)
        .order_by(topics.c.key)
    )


async def _choose_topics(connection: AsyncConnection, subscription_id: int, names: Sequence[str]) -> None:
    if names:
        ids = await topic_ids(connection, {folded(name): name for name in names})
        chosen = [{"subscription_id": subscription_id, "topic_id": topic_id} for topic_id in ids.values()]
        await connection.execute(insert(subscription_topics), chosen)
