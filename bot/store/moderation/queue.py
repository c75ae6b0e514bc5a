"""The moderation queue: flagged cards first, then held cards, best first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, false, func, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.cards.text import normalize_name
from bot.domain.subscription import Layout
from bot.store.cards.heat import heat_in
from bot.store.cards.rows import StoredCard, card_from_row, compute_sort_key, score_order, stored_card_columns
from bot.store.cards.server_cards import has_given_topic
from bot.store.cards.visibility import (
    IS_SHARED,
    count_open_reports,
    has_topic_here,
    is_visible_to,
    row_value,
    verdict_of,
)
from bot.store.database import Database
from bot.store.tables import card_topics, cards, deliveries, delivery_cards, reports, server_cards, topics

_RANKED = 1000
"""Newest held cards that are ranked by their heat in the server. Older ones go by what it is without other publishers:
what to rank of a million cards is found by an index.
"""
COUNT_LIMIT = 1000
"""Cards are counted up to here and shown as "more than 1,000" beyond, since counting a million is slow."""


@dataclass(frozen=True, slots=True)
class QueueFilters:
    """Queue filters. Topic and provider ignore case."""

    topic: str | None = None
    provider: str | None = None
    min_quality: int = 0
    since: datetime | None = None
    is_backlog: bool = False
    """Held cards that were there before the server followed their source, instead of all others."""


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
        fitting = _filter_conditions(filters, guild_id)
        reported = cards.c.id.in_(select(reports.c.card_id).where(reports.c.guild_id == guild_id))
        flagged = [reported, is_visible_to(guild_id), count_open_reports(guild_id) > 0, *fitting]
        flagged += [false()] if filters.is_backlog else []
        async with self._database.begin_read() as connection:
            # Two queries paged as one list: cards that await a decision begin where the reported ones end.
            ahead = await _count_cards(connection, flagged)
            total = ahead + await _count_held(connection, guild_id, filters)
            rows: list[Any] = []
            if offset < ahead:
                query = _cards_query(guild_id, flagged).order_by(
                    count_open_reports(guild_id).desc(), cards.c.sort_key.desc()
                )
                rows += (await connection.execute(query.limit(limit).offset(offset))).mappings().all()
            if len(rows) < limit:
                rest = _held_query(guild_id, filters, limit - len(rows), max(0, offset - ahead))
                rows += (await connection.execute(rest)).mappings().all()
        return QueuePage(tuple(QueuedCard(card_from_row(row), row["flags"]) for row in rows), total)

    async def count_posts(self, guild_id: int, card_ids: Collection[int]) -> int:
        """Return how many messages in the server's channels show any of these cards; reviews do not count."""
        query = (
            select(func.count(deliveries.c.id.distinct()))
            .join(delivery_cards, delivery_cards.c.delivery_id == deliveries.c.id)
            .where(deliveries.c.guild_id == guild_id, delivery_cards.c.card_id.in_(card_ids))
            .where(deliveries.c.message_id.is_not(None), deliveries.c.layout != Layout.REVIEW)
            .where(deliveries.c.user_id.is_(None))
        )
        async with self._database.begin_autocommit() as connection:
            return int((await connection.execute(query)).scalar_one())


def _cards_query(guild_id: int, selected: Sequence[ColumnElement[bool]]) -> Select[Any]:
    return select(*stored_card_columns(guild_id), count_open_reports(guild_id).label("flags")).where(*selected)


def _held_query(guild_id: int, filters: QueueFilters, limit: int, offset: int) -> Select[Any]:
    """Select the held cards, best first: everybody's and those of the sources that the server follows."""
    best = score_order() if filters.since else cards.c.score.desc()
    shared, followed = _held_parts(guild_id, filters)
    # Each part is limited in its own order, so that of everybody's cards an index gives only the best.
    parts = [
        shared.order_by(best, cards.c.sort_key.desc()).limit(offset + limit).subquery(),
        followed.order_by(_FOLLOWED_SCORE.desc(), cards.c.sort_key.desc()).limit(offset + limit).subquery(),
    ]
    newest = [part.order_by(cards.c.sort_key.desc()).limit(_RANKED).subquery() for part in (shared, followed)]
    recent = union_all(*map(select, newest)).subquery()
    heat = func.coalesce(heat_in(guild_id), 0)
    ranked = select(cards.c.id, heat.label("score"), cards.c.sort_key).join(recent, recent.c.id == cards.c.id)
    # No heat is below the score, so that a card that is not among the best by score is not unless it is ranked.
    held = union_all(*map(select, parts), ranked).subquery()
    score = func.max(held.c.score).label("score")
    order = (score.desc(), held.c.sort_key.desc())
    page = select(held.c.id, score).group_by(held.c.id, held.c.sort_key).order_by(*order).limit(limit).offset(offset)
    found = page.subquery()
    details = select(*stored_card_columns(guild_id), count_open_reports(guild_id).label("flags"))
    return details.join(found, found.c.id == cards.c.id).order_by(found.c.score.desc(), cards.c.sort_key.desc())


_FOLLOWED_SCORE = func.coalesce(cards.c.heat, server_cards.c.quality)


def _held_parts(guild_id: int, filters: QueueFilters) -> tuple[Select[Any], Select[Any]]:
    fitting, row = _filter_conditions(filters, guild_id), server_cards.c
    shared = select(cards.c.id, cards.c.score.label("score"), cards.c.sort_key)
    shared = shared.where(cards.c.state == CardState.HELD, verdict_of(guild_id).is_(None), *fitting)
    shared = shared.where(cards.c.is_backlog if filters.is_backlog else ~cards.c.is_backlog)
    followed = select(cards.c.id, _FOLLOWED_SCORE.label("score"), cards.c.sort_key)
    followed = followed.join_from(server_cards, cards, cards.c.id == row.card_id)
    followed = followed.where(row.guild_id == guild_id, row.state == CardState.HELD, ~IS_SHARED)
    followed = followed.where(cards.c.state != CardState.WITHDRAWN, verdict_of(guild_id).is_(None), *fitting)
    return shared, followed.where(row.is_backlog if filters.is_backlog else ~row.is_backlog)


async def _count_held(connection: AsyncConnection, guild_id: int, filters: QueueFilters) -> int:
    parts = [select(part.limit(COUNT_LIMIT + 1).subquery().c.id) for part in _held_parts(guild_id, filters)]
    some = union_all(*parts).limit(COUNT_LIMIT + 1).subquery()
    return int((await connection.execute(select(func.count()).select_from(some))).scalar_one())


async def _count_cards(connection: AsyncConnection, selected: Sequence[ColumnElement[bool]]) -> int:
    some = select(cards.c.id).where(*selected).limit(COUNT_LIMIT + 1).subquery()
    return int((await connection.execute(select(func.count()).select_from(some))).scalar_one())


def _filter_conditions(filters: QueueFilters, guild_id: int) -> list[ColumnElement[bool]]:
    query: list[ColumnElement[bool]] = []
    if filters.topic:
        topic = select(topics.c.id).where(topics.c.key == normalize_name(filters.topic)).scalar_subquery()
        named = select(card_topics.c.card_id).where(card_topics.c.topic_id == topic)
        own = select(server_cards.c.card_id).where(server_cards.c.guild_id == guild_id, has_given_topic(topic))
        query.append(has_topic_here(cards.c.id.in_(union_all(named, own)), topic, cards.c.id, guild_id))
    if filters.provider:
        query.append(cards.c.provider == normalize_name(filters.provider))
    if filters.min_quality:
        query.append(row_value(server_cards.c.quality, cards.c.quality, guild_id) >= filters.min_quality)
    if filters.since:
        query.append(cards.c.sort_key >= compute_sort_key(filters.since, 0))
    return query
