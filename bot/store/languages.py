"""Which language a server's posts are in: what its people chose in Discord, or for one subscription."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, func, select

from bot.language import ENGLISH
from bot.store.database import Database
from bot.store.tables import guild_settings, subscriptions
from bot.store.upserts import upsert


class Languages:
    """The servers' languages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_servers(self) -> dict[int, str]:
        """The servers that speak another language than English, as they were noted last."""
        asked = select(guild_settings.c.guild_id, guild_settings.c.language).where(
            guild_settings.c.language.is_not(None)
        )
        async with self._database.read() as connection:
            return dict((await connection.execute(asked)).all())

    async def note(self, languages: Mapping[int, str]) -> None:
        """Remember the languages of servers; posts that come later are in them."""
        rows = [
            {"guild_id": server, "language": None if language == ENGLISH else language}
            for server, language in languages.items()
        ]
        noting = upsert(guild_settings)
        noting = noting.on_conflict_do_update(index_elements=["guild_id"], set_={"language": noting.excluded.language})
        await self._database.note(lambda connection: connection.execute(noting, rows))


def server_language(server: ColumnElement[int]) -> ColumnElement[str]:
    """The language of a server's posts, in SQL."""
    noted = select(guild_settings.c.language).where(guild_settings.c.guild_id == server).scalar_subquery()
    return func.coalesce(noted, ENGLISH)


def post_language() -> ColumnElement[Any]:
    """The language of a subscription's posts, in SQL."""
    return func.coalesce(subscriptions.c.language, server_language(subscriptions.c.guild_id))
