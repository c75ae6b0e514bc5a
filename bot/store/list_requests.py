"""Persistent requests behind paginated lists, by a key short enough for a button's custom ID."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select

from bot.store.database import Database
from bot.store.sql_helpers import upsert
from bot.store.tables import list_requests

_log = logging.getLogger(__name__)
RETENTION = timedelta(days=90)
"""Requests unused for this long are deleted."""


class ListRequests:
    """Storage of list requests."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pending: set[asyncio.Task[None]] = set()

    def save_request(self, request: Mapping[str, Any], now: datetime) -> str:
        """Store a request and return its key (12 characters); equal requests have equal keys.

        The write happens in the background, so that showing a list does not wait for a load being written.
        `load_request` and `wait_for_writes` wait for it.
        """
        written = json.dumps(request, sort_keys=True, ensure_ascii=False)
        # People can type lone surrogates, which have no UTF-8 form.
        key = hashlib.blake2b(written.encode("utf-8", "replace"), digest_size=9).hexdigest()[:12]
        writing = asyncio.create_task(self._write_request(key, request, now), name=f"listing {key}")
        # asyncio holds tasks weakly: without this one could be collected before it has run.
        self._pending.add(writing)
        writing.add_done_callback(self._on_written)
        return key

    def _on_written(self, writing: asyncio.Task[None]) -> None:
        self._pending.discard(writing)
        if not writing.cancelled() and (error := writing.exception()):
            _log.error("A list request could not be stored: its page buttons will not work", exc_info=error)

    async def wait_for_writes(self) -> None:
        """Wait for pending writes."""
        if self._pending:
            await asyncio.wait(self._pending)

    async def _write_request(self, key: str, request: Mapping[str, Any], now: datetime) -> None:
        row = upsert(list_requests).values(key=key, request=dict(request), used_at=now)
        row = row.on_conflict_do_update(index_elements=["key"], set_={"used_at": now})

        await self._database.write_shared(lambda connection: connection.execute(row))

    async def delete_old(self, now: datetime) -> None:
        """Delete requests unused for `RETENTION`."""
        old = delete(list_requests).where(list_requests.c.used_at < now - RETENTION)
        await self._database.write_shared(lambda connection: connection.execute(old))

    async def load_request(self, key: str) -> dict[str, Any] | None:
        """Return the request; None if it is unknown or was deleted."""
        await self.wait_for_writes()
        async with self._database.begin_autocommit() as connection:
            row = await connection.execute(select(list_requests.c.request).where(list_requests.c.key == key))
            return row.scalar_one_or_none()
