"""Which channels want which cards, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, delete, func, insert, select, true, union, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.text import folded
from bot.desk.delivery import Progress
from bot.desk.subscription import Subscription, When, Wish
from bot.desk.timetable import first_turn, is_known_zone, timetable
from bot.store.bulk import some_of
from bot.store.database import Database
from bot.store.filing import topic_ids
from bot.store.languages import post_language
from bot.store.parsing import parsed_pauses, parsed_wish, written_pauses
from bot.store.quiet import quiet_until
from bot.store.tables import (
    cards,
    decisions,
    deferred,
    deliveries,
    delivery_cards,
    guild_settings,
    subscription_topics,
    subscriptions,
    topics,
)
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


LONGEST_WAY = timedelta(days=9)
"""No digest is further away: a week, and a day more where the clocks of a place skip one."""


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
        """Let an existing subscription wish for something else from now on; what was old to it stays old.

        Cards that wait for a digest's next slot go on waiting, for that of the new wish. An instant one lets nothing
        wait: its digest begins as a new one does.
        """
        first, following = first_turn(wish, now)
        since = subscription.since
        if subscription.wish.when is When.INSTANT and wish.when is not When.INSTANT:
            since = max(since, first)
        next_at = None if subscription.paused else following
        values = columns(wish) | {"since": since, "next_at": next_at, "trouble": None}
        async with self._database.write() as connection:
            await connection.execute(_update(subscription).values(values))
            mine = subscription_topics.c.subscription_id == subscription.id
            await connection.execute(delete(subscription_topics).where(mine))
            await _choose_topics(connection, subscription.id, wish.topics)
            language = await _language(connection, subscription.id)
        return replace(
            subscription, wish=wish, since=since, next_at=next_at, language=language, unusable=(), trouble=None
        )

    async def pause(self, subscription: Subscription, now: datetime) -> Subscription:
        """Nothing more is planned or sent until it is resumed; posts that are there follow their cards.

        What waits already, for its slot or for the end of quiet hours, is kept.
        """
        pauses = (*subscription.pauses, (now, None))
        async with self._database.write() as connection:
            values = {"paused": True, "next_at": None, "pauses": written_pauses(pauses)}
            await connection.execute(_update(subscription).values(values))
            unsent = _unsent(subscription) & deliveries.c.due_at.is_not(None)
            await connection.execute(update(deliveries).where(unsent).values(due_at=None))
        return replace(subscription, paused=True, next_at=None, pauses=pauses)

    async def resume(self, subscription: Subscription, now: datetime) -> Subscription:
        """Go on. What waited before the pause comes; what came out during it does not."""
        since, next_at = first_turn(subscription.wish, now)
        pauses = tuple((start, end or now) for start, end in subscription.pauses)
        if pauses and subscription.wish.when is not When.INSTANT:
            since = subscription.since
        async with self._database.write() as connection:
            values = {"paused": False, "since": since, "next_at": next_at, "pauses": written_pauses(pauses)}
            await connection.execute(_update(subscription).values(values))
            until = await quiet_until(connection, [subscription.channel_id], now)
            unsent = _unsent(subscription) & deliveries.c.due_at.is_(None) & deliveries.c.wanted.is_not(None)
            due_at = until.get(subscription.channel_id, now)
            await connection.execute(update(deliveries).where(unsent).values(due_at=due_at))
        return replace(subscription, paused=False, since=since, next_at=next_at, pauses=pauses)

    async def rest(self, subscription: Subscription, trouble: str, until: datetime) -> None:
        """Note why its digest could not be made, and look at it again then. One that has moved on meanwhile goes on."""
        asked = _update(subscription).where(subscriptions.c.next_at.is_not_distinct_from(subscription.next_at))
        async with self._database.write() as connection:
            await connection.execute(asked.values(trouble=trouble, next_at=until))

    async def astray(self, now: datetime) -> list[Subscription]:
        """Subscriptions whose next digest is so far ahead that no schedule can have put it there."""
        return await self._found(subscriptions.c.next_at > now + LONGEST_WAY)

    async def in_doubt(self, now: datetime) -> list[Subscription]:
        """All that a clock which was set back may have left astray: digests, and what begins in the future."""
        is_digest = subscriptions.c.when != When.INSTANT
        return await self._found(~subscriptions.c.paused & (is_digest | (subscriptions.c.since > now)))

    async def set_right(self, found: Sequence[Subscription], now: datetime) -> int:
        """Let digests come when their timetables say so from now on. Returns how many were astray.

        A clock that ran ahead for a while leaves moments behind that are years away, as the next slot and as the last
        one; a next slot may be missing, too.
        """
        sound = [(each, _sound(each, now), _next(each, now)) for each in found]
        moved = [(each, since, at) for each, since, at in sound if (each.since, each.next_at) != (since, at)]
        async with self._database.write() as connection:
            for each, since, next_at in moved:
                here = _update(each).where(subscriptions.c.next_at.is_not_distinct_from(each.next_at))
                await connection.execute(here.values(since=since, next_at=next_at))
        return len(moved)

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

    async def resting(self) -> list[Subscription]:
        """Those that cannot be planned: what stands in their rows, or why the last try failed. Reads all of them."""
        return [each for each in await self._found(true()) if each.unusable or each.trouble]

    async def in_trouble(self) -> list[Subscription]:
        """Servers' subscriptions whose last digest could not be made."""
        return await self._found(subscriptions.c.trouble.is_not(None) & subscriptions.c.user_id.is_(None))

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
            return zone if is_known_zone(zone) else None

    async def set_timezone(self, guild_id: int, timezone: str) -> None:
        values = {"timezone": timezone}
        row = upsert(guild_settings).values(guild_id=guild_id, **values)
        async with self._database.write() as connection:
            await connection.execute(row.on_conflict_do_update(index_elements=["guild_id"], set_=values))


async def begin_anew(connection: AsyncConnection, ids: Sequence[int], now: datetime) -> None:
    """Let subscriptions count from now on, as if they had just been made."""
    rows = (await connection.execute(select(subscriptions).where(subscriptions.c.id.in_(ids)))).mappings().all()
    for row in rows:
        wish, unusable = parsed_wish(row)
        since, next_at = (now, now) if unusable else first_turn(wish, now)
        values = {"since": since, "next_at": None if row["paused"] else next_at}
        await connection.execute(update(subscriptions).where(subscriptions.c.id == row["id"]).values(values))


async def end(connection: AsyncConnection, chosen: ColumnElement[bool]) -> bool:
    """End one subscription, within a transaction, as `Subscriptions.remove` does."""
    asked = select(subscriptions.c.id, subscriptions.c.guild_id, subscriptions.c.channel_id).where(chosen)
    row = (await connection.execute(asked)).first()
    if row is None:
        return False
    subscription_id, guild_id, channel_id = row
    mine = (deliveries.c.subscription_id == subscription_id) & deliveries.c.message_id.is_(None)
    card_ids = await _undelivered(connection, subscription_id, mine)
    await connection.execute(delete(subscriptions).where(subscriptions.c.id == subscription_id))
    # What is under way may have arrived: it is looked for, and deleted. Others may bring its cards meanwhile.
    under_way = mine & (deliveries.c.progress == Progress.SENDING)
    freed = delivery_cards.c.delivery_id.in_(select(deliveries.c.id).where(under_way))
    await connection.execute(delete(delivery_cards).where(freed))
    await connection.execute(update(deliveries).where(under_way).values(wanted=None))
    await connection.execute(delete(deliveries).where(mine, ~under_way))
    await _leave_to_others(connection, guild_id, channel_id, card_ids)
    return True


async def _undelivered(connection: AsyncConnection, subscription_id: int, mine: ColumnElement[bool]) -> list[int]:
    """Cards that a subscription was to bring, and has not brought."""
    planned = select(delivery_cards.c.card_id).join(deliveries, deliveries.c.id == delivery_cards.c.delivery_id)
    put_off = select(deferred.c.card_id).where(deferred.c.subscription_id == subscription_id)
    return list((await connection.execute(union(planned.where(mine), put_off))).scalars())


async def _leave_to_others(
    connection: AsyncConnection, guild_id: int, channel_id: int, card_ids: Sequence[int]
) -> None:
    """Cards that one subscription of a channel brings no more are new to the channel's others, if they match.

    Its digests look back that far: what they have brought, they do not bring again.
    """
    here = subscriptions.c.channel_id == channel_id
    if not card_ids or (await connection.execute(select(subscriptions.c.id).where(here).limit(1))).first() is None:
        return
    seen, decided = func.min(cards.c.visible_at), func.min(decisions.c.decided_at)
    moments: list[datetime | None] = []
    for some in some_of(card_ids):
        await connection.execute(update(cards).where(cards.c.id.in_(some)).values(unplanned=True))
        by_hand = (decisions.c.guild_id == guild_id) & decisions.c.card_id.in_(some)
        moments += (await connection.execute(select(seen).where(cards.c.id.in_(some)))).scalars()
        moments += (await connection.execute(select(decided).where(by_hand))).scalars()
    if earliest := min((each for each in moments if each), default=None):
        since = earliest - timedelta(microseconds=1)
        digests = here & (subscriptions.c.when != When.INSTANT) & (subscriptions.c.since > since)
        await connection.execute(update(subscriptions).where(digests).values(since=since))


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
    own = (
        "id", "guild_id", "channel_id", "created_by", "created_at", "forum", "paused", "since", "next_at", "user_id",
        "trouble",
    )  # fmt: skip
    wish, unusable = parsed_wish(row, tuple(topic_names))
    return Subscription(
        wish=wish,
        language=language,
        unusable=unusable,
        pauses=parsed_pauses(row["pauses"]),
        **{name: row[name] for name in own},
    )


def _next(subscription: Subscription, now: datetime) -> datetime | None:
    """When its next digest is due: what is due by now is left to the planner. One that rests is looked at now."""
    if subscription.unusable:
        return min(subscription.next_at or now, now)
    table = timetable(subscription.wish)
    following = table.following(now) if table else None
    return min(subscription.next_at or following.at, following.at) if following else None


def _sound(subscription: Subscription, now: datetime) -> datetime:
    """Its last slot; where that lies in the future, the moment to which the next digest looks back."""
    if subscription.since <= now or subscription.unusable:
        return subscription.since
    table = timetable(subscription.wish)
    return table.looks_back(now) if table else now


def _unsent(subscription: Subscription) -> ColumnElement[bool]:
    """Its messages that were planned and have not been sent."""
    mine = (deliveries.c.subscription_id == subscription.id) & deliveries.c.message_id.is_(None)
    return mine & (deliveries.c.progress == Progress.WAITING)


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
