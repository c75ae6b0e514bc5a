"""Which servers the bot has greeted: once each time that it joins."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from bot.store.database import Database
from bot.store.sql_helpers import upsert
from bot.store.tables import greetings, key_values, moment_from_microseconds

GREETING_SINCE = "greeting_since"
"""Key of the microsecond since 1970 at which a store of an older version was upgraded: servers of before are known."""


class Greetings:
    """Storage of greetings, by server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim_greeting(self, guild_id: int, joined_at: datetime) -> bool:
        """Return whether the server is to be greeted, and record that it was: True once for each time of joining.

        It is recorded before the message is sent: after a crash in between, none is better than two.
        """
        row = upsert(greetings).values(guild_id=guild_id, joined_at=joined_at)
        row = row.on_conflict_do_update(
            index_elements=["guild_id"],
            set_={"joined_at": row.excluded.joined_at},
            where=greetings.c.joined_at < row.excluded.joined_at,
        )
        async with self._database.begin_write() as connection:
            since = select(key_values.c.value).where(key_values.c.key == GREETING_SINCE)
            upgraded = (await connection.execute(since)).scalar_one_or_none()
            if upgraded is not None and joined_at <= moment_from_microseconds(int(upgraded)):
                return False
            return (await connection.execute(row.returning(greetings.c.guild_id))).scalar_one_or_none() is not None
