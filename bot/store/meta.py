"""Facts about this store itself."""

from __future__ import annotations

from sqlalchemy import delete, insert, select

from bot.store.database import Database
from bot.store.tables import meta


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

    async def set(self, key: str, value: str) -> None:
        async with self._database.write() as connection:
            await connection.execute(delete(meta).where(meta.c.key == key))
            await connection.execute(insert(meta).values(key=key, value=value))
