"""How the store and its queue are, for those who watch the bot from outside."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, case, func, select
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import StoreError
from bot.store.database import Database
from bot.store.meta import put
from bot.store.tables import cards, circuits, deliveries

_PROBED = "probed"
"""Where the store keeps the moment at which it was last seen to take a change."""
_NOW = bindparam("now", type_=deliveries.c.due_at.type)


@dataclass(frozen=True, slots=True)
class Vitals:
    """Cards by the state that their files give them; `waiting` deliveries, and since when the oldest does.

    What waits for a closed channel is in `waiting`, but never the oldest: that is for the server's people to mend.
    """

    cards: dict[str, int]
    waiting: int
    oldest: datetime | None
    closed_channels: int


class Health:
    """Asked at every scrape and probe: nothing here reads a table of posts or cards that is not covered by an index."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def vitals(self, now: datetime) -> Vitals:
        """Raises `StoreError` when the database cannot be read."""
        try:
            async with self._database.read() as connection:
                states = (await connection.execute(_BY_STATE)).all()
                waiting, oldest = (await connection.execute(_WAITING, {"now": now})).one()
                closed = (await connection.execute(select(func.count()).select_from(circuits))).scalar_one()
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(f"The database cannot be read: {error}") from error
        return Vitals({state: count for state, count in states}, waiting, oldest, closed)  # noqa: C416 - rows are no pairs to mypy

    async def probe(self, now: datetime) -> None:
        """Change a row and commit it. Raises `StoreError` when that fails: a full disk, a lost folder."""
        try:
            await self._database.note(lambda connection: put(connection, _PROBED, now.isoformat()))
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(f"The database cannot be written: {error}") from error

    async def checkpoint(self) -> None:
        """What a database has to do from time to time, and better beside the work than in it."""
        await self._database.checkpoint()


_BY_STATE = select(cards.c.state, func.count()).group_by(cards.c.state)


def _waiting() -> Select[Any, Any]:
    """Due now, or tried in vain before; what quiet hours or a crosspost's edits put off is not late.

    A first post that failed waits since it was planned. An edit that failed has nothing that says when it was first
    due, and counts since its next try was.
    """
    tried, first = deliveries.c.attempts > 0, deliveries.c.message_id.is_(None) & deliveries.c.settled_at.is_(None)
    since = case((tried & first, deliveries.c.planned_at), else_=deliveries.c.due_at)
    open_channel = deliveries.c.channel_id.not_in(select(circuits.c.channel_id))
    late = deliveries.c.due_at.is_not(None) & ((deliveries.c.due_at <= _NOW) | tried)
    return select(func.count(), func.min(since).filter(open_channel)).select_from(deliveries).where(late)


_WAITING = _waiting()
