"""Posts under which a discussion thread is yet to be started."""

from __future__ import annotations

from sqlalchemy import ColumnElement, case, func, select, update

from bot.domain.delivery import POSTED_KINDS, Delivery, ThreadState
from bot.store.database import Database
from bot.store.outbox.contents import fetch_shown
from bot.store.outbox.queue import readable_deliveries
from bot.store.outbox.write_batcher import COLUMNS
from bot.store.tables import deliveries, subscriptions

_AT_ONCE, _OF_EACH = 200, 10
"""Maximum posts at a time, in all and of one channel."""


class PostThreads:
    """Storage of the threads under posts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch_due(self) -> list[Delivery]:
        """Return some of the posts that have no thread yet: the oldest of each channel."""
        place = func.row_number().over(partition_by=deliveries.c.channel_id, order_by=deliveries.c.id).label("place")
        waiting = select(*COLUMNS, place).where(
            deliveries.c.thread == ThreadState.WANTED,
            deliveries.c.message_id.is_not(None),
            deliveries.c.desired_kind.in_(POSTED_KINDS),
        )
        oldest = waiting.subquery()
        query = select(oldest).where(oldest.c.place <= _OF_EACH).order_by(oldest.c.place).limit(_AT_ONCE)
        async with self._database.begin_read() as connection:
            rows = (await connection.execute(query)).mappings().all()
            return list(readable_deliveries(rows, await fetch_shown(connection, [row["id"] for row in rows])))

    async def mark_state(self, delivery: Delivery, state: ThreadState) -> None:
        """Record whether the post has its thread."""
        statement = update(deliveries).where(deliveries.c.id == delivery.id).values(thread=state)
        await self._database.write_shared(lambda connection: connection.execute(statement))


def wants_thread() -> ColumnElement[str | None]:
    """The state of a new post's thread, by the row of `subscriptions`. A forum's posts are threads by themselves."""
    return case((subscriptions.c.thread & ~subscriptions.c.is_forum, ThreadState.WANTED), else_=None)
