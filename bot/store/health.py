"""Health of the store and the delivery queue, for monitoring."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, bindparam, case, delete, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.errors import StoreError
from bot.store.database import Database
from bot.store.key_value import put_value
from bot.store.sources.feeds import count_feed_states
from bot.store.tables import cards, circuits, deliveries, feeds, key_values

HEARTBEAT = "heartbeat"
"""Key of the last heartbeat of any process."""
STILL_FOR = timedelta(minutes=3)
"""Time without heartbeats after which the bot counts as dead."""
_PROCESS = "process:"
"""Prefix of the keys with each process's last heartbeat, followed by its problems as JSON."""
_PROBED = "probed"
"""Key of the time of the last successful test write."""
_NOW = bindparam("now", type_=deliveries.c.due_at.type)


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """Feed counts by state, and the feeds that are due: their number, and since when the first of them is."""

    states: Mapping[str, int] = field(default_factory=dict)
    due: int = 0
    due_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class StoreHealth:
    """Card counts by global state, and late deliveries: `waiting` is their number, `oldest` since when one is late.

    Deliveries to closed channels count in `waiting` but not in `oldest`, since only the server can fix those.
    """

    cards: dict[str, int]
    waiting: int
    oldest: datetime | None
    closed_channels: int
    feeds: FeedHealth = FeedHealth()


@dataclass(frozen=True, slots=True)
class Heartbeats:
    """The last heartbeat of any process, and the problems of live processes, by process and component."""

    at: datetime | None
    troubles: dict[str, dict[str, str]]


def process_name() -> str:
    """Identify this process among those that share the store."""
    return f"{socket.gethostname()}:{os.getpid()}"


class HealthChecks:
    """Queries for each scrape and probe; those on cards and deliveries are covered by indexes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read_health(self, now: datetime) -> StoreHealth:
        """Read the vitals. Raises `StoreError` if the database cannot be read."""
        try:
            async with self._database.begin_read() as connection:
                states = (await connection.execute(_BY_STATE)).all()
                waiting, oldest = (await connection.execute(_WAITING, {"now": now})).one()
                closed = (await connection.execute(select(func.count()).select_from(circuits))).scalar_one()
                due, due_since = (await connection.execute(_DUE_FEEDS, {"now": now})).one()
                feed_health = FeedHealth(await count_feed_states(connection), due, due_since)
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(f"The database cannot be read: {error}") from error
        by_state = {state: count for state, count in states}  # noqa: C416 - rows are no pairs to mypy
        return StoreHealth(by_state, waiting, oldest, closed, feed_health)

    async def probe_write(self, now: datetime) -> None:
        """Commit a test write. Raises `StoreError` if it fails, for example on a full disk or a missing folder."""
        try:
            await self._database.write_shared(lambda connection: put_value(connection, _PROBED, now.isoformat()))
        except (SQLAlchemyError, OSError) as error:
            raise StoreError(f"The database cannot be written: {error}") from error

    async def write_heartbeat(self, process: str, now: datetime, troubles: Mapping[str, str]) -> None:
        """Record a process's heartbeat and problems; delete those of dead processes."""
        stale = key_values.c.key.startswith(_PROCESS) & (key_values.c.value < (now - STILL_FOR).isoformat())

        async def write_row(connection: AsyncConnection) -> None:
            await put_value(connection, HEARTBEAT, now.isoformat())
            await put_value(connection, _PROCESS + process, f"{now.isoformat()} {json.dumps(dict(troubles))}")
            await connection.execute(delete(key_values).where(stale))

        await self._database.write_shared(write_row)

    async def delete_heartbeat(self, process: str) -> None:
        """Delete a process's heartbeat and problems on orderly shutdown."""
        leaving = delete(key_values).where(key_values.c.key == _PROCESS + process)
        await self._database.write_shared(lambda connection: connection.execute(leaving))

    async def read_heartbeats(self, now: datetime) -> Heartbeats:
        """Return the last heartbeat and the problems of live processes."""
        stored = select(key_values.c.key, key_values.c.value).where(
            (key_values.c.key == HEARTBEAT) | key_values.c.key.startswith(_PROCESS)
        )
        async with self._database.begin_autocommit() as connection:
            rows = dict((await connection.execute(stored)).all())
        last = rows.pop(HEARTBEAT, None)
        troubles = {}
        for key, value in rows.items():
            at, _, query = value.partition(" ")
            if now - datetime.fromisoformat(at) < STILL_FOR:
                troubles[key.removeprefix(_PROCESS)] = json.loads(query)
        return Heartbeats(datetime.fromisoformat(last) if last else None, troubles)

    async def checkpoint(self) -> None:
        """Run the database's periodic maintenance, outside of other transactions."""
        await self._database.checkpoint()


_DUE_FEEDS = select(func.count(), func.min(feeds.c.next_fetch_at)).where(feeds.c.next_fetch_at <= _NOW)
_BY_STATE = select(cards.c.state, func.count()).group_by(cards.c.state)


def _waiting_query() -> Select[Any, Any]:
    """Select the number of late deliveries, and since when the oldest is late.

    Late means due or failed before; deliveries delayed by quiet hours or crosspost edits are not late.
    """
    # Failed first posts count from when they were planned. For failed edits that time is not stored, so they count from
    # their next attempt.
    tried, first = deliveries.c.attempts > 0, deliveries.c.message_id.is_(None) & deliveries.c.settled_at.is_(None)
    since = case((tried & first, deliveries.c.planned_at), else_=deliveries.c.due_at)
    open_channel = deliveries.c.channel_id.not_in(select(circuits.c.channel_id))
    late = deliveries.c.due_at.is_not(None) & ((deliveries.c.due_at <= _NOW) | tried)
    return select(func.count(), func.min(since).filter(open_channel)).select_from(deliveries).where(late)


_WAITING = _waiting_query()
