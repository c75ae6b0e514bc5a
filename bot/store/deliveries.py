"""The deliveries: what is wanted in each channel against what is there. The planner writes, the courier works."""

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
"""Deliveries of one channel, and of all of them, that are looked up together."""
_IS_DUE = deliveries.c.due_at.is_not(None)
_IS_THERE = deliveries.c.message_id.is_not(None)
_NOW = bindparam("now", type_=deliveries.c.due_at.type)


def _held_back() -> Subquery:
    """Channels whose oldest unsent post waits for its next try, and that post's place in time."""
    waits = _IS_DUE & (deliveries.c.due_at > _NOW) & ~_IS_THERE & (deliveries.c.attempts > 0)
    oldest = select(deliveries.c.channel_id, func.min(deliveries.c.timeline).label("timeline")).where(waits)
    return oldest.group_by(deliveries.c.channel_id).subquery()


def _waiting(asked: ColumnElement[bool]) -> Subquery:
    """Deliveries that are due, not held back, not for a channel that is left alone; with their place in its line."""
    held = _held_back()
    closed = select(circuits.c.channel_id).where(circuits.c.probe_at > _NOW)
    free = _IS_THERE | held.c.timeline.is_(None) | (deliveries.c.timeline < held.c.timeline)
    place = func.row_number().over(partition_by=deliveries.c.channel_id, order_by=_IN_ORDER).label("place")
    joined = deliveries.outerjoin(held, held.c.channel_id == deliveries.c.channel_id)
    due = _IS_DUE & (deliveries.c.due_at <= _NOW) & deliveries.c.channel_id.not_in(closed)
    return select(*COLUMNS, place).select_from(joined).where(due, free, asked).subquery()


def _work(asked: ColumnElement[bool]) -> Select[Any]:
    """The first deliveries of each channel."""
    waiting = _waiting(asked)
    return select(waiting).where(waiting.c.place <= AT_ONCE).order_by(waiting.c.place).limit(MOST)


def _unclaimed() -> Select[Any]:
    """Channels with work that no other courier serves, the one that has waited longest first."""
    waiting = _waiting(_UNSERVED & ~claimed_by_another(deliveries.c.channel_id))
    return (
        select(waiting.c.channel_id).where(waiting.c.place == 1).order_by(waiting.c.planned_at).limit(bindparam("most"))
    )


def _next_due(*, shared: bool) -> Select[Any]:
    """Where couriers share the store, what another one serves is due when its claim would run out."""
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
    """The later of two moments, of which the second may be missing."""
    return case((other > one, other), else_=one)


# Made once: building a statement of this size costs more than running it.
_UNSERVED = deliveries.c.channel_id.not_in(bindparam("serving", expanding=True))
_WORK = _work(_UNSERVED)
_WORK_OF = _work(deliveries.c.channel_id.in_(bindparam("channels", expanding=True)))
_UNCLAIMED = _unclaimed()
_NEXT_DUE, _NEXT_DUE_SHARED = _next_due(shared=False), _next_due(shared=True)
Noting = asyncio.Future[None]
"""Done when what became of a delivery is committed. Whoever begins the next one need not wait for it."""


@dataclass(frozen=True, slots=True)
class QueueState:
    """How much waits, since when the oldest does, how much is set aside, and the last errors by channel."""

    waiting: int
    oldest: datetime | None
    quarantined: int
    errors: tuple[tuple[int, str], ...]


class Deliveries:
    """The table of wanted against actual."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._claims = Claims() if database.is_shared else None
        self._ledger = Ledger(database, self._claims)

    async def plan(self, now: datetime, max_age: timedelta) -> int:
        """Write what is wanted for every card that changed since the last plan. Returns how many deliveries are new."""
        async with self._database.write() as connection:
            await follow_cards(connection, now, max_age)
            added = await new_deliveries(connection, now, max_age)
            added += await new_reviews(connection, now, max_age)
            await connection.execute(update(cards).where(cards.c.unplanned).values(unplanned=False))
            return added

    async def next_due(self, now: datetime, serving: Collection[int] = ()) -> datetime | None:
        """When the next delivery is due in a channel that is not in `serving`; None when all is at rest.

        No channel is served before its next probe, and none while another courier does. With all hands full, nothing
        is due before one is free.
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
        """The queue as a whole."""
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
        """The next deliveries of every channel that has something to do now, oldest card first; whether there are more.

        A post that waits for its next try holds back the channel's younger ones. Channels that are left alone, and
        those in `serving`, have nothing to do. Where couriers share the store, these channels are this one's until it
        leaves them (`leave`), as long as it holds on to them (`hold`).
        """
        if self._claims:
            return await self._claimed_work(self._claims, now, serving)
        found, number = await self._found(_WORK, {"now": now, "serving": list(serving)})
        return found, number == MOST

    async def _claimed_work(
        self, claims: Claims, now: datetime, serving: Collection[int]
    ) -> tuple[dict[int, list[Delivery]], bool]:
        """What waits is looked up once more when it is claimed: until then, another courier may have been at it."""
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
        """One channel's next deliveries, in the same way; none when another courier has it."""
        channels = [channel_id]
        if self._claims:
            channels = await self._database.note(partial(self._claims.take, channels=channels))
        found, _ = await self._found(_WORK_OF, {"now": now, "channels": channels})
        return found.get(channel_id, [])

    async def _found(self, asked: Select[Any], values: dict[str, Any]) -> tuple[dict[int, list[Delivery]], int]:
        """Deliveries by channel, and their number."""
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
        """Let rows that are no deliveries hold up nothing: like what Discord refuses, they wait for their cards."""
        values = {"progress": Progress.QUARANTINED, "due_at": None, "last_error": "The row cannot be read."}
        aside = update(deliveries).where(deliveries.c.id.in_(ids)).values(values)
        await self._database.note(lambda connection: connection.execute(aside))

    async def shorten_waits(self, now: datetime) -> None:
        """Let nobody wait for longer than the longest wait there is: the clock may have been set back meanwhile.

        What was tried or planned at a moment that is still to come is due now. What quiet hours put off stays so.
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
        """Keep other couriers from these channels; to be said again well before `LEASE` is over."""
        if self._claims and channels:
            await self._database.note(partial(self._claims.renew, channels=channels))

    async def leave(self, channel_id: int) -> None:
        """Let others serve the channel, which has nothing more to do."""
        if self._claims:
            await self._ledger.leave(channel_id)

    async def leave_all(self) -> None:
        """Let others serve what is left, and tell them so."""
        if self._claims:
            async with self._database.write() as connection:
                await self._claims.let_go(connection)

    async def sending(self, delivery: Delivery, now: datetime, after_id: int | None = None) -> Delivery | None:
        """Note that the call is about to be made: a crash from here on leaves the row in *sending*.

        `after_id` is older than whatever the call brings, by Discord's clock, where that is known. Gives the delivery
        as it stands now; None when nothing is to be posted any more. Raises `ClaimLostError`.
        """
        return await self._ledger.begin(delivery, now, after_id)

    def plainer(self, delivery: Delivery) -> Noting:
        """Discord refused a picture: the same delivery is due at once, without pictures."""
        return self._ledger.note(delivery, Decides.NEVER, Progress.WAITING, plain=True)

    def refused(self, delivery: Delivery) -> Noting:
        """The channel is closed and took nothing: what waits for it stays as it is.

        An earlier try that may have arrived stays *sending*, so that recovery looks before it posts.
        """
        return self._ledger.note(delivery, Decides.NEVER, delivery.progress, attempts=delivery.attempts)

    def posted(self, delivery: Delivery, message_id: int, now: datetime) -> Noting:
        """The message is there, at the revision that was wanted when the call was made."""
        return self._settled(delivery, message_id=message_id, actual=delivery.wanted, settled_at=now)

    def adopted(self, delivery: Delivery, message_id: int) -> Noting:
        """An earlier try had left this message. Which revision it shows is unknown, so an edit follows."""
        return self._ledger.note(delivery, Decides.NEVER, Progress.WAITING, message_id=message_id, actual="")

    def edited(self, delivery: Delivery, now: datetime) -> Noting:
        """The message shows the wanted revision."""
        return self._settled(delivery, actual=delivery.wanted, settled_at=now)

    def retracted(self, delivery: Delivery, now: datetime) -> Noting:
        """The message is gone, as wanted."""
        return self._settled(delivery, message_id=None, actual=None, settled_at=now)

    def unneeded(self, delivery: Delivery) -> Noting:
        """The channel holds what is wanted already: an edit was taken back, or a post before it was sent."""
        progress = Progress.WAITING if delivery.message_id is None else Progress.SETTLED
        return self._ledger.note(delivery, Decides.UNCHANGED, progress)

    def removed(self, delivery: Delivery, now: datetime) -> Noting:
        """Somebody deleted the message in Discord: it stays deleted, whatever its card does."""
        gone = {"message_id": None, "actual": None, "settled_at": now}
        return self._ledger.note(delivery, Decides.ALWAYS, Progress.REMOVED, **gone)

    def quarantined(self, delivery: Delivery, error: str) -> Noting:
        """Discord refused this card: not tried again until the card changes."""
        return self._ledger.note(delivery, Decides.UNCHANGED, Progress.QUARANTINED, last_error=error)

    def failed(self, delivery: Delivery, error: str, retry_at: datetime) -> Noting:
        """To be tried again. A post that may have arrived stays *sending*, so that recovery looks before it posts."""
        arrived = delivery.message_id is not None
        progress = Progress.WAITING if arrived else Progress.SENDING
        tried = {"attempts": delivery.attempts + 1, "last_error": error, "due_at": retry_at}
        return self._ledger.note(delivery, Decides.ALWAYS, progress, **tried)

    def _settled(self, delivery: Delivery, **changes: Any) -> Noting:
        return self._ledger.note(delivery, Decides.UNCHANGED, Progress.SETTLED, **changes)


def delivery_of(row: RowMapping) -> Delivery:
    """A row of the ledger's columns. Raises one of `UNUSABLE` for a row that is no delivery."""
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
    """The deliveries among these rows; the ids of the others are added to `unreadable`."""
    for row in rows:
        try:
            yield delivery_of(row)
        except UNUSABLE as error:
            _log.error("Delivery %s cannot be read, so it is set aside: %s", row["id"], error)
            if unreadable is not None:
                unreadable.append(row["id"])
