"""Languages of posts: the server's locale in Discord, or a subscription's setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, func, select

from bot.i18n import ENGLISH
from bot.store.database import Database
from bot.store.tables import guild_settings, subscriptions
from bot.store.upserts import upsert


class GuildSettings:
    """Storage of servers' languages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def languages_by_guild(self) -> dict[int, str]:
        """Return the recorded languages other than English, by server ID."""
        query = select(guild_settings.c.guild_id, guild_settings.c.language).where(
            guild_settings.c.language.is_not(None)
        )
        async with self._database.begin_read() as connection:
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


def guild_language(server: ColumnElement[int]) -> ColumnElement[str]:
    """SQL expression of a server's language."""
    stored = select(guild_settings.c.language).where(guild_settings.c.guild_id == server).scalar_subquery()
    return func.coalesce(stored, ENGLISH)


def post_language() -> ColumnElement[Any]:
    """SQL expression of the language of a subscription's posts."""
    return func.coalesce(subscriptions.c.language, guild_language(subscriptions.c.guild_id))
