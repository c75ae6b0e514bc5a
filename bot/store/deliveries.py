"""Deliveries: desired and actual state of each message. The planner writes desired state, the courier applies it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

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

from bot.desk.delivery import LONGEST_PROBE, LONGEST_WAIT, Crosspost, Delivery, Progress, is_readable
from bot.desk.subscription import Layout
from bot.store.claims import AT_A_TIME, HANDS, LEASE, Claims, claimed_by_another
from bot.store.database import Database
from bot.store.ledger import COLUMNS, Decides, Ledger
from bot.store.parsing import UNUSABLE, number_or_none
from bot.store.planning import follow_cards, new_deliveries
from bot.store.reviews import new_reviews
from bot.store.tables import (
    cards,
    channel_claims,
    circuits,
    deliveries,
)

__all__ = ["AT_ONCE", "LEASE", "Deliveries", "Noting", "QueueState", "delivery_of"]

_log = logging.getLogger(__name__)
_IN_ORDER = (deliveries.c.timeline, deliveries.c.id)
AT_ONCE, MOST = 50, 5000
"""Maximum deliveries fetched at once, per channel and in total."""
_IS_DUE = deliveries.c.due_at.is_not(None)
_IS_THERE = deliveries.c.message_id.is_not(None)
_NOW = bindparam("now", type_=deliveries.c.due_at.type)


def _held_back() -> Subquery:
    """Select channels whose oldest unsent post waits for a retry, with that post's `timeline`."""
    waits = _IS_DUE & (deliveries.c.due_at > _NOW) & ~_IS_THERE & (deliveries.c.attempts > 0)
    oldest = select(deliveries.c.channel_id, func.min(deliveries.c.timeline).label("timeline")).where(waits)
    return oldest.group_by(deliveries.c.channel_id).subquery()


def _waiting(asked: ColumnElement[bool]) -> Subquery:
    """Select due deliveries, numbered per channel; without those held back by a retry or an open circuit."""
    held = _held_back()
    closed = select(circuits.c.channel_id).where(circuits.c.probe_at > _NOW)
    free = _IS_THERE | held.c.timeline.is_(None) | (deliveries.c.timeline < held.c.timeline)
    place = func.row_number().over(partition_by=deliveries.c.channel_id, order_by=_IN_ORDER).label("place")
    joined = deliveries.outerjoin(held, held.c.channel_id == deliveries.c.channel_id)
    due = _IS_DUE & (deliveries.c.due_at <= _NOW) & deliveries.c.channel_id.not_in(closed)
    return select(*COLUMNS, place).select_from(joined).where(due, free, asked).subquery()


def _work(asked: ColumnElement[bool]) -> Select[Any]:
    """Select the first `AT_ONCE` deliveries of each channel."""
    waiting = _waiting(asked)
    return select(waiting).where(waiting.c.place <= AT_ONCE).order_by(waiting.c.place).limit(MOST)


def _unclaimed() -> Select[Any]:
    """Select channels with work that no other courier serves, longest waiting first."""
    waiting = _waiting(_UNSERVED & ~claimed_by_another(deliveries.c.channel_id))
    return (
        select(waiting.c.channel_id).where(waiting.c.place == 1).order_by(waiting.c.planned_at).limit(bindparam("most"))
    )


def _next_due(*, shared: bool) -> Select[Any]:
    """Select the next due time. In a shared store, another courier's channel is due when its lease expires."""
    held = _held_back()
    moment = _later(deliveries.c.due_at, circuits.c.probe_at)
    joined = deliveries.outerjoin(circuits, circuits.c.channel_id == deliveries.c.channel_id)
    joined = joined.outerjoin(held, held.c.channel_id == deliveries.c.channel_id)
    if shared:
        others = channel_claims.c.holder != bindparam("courier")
        joined = joined.outerjoin(channel_claims, (channel_claims.c.channel_id == deliveries.c.channel_id) & others)
        moment = _later(moment, type_coerce(channel_claims.c.until, deliveries.c.due_at.type))
    free = _IS_THERE | held.c.timeline.is_(None) | (deliveries.c.timeline <= held.c.timeline)
    return select(func.min(moment)).select_from(joined).where(_IS_DUE, free, _UNSERVED)


def _later(one: ColumnElement[Any], other: ColumnElement[Any]) -> ColumnElement[Any]:
    """The later of two times in SQL; the second may be NULL."""
    return case((other > one, other), else_=one)


# Built once: constructing a statement of this size takes longer than running it.
_UNSERVED = deliveries.c.channel_id.not_in(bindparam("serving", expanding=True))
_WORK = _work(_UNSERVED)
_WORK_OF = _work(deliveries.c.channel_id.in_(bindparam("channels", expanding=True)))
_UNCLAIMED = _unclaimed()
_NEXT_DUE, _NEXT_DUE_SHARED = _next_due(shared=False), _next_due(shared=True)
Noting = asyncio.Future[None]
"""Done when a delivery's result is committed. The next delivery need not wait for it."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """Number of waiting deliveries, planning time of the oldest, number quarantined, and the last errors by channel."""

    waiting: int
    oldest: datetime | None
    quarantined: int
    errors: tuple[tuple[int, str], ...]


class Deliveries:
    """The delivery queue."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._claims = Claims() if database.is_shared else None
        self._ledger = Ledger(database, self._claims)

    async def plan(self, now: datetime, max_age: timedelta) -> int:
        """Update the desired state for all cards changed since the last plan; return the number of new deliveries."""
        async with self._database.write() as connection:
            await follow_cards(connection, now, max_age)
            added = await new_deliveries(connection, now, max_age)
            added += await new_reviews(connection, now, max_age)
            await connection.execute(update(cards).where(cards.c.unplanned).values(unplanned=False))
            return added

    async def next_due(self, now: datetime, serving: Collection[int] = ()) -> datetime | None:
        """Return when the next delivery is due in a channel not in `serving`; None if there is none.

        Takes open circuits (next probe) and other couriers' leases into account. None if the store is shared and this
        courier serves `HANDS` channels.
        """
        asked, values = _NEXT_DUE, {"now": now, "serving": list(serving)}
        if self._claims:
            if len(serving) >= HANDS:
                return None
            asked, values = _NEXT_DUE_SHARED, {**values, "courier": self._claims.holder}
        async with self._database.read() as connection:
            found: datetime | None = (await connection.execute(asked, values)).scalar_one()
            return found

    async def state(self) -> QueueState:
        """Return statistics of the queue."""
        due, quarantined = deliveries.c.due_at.is_not(None), deliveries.c.progress == Progress.QUARANTINED
        counts = select(
            func.count().filter(due), func.min(deliveries.c.planned_at).filter(due), func.count().filter(quarantined)
        )
        errors = (
            select(deliveries.c.channel_id, deliveries.c.last_error)
            .where(deliveries.c.last_error.is_not(None))
            .order_by(deliveries.c.id.desc())
            .limit(5)
        )
        async with self._database.read() as connection:
            waiting, oldest, set_aside = (await connection.execute(counts.select_from(deliveries))).one()
            found = tuple((channel_id, text) for channel_id, text in await connection.execute(errors))
        return QueueState(waiting, oldest, set_aside, found)

    async def work(self, now: datetime, serving: Collection[int] = ()) -> tuple[dict[int, list[Delivery]], bool]:
        """Return the next due deliveries by channel, oldest card first, and whether there may be more.

        A post that waits for a retry holds back the channel's younger ones. Channels with an open circuit, and those in
        `serving`, are skipped. In a shared store the channels are leased by this courier: renew with `hold`, release
        with `leave`.
        """
        if self._claims:
            return await self._claimed_work(self._claims, now, serving)
        found, number = await self._found(_WORK, {"now": now, "serving": list(serving)})
        return found, number == MOST

    async def _claimed_work(
        self, claims: Claims, now: datetime, serving: Collection[int]
    ) -> tuple[dict[int, list[Delivery]], bool]:
        """Lease channels, then query their deliveries: another courier may have handled them until then."""
        most = min(HANDS - len(serving), AT_A_TIME)
        asked = {"now": now, "serving": list(serving), "courier": claims.holder, "most": most}
        if most <= 0:
            return {}, False
        async with self._database.read() as connection:
            free = list((await connection.execute(_UNCLAIMED, asked)).scalars())
        if not free:
            return {}, False
        mine = await self._database.note(partial(claims.take, channels=free))
        found, _ = await self._found(_WORK_OF, {"now": now, "channels": mine})
        await asyncio.gather(*(self._ledger.leave(channel) for channel in mine if channel not in found))
        return found, len(free) == most

    async def work_of(self, channel_id: int, now: datetime) -> list[Delivery]:
        """Return one channel's next due deliveries, as `work` does; none if another courier has leased it."""
        channels = [channel_id]
        if self._claims:
            channels = await self._database.note(partial(self._claims.take, channels=channels))
        found, _ = await self._found(_WORK_OF, {"now": now, "channels": channels})
        return found.get(channel_id, [])

    async def _found(self, asked: Select[Any], values: dict[str, Any]) -> tuple[dict[int, list[Delivery]], int]:
        """Return deliveries by channel, and the number of rows."""
        async with self._database.read() as connection:
            rows = (await connection.execute(asked, values)).mappings().all()
        found: dict[int, list[Delivery]] = {}
        unreadable: list[int] = []
        for delivery in readable(rows, unreadable):
            found.setdefault(delivery.channel_id, []).append(delivery)
        if unreadable:
            await self._set_aside(unreadable)
        return found, len(rows)

    async def _set_aside(self, ids: Sequence[int]) -> None:
        """Quarantine unreadable rows, so that they do not block the queue, until their cards change."""
        values = {"progress": Progress.QUARANTINED, "due_at": None, "last_error": "The row cannot be read."}
        aside = update(deliveries).where(deliveries.c.id.in_(ids)).values(values)
        await self._database.note(lambda connection: connection.execute(aside))

    async def shorten_waits(self, now: datetime) -> None:
        """Cap waits at the maximum backoff, in case the clock was set back.

        Deliveries and circuits last handled in the future are due now. Deferrals by quiet hours are kept.
        """
        began_later = func.coalesce(deliveries.c.sent_at, deliveries.c.planned_at) > now
        retried = (deliveries.c.attempts > 0) | _IS_THERE | (deliveries.c.due_at <= deliveries.c.planned_at)
        at_once, in_time, at_last = (
            literal(now + wait, deliveries.c.due_at.type) for wait in (timedelta(0), LONGEST_WAIT, LONGEST_PROBE)
        )
        soon = case((began_later, at_once), else_=in_time)
        probe = case((circuits.c.opened_at > now, at_once), else_=at_last)
        async with self._database.write() as connection:
            late = (_IS_DUE, deliveries.c.due_at > now + LONGEST_WAIT, retried)
            await connection.execute(update(deliveries).where(*late).values(due_at=soon))
            unprobed = update(circuits).where(circuits.c.probe_at > now + LONGEST_PROBE)
            await connection.execute(unprobed.values(probe_at=probe))

    async def hold(self, channels: Collection[int]) -> None:
        """Renew the leases on these channels. Call well before `LEASE` is over."""
        if self._claims and channels:
            await self._database.note(partial(self._claims.renew, channels=channels))

    async def leave(self, channel_id: int) -> None:
        """Release a channel that has nothing more to do."""
        if self._claims:
            await self._ledger.leave(channel_id)

    async def leave_all(self) -> None:
        """Release all channels, and notify other couriers."""
        if self._claims:
            async with self._database.write() as connection:
                await self._claims.let_go(connection)

    async def sending(self, delivery: Delivery, now: datetime, after_id: int | None = None) -> Delivery | None:
        """Mark a post as *sending* before the call is made; the row stays so after a crash.

        `after_id` is a snowflake older than the message to be created, by Discord's clock; None if unknown. Returns the
        current delivery, or None if nothing is to be posted any more. Raises `ClaimLostError`.
        """
        return await self._ledger.begin(delivery, now, after_id)

    def plainer(self, delivery: Delivery) -> Noting:
        """Record that Discord rejected a picture: retry at once, without pictures."""
        return self._ledger.note(delivery, Decides.NEVER, Progress.WAITING, plain=True)

    def refused(self, delivery: Delivery) -> Noting:
        """Record that the channel is closed: the delivery stays due.

        An earlier attempt that may have arrived stays *sending*, so that recovery checks the channel before posting.
        """
        return self._ledger.note(delivery, Decides.NEVER, delivery.progress, attempts=delivery.attempts)

    def posted(self, delivery: Delivery, message_id: int, now: datetime) -> Noting:
        """Record a post, at the revision that was desired when the call was made."""
        return self._settled(delivery, message_id=message_id, actual=delivery.wanted, settled_at=now)

    def adopted(self, delivery: Delivery, message_id: int) -> Noting:
        """Record a message found from an earlier attempt. Its revision is unknown, so an edit follows."""
        return self._ledger.note(delivery, Decides.NEVER, Progress.WAITING, message_id=message_id, actual="")

    def edited(self, delivery: Delivery, now: datetime) -> Noting:
        """Record an edit to the desired revision."""
        return self._settled(delivery, actual=delivery.wanted, settled_at=now)

    def retracted(self, delivery: Delivery, now: datetime) -> Noting:
        """Record that the message was deleted by the bot."""
        return self._settled(delivery, message_id=None, actual=None, settled_at=now)

    def unneeded(self, delivery: Delivery) -> Noting:
        """Record that there is nothing to do: an edit was reverted, or a post cancelled before it was sent."""
        progress = Progress.WAITING if delivery.message_id is None else Progress.SETTLED
        return self._ledger.note(delivery, Decides.UNCHANGED, progress)

    def removed(self, delivery: Delivery, now: datetime) -> Noting:
        """Record that someone deleted the message in Discord: it is never posted again, even if its card changes."""
        gone = {"message_id": None, "actual": None, "settled_at": now}
        return self._ledger.note(delivery, Decides.ALWAYS, Progress.REMOVED, **gone)

    def quarantined(self, delivery: Delivery, error: str) -> Noting:
        """Record that Discord rejected the content: no retry until the card changes."""
        return self._ledger.note(delivery, Decides.UNCHANGED, Progress.QUARANTINED, last_error=error)

    def failed(self, delivery: Delivery, error: str, retry_at: datetime) -> Noting:
        """Record a failure, to be retried at `retry_at`.

        A post that may have arrived stays *sending*, so that recovery checks the channel before posting again.
        """
        arrived = delivery.message_id is not None
        progress = Progress.WAITING if arrived else Progress.SENDING
        tried = {"attempts": delivery.attempts + 1, "last_error": error, "due_at": retry_at}
        return self._ledger.note(delivery, Decides.ALWAYS, progress, **tried)

    def _settled(self, delivery: Delivery, **changes: Any) -> Noting:
        return self._ledger.note(delivery, Decides.UNCHANGED, Progress.SETTLED, **changes)


def delivery_of(row: RowMapping) -> Delivery:
    """Build a delivery from a row of `COLUMNS`. Raises one of `UNUSABLE` if the row is invalid."""
    values = {name: row[name] for name in Delivery.__slots__}
    values["progress"] = Progress(row["progress"])
    values["layout"] = Layout(row["layout"])
    values["heading"] = row["heading"] or ""
    values["crosspost"] = Crosspost(row["crosspost"]) if row["crosspost"] else None
    values["mention"] = number_or_none(row["mention"])
    if not is_readable(row["wanted"]) or not all(
        type(row[name]) is int for name in ("channel_id", "guild_id", "attempts")
    ):
        raise TypeError("no number")
    return Delivery(**values)


def readable(rows: Iterable[RowMapping], unreadable: list[int] | None = None) -> Iterator[Delivery]:
    """Yield the valid deliveries; IDs of invalid rows are appended to `unreadable`."""
    for row in rows:
        try:
            yield delivery_of(row)
        except UNUSABLE as error:
            _log.error("Skipping unreadable delivery %s: %s", row["id"], error)
            if unreadable is not None:
                unreadable.append(row["id"])
