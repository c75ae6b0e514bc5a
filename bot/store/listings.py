"""What a list's buttons need to make the next page, under a key short enough for a button, across restarts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, insert, select, update

from bot.store.database import Database
from bot.store.tables import listings

KEPT = timedelta(days=90)
"""A list that nobody has turned a page of for this long is forgotten."""


class Listings:
    """Requests for lists, by key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, request: Mapping[str, Any], now: datetime) -> str:
        """Remember a request. Equal requests have equal keys (12 characters)."""
        written = json.dumps(request, sort_keys=True, ensure_ascii=False)
        key = hashlib.blake2b(written.encode("utf-8", "replace"), digest_size=9).hexdigest()[:12]
        async with self._database.write() as connection:
            await connection.execute(delete(listings).where(listings.c.used_at < now - KEPT))
            known = await connection.execute(update(listings).where(listings.c.key == key).values(used_at=now))
            if not known.rowcount:
                await connection.execute(insert(listings).values(key=key, request=dict(request), used_at=now))
        return key

    async def recall(self, key: str) -> dict[str, Any] | None:
        """The request, or None when it is unknown or forgotten."""
        async with self._database.read() as connection:
            row = await connection.execute(select(listings.c.request).where(listings.c.key == key))
            return row.scalar_one_or_none()
