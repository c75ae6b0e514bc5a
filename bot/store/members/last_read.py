"""Times at which members last read the news, by server."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from bot.store.database import Database
from bot.store.sql_helpers import upsert
from bot.store.tables import last_read


class LastRead:
    """Storage of last read times. Server 0 stands for direct messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def last_read_at(self, user_id: int, guild_id: int) -> datetime | None:
        """Return when the member last read in the server; None if never."""
        query = select(last_read.c.at).where(last_read.c.user_id == user_id, last_read.c.guild_id == guild_id)
        async with self._database.begin_autocommit() as connection:
            at: datetime | None = (await connection.execute(query)).scalar_one_or_none()
            return at

    async def mark_read(self, user_id: int, guild_id: int, now: datetime) -> None:
        """Record that the member has read everything up to now."""
        row = upsert(last_read).values(user_id=user_id, guild_id=guild_id, at=now)
        row = row.on_conflict_do_update(index_elements=["user_id", "guild_id"], set_={"at": now})
        await self._database.write_shared(lambda connection: connection.execute(row))
