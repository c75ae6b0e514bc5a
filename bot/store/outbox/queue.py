"""Deliveries: desired and actual state of each message. The planner writes desired state, the courier applies it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Any, Unpack

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    Select,
    Subquery,
    bindparam,
    case,
    func,
    literal,
    select,
    type_coerce,
    update,
)

from bot.domain.backoff import MAX_PROBE_DELAY, MAX_RETRY_DELAY
from bot.domain.delivery import CardRevision, ContentKind, CrosspostState, Delivery, DeliveryStatus, ThreadState
from bot.domain.subscription import Layout
from bot.store.column_parsers import UNUSABLE
from bot.store.database import Database
from bot.store.outbox.channel_leases import AT_A_TIME, LEASE_DURATION, MAX_CHANNELS, ChannelLeases, leased_by_another
from bot.store.outbox.contents import fetch_shown
from bot.store.outbox.write_batcher import COLUMNS, DuePolicy, ResultFields, WriteBatcher
from bot.store.subscriptions.option_columns import parse_message_options
from bot.store.tables import (
    channel_leases,
    circuits,
    deliveries,
)

__all__ = ["AT_ONCE", "LEASE_DURATION", "DeliveryQueue", "PendingWrite", "QueueState", "delivery_from_row"]

_log = logging.getLogger(__name__)
_IN_ORDER = (deliveries.c.sort_key, deliveries.c.id)
AT_ONCE, MAX_FETCHED = 50, 5000
"""Maximum deliveries fetched at once, per channel and in total."""
_IS_DUE = deliveries.c.due_at.is_not(None)
_IS_THERE = deliveries.c.message_id.is_not(None)
_NOW = bindparam("now", type_=deliveries.c.due_at.type)


def _blocked_channels() -> Subquery:
    """Select channels whose oldest unsent post waits for a retry, with that post's `sort_key`."""
    waits = _IS_DUE & (deliveries.c.due_at > _NOW) & ~_IS_THERE & (deliveries.c.attempts > 0)
    oldest = select(deliveries.c.channel_id, func.min(deliveries.c.sort_key).label("sort_key")).where(waits)
    return oldest.group_by(deliveries.c.channel_id).subquery()


def _due_deliveries(condition: ColumnElement[bool]) -> Subquery:
    """Select due deliveries, numbered per channel; without those held back by a retry or an open circuit."""
    held = _blocked_channels()
    closed = select(circuits.c.channel_id).where(circuits.c.probe_at > _NOW)
    # Posts stay in order, so nothing younger overtakes one that waits; edits and retractions need no order.
    free = _IS_THERE | held.c.sort_key.is_(None) | (deliveries.c.sort_key < held.c.sort_key)
    place = func.row_number().over(partition_by=deliveries.c.channel_id, order_by=_IN_ORDER).label("place")
    joined = deliveries.outerjoin(held, held.c.channel_id == deliveries.c.channel_id)
    due = _IS_DUE & (deliveries.c.due_at <= _NOW) & deliveries.c.channel_id.not_in(closed)
    return select(*COLUMNS, place).select_from(joined).where(due, free, condition).subquery()


def _work_query(condition: ColumnElement[bool]) -> Select[Any]:
    """Select the first `AT_ONCE` deliveries of each channel."""
    waiting = _due_deliveries(condition)
    # By place, not by channel: at the limit every channel gets its oldest before one gets many.
    return select(waiting).where(waiting.c.place <= AT_ONCE).order_by(waiting.c.place).limit(MAX_FETCHED)


def _unleased_query() -> Select[Any]:
    """Select channels with work that no other courier serves, longest waiting first."""
    waiting = _due_deliveries(_UNSERVED & ~leased_by_another(deliveries.c.channel_id))
    return (
        select(waiting.c.channel_id).where(waiting.c.place == 1).order_by(waiting.c.planned_at).limit(bindparam("most"))
    )


def _next_due_query(*, shared: bool) -> Select[Any]:
    """Select the next due time. In a shared store, another courier's channel is due when its lease expires."""
    held = _blocked_channels()
    moment = _later_of(deliveries.c.due_at, circuits.c.probe_at)
    joined = deliveries.outerjoin(circuits, circuits.c.channel_id == deliveries.c.channel_id)
    joined = joined.outerjoin(held, held.c.channel_id == deliveries.c.channel_id)
    if shared:
        others = channel_leases.c.owner != bindparam("courier")
        joined = joined.outerjoin(channel_leases, (channel_leases.c.channel_id == deliveries.c.channel_id) & others)
        moment = _later_of(moment, type_coerce(channel_leases.c.expires_at, deliveries.c.due_at.type))
    # Here the waiting post itself counts, too (<=): its retry is what the channel waits for.
    free = _IS_THERE | held.c.sort_key.is_(None) | (deliveries.c.sort_key <= held.c.sort_key)
    return select(func.min(moment)).select_from(joined).where(_IS_DUE, free, _UNSERVED)


def _later_of(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    """The later of two times in SQL; the second may be NULL."""
    return case((other > one, other), else_=one)


# Built once: constructing a statement of this size takes longer than running it.
_UNSERVED = deliveries.c.channel_id.not_in(bindparam("serving", expanding=True))
_WORK = _work_query(_UNSERVED)
_WORK_OF = _work_query(deliveries.c.channel_id.in_(bindparam("channels", expanding=True)))
_UNLEASED = _unleased_query()
_NEXT_DUE, _NEXT_DUE_SHARED = _next_due_query(shared=False), _next_due_query(shared=True)
PendingWrite = asyncio.Future[None]
"""Done when a delivery's result is committed. The next delivery need not wait for it."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """Number of waiting deliveries, planning time of the oldest, number quarantined, and the last errors by channel."""

    waiting: int
    oldest: datetime | None
    quarantined: int
    errors: tuple[tuple[int, str], ...]


class DeliveryQueue:
    """The delivery queue."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._leases = ChannelLeases() if database.is_shared else None
        self._batcher = WriteBatcher(database, self._leases)

    async def next_due_at(self, now: datetime, serving: Collection[int] = ()) -> datetime | None:
        """Return when the next delivery is due in a channel not in `serving`; None if there is none.

        Takes open circuits (next probe) and other couriers' leases into account. None if the store is shared and this
        courier serves `MAX_CHANNELS` channels.
        """
        query, values = _NEXT_DUE, {"now": now, "serving": list(serving)}
        if self._leases:
            if len(serving) >= MAX_CHANNELS:
                return None
            query, values = _NEXT_DUE_SHARED, {**values, "courier": self._leases.owner}
        async with self._database.begin_autocommit() as connection:
            value: datetime | None = (await connection.execute(query, values)).scalar_one()
            return value

    async def queue_state(self) -> QueueState:
        """Return statistics of the queue."""
        due, quarantined = deliveries.c.due_at.is_not(None), deliveries.c.status == DeliveryStatus.QUARANTINED
        counts = select(
            func.count().filter(due), func.min(deliveries.c.planned_at).filter(due), func.count().filter(quarantined)
        )
        errors = (
            select(deliveries.c.channel_id, deliveries.c.last_error)
            .where(deliveries.c.last_error.is_not(None))
            .order_by(deliveries.c.id.desc())
            .limit(5)
        )
        async with self._database.begin_read() as connection:
            waiting, oldest, set_aside = (await connection.execute(counts.select_from(deliveries))).one()
            rows = tuple((channel_id, text) for channel_id, text in await connection.execute(errors))
        return QueueState(waiting, oldest, set_aside, rows)

    async def fetch_due(self, now: datetime, serving: Collection[int] = ()) -> tuple[dict[int, list[Delivery]], bool]:
        """Return the next due deliveries by channel, oldest card first, and whether there may be more.

        A post that waits for a retry holds back the channel's younger ones. Channels with an open circuit, and those in
        `serving`, are skipped. In a shared store the channels are leased by this courier: renew with `renew_leases`,
        release with `release_lease`.
        """
        if self._leases:
            return await self._fetch_leased(self._leases, now, serving)
        found, number = await self._fetch_rows(_WORK, {"now": now, "serving": list(serving)})
        return found, number == MAX_FETCHED  # a full page: the limit may have cut something off

    async def _fetch_leased(
        self, leases: ChannelLeases, now: datetime, serving: Collection[int]
    ) -> tuple[dict[int, list[Delivery]], bool]:
        """Lease channels, then query their deliveries: another courier may have handled them until then."""
        most = min(MAX_CHANNELS - len(serving), AT_A_TIME)
        parameters = {"now": now, "serving": list(serving), "courier": leases.owner, "most": most}
        if most <= 0:
            return {}, False
        async with self._database.begin_autocommit() as connection:
            free = list((await connection.execute(_UNLEASED, parameters)).scalars())
        if not free:
            return {}, False
        leased = await self._database.write_shared(partial(leases.acquire_leases, channels=free))
        # Only after the lease: what was read before it may have been sent by the courier that held the channel.
        found, _ = await self._fetch_rows(_WORK_OF, {"now": now, "channels": leased})
        await asyncio.gather(*(self._batcher.release_lease(channel) for channel in leased if channel not in found))
        return found, len(free) == most

    async def fetch_due_for(self, channel_id: int, now: datetime) -> list[Delivery]:
        """Return one channel's next due deliveries, as `fetch_due` does; none if another courier has leased it."""
        channels = [channel_id]
        if self._leases:
            channels = await self._database.write_shared(partial(self._leases.acquire_leases, channels=channels))
        found, _ = await self._fetch_rows(_WORK_OF, {"now": now, "channels": channels})
        return found.get(channel_id, [])

    async def _fetch_rows(self, query: Select[Any], values: dict[str, Any]) -> tuple[dict[int, list[Delivery]], int]:
        """Return deliveries by channel, and the number of rows."""
        async with self._database.begin_read() as connection:
            rows = (await connection.execute(query, values)).mappings().all()
            # Of the same snapshot as the hashes, so that what is posted is what is recorded as delivered.
            shown = await fetch_shown(connection, [row["id"] for row in rows])
        result: dict[int, list[Delivery]] = {}
        unreadable: list[int] = []
        for delivery in readable_deliveries(rows, shown, unreadable):
            result.setdefault(delivery.channel_id, []).append(delivery)
        if unreadable:
            await self._quarantine_rows(unreadable)
        return result, len(rows)

    async def _quarantine_rows(self, ids: Sequence[int]) -> None:
        """Quarantine unreadable rows, so that they do not block the queue, until their cards change."""
        values = {"status": DeliveryStatus.QUARANTINED, "due_at": None, "last_error": "The row cannot be read."}
        aside = update(deliveries).where(deliveries.c.id.in_(ids)).values(values)
        await self._database.write_shared(lambda connection: connection.execute(aside))

    async def shorten_waits(self, now: datetime) -> None:
        """Cap waits at the maximum backoff, in case the clock was set back.

        Deliveries and circuits last handled in the future are due now. Deferrals by quiet hours are kept.
        """
        began_later = func.coalesce(deliveries.c.sent_at, deliveries.c.planned_at) > now
        retried = (deliveries.c.attempts > 0) | _IS_THERE | (deliveries.c.due_at <= deliveries.c.planned_at)
        at_once, in_time, at_last = (
            literal(now + wait, deliveries.c.due_at.type) for wait in (timedelta(0), MAX_RETRY_DELAY, MAX_PROBE_DELAY)
        )
        soon = case((began_later, at_once), else_=in_time)
        probe = case((circuits.c.opened_at > now, at_once), else_=at_last)
        async with self._database.begin_write() as connection:
            late = (_IS_DUE, deliveries.c.due_at > now + MAX_RETRY_DELAY, retried)
            await connection.execute(update(deliveries).where(*late).values(due_at=soon))
            unprobed = update(circuits).where(circuits.c.probe_at > now + MAX_PROBE_DELAY)
            await connection.execute(unprobed.values(probe_at=probe))

    async def renew_leases(self, channels: Collection[int]) -> None:
        """Renew the leases on these channels. Call well before `LEASE_DURATION` is over."""
        if self._leases and channels:
            await self._database.write_shared(partial(self._leases.renew_leases, channels=channels))

    async def release_lease(self, channel_id: int) -> None:
        """Release a channel that has nothing more to do."""
        if self._leases:
            await self._batcher.release_lease(channel_id)

    async def release_all(self) -> None:
        """Release all channels, and notify other couriers."""
        if self._leases:
            async with self._database.begin_write() as connection:
                await self._leases.release_leases(connection)

    async def mark_sending(self, delivery: Delivery, now: datetime, after_id: int | None = None) -> Delivery | None:
        """Mark a post as *sending* before the call is made; the row stays so after a crash.

        `after_id` is a snowflake older than the message to be created, by Discord's clock; None if unknown. Returns the
        current delivery, or None if nothing is to be posted any more. Raises `LeaseLostError`.
        """
        return await self._batcher.mark_sending(delivery, now, after_id)

    def retry_without_images(self, delivery: Delivery) -> PendingWrite:
        """Record that Discord rejected a picture: retry at once, without pictures."""
        return self._batcher.write_status(delivery, DuePolicy.NEVER, DeliveryStatus.WAITING, without_images=True)

    def mark_refused(self, delivery: Delivery) -> PendingWrite:
        """Record that the channel is closed: the delivery stays due.

        An earlier attempt that may have arrived stays *sending*, so that recovery checks the channel before posting.
        """
        # No attempt is counted: the channel's circuit says when to try again, not the delivery's own backoff.
        return self._batcher.write_status(delivery, DuePolicy.NEVER, delivery.status, attempts=delivery.attempts)

    def mark_posted(self, delivery: Delivery, message_id: int, now: datetime) -> PendingWrite:
        """Record a post, with the content that was desired when the call was made."""
        return self._mark_settled(delivery, message_id=message_id, delivered_hash=delivery.desired_hash, settled_at=now)

    def mark_adopted(self, delivery: Delivery, message_id: int) -> PendingWrite:
        """Record a message found from an earlier attempt. Its content is unknown, so an edit follows."""
        return self._batcher.write_status(
            delivery, DuePolicy.NEVER, DeliveryStatus.WAITING, message_id=message_id, delivered_hash=None
        )

    def mark_edited(self, delivery: Delivery, now: datetime) -> PendingWrite:
        """Record an edit to the content that was desired when the call was made."""
        return self._mark_settled(delivery, delivered_hash=delivery.desired_hash, settled_at=now)

    def mark_retracted(self, delivery: Delivery, now: datetime) -> PendingWrite:
        """Record that the message was deleted by the bot."""
        return self._mark_settled(delivery, message_id=None, delivered_hash=None, settled_at=now)

    def mark_unneeded(self, delivery: Delivery) -> PendingWrite:
        """Record that there is nothing to do: an edit was reverted, or a post cancelled before it was sent."""
        progress = DeliveryStatus.WAITING if delivery.message_id is None else DeliveryStatus.SETTLED
        return self._batcher.write_status(delivery, DuePolicy.UNCHANGED, progress)

    def mark_removed(self, delivery: Delivery, now: datetime) -> PendingWrite:
        """Record that someone deleted the message in Discord: it is never posted again, even if its card changes."""
        return self._batcher.write_status(
            delivery, DuePolicy.ALWAYS, DeliveryStatus.REMOVED, message_id=None, delivered_hash=None, settled_at=now
        )

    def mark_quarantined(self, delivery: Delivery, error: str) -> PendingWrite:
        """Record that Discord rejected the content: no retry until the card changes."""
        return self._batcher.write_status(delivery, DuePolicy.UNCHANGED, DeliveryStatus.QUARANTINED, last_error=error)

    def mark_failed(self, delivery: Delivery, error: str, retry_at: datetime) -> PendingWrite:
        """Record a failure, to be retried at `retry_at`.

        A post that may have arrived stays *sending*, so that recovery checks the channel before posting again.
        """
        arrived = delivery.message_id is not None
        progress = DeliveryStatus.WAITING if arrived else DeliveryStatus.SENDING
        return self._batcher.write_status(
            delivery,
            DuePolicy.ALWAYS,
            progress,
            attempts=delivery.attempts + 1,
            last_error=error,
            due_at=retry_at,
        )

    def _mark_settled(self, delivery: Delivery, **changes: Unpack[ResultFields]) -> PendingWrite:
        return self._batcher.write_status(delivery, DuePolicy.UNCHANGED, DeliveryStatus.SETTLED, **changes)


def delivery_from_row(row: RowMapping, cards: tuple[CardRevision, ...] = ()) -> Delivery:
    """Build a delivery from a row of `COLUMNS` and its cards. Raises one of `UNUSABLE` if the row is invalid."""
    values = {column.name: row[column.name] for column in COLUMNS}
    values["desired_kind"] = ContentKind(row["desired_kind"]) if row["desired_kind"] is not None else None
    values["status"] = DeliveryStatus(row["status"])
    values["layout"] = Layout(row["layout"])
    values["heading"] = row["heading"] or ""
    values["crosspost"] = CrosspostState(row["crosspost"]) if row["crosspost"] else None
    values["thread"] = ThreadState(row["thread"]) if row["thread"] else None
    values["options"] = parse_message_options(row["options"])
    if not all(type(row[name]) is int for name in ("channel_id", "guild_id", "attempts")):
        raise TypeError("no number")
    return Delivery(**values, cards=cards)


def readable_deliveries(
    rows: Iterable[RowMapping],
    shown: Mapping[int, tuple[CardRevision, ...]] = MappingProxyType({}),
    unreadable: list[int] | None = None,
) -> Iterator[Delivery]:
    """Yield the valid deliveries with the cards that they show; IDs of invalid rows are appended to `unreadable`."""
    for row in rows:
        try:
            yield delivery_from_row(row, shown.get(row["id"], ()))
        except UNUSABLE as error:
            _log.error("Skipping unreadable delivery %s: %s", row["id"], error)
            if unreadable is not None:
                unreadable.append(row["id"])
