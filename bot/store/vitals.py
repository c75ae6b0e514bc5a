"""How the store and its queue are, for those who watch the bot from outside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, case, delete, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreError
from bot.store.database import Database
from bot.store.meta import put
from bot.store.tables import cards, circuits, deliveries, meta

HEARTBEAT = "heartbeat"
"""Where the store keeps the moment at which a running bot last said that it is at work."""
STILL_FOR = timedelta(minutes=3)
"""Heartbeats are missed for so long before the bot counts as dead."""
_PROCESS = "process:"
"""Begins the keys under which each process keeps its last heartbeat, followed by its troubles as JSON."""
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


@dataclass(frozen=True, slots=True)
class Pulse:
    """The last heartbeat of any process, and the troubles of those whose own is fresh, by process and part."""

    at: datetime | None
    troubles: dict[str, dict[str, str]]


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

    async def beat(self, process: str, now: datetime, troubles: Mapping[str, str]) -> None:
        """Note that a process is at work, and what is wrong with it; forget those that have not said so for long."""
        stale = meta.c.key.startswith(_PROCESS) & (meta.c.value < (now - STILL_FOR).isoformat())

        async def note(connection: AsyncConnection) -> None:
            await put(connection, HEARTBEAT, now.isoformat())
            await put(connection, _PROCESS + process, f"{now.isoformat()} {json.dumps(dict(troubles))}")
            await connection.execute(delete(meta).where(stale))

        await self._database.note(note)

    async def leave(self, process: str) -> None:
        """A process ends in order, and its troubles with it."""
        leaving = delete(meta).where(meta.c.key == _PROCESS + process)
        await self._database.note(lambda connection: connection.execute(leaving))

    async def pulse(self, now: datetime) -> Pulse:
        """What the running processes said last."""
        noted = select(meta.c.key, meta.c.value).where((meta.c.key == HEARTBEAT) | meta.c.key.startswith(_PROCESS))
        async with self._database.read() as connection:
            rows = dict((await connection.execute(noted)).all())
        last = rows.pop(HEARTBEAT, None)
        troubles = {}
        for key, value in rows.items():
            at, _, said = value.partition(" ")
            if now - datetime.fromisoformat(at) < STILL_FOR:
                troubles[key.removeprefix(_PROCESS)] = json.loads(said)
        return Pulse(datetime.fromisoformat(last) if last else None, troubles)

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
