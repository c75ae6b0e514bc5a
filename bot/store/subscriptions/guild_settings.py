"""Settings of servers: time zone, review channel, and language, which a subscription may override."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.digest_schedule import is_known_zone
from bot.i18n import ENGLISH
from bot.store.database import Database
from bot.store.sql_helpers import upsert
from bot.store.tables import guild_settings, subscriptions


class GuildSettings:
    """Storage of the settings of servers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def languages_by_guild(self) -> dict[int, str]:
        """Return the recorded languages other than English, by server ID."""
        query = select(guild_settings.c.guild_id, guild_settings.c.language).where(
            guild_settings.c.language.is_not(None)
        )
        async with self._database.begin_autocommit() as connection:
            return dict((await connection.execute(query)).all())

    async def store_languages(self, languages: Mapping[int, str]) -> None:
        """Record servers' languages, for later posts."""
        rows = [
            {"guild_id": server, "language": None if language == ENGLISH else language}
            for server, language in languages.items()
        ]
        statement = upsert(guild_settings)
        statement = statement.on_conflict_do_update(
            index_elements=["guild_id"], set_={"language": statement.excluded.language}
        )
        await self._database.write_shared(lambda connection: connection.execute(statement, rows))

    async def get_timezone(self, guild_id: int) -> str | None:
        """Return the IANA time zone last chosen in the server, if any."""
        zone = await self._get_value(guild_settings.c.timezone, guild_id)
        return zone if is_known_zone(zone) else None

    async def set_timezone(self, guild_id: int, timezone: str) -> None:
        async with self._database.begin_write() as connection:
            await put_settings(connection, guild_id, timezone=timezone)

    async def get_review_channel(self, guild_id: int) -> int | None:
        """Return the ID of the server's review channel, if any. `ReviewChannels` sets it, and moves the reviews."""
        channel_id: int | None = await self._get_value(guild_settings.c.review_channel_id, guild_id)
        return channel_id

    async def _get_value(self, column: Column[Any], guild_id: int) -> Any:
        async with self._database.begin_autocommit() as connection:
            query = select(column).where(guild_settings.c.guild_id == guild_id)
            return (await connection.execute(query)).scalar_one_or_none()


async def put_settings(connection: AsyncConnection, guild_id: int, **values: Any) -> None:
    """Set settings of a server, by column, within the given transaction."""
    row = upsert(guild_settings).values(guild_id=guild_id, **values)
    await connection.execute(row.on_conflict_do_update(index_elements=["guild_id"], set_=values))


def guild_language(server: ColumnElement[int]) -> ColumnElement[str]:
    """SQL expression of a server's language."""
    stored = select(guild_settings.c.language).where(guild_settings.c.guild_id == server).scalar_subquery()
    return func.coalesce(stored, ENGLISH)


def post_language() -> ColumnElement[Any]:
    """SQL expression of the language of a subscription's posts."""
    return func.coalesce(subscriptions.c.language, guild_language(subscriptions.c.guild_id))
