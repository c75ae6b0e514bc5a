"""Store digest messages and advance their subscriptions in one transaction; explain why cards were chosen."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, bindparam, exists, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.desk.delivery import EMPTY, Content, Crosspost, Progress, contents, written
from bot.desk.digest import Chosen, Why
from bot.desk.subscription import Layout, Subscription
from bot.store import stories
from bot.store.bulk import PlainRow, insert_plain
from bot.store.database import Database
from bot.store.quiet import quiet_until
from bot.store.records import FiledCard, filed, filed_columns, timeline
from bot.store.tables import cards, deferred, deliveries, delivery_cards, quiet_hours, subscriptions
from bot.store.visibility import visible


@dataclass(frozen=True, slots=True)
class NewMessage:
    """One message of a digest, identified by subscription, `slot` and `part`, so that it is created only once.

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
    """The output of one tick: messages, and the new state of their subscriptions."""

    messages: list[NewMessage] = field(default_factory=list)
    turned: list[tuple[Subscription, datetime, datetime | None]] = field(default_factory=list)
    """Subscriptions with their new `since` and `next_at`."""
    released: Collection[Deferral] = ()
    """Deferrals to delete."""
    merged: dict[int, list[int]] = field(default_factory=dict)
    """By subscription: IDs of its earlier unsent messages that the new ones replace."""


@dataclass(frozen=True, slots=True)
class Filed:
    """The messages of an edition that were stored, and the channels in quiet hours with their end."""

    messages: tuple[NewMessage, ...]
    quiet_until: Mapping[int, datetime]


Deferral = tuple[int, int]
"""(channel ID, card ID) of a card deferred by quiet hours."""


@dataclass(frozen=True, slots=True)
class Deferred:
    """Cards deferred by quiet hours: those to post now, by channel, oldest first, and all deferrals to delete."""

    waiting: dict[int, list[Waiting]]
    released: dict[Deferral, None]


@dataclass(frozen=True, slots=True)
class Overdue:
    """A due, unsent message of a digest, with the desired content of its cards."""

    delivery_id: int
    planned_at: datetime
    cards: tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A story to be combined with others after quiet hours or an outage.

    `delivery_id` is the message already planned for it, 0 if there is none.
    """

    subscription_id: int
    story_id: int
    since: datetime
    card: FiledCard
    delivery_id: int = 0


class Digests:
    """Storage of digests."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def file(self, edition: Edition, now: datetime) -> Filed:
        """Store an edition in one transaction.

        Subscriptions whose `next_at` has changed since it was read are skipped, with their messages. A slot that has
        messages already (from another time zone, or a clock that ran ahead) is not filled again: its cards wait for the
        next slot.
        """
        async with self._database.write() as connection:
            filled = await _filled(connection, edition)
            full = {subscription_id for subscription_id, _ in filled}
            held_up = await _merge(connection, {id_: ids for id_, ids in edition.merged.items() if id_ not in full})
            kept = await _turn(connection, edition, full, held_up)
            messages = [
                each
                for each in edition.messages
                if each.subscription.id in kept and (each.subscription.id, each.slot) not in filled
            ]
            quiet = await _add(connection, messages, now)
            for channel_id, card_id in edition.released:
                here = (deferred.c.channel_id == channel_id) & (deferred.c.card_id == card_id)
                await connection.execute(deferred.delete().where(here))
            return Filed(tuple(messages), quiet)

    async def overdue(self, channel_ids: Collection[int], now: datetime) -> dict[int, list[Overdue]]:
        """Return the due, unsent digests for these channels by subscription, oldest first."""
        asked = (
            select(deliveries.c.id, deliveries.c.subscription_id, deliveries.c.planned_at, deliveries.c.wanted)
            .where(_overdue(), deliveries.c.channel_id.in_(channel_ids), deliveries.c.due_at <= now)
            .order_by(deliveries.c.timeline, deliveries.c.id)
        )
        async with self._database.glance() as connection:
            rows = (await connection.execute(asked)).all()
        found: dict[int, list[Overdue]] = {}
        for id_, subscription_id, planned_at, wanted in rows:
            found.setdefault(subscription_id, []).append(Overdue(id_, planned_at, contents(wanted)))
        return found

    async def deferred(self, now: datetime) -> Deferred:
        """Return the deferred cards whose channels are no longer quiet and whose subscriptions are not paused.

        Cards that the server no longer sees, and stories that the channel has received meanwhile, are released without
        being posted.
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
            select(
                deferred.c.channel_id,
                deferred.c.subscription_id,
                story.label("story_id"),
                (visible(subscriptions.c.guild_id) & ~exists(told)).label("comes"),
                *filed_columns(0),
            )
            .join(cards, cards.c.id == deferred.c.card_id)
            .join(subscriptions, subscriptions.c.id == deferred.c.subscription_id)
            .where(released())
            .order_by(cards.c.timeline, deferred.c.subscription_id)
        )
        found = Deferred({}, {})
        async with self._database.read() as connection:
            for row in (await connection.execute(asked)).mappings():
                place = (row["channel_id"], row["id"])
                if place not in found.released and row["comes"]:
                    waiting = Waiting(row["subscription_id"], row["story_id"], now, filed(row))
                    found.waiting.setdefault(row["channel_id"], []).append(waiting)
                found.released[place] = None
        return found

    async def never_sent(self, channel_id: int) -> list[Waiting]:
        """Return the unsent single-story messages of a channel, oldest first."""
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
        """Replace unsent single-story messages with these. Return False, changing nothing, if one is gone or sent."""
        async with self._database.write() as connection:
            ids = [each.delivery_id for each in waiting]
            mine = deliveries.c.id.in_(ids) & _never_sent(messages[0].subscription.channel_id)
            if (await connection.execute(select(func.count()).where(mine))).scalar_one() != len(ids):
                return False
            await connection.execute(deliveries.delete().where(mine))
            await _add(connection, messages, now)
            return True

    async def whys(self, delivery_id: int, guild_id: int) -> list[tuple[FiledCard, Why | None]]:
        """Return the still visible cards of a server's digest, in order, and why each was chosen."""
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
        """Return when a channel received a card, and why a digest chose it; None if it has not received it."""
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


def _overdue() -> ColumnElement[bool]:
    """SQL condition: a digest message that is due and not in its channel yet."""
    return (
        deliveries.c.due_at.is_not(None)
        & (deliveries.c.progress == Progress.WAITING)
        & deliveries.c.message_id.is_(None)
        & deliveries.c.wanted.is_not(None)
        & deliveries.c.slot.is_not(None)
    )


def released() -> ColumnElement[bool]:
    """SQL condition: the deferred card's channel is not quiet and its subscription not paused."""
    quiet = exists().where(quiet_hours.c.channel_id == deferred.c.channel_id, quiet_hours.c.is_quiet)
    return ~subscriptions.c.paused & ~quiet


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


async def _filled(connection: AsyncConnection, edition: Edition) -> set[tuple[int, str]]:
    """Return the slots that have messages already, not counting those about to be replaced."""
    if not edition.messages:
        return set()
    of_these = [
        deliveries.c.subscription_id.in_({message.subscription.id for message in edition.messages}),
        deliveries.c.slot.in_({message.slot for message in edition.messages}),
    ]
    merged = {id_ for ids in edition.merged.values() for id_ in ids}
    asked = select(deliveries.c.id, deliveries.c.subscription_id, deliveries.c.slot).where(*of_these)
    return {
        (subscription_id, slot) for id_, subscription_id, slot in await connection.execute(asked) if id_ not in merged
    }


async def _merge(connection: AsyncConnection, merged: Mapping[int, Sequence[int]]) -> set[int]:
    """Delete replaced messages. Return the subscriptions skipped because one of theirs has been sent meanwhile."""
    if not merged:
        return set()
    asked = select(deliveries.c.id).where(
        deliveries.c.id.in_([id_ for ids in merged.values() for id_ in ids]), _overdue()
    )
    waiting = set((await connection.execute(asked)).scalars())
    gone = {subscription_id for subscription_id, ids in merged.items() if not waiting.issuperset(ids)}
    dropped = [id_ for subscription_id, ids in merged.items() if subscription_id not in gone for id_ in ids]
    await connection.execute(deliveries.delete().where(deliveries.c.id.in_(dropped)))
    return gone


async def _turn(
    connection: AsyncConnection, edition: Edition, filled: Collection[int], held_up: Collection[int]
) -> set[int]:
    """Advance the subscriptions whose `next_at` is unchanged since it was read.

    Return their IDs, and those of subscriptions that have messages in the edition but are not advanced by it.
    Subscriptions whose slot is `filled` keep their `since`, so that waiting cards stay new for the next slot.
    """
    waiting = {each.id: each for each, _, _ in edition.turned if each.id not in held_up}
    now_at = select(subscriptions.c.id, subscriptions.c.next_at).where(subscriptions.c.id.in_(waiting))
    rows = (await connection.execute(now_at)).all()
    moved = {subscription_id for subscription_id, next_at in rows if waiting[subscription_id].next_at == next_at}
    turned = [each for each in edition.turned if each[0].id in moved]
    values = [
        {"the_id": each.id, "new_since": each.since if each.id in filled else since, "new_next_at": next_at}
        for each, since, next_at in turned
    ]
    if values:
        await connection.execute(_TURN, values)
    if over := [each.id for each, _, _ in turned if each.trouble or (each.pauses and each.id not in filled)]:
        well = update(subscriptions).where(subscriptions.c.id.in_(over)).values(trouble=None, pauses=[])
        await connection.execute(well)
    others = {message.subscription.id for message in edition.messages}
    return moved | (others - waiting.keys() - set(held_up))


_TURN = (
    update(subscriptions)
    .where(subscriptions.c.id == bindparam("the_id"))
    .values(
        since=bindparam("new_since", type_=subscriptions.c.since.type),
        next_at=bindparam("new_next_at", type_=subscriptions.c.next_at.type),
    )
)


async def _add(connection: AsyncConnection, messages: Sequence[NewMessage], now: datetime) -> dict[int, datetime]:
    """Insert messages. Return the channels where they wait for quiet hours to end, with the end."""
    if not messages:
        return {}
    quiet = await quiet_until(connection, {message.subscription.channel_id for message in messages}, now)
    rows = [_message_row(message, now, quiet.get(message.subscription.channel_id)) for message in messages]
    await connection.execute(insert(deliveries), rows)
    ids = await _ids(connection, rows)
    card_rows = [
        row
        for message in messages
        for row in _card_rows(message, ids[message.subscription.id, message.slot, message.part])
    ]
    await insert_plain(connection, delivery_cards, card_rows)
    return quiet


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
    """Return the IDs of messages by (subscription, slot, part).

    Selected afterwards, because INSERT … RETURNING is one statement per row on SQLite.
    """
    of_these = [deliveries.c[name].in_({row[name] for row in rows}) for name in ("subscription_id", "slot")]
    asked = select(deliveries.c.subscription_id, deliveries.c.slot, deliveries.c.part, deliveries.c.id).where(*of_these)
    return {(subscription, slot, part): id_ for subscription, slot, part, id_ in await connection.execute(asked)}


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
