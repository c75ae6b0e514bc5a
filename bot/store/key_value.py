"""Key-value metadata of the store."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.database import Database
from bot.store.sql_helpers import upsert
from bot.store.tables import key_values

MOVING = "moving"
"""Key of the marker of an unfinished move: the instance name of the source."""

_LONGEST_LINE = timedelta(hours=2)
"""Reservations further ahead than this were made before the clock was set back."""


class KeyValueStore:
    """Values by key."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def instance_id(self) -> str:
        """Return the store's name: eight hexadecimal digits, generated on creation."""
        return await self.get_value("instance") or ""

    async def get_value(self, key: str) -> str | None:
        async with self._database.begin_autocommit() as connection:
            return (
                await connection.execute(select(key_values.c.value).where(key_values.c.key == key))
            ).scalar_one_or_none()

    async def reserve_slot(self, key: str, now: datetime, apart: timedelta) -> datetime:
        """Reserve the next free slot, not before `now`; slots of a key are spaced by `apart`."""
        async with self._database.begin_write() as connection:
            stored = (
                await connection.execute(select(key_values.c.value).where(key_values.c.key == key))
            ).scalar_one_or_none()
            free = _parse_moment(stored) or now
            at = max(now, free) if free <= now + _LONGEST_LINE else now
            await put_value(connection, key, (at + apart).isoformat())
        return at

    async def set_value(self, key: str, value: str) -> None:
        await self._database.write_shared(lambda connection: put_value(connection, key, value))


def _parse_moment(written: str | None) -> datetime | None:
    """Parse a stored time; None if it is invalid or has no time zone."""
    try:
        at = datetime.fromisoformat(written) if written else None
    except ValueError:
        return None
    return at if at and at.tzinfo else None


async def put_value(connection: AsyncConnection, key: str, value: str | ColumnElement[str]) -> None:
    """Set a value within the given transaction."""
    row = upsert(key_values).values(key=key, value=value)
    await connection.execute(row.on_conflict_do_update(index_elements=["key"], set_={"value": value}))
