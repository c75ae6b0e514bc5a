"""Queue of requests from processes that handle interactions to the leader, with their results."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select, update

from bot.store.database import Database
from bot.store.tables import requests

FRESH = timedelta(minutes=10)
"""Requests older than this are not executed: the requester has stopped waiting."""
KEPT = timedelta(days=1)


class RequestState(enum.StrEnum):
    """State of a request. With `refused`, the result has a reason for the requester."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Request:
    """A request; `payload` and `result` are JSON values without tokens."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    requested_by: int
    state: RequestState = RequestState.WAITING
    result: Mapping[str, Any] | None = None


class Requests:
    """One queue for all kinds of requests.

    Execution is at least once: a request is repeated if the process dies before recording its result.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, kind: str, payload: Mapping[str, Any], requested_by: int, now: datetime) -> int:
        """Enqueue a request and notify other processes. Returns its id."""
        values = {
            "kind": kind,
            "payload": dict(payload),
            "requested_by": requested_by,
            "requested_at": now,
            "state": RequestState.WAITING,
        }
        async with self._database.write() as connection:  # `write` sends a notification, `note` does not
            made = await connection.execute(insert(requests).values(values).returning(requests.c.id))
            return int(made.scalar_one())

    async def next_waiting(self, now: datetime) -> Request | None:
        """Return the oldest waiting request that has not expired."""
        waiting = (requests.c.requested_at > now - FRESH) & (requests.c.state == RequestState.WAITING)
        asked = select(requests).where(waiting).order_by(requests.c.id).limit(1)
        async with self._database.glance() as connection:
            row = (await connection.execute(asked)).mappings().first()
        return _request(row) if row else None

    async def get(self, request_id: int) -> Request | None:
        """Return a request with its current state; None if it is unknown or was deleted."""
        async with self._database.glance() as connection:
            found = await connection.execute(select(requests).where(requests.c.id == request_id))
            row = found.mappings().first()
        return _request(row) if row else None

    async def finish(self, request_id: int, state: RequestState, result: Mapping[str, Any]) -> None:
        """Record a request's result; the first result is kept."""
        waits = (requests.c.id == request_id) & (requests.c.state == RequestState.WAITING)
        noted = update(requests).where(waits).values(state=state, result=dict(result))
        await self._database.note(lambda connection: connection.execute(noted))

    async def forget_old(self, now: datetime) -> None:
        """Delete requests older than a day."""
        old = delete(requests).where(requests.c.requested_at < now - KEPT)
        await self._database.note(lambda connection: connection.execute(old))


def _request(row: RowMapping) -> Request:
    return Request(
        id=row["id"],
        kind=row["kind"],
        payload=row["payload"],
        requested_by=row["requested_by"],
        state=RequestState(row["state"]),
        result=row["result"],
    )
