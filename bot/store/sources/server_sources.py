"""Sources of one server: its links, and the cards that programs post with its tokens."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import SourceKind
from bot.domain.follows import DEFAULT_QUALITY, FollowPolicy
from bot.store.tables import follows, sources

NOBODY = 0
"""Who follows such a source for the server: no person."""


async def find_source(connection: AsyncConnection, kind: SourceKind, key: str) -> tuple[int, int | None] | None:
    """Return the id of a source, and the server that follows it; None if there is no such source."""
    query = select(sources.c.id, follows.c.guild_id).outerjoin(follows, follows.c.source_id == sources.c.id)
    row = (await connection.execute(query.where(sources.c.kind == kind, sources.c.key == key).limit(1))).first()
    return (row[0], row[1]) if row else None


async def add_source(
    connection: AsyncConnection, kind: SourceKind, key: str, guild_id: int | None, now: datetime
) -> int:
    """Add a source of everybody, or of one server, which follows it from then on; return its id.

    A card is held there unless somebody or something publishes it.
    """
    adding = insert(sources).values(kind=kind, key=key, is_shared=guild_id is None).returning(sources.c.id)
    source_id = int((await connection.execute(adding)).scalar_one())
    if guild_id is not None:
        follow = {
            "guild_id": guild_id,
            "source_id": source_id,
            "policy": FollowPolicy.REVIEW,
            "quality": DEFAULT_QUALITY,
            "followed_at": now,
            "created_by": NOBODY,
        }
        await connection.execute(insert(follows).values(follow))
    return source_id
