"""Count visible cards by topic and by time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import CTE, BigInteger, case, cast, func, select

from bot.cards.text import normalize_name
from bot.domain.trends import WEEK, SpanCount
from bot.store.cards.repository import own_count_change
from bot.store.cards.rows import compute_sort_key, sort_key_seconds
from bot.store.cards.visibility import is_visible_to
from bot.store.database import Database
from bot.store.tables import card_topics, cards, decisions, topics

SPAN = 15 * 60
"""Seconds; midnight in every time zone is at a multiple of 15 minutes."""


@dataclass(frozen=True, slots=True)
class TopicTrend:
    """A topic's number of visible cards: in total, in the last 7 days, and in the 7 days before."""

    name: str
    count: int
    recent: int = 0
    before: int = 0


def _visible_cards(guild_id: int, since: datetime, now: datetime) -> CTE:
    """Select the visible cards of a time range as a materialized CTE."""
    # The covering index has state and heat, and `card_topics` has the times, so no table rows are read. Without
    # MATERIALIZED, SQLite looks up the card of each `card_topics` row, which takes thirty times as long.
    within = cards.c.sort_key.between(compute_sort_key(since, 0), compute_sort_key(now, -1))
    query = select(cards.c.sort_key, cards.c.heat).where(within, is_visible_to(guild_id))
    return query.cte("seen").prefix_with("MATERIALIZED")


class TrendStore:
    """Queries that count visible cards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count_topics(self, guild_id: int, now: datetime, *, limit: int) -> list[TopicTrend]:
        """Return the topics with the most visible cards, and how many of these are recent."""
        own = own_count_change(guild_id, card_topics.c.topic_id, decisions.join(cards).join(card_topics))
        count = (topics.c.published_count + func.coalesce(own.c.change, 0)).label("count")
        named = topics.outerjoin(own, own.c.name == topics.c.id)
        largest = select(topics.c.id, topics.c.key, topics.c.name, count).select_from(named).where(count > 0)
        shown = largest.order_by(count.desc(), topics.c.key).limit(limit).cte("shown")
        start, week, end = (
            compute_sort_key(now - 2 * WEEK, 0),
            compute_sort_key(now - WEEK, 0),
            compute_sort_key(now, -1),
        )
        at, seen = card_topics.c.sort_key, _visible_cards(guild_id, now - 2 * WEEK, now)
        new = (
            select(
                card_topics.c.topic_id,
                func.sum(case((at >= week, 1), else_=0)).label("recent"),
                func.sum(case((at < week, 1), else_=0)).label("before"),
            )
            .select_from(card_topics.join(seen, seen.c.sort_key == at))
            .where(card_topics.c.topic_id.in_(select(shown.c.id)), at.between(start, end))
            .group_by(card_topics.c.topic_id)
            .subquery()
        )
        numbers = (func.coalesce(new.c.recent, 0), func.coalesce(new.c.before, 0))
        query = select(shown.c.name, shown.c.count, *numbers).outerjoin(new, new.c.topic_id == shown.c.id)
        async with self._database.begin_read() as connection:
            rows = await connection.execute(query.order_by(shown.c.count.desc(), shown.c.key))
            return [TopicTrend(*row) for row in rows]

    async def count_spans(self, guild_id: int, topic: str | None, since: datetime, now: datetime) -> list[SpanCount]:
        """Count visible cards, optionally of one topic, by 15 minutes."""
        seen = _visible_cards(guild_id, since, now)
        quarter = (sort_key_seconds(seen.c.sort_key) // SPAN).label("quarter")
        numbers = (func.count(), cast(func.coalesce(func.sum(seen.c.heat), 0), BigInteger), func.count(seen.c.heat))
        query = select(quarter, *numbers).group_by(quarter)
        if topic is not None:
            key = select(topics.c.id).where(topics.c.key == normalize_name(topic)).scalar_subquery()
            within = card_topics.c.sort_key.between(compute_sort_key(since, 0), compute_sort_key(now, -1))
            of_topic = select(card_topics.c.sort_key).where(card_topics.c.topic_id == key, within)
            query = query.where(seen.c.sort_key.in_(of_topic))
        async with self._database.begin_read() as connection:
            rows = await connection.execute(query)
            return [SpanCount(datetime.fromtimestamp(quarter * SPAN, UTC), *numbers) for quarter, *numbers in rows]
