"""Requests: what a process that answers people asks of the one that has the duty, and what came of it."""

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
"""A request that nobody carried out for this long is left alone: whoever made it has stopped waiting."""
KEPT = timedelta(days=1)


class RequestState(enum.StrEnum):
    """`refused` comes with the reason in words for the person who asked."""

    WAITING = "waiting"
    DONE = "done"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Request:
    """Something to do, by its kind; `payload` and `result` are plain values, and hold no token."""

    id: int
    kind: str
    payload: Mapping[str, Any]
    requested_by: int
    state: RequestState = RequestState.WAITING
    result: Mapping[str, Any] | None = None


class Requests:
    """One queue for all kinds. A request is carried out again when the process that was at it died before its result
    was noted, so each kind must bear that."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, kind: str, payload: Mapping[str, Any], requested_by: int, now: datetime) -> int:
        """Queue a request and tell the other processes. Returns its id."""
        values = {
            "kind": kind,
            "payload": dict(payload),
            "requested_by": requested_by,
            "requested_at": now,
            "state": RequestState.WAITING,
        }
        async with self._database.write() as connection:  # unlike a note, a write rings the bell
            made = await connection.execute(insert(requests).values(values).returning(requests.c.id))
            return int(made.scalar_one())

    async def next_waiting(self, now: datetime) -> Request | None:
        """The oldest request that waits and is still fresh."""
        waiting = (requests.c.requested_at > now - FRESH) & (requests.c.state == RequestState.WAITING)
        asked = select(requests).where(waiting).order_by(requests.c.id).limit(1)
        async with self._database.glance() as connection:
            row = (await connection.execute(asked)).mappings().first()
        return _request(row) if row else None

    async def get(self, request_id: int) -> Request | None:
        """A request with its state of now; None when it is unknown or was forgotten."""
        async with self._database.glance() as connection:
            found = await connection.execute(select(requests).where(requests.c.id == request_id))
            row = found.mappings().first()
        return _request(row) if row else None

    async def finish(self, request_id: int, state: RequestState, result: Mapping[str, Any]) -> None:
        """Note what came of a request; what was noted first stays."""
        waits = (requests.c.id == request_id) & (requests.c.state == RequestState.WAITING)
        noted = update(requests).where(waits).values(state=state, result=dict(result))
        await self._database.note(lambda connection: connection.execute(noted))

    async def forget_old(self, now: datetime) -> None:
        """Delete requests of more than a day ago."""
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
