"""The deliveries: what is wanted in each channel against what is there. The planner writes, the courier works."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    case,
    func,
    select,
    update,
)

from bot.desk.delivery import Delivery, Progress
from bot.store.database import Database
from bot.store.ledger import COLUMNS, Decides, Ledger
from bot.store.planning import follow_cards, new_deliveries
from bot.store.tables import (
    cards,
    circuits,
    deliveries,
)

_IN_ORDER = (deliveries.c.timeline, deliveries.c.id)
AT_ONCE = 10
"""Deliveries of one channel that are fetched together."""
_COLUMNS = tuple(deliveries.c[name] for name in Delivery.__slots__)


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
        self._ledger = Ledger(database)

    async def plan(self, now: datetime, max_age: timedelta) -> int:
        """Write what is wanted for every card that changed since the last plan. Returns how many deliveries are new.

        Costs one look at an index when nothing changed.
        """
        async with self._database.read() as connection:
            if (await connection.execute(select(cards.c.id).where(cards.c.unplanned).limit(1))).first() is None:
                return 0
        async with self._database.write() as connection:
            await connection.execute(follow_cards(now))
            await connection.execute(new_deliveries(now, max_age))
            added: int = (await connection.exec_driver_sql("SELECT changes()")).scalar_one()
            await connection.execute(update(cards).where(cards.c.unplanned).values(unplanned=False))
            return added

    async def next_due(self) -> datetime | None:
        """When the next delivery is due; None when all is at rest.

        A channel's is that of its oldest card, which holds back the younger ones, and not before its next probe.
        """
        place = func.row_number().over(partition_by=deliveries.c.channel_id, order_by=_IN_ORDER).label("place")
        asked = select(deliveries.c.channel_id, deliveries.c.due_at, place).where(deliveries.c.due_at.is_not(None))
        heads = asked.subquery()
        probe = func.coalesce(circuits.c.probe_at, heads.c.due_at)
        due = case((probe > heads.c.due_at, probe), else_=heads.c.due_at)
        joined = heads.outerjoin(circuits, circuits.c.channel_id == heads.c.channel_id)
        earliest = select(func.min(due)).select_from(joined).where(heads.c.place == 1)
        async with self._database.read() as connection:
            moment: datetime | None = (await connection.execute(earliest)).scalar_one()
            return moment

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

    async def work(self, now: datetime, channel_id: int | None = None) -> dict[int, list[Delivery]]:
        """The next deliveries of every channel (or of one) that has something to do now, oldest card first.

        A channel whose oldest delivery waits for its next try is left out, and so is one that is left alone.
        """
        place = func.row_number().over(partition_by=deliveries.c.channel_id, order_by=_IN_ORDER).label("place")
        asked: ColumnElement[bool] = deliveries.c.due_at.is_not(None)
        if channel_id is not None:
            asked &= deliveries.c.channel_id == channel_id
        waiting = select(*COLUMNS, deliveries.c.due_at, place).where(asked).subquery()
        closed = select(circuits.c.channel_id).where(circuits.c.probe_at > now)
        chosen = select(waiting).where(waiting.c.place <= AT_ONCE, waiting.c.channel_id.not_in(closed))
        found: dict[int, list[Delivery]] = {}
        blocked: set[int] = set()
        async with self._database.read() as connection:
            for row in (await connection.execute(chosen.order_by(waiting.c.channel_id, waiting.c.place))).mappings():
                if row["due_at"] > now:
                    blocked.add(row["channel_id"])
                elif row["channel_id"] not in blocked:
                    found.setdefault(row["channel_id"], []).append(_delivery(row))
        return found

    async def sending(self, delivery: Delivery, now: datetime) -> Delivery | None:
        """Note that the call is about to be made: a crash from here on leaves the row in *sending*.

        Gives the delivery as it stands now; None when nothing is to be posted any more.
        """
        row = await self._ledger.begin(delivery.id, now)
        return _delivery(row) if row else None

    async def plainer(self, delivery: Delivery) -> None:
        """Discord refused a picture: the same delivery is due at once, without pictures."""
        await self._ledger.note(delivery, Decides.NEVER, Progress.WAITING, plain=True)

    async def refused(self, delivery: Delivery) -> None:
        """The channel is closed and took nothing: what waits for it stays as it is.

        An earlier try that may have arrived stays *sending*, so that recovery looks before it posts.
        """
        await self._ledger.note(delivery, Decides.NEVER, delivery.progress, attempts=delivery.attempts)

    async def posted(self, delivery: Delivery, message_id: int, now: datetime) -> None:
        """The message is there, at the revision that was wanted when the call was made."""
        await self._settled(delivery, message_id=message_id, actual=delivery.wanted, settled_at=now)

    async def adopted(self, delivery: Delivery, message_id: int) -> None:
        """An earlier try had left this message. Which revision it shows is unknown, so an edit follows."""
        await self._ledger.note(delivery, Decides.NEVER, Progress.WAITING, message_id=message_id, actual="")

    async def edited(self, delivery: Delivery, now: datetime) -> None:
        """The message shows the wanted revision."""
        await self._settled(delivery, actual=delivery.wanted, settled_at=now)

    async def retracted(self, delivery: Delivery, now: datetime) -> None:
        """The message is gone, as wanted."""
        await self._settled(delivery, message_id=None, actual=None, settled_at=now)

    async def unneeded(self, delivery: Delivery) -> None:
        """The channel holds what is wanted already: an edit was taken back, or a post before it was sent."""
        progress = Progress.WAITING if delivery.message_id is None else Progress.SETTLED
        await self._ledger.note(delivery, Decides.UNCHANGED, progress)

    async def removed(self, delivery: Delivery, now: datetime) -> None:
        """Somebody deleted the message in Discord: it stays deleted, whatever its card does."""
        gone = {"message_id": None, "actual": None, "settled_at": now}
        await self._ledger.note(delivery, Decides.ALWAYS, Progress.REMOVED, **gone)

    async def quarantined(self, delivery: Delivery, error: str) -> None:
        """Discord refused this card: not tried again until the card changes."""
        await self._ledger.note(delivery, Decides.UNCHANGED, Progress.QUARANTINED, last_error=error)

    async def failed(self, delivery: Delivery, error: str, retry_at: datetime) -> None:
        """To be tried again. A post that may have arrived stays *sending*, so that recovery looks before it posts."""
        arrived = delivery.message_id is not None
        progress = Progress.WAITING if arrived else Progress.SENDING
        tried = {"attempts": delivery.attempts + 1, "last_error": error, "due_at": retry_at}
        await self._ledger.note(delivery, Decides.ALWAYS, progress, **tried)

    async def _settled(self, delivery: Delivery, **changes: Any) -> None:
        await self._ledger.note(delivery, Decides.UNCHANGED, Progress.SETTLED, **changes)


def _delivery(row: RowMapping) -> Delivery:
    values = {name: row[name] for name in Delivery.__slots__}
    return Delivery(**{**values, "progress": Progress(row["progress"])})
