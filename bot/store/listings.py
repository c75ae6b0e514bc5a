"""What a list's buttons need to make the next page, under a key short enough for a button, across restarts."""

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
from bot.store.tables import listings
from bot.store.upserts import upsert

_log = logging.getLogger(__name__)
KEPT = timedelta(days=90)
"""A list that nobody has turned a page of for this long is forgotten."""


class Listings:
    """Requests for lists, by key."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._under_way: set[asyncio.Task[None]] = set()

    def keep(self, request: Mapping[str, Any], now: datetime) -> str:
        """Remember a request. Equal requests have equal keys (12 characters).

        Written behind the caller's back: who shows a list need not wait for a load that is being written. Whoever
        recalls one does, and so does the end of the store (`settle`).
        """
        written = json.dumps(request, sort_keys=True, ensure_ascii=False)
        key = hashlib.blake2b(written.encode("utf-8", "replace"), digest_size=9).hexdigest()[:12]
        writing = asyncio.create_task(self._write(key, request, now), name=f"listing {key}")
        self._under_way.add(writing)
        writing.add_done_callback(self._written)
        return key

    def _written(self, writing: asyncio.Task[None]) -> None:
        self._under_way.discard(writing)
        if not writing.cancelled() and (error := writing.exception()):
            _log.error("A list could not be remembered: its pages will not turn", exc_info=error)

    async def settle(self) -> None:
        """Wait until everything is written."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def _write(self, key: str, request: Mapping[str, Any], now: datetime) -> None:
        row = upsert(listings).values(key=key, request=dict(request), used_at=now)
        row = row.on_conflict_do_update(index_elements=["key"], set_={"used_at": now})

        await self._database.note(lambda connection: connection.execute(row))

    async def forget_old(self, now: datetime) -> None:
        """Delete the lists that nobody has used for `KEPT`."""
        old = delete(listings).where(listings.c.used_at < now - KEPT)
        await self._database.note(lambda connection: connection.execute(old))

    async def recall(self, key: str) -> dict[str, Any] | None:
        """The request, or None when it is unknown or forgotten."""
        await self.settle()
        async with self._database.read() as connection:
            row = await connection.execute(select(listings.c.request).where(listings.c.key == key))
            return row.scalar_one_or_none()
