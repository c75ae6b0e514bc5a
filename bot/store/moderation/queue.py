"""The moderation queue: flagged cards first, then held cards, best first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.text import normalize_name
from bot.store.cards.rows import StoredCard, card_from_row, compute_sort_key, score_order, stored_card_columns
from bot.store.cards.visibility import count_open_reports, is_undecided, is_visible_to
from bot.store.database import Database
from bot.store.tables import card_topics, cards, reports, topics

COUNT_LIMIT = 1000
"""Cards are counted up to here and shown as "more than 1,000" beyond, since counting a million is slow."""


@dataclass(frozen=True, slots=True)
class QueueFilters:
    """Queue filters. Topic and provider ignore case."""

    topic: str | None = None
    provider: str | None = None
    min_quality: int = 0
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class QueuedCard:
    """A card in the queue, and its number of open reports."""

    card: StoredCard
    report_count: int = 0


@dataclass(frozen=True, slots=True)
class QueuePage:
    """A page of the queue; `total` is capped at `COUNT_LIMIT` + 1."""

    waiting: tuple[QueuedCard, ...]
    total: int


class ModerationQueue:
    """Queries for the moderation queue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_page(self, guild_id: int, filters: QueueFilters, *, limit: int, offset: int) -> QueuePage:
        """Return a page. Flagged cards come first: they are few, and visible to readers."""
        fitting = _filter_conditions(filters)
        reported = cards.c.id.in_(select(reports.c.card_id).where(reports.c.guild_id == guild_id))
        flagged = [reported, is_visible_to(guild_id), count_open_reports(guild_id) > 0, *fitting]
        held = [is_undecided(guild_id), *fitting]
        async with self._database.begin_read() as connection:
            # Two queries paged as one list: cards that await a decision begin where the reported ones end.
            ahead = await _count_cards(connection, flagged)
            total = ahead + await _count_cards(connection, held)
            rows: list[Any] = []
            if offset < ahead:
                query = _cards_query(guild_id, flagged).order_by(
                    count_open_reports(guild_id).desc(), cards.c.sort_key.desc()
                )
                rows += (await connection.execute(query.limit(limit).offset(offset))).mappings().all()
            if len(rows) < limit:
                best = score_order() if filters.since else cards.c.score.desc()
                query = _cards_query(guild_id, held).order_by(best, cards.c.sort_key.desc())
                rest = query.limit(limit - len(rows)).offset(max(0, offset - ahead))
                rows += (await connection.execute(rest)).mappings().all()
        return QueuePage(tuple(QueuedCard(card_from_row(row), row["flags"]) for row in rows), total)


def _cards_query(guild_id: int, selected: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return select(*stored_card_columns(guild_id), count_open_reports(guild_id).label("flags")).where(*selected)


async def _count_cards(connection: AsyncConnection, selected: Sequence[ColumnElement[bool]]) -> int:
    some = select(cards.c.id).where(*selected).limit(COUNT_LIMIT + 1).subquery()
    return int((await connection.execute(select(func.count()).select_from(some))).scalar_one())


def _filter_conditions(filters: QueueFilters) -> list[ColumnElement[bool]]:
    query: list[ColumnElement[bool]] = []
    if filters.topic:
        named = select(card_topics.c.card_id).join(topics).where(topics.c.key == normalize_name(filters.topic))
        query.append(cards.c.id.in_(named))
    if filters.provider:
        query.append(cards.c.provider == normalize_name(filters.provider))
    if filters.min_quality:
        query.append(cards.c.quality >= filters.min_quality)
    if filters.since:
        query.append(cards.c.sort_key >= compute_sort_key(filters.since, 0))
    return query
