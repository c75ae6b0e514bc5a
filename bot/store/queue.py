"""The moderation queue: flagged cards first, then held cards, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.text import folded
from bot.store.database import Database
from bot.store.records import FiledCard, best_of_some, filed, filed_columns, timeline
from bot.store.tables import card_topics, cards, flags, topics
from bot.store.visibility import open_flags, undecided, visible

COUNTED = 1000
"""Cards are counted up to here and shown as "more than 1,000" beyond, since counting a million is slow."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Queue filters. Topic and provider ignore case."""

    topic: str | None = None
    provider: str | None = None
    min_quality: int = 0
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """A card in the queue, and its number of open flags."""

    card: FiledCard
    flags: int = 0


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of the queue; `total` is capped at `COUNTED` + 1."""

    waiting: tuple[Waiting, ...]
    total: int


class Queue:
    """Queries for the moderation queue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, guild_id: int, filters: Filters, *, limit: int, offset: int) -> QueuePage:
        """Return a page. Flagged cards come first: they are few, and visible to readers."""
        fitting = _fitting(filters)
        reported = cards.c.id.in_(select(flags.c.card_id).where(flags.c.guild_id == guild_id))
        flagged = [reported, visible(guild_id), open_flags(guild_id) > 0, *fitting]
        held = [undecided(guild_id), *fitting]
        async with self._database.read() as connection:
            ahead = await _count(connection, flagged)
            total = ahead + await _count(connection, held)
            rows: list[Any] = []
            if offset < ahead:
                asked = _cards(guild_id, flagged).order_by(open_flags(guild_id).desc(), cards.c.timeline.desc())
                rows += (await connection.execute(asked.limit(limit).offset(offset))).mappings().all()
            if len(rows) < limit:
                best = best_of_some() if filters.since else cards.c.points.desc()
                asked = _cards(guild_id, held).order_by(best, cards.c.timeline.desc())
                rest = asked.limit(limit - len(rows)).offset(max(0, offset - ahead))
                rows += (await connection.execute(rest)).mappings().all()
        return QueuePage(tuple(Waiting(filed(row), row["flags"]) for row in rows), total)


def _cards(guild_id: int, chosen: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return select(*filed_columns(guild_id), open_flags(guild_id).label("flags")).where(*chosen)


async def _count(connection: AsyncConnection, chosen: Sequence[ColumnElement[bool]]) -> int:
    some = select(cards.c.id).where(*chosen).limit(COUNTED + 1).subquery()
    return int((await connection.execute(select(func.count()).select_from(some))).scalar_one())


def _fitting(filters: Filters) -> list[ColumnElement[bool]]:
    asked: list[ColumnElement[bool]] = []
    if filters.topic:
        named = select(card_topics.c.card_id).join(topics).where(topics.c.key == folded(filters.topic))
        asked.append(cards.c.id.in_(named))
    if filters.provider:
        asked.append(cards.c.provider == folded(filters.provider))
    if filters.min_quality:
        asked.append(cards.c.quality >= filters.min_quality)
    if filters.since:
        asked.append(cards.c.timeline >= timeline(filters.since, 0))
    return asked
