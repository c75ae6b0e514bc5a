"""Languages of posts: the server's locale in Discord, or a subscription's setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, func, select

from bot.language import ENGLISH
from bot.store.database import Database
from bot.store.tables import guild_settings, subscriptions
from bot.store.upserts import upsert


class Languages:
    """Storage of servers' languages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_servers(self) -> dict[int, str]:
        """Return the recorded languages other than English, by server ID."""
        asked = select(guild_settings.c.guild_id, guild_settings.c.language).where(
            guild_settings.c.language.is_not(None)
        )
        async with self._database.read() as connection:
            return dict((await connection.execute(asked)).all())

    async def note(self, languages: Mapping[int, str]) -> None:
        """Record servers' languages, for later posts."""
        rows = [
            {"guild_id": server, "language": None if language == ENGLISH else language}
            for server, language in languages.items()
        ]
        noting = upsert(guild_settings)
        noting = noting.on_conflict_do_update(index_elements=["guild_id"], set_={"language": noting.excluded.language})
        await self._database.note(lambda connection: connection.execute(noting, rows))


def server_language(server: ColumnElement[int]) -> ColumnElement[str]:
    """SQL expression of a server's language."""
    noted = select(guild_settings.c.language).where(guild_settings.c.guild_id == server).scalar_subquery()
    return func.coalesce(noted, ENGLISH)


def post_language() -> ColumnElement[Any]:
    """SQL expression of the language of a subscription's posts."""
    return func.coalesce(subscriptions.c.language, server_language(subscriptions.c.guild_id))
