"""When members last read, server by server."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from bot.store.database import Database
from bot.store.tables import last_read
from bot.store.upserts import upsert


class LastRead:
    """Times of reading. Server 0 is a direct message."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, user_id: int, guild_id: int) -> datetime | None:
        """When the member last read there; None when they never did."""
        asked = select(last_read.c.at).where(last_read.c.user_id == user_id, last_read.c.guild_id == guild_id)
        async with self._database.read() as connection:
            at: datetime | None = (await connection.execute(asked)).scalar_one_or_none()
            return at

    async def note(self, user_id: int, guild_id: int, now: datetime) -> None:
        """The member has read everything up to now."""
        row = upsert(last_read).values(user_id=user_id, guild_id=guild_id, at=now)
        row = row.on_conflict_do_update(index_elements=["user_id", "guild_id"], set_={"at": now})
        await self._database.note(lambda connection: connection.execute(row))
