"""Facts about this store itself."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.database import Database
from bot.store.tables import meta
from bot.store.upserts import upsert

MOVING = "moving"
"""Where a database keeps the name of the store that is being moved to it, until all of that is there."""

_LONGEST_LINE = timedelta(hours=2)
"""A moment that is further away was taken before the clock was set back."""


class Meta:
    """Single values by name."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def instance(self) -> str:
        """Eight hexadecimal digits, made with the store."""
        return await self.get("instance") or ""

    async def get(self, key: str) -> str | None:
        async with self._database.read() as connection:
            return (await connection.execute(select(meta.c.value).where(meta.c.key == key))).scalar_one_or_none()

    async def reserve(self, key: str, now: datetime, apart: timedelta) -> datetime:
        """Take the next free moment of something that is done by one at a time, so far `apart`; not before `now`."""
        async with self._database.write() as connection:
            kept = (await connection.execute(select(meta.c.value).where(meta.c.key == key))).scalar_one_or_none()
            free = _moment(kept) or now
            at = max(now, free) if free <= now + _LONGEST_LINE else now
            await put(connection, key, (at + apart).isoformat())
        return at

    async def set(self, key: str, value: str) -> None:
        await self._database.note(lambda connection: put(connection, key, value))


def _moment(written: str | None) -> datetime | None:
    """A moment that was written down; None where something else was, or none with a time zone."""
    try:
        at = datetime.fromisoformat(written) if written else None
    except ValueError:
        return None
    return at if at and at.tzinfo else None


async def put(connection: AsyncConnection, key: str, value: str) -> None:
    """Note a value in a transaction that is under way."""
    row = upsert(meta).values(key=key, value=value)
    await connection.execute(row.on_conflict_do_update(index_elements=["key"], set_={"value": value}))
