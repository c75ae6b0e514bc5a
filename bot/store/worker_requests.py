"""Queue of requests from processes that handle interactions to the leader, with their results."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, delete, insert, select, update

from bot.store.database import Database
from bot.store.tables import worker_requests

MAX_AGE = timedelta(minutes=10)
"""Requests older than this are not executed: the requester has stopped waiting."""
RETENTION = timedelta(days=1)


class RequestState(enum.StrEnum):
    """State of a request. With `refused`, the result has a reason for the requester."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class WorkerRequest:
    """A request; `payload` and `result` are JSON values without tokens."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    requested_by: int
    state: RequestState = RequestState.WAITING
    result: Mapping[str, Any] | None = None


class WorkerRequests:
    """One queue for all kinds of requests.

    Execution is at least once: a request is repeated if the process dies before recording its result.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_request(self, kind: str, payload: Mapping[str, Any], requested_by: int, now: datetime) -> int:
        """Enqueue a request and notify other processes. Returns its id."""
        values = {
            "kind": kind,
            "payload": dict(payload),
            "requested_by": requested_by,
            "requested_at": now,
            "state": RequestState.WAITING,
        }
        async with self._database.begin_write() as connection:  # notifies the leader, as `write_shared` would not
            made = await connection.execute(insert(worker_requests).values(values).returning(worker_requests.c.id))
            return int(made.scalar_one())

    async def fetch_next(self, now: datetime) -> WorkerRequest | None:
        """Return the oldest waiting request that has not expired."""
        waiting = (worker_requests.c.requested_at > now - MAX_AGE) & (worker_requests.c.state == RequestState.WAITING)
        query = select(worker_requests).where(waiting).order_by(worker_requests.c.id).limit(1)
        async with self._database.begin_autocommit() as connection:
            row = (await connection.execute(query)).mappings().first()
        return _request_from_row(row) if row else None

    async def get_request(self, request_id: int) -> WorkerRequest | None:
        """Return a request with its current state; None if it is unknown or was deleted."""
        async with self._database.begin_autocommit() as connection:
            rows = await connection.execute(select(worker_requests).where(worker_requests.c.id == request_id))
            row = rows.mappings().first()
        return _request_from_row(row) if row else None

    async def finish_request(self, request_id: int, state: RequestState, result: Mapping[str, Any]) -> None:
        """Record a request's result; the first result is kept."""
        waits = (worker_requests.c.id == request_id) & (worker_requests.c.state == RequestState.WAITING)
        stored = update(worker_requests).where(waits).values(state=state, result=dict(result))
        await self._database.write_shared(lambda connection: connection.execute(stored))

    async def delete_old(self, now: datetime) -> None:
        """Delete requests older than a day."""
        old = delete(worker_requests).where(worker_requests.c.requested_at < now - RETENTION)
        await self._database.write_shared(lambda connection: connection.execute(old))


def _request_from_row(row: RowMapping) -> WorkerRequest:
    return WorkerRequest(
        id=row["id"],
        kind=row["kind"],
        payload=row["payload"],
        requested_by=row["requested_by"],
        state=RequestState(row["state"]),
        result=row["result"],
    )
