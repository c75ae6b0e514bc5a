"""Digests as messages: filed together with where their subscriptions stand then, gathered, and explained."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, bindparam, exists, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.desk.delivery import EMPTY, Crosspost, Progress, written
from bot.desk.digest import Chosen, Why
from bot.desk.subscription import Layout, Subscription
from bot.store import stories
from bot.store.bulk import PlainRow, insert_plain
from bot.store.database import Database
from bot.store.records import FiledCard, filed, filed_columns, timeline
from bot.store.tables import cards, deferred, deliveries, delivery_cards, quiet_hours, subscriptions
from bot.store.visibility import visible


@dataclass(frozen=True, slots=True)
class NewMessage:
    """One message of a digest. `slot` and `part` name it within its subscription: it is made once.

    Without `cards` it says that there is nothing new.
    """

    subscription: Subscription
    slot: str
    part: int
    at: datetime
    heading: str
    layout: Layout
    cards: Sequence[Chosen]


@dataclass(slots=True)
class Edition:
    """All that one tick made: messages, and where their subscriptions stand afterwards."""

    messages: list[NewMessage] = field(default_factory=list)
    turned: list[tuple[Subscription, datetime, datetime | None]] = field(default_factory=list)
    """Subscriptions with their new `since` and `next_at`."""
    released: list[int] = field(default_factory=list)
    """Channels for which nothing waits for the end of quiet hours any more."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A story that waits to come together with others: for the end of quiet hours, or of an outage.

    `delivery_id` is that of the message that was planned for it, if there is one.
    """

    subscription_id: int
    story_id: int
    since: datetime
    card: FiledCard
    delivery_id: int = 0


class Digests:
    """The digests' side of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def file(self, edition: Edition, now: datetime) -> int:
        """Write an edition in one transaction. Returns the number of messages that are new.

        A subscription whose `next_at` is not the one that was read any more is left as it is, with its messages.
        """
        async with self._database.write() as connection:
            kept = await _turn(connection, edition)
            messages = [each for each in edition.messages if each.subscription.id in kept]
            await _add(connection, messages, now)
            if edition.released:
                await connection.execute(deferred.delete().where(deferred.c.channel_id.in_(edition.released)))
            return len(messages)

    async def deferred(self, channel_ids: Collection[int], now: datetime) -> dict[int, list[Waiting]]:
        """Cards that waited for the end of quiet hours, by channel, oldest first.

        What the server does not see any more is left out, and stories that the channel has had meanwhile.
        """
        story = stories.story_of(cards)
        other = cards.alias("other")
        told = (
            select(literal(1))
            .select_from(delivery_cards.join(other, other.c.id == delivery_cards.c.card_id))
            .where(delivery_cards.c.channel_id == deferred.c.channel_id)
            .where(stories.story_of(other) == story)
        )
        asked = (
            select(deferred.c.channel_id, deferred.c.subscription_id, story.label("story_id"), *filed_columns(0))
            .join(cards, cards.c.id == deferred.c.card_id)
            .join(subscriptions, subscriptions.c.id == deferred.c.subscription_id)
            .where(deferred.c.channel_id.in_(channel_ids), visible(subscriptions.c.guild_id), ~exists(told))
            .order_by(cards.c.timeline)
        )
        found: dict[int, list[Waiting]] = {}
        async with self._database.read() as connection:
            for row in (await connection.execute(asked)).mappings():
                waiting = Waiting(row["subscription_id"], row["story_id"], now, filed(row))
                found.setdefault(row["channel_id"], []).append(waiting)
        return found

    async def never_sent(self, channel_id: int) -> list[Waiting]:
        """Single stories that wait for a channel and were never sent, oldest first."""
        story = stories.story_of(cards).label("story_id")
        asked = (
            select(
                deliveries.c.id.label("delivery_id"),
                deliveries.c.subscription_id,
                deliveries.c.planned_at,
                story,
                *filed_columns(0),
            )
            .join(delivery_cards, delivery_cards.c.delivery_id == deliveries.c.id)
            .join(cards, cards.c.id == delivery_cards.c.card_id)
            .where(_never_sent(channel_id), delivery_cards.c.place == 0)
            .order_by(deliveries.c.timeline, deliveries.c.id)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(asked)).mappings()
            return [
                Waiting(row["subscription_id"], row["story_id"], row["planned_at"], filed(row), row["delivery_id"])
                for row in rows
            ]

    async def gather(self, waiting: Sequence[Waiting], messages: Sequence[NewMessage], now: datetime) -> bool:
        """Let these messages take the place of single stories that were never sent. False when one of them has gone."""
        async with self._database.write() as connection:
            ids = [each.delivery_id for each in waiting]
            mine = deliveries.c.id.in_(ids) & _never_sent(messages[0].subscription.channel_id)
            if (await connection.execute(select(func.count()).where(mine))).scalar_one() != len(ids):
                return False
            await connection.execute(deliveries.delete().where(mine))
            await _add(connection, messages, now)
            return True

    async def whys(self, delivery_id: int, guild_id: int) -> list[tuple[FiledCard, Why | None]]:
        """The cards of one of a server's digests that it still sees, in order, and why each was chosen."""
        asked = (
            select(*_WHY, *filed_columns(guild_id))
            .join(cards, cards.c.id == delivery_cards.c.card_id)
            .join(deliveries, deliveries.c.id == delivery_cards.c.delivery_id)
            .where(deliveries.c.id == delivery_id, deliveries.c.guild_id == guild_id)
            .where(delivery_cards.c.shown, visible(guild_id))
            .order_by(delivery_cards.c.place)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(asked)).mappings()
            return [(filed(row), _why(row)) for row in rows]

    async def why(self, channel_id: int, card_id: int) -> tuple[datetime, Why | None] | None:
        """When a channel got a card, and why a digest chose it; None when it has not got it."""
        asked = (
            select(func.coalesce(deliveries.c.settled_at, deliveries.c.planned_at).label("at"), *_WHY)
            .join(deliveries, deliveries.c.id == delivery_cards.c.delivery_id)
            .where(delivery_cards.c.channel_id == channel_id, delivery_cards.c.card_id == card_id)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(asked)).mappings().one_or_none()
        return (row["at"], _why(row)) if row else None


_WHY = tuple(delivery_cards.c[name].label(f"why_{name}") for name in ("rank", "heat", "quality", "hours"))


def _why(row: RowMapping) -> Why | None:
    place = row["why_rank"]
    return Why(place, row["why_heat"], row["why_quality"], row["why_hours"]) if place else None


def _never_sent(channel_id: int) -> ColumnElement[bool]:
    return (
        (deliveries.c.channel_id == channel_id)
        & deliveries.c.due_at.is_not(None)
        & (deliveries.c.progress == Progress.WAITING)
        & deliveries.c.sent_at.is_(None)
        & deliveries.c.message_id.is_(None)
        & deliveries.c.wanted.is_not(None)
        & (deliveries.c.layout == Layout.CARD)
    )


async def _turn(connection: AsyncConnection, edition: Edition) -> set[int]:
    """Move the subscriptions on, each only from where it was read. Gives the ids of those that moved, and of others
    whose messages belong to no slot of theirs."""
    waiting = {subscription.id: subscription for subscription, _, _ in edition.turned}
    now_at = select(subscriptions.c.id, subscriptions.c.next_at).where(subscriptions.c.id.in_(waiting))
    rows = (await connection.execute(now_at)).all()
    moved = {subscription_id for subscription_id, next_at in rows if waiting[subscription_id].next_at == next_at}
    values = [
        {"the_id": subscription.id, "new_since": since, "new_next_at": next_at}
        for subscription, since, next_at in edition.turned
        if subscription.id in moved
    ]
    if values:
        await connection.execute(_TURN, values)
    return moved | {message.subscription.id for message in edition.messages if message.subscription.id not in waiting}


_TURN = (
    update(subscriptions)
    .where(subscriptions.c.id == bindparam("the_id"))
    .values(
        since=bindparam("new_since", type_=subscriptions.c.since.type),
        next_at=bindparam("new_next_at", type_=subscriptions.c.next_at.type),
    )
)


async def _add(connection: AsyncConnection, messages: Sequence[NewMessage], now: datetime) -> None:
    if not messages:
        return
    quiet = await _quiet_until(connection, {message.subscription.channel_id for message in messages})
    rows = [_message_row(message, now, quiet.get(message.subscription.channel_id)) for message in messages]
    await connection.execute(insert(deliveries), rows)
    ids = await _ids(connection, rows)
    card_rows = [
        row
        for message in messages
        for row in _card_rows(message, ids[message.subscription.id, message.slot, message.part])
    ]
    await insert_plain(connection, delivery_cards, card_rows)


def _card_rows(message: NewMessage, delivery_id: int) -> Iterator[PlainRow]:
    channel_id = message.subscription.channel_id
    for place, chosen in enumerate(message.cards):
        yield {
            "delivery_id": delivery_id,
            "card_id": chosen.card_id,
            "channel_id": channel_id,
            "place": place,
            "revision": chosen.revision,
            **_why_row(chosen.why),
        }


def _why_row(why: Why | None) -> dict[str, int | None]:
    if why is None:
        return _NOT_CHOSEN
    return {"rank": why.place, "heat": why.heat, "quality": why.quality, "hours": why.hours}


_NOT_CHOSEN: dict[str, int | None] = dict.fromkeys(("rank", "heat", "quality", "hours"))


async def _ids(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> dict[tuple[int, str, int], int]:
    """The ids of messages by their names. An insert that returned them would be one statement a row on SQLite."""
    of_these = [deliveries.c[name].in_({row[name] for row in rows}) for name in ("subscription_id", "slot")]
    asked = select(deliveries.c.subscription_id, deliveries.c.slot, deliveries.c.part, deliveries.c.id).where(*of_these)
    return {(subscription, slot, part): id_ for subscription, slot, part, id_ in await connection.execute(asked)}


async def _quiet_until(connection: AsyncConnection, channel_ids: Collection[int]) -> dict[int, datetime]:
    """Digests that fall into quiet hours wait for their end."""
    asked = select(quiet_hours.c.channel_id, quiet_hours.c.turns_at).where(
        quiet_hours.c.is_quiet, quiet_hours.c.channel_id.in_(channel_ids)
    )
    return dict((await connection.execute(asked)).all())


def _message_row(message: NewMessage, now: datetime, quiet_until: datetime | None) -> dict[str, Any]:
    subscription, wish = message.subscription, message.subscription.wish
    return {
        "subscription_id": subscription.id,
        "guild_id": subscription.guild_id,
        "user_id": subscription.user_id,
        "channel_id": subscription.channel_id,
        "timeline": timeline(message.at, message.part),
        "wanted": written(message.cards) or EMPTY,
        "progress": Progress.WAITING,
        "planned_at": now,
        "due_at": max(now, quiet_until) if quiet_until else now,
        "slot": message.slot,
        "part": message.part,
        "layout": message.layout,
        "heading": message.heading,
        "mention": wish.mention if message.part == 0 else None,
        "on_withdrawal": wish.on_withdrawal,
        "forum": subscription.forum,
        "crosspost": Crosspost.WANTED if wish.crosspost else None,
        "language": subscription.language,
    }
