"""Subscriptions of channels and members."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, delete, func, insert, select, true, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.text import normalize_name
from bot.domain.delivery import DeliveryStatus
from bot.domain.digest_schedule import initial_schedule, schedule_for
from bot.domain.subscription import Frequency, Subscription, SubscriptionOptions
from bot.store.cards.names import ensure_topic_ids
from bot.store.column_parsers import format_pauses, parse_pauses
from bot.store.database import Database
from bot.store.sql_helpers import chunks
from bot.store.subscriptions.guild_settings import post_language
from bot.store.subscriptions.option_columns import option_columns, parse_options
from bot.store.subscriptions.quiet_hours import fetch_quiet_until
from bot.store.subscriptions.subscription_terms import replace_terms
from bot.store.tables import (
    cards,
    decisions,
    deferred_cards,
    deliveries,
    delivery_cards,
    subscription_topics,
    subscriptions,
    topics,
)

MAX_LOOK_AHEAD = timedelta(days=9)
"""Upper limit for the time to the next digest: a week, a day that a time zone may skip, and a margin."""

WriteMore = Callable[[AsyncConnection, Subscription], Awaitable[None]]
"""Writes what belongs to a new subscription, in its transaction."""


class Subscriptions:
    """Queries for subscriptions, within one server except for those of the scheduler."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_subscription(
        self,
        *,
        guild_id: int,
        channel_id: int,
        created_by: int,
        now: datetime,
        options: SubscriptionOptions | None = None,
        forum: bool = False,
        write_more: WriteMore | None = None,
    ) -> Subscription:
        """Subscribe a channel. Topics that no card has yet are stored as well, and match later cards.

        What `write_more` writes is stored together with it, or neither is.
        """
        options = options or SubscriptionOptions()
        since, next_digest_at = initial_schedule(options, now)
        values: dict[str, Any] = {
            "guild_id": guild_id,
            "channel_id": channel_id,
            "created_by": created_by,
            "created_at": now,
            "is_forum": forum,
            "new_after": since,
            "next_digest_at": next_digest_at,
        }
        async with self._database.begin_write() as connection:
            adding = insert(subscriptions).values(values | option_columns(options)).returning(subscriptions.c.id)
            subscription_id: int = (await connection.execute(adding)).scalar_one()
            await _add_topics(connection, subscription_id, options.topics)
            await replace_terms(connection, subscription_id, options)
            language = await _post_language(connection, subscription_id)
            made = Subscription(id=subscription_id, options=options, language=language, **values)
            if write_more:
                await write_more(connection, made)
        return made

    async def change_options(
        self, subscription: Subscription, options: SubscriptionOptions, now: datetime
    ) -> Subscription:
        """Replace a subscription's settings. Older cards that did not match before are not posted.

        Cards waiting for a digest stay queued for the first one of the new timetable. When an instant subscription
        becomes a digest, it starts like a new one.
        """
        first, following = initial_schedule(options, now)
        since = subscription.new_after
        if subscription.options.frequency is Frequency.INSTANT and options.frequency is not Frequency.INSTANT:
            since = max(since, first)
        next_digest_at = None if subscription.paused else following
        values = option_columns(options) | {"new_after": since, "next_digest_at": next_digest_at, "trouble": None}
        async with self._database.begin_write() as connection:
            await connection.execute(_update_statement(subscription).values(values))
            condition = subscription_topics.c.subscription_id == subscription.id
            await connection.execute(delete(subscription_topics).where(condition))
            await _add_topics(connection, subscription.id, options.topics)
            await replace_terms(connection, subscription.id, options)
            language = await _post_language(connection, subscription.id)
        return replace(
            subscription,
            options=options,
            new_after=since,
            next_digest_at=next_digest_at,
            language=language,
            unusable=(),
            trouble=None,
        )

    async def pause_subscription(self, subscription: Subscription, now: datetime) -> Subscription:
        """Stop planning and sending until resumed; existing posts are still updated.

        Messages already waiting for their slot or for the end of quiet hours are kept.
        """
        pauses = (*subscription.pauses, (now, None))
        async with self._database.begin_write() as connection:
            values = {"paused": True, "next_digest_at": None, "pauses": format_pauses(pauses)}
            await connection.execute(_update_statement(subscription).values(values))
            unsent = _is_unsent(subscription) & deliveries.c.due_at.is_not(None)
            await connection.execute(update(deliveries).where(unsent).values(due_at=None))
        return replace(subscription, paused=True, next_digest_at=None, pauses=pauses)

    async def resume_subscription(self, subscription: Subscription, now: datetime) -> Subscription:
        """Resume. Messages queued before the pause are sent; cards published during it are skipped."""
        since, next_digest_at = initial_schedule(subscription.options, now)
        pauses = tuple((start, end or now) for start, end in subscription.pauses)
        if pauses and subscription.options.frequency is not Frequency.INSTANT:
            since = subscription.new_after
        async with self._database.begin_write() as connection:
            values = {
                "paused": False,
                "new_after": since,
                "next_digest_at": next_digest_at,
                "pauses": format_pauses(pauses),
            }
            await connection.execute(_update_statement(subscription).values(values))
            # What waited goes out now, or when quiet hours end.
            until = await fetch_quiet_until(connection, [subscription.channel_id], now)
            unsent = _is_unsent(subscription) & deliveries.c.due_at.is_(None) & deliveries.c.desired_kind.is_not(None)
            due_at = until.get(subscription.channel_id, now)
            await connection.execute(update(deliveries).where(unsent).values(due_at=due_at))
        return replace(subscription, paused=False, new_after=since, next_digest_at=next_digest_at, pauses=pauses)

    async def suspend_subscription(self, subscription: Subscription, trouble: str, until: datetime) -> None:
        """Record why the digest failed and retry at `until`, unless its schedule changed meanwhile."""
        # Compare and set: people may have edited, paused or resumed it while the digest was made.
        statement = _update_statement(subscription).where(
            subscriptions.c.next_digest_at.is_not_distinct_from(subscription.next_digest_at)
        )
        async with self._database.begin_write() as connection:
            await connection.execute(statement.values(trouble=trouble, next_digest_at=until))

    async def fetch_too_far_ahead(self, now: datetime) -> list[Subscription]:
        """List subscriptions whose next digest is further ahead than any timetable allows."""
        return await self._select_subscriptions(subscriptions.c.next_digest_at > now + MAX_LOOK_AHEAD)

    async def fetch_doubtful(self, now: datetime) -> list[Subscription]:
        """List subscriptions that may be wrong after the clock was set back: digests, and those yet to start."""
        is_digest = subscriptions.c.frequency != Frequency.INSTANT
        return await self._select_subscriptions(
            ~subscriptions.c.paused & (is_digest | (subscriptions.c.new_after > now))
        )

    async def repair_schedules(self, found: Sequence[Subscription], now: datetime) -> int:
        """Recompute the last and next slots from the timetables. Returns how many were wrong.

        A clock that was ahead for a while leaves slots that are years away; the next slot may also be missing.
        """
        sound = [(each, _last_slot_before(each, now), _next_digest_at(each, now)) for each in found]
        moved = [(each, since, at) for each, since, at in sound if (each.new_after, each.next_digest_at) != (since, at)]
        async with self._database.begin_write() as connection:
            for each, since, next_digest_at in moved:
                here = _update_statement(each).where(
                    subscriptions.c.next_digest_at.is_not_distinct_from(each.next_digest_at)
                )
                await connection.execute(here.values(new_after=since, next_digest_at=next_digest_at))
        return len(moved)

    async def list_for_guild(self, guild_id: int) -> list[Subscription]:
        """List a server's subscriptions, oldest first, without personal digests."""
        return await self._select_subscriptions(
            (subscriptions.c.guild_id == guild_id) & subscriptions.c.user_id.is_(None)
        )

    async def find_for_member(self, user_id: int, guild_id: int) -> Subscription | None:
        """Return a member's personal digest in a server."""
        condition = (subscriptions.c.user_id == user_id) & (subscriptions.c.guild_id == guild_id)
        return next(iter(await self._select_subscriptions(condition)), None)

    async def fetch_due(self, now: datetime) -> list[Subscription]:
        """List subscriptions with a due digest, by due time."""
        return await self._select_subscriptions(subscriptions.c.next_digest_at <= now, subscriptions.c.next_digest_at)

    async def list_suspended(self) -> list[Subscription]:
        """List subscriptions with invalid columns or a failed last digest. Reads all rows."""
        return [each for each in await self._select_subscriptions(true()) if each.unusable or each.trouble]

    async def list_in_trouble(self) -> list[Subscription]:
        """List subscriptions of servers whose last digest failed."""
        return await self._select_subscriptions(
            subscriptions.c.trouble.is_not(None) & subscriptions.c.user_id.is_(None)
        )

    async def get_by_ids(self, ids: Sequence[int]) -> list[Subscription]:
        """Return the existing subscriptions among these ids."""
        return await self._select_subscriptions(subscriptions.c.id.in_(ids))

    async def _select_subscriptions(
        self, condition: ColumnElement[bool], *order: ColumnElement[Any]
    ) -> list[Subscription]:
        query = select(subscriptions, post_language().label("spoken")).where(condition)
        query = query.order_by(*order, subscriptions.c.id)
        async with self._database.begin_read() as connection:
            rows = (await connection.execute(query)).mappings().all()
            if not rows:
                return []
            # A second query: a join would repeat the whole row for every topic.
            names: dict[int, list[str]] = {}
            for subscription_id, name in await connection.execute(_topics_query(condition)):
                names.setdefault(subscription_id, []).append(name)
        return [_subscription_from_row(row, names.get(row["id"], ()), row["spoken"]) for row in rows]

    async def remove_subscription(self, guild_id: int, subscription_id: int) -> bool:
        """Delete a subscription. Existing posts stay and are updated; queued ones are dropped."""
        selected = (subscriptions.c.id == subscription_id) & (subscriptions.c.guild_id == guild_id)
        async with self._database.begin_write() as connection:
            return await delete_subscription(connection, selected)


async def reset_schedules(connection: AsyncConnection, ids: Sequence[int], now: datetime) -> None:
    """Reset subscriptions to start at `now`, as if just created."""
    rows = (await connection.execute(select(subscriptions).where(subscriptions.c.id.in_(ids)))).mappings().all()
    for row in rows:
        options, unusable = parse_options(row)
        since, next_digest_at = (now, now) if unusable else initial_schedule(options, now)
        values = {"new_after": since, "next_digest_at": None if row["paused"] else next_digest_at}
        await connection.execute(update(subscriptions).where(subscriptions.c.id == row["id"]).values(values))
        await replace_terms(connection, row["id"], options)


async def delete_subscription(connection: AsyncConnection, condition: ColumnElement[bool]) -> bool:
    """Delete one subscription within the given transaction, as `Subscriptions.remove_subscription` does."""
    query = select(subscriptions.c.id, subscriptions.c.guild_id, subscriptions.c.channel_id).where(condition)
    row = (await connection.execute(query)).first()
    if row is None:
        return False
    subscription_id, guild_id, channel_id = row
    own_rows = (deliveries.c.subscription_id == subscription_id) & deliveries.c.message_id.is_(None)
    card_ids = await _undelivered_cards(connection, subscription_id, own_rows)
    await connection.execute(delete(subscriptions).where(subscriptions.c.id == subscription_id))
    # In-flight posts may have arrived: they are searched for and deleted. Free their cards for other subscriptions.
    under_way = own_rows & (deliveries.c.status == DeliveryStatus.SENDING)
    freed = delivery_cards.c.delivery_id.in_(select(deliveries.c.id).where(under_way))
    await connection.execute(delete(delivery_cards).where(freed))
    await connection.execute(update(deliveries).where(under_way).values(desired_kind=None, desired_hash=None))
    await connection.execute(delete(deliveries).where(own_rows, ~under_way))
    await _transfer_cards(connection, guild_id, channel_id, card_ids)
    return True


async def _undelivered_cards(
    connection: AsyncConnection, subscription_id: int, condition: ColumnElement[bool]
) -> list[int]:
    """Return the ids of cards queued for a subscription and not posted."""
    planned = select(delivery_cards.c.card_id).join(deliveries, deliveries.c.id == delivery_cards.c.delivery_id)
    put_off = select(deferred_cards.c.card_id).where(deferred_cards.c.subscription_id == subscription_id)
    return list((await connection.execute(union(planned.where(condition), put_off))).scalars())


async def _transfer_cards(connection: AsyncConnection, guild_id: int, channel_id: int, card_ids: Sequence[int]) -> None:
    """Let the channel's other subscriptions pick up the unposted cards of a deleted one, if they match.

    Its digests look back to the earliest of these cards; cards already posted are not repeated.
    """
    here = subscriptions.c.channel_id == channel_id
    if not card_ids or (await connection.execute(select(subscriptions.c.id).where(here).limit(1))).first() is None:
        return
    seen, decided = func.min(cards.c.visible_at), func.min(decisions.c.decided_at)
    moments: list[datetime | None] = []
    for some in chunks(card_ids):
        await connection.execute(update(cards).where(cards.c.id.in_(some)).values(needs_planning=True))
        by_hand = (decisions.c.guild_id == guild_id) & decisions.c.card_id.in_(some)
        moments += (await connection.execute(select(seen).where(cards.c.id.in_(some)))).scalars()
        moments += (await connection.execute(select(decided).where(by_hand))).scalars()
    if earliest := min((each for each in moments if each), default=None):
        # Digests take what arrived after this time, so it must be before the earliest card.
        since = earliest - timedelta(microseconds=1)
        digests = here & (subscriptions.c.frequency != Frequency.INSTANT) & (subscriptions.c.new_after > since)
        await connection.execute(update(subscriptions).where(digests).values(new_after=since))


async def _post_language(connection: AsyncConnection, subscription_id: int) -> str:
    query = select(post_language()).where(subscriptions.c.id == subscription_id)
    language: str = (await connection.execute(query)).scalar_one()
    return language


def _update_statement(subscription: Subscription) -> Any:
    return update(subscriptions).where(subscriptions.c.id == subscription.id)


def _subscription_from_row(row: RowMapping, topic_names: Sequence[str], language: str) -> Subscription:
    own = (
        "id", "guild_id", "channel_id", "created_by", "created_at", "is_forum", "paused", "new_after",
        "next_digest_at", "user_id", "trouble",
    )  # fmt: skip
    options, unusable = parse_options(row, tuple(topic_names))
    return Subscription(
        options=options,
        language=language,
        unusable=unusable,
        pauses=parse_pauses(row["pauses"]),
        **{name: row[name] for name in own},
    )


def _next_digest_at(subscription: Subscription, now: datetime) -> datetime | None:
    """Return the corrected time of the next digest. Due ones are kept for the planner; invalid ones are due now."""
    if subscription.unusable:
        return min(subscription.next_digest_at or now, now)
    table = schedule_for(subscription.options)
    following = table.next_slot(now) if table else None
    return min(subscription.next_digest_at or following.at, following.at) if following else None


def _last_slot_before(subscription: Subscription, now: datetime) -> datetime:
    """Return the last slot; if it is in the future, the time to which the next digest looks back."""
    if subscription.new_after <= now or subscription.unusable:
        return subscription.new_after
    table = schedule_for(subscription.options)
    return table.looks_back(now) if table else now


def _is_unsent(subscription: Subscription) -> ColumnElement[bool]:
    """Condition for its planned messages that were not sent."""
    condition = (deliveries.c.subscription_id == subscription.id) & deliveries.c.message_id.is_(None)
    return condition & (deliveries.c.status == DeliveryStatus.WAITING)


def _topics_query(condition: ColumnElement[bool]) -> Select[Any]:
    return (
        select(subscription_topics.c.subscription_id, func.coalesce(subscription_topics.c.name, topics.c.name))
        .join(topics)
        .join(subscriptions, subscriptions.c.id == subscription_topics.c.subscription_id)
        .where(condition)
        .order_by(topics.c.key)
    )


async def _add_topics(connection: AsyncConnection, subscription_id: int, names: Sequence[str]) -> None:
    if names:
        by_key = {normalize_name(name): name for name in names}
        ids = await ensure_topic_ids(connection, by_key)
        selected = [
            {"subscription_id": subscription_id, "topic_id": ids[key], "name": name} for key, name in by_key.items()
        ]
        await connection.execute(insert(subscription_topics), selected)
