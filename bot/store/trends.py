"""Count visible cards by topic and by time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import CTE, BigInteger, case, cast, func, select

from bot.cards.text import folded
from bot.desk.trend import WEEK, Span
from bot.store.database import Database
from bot.store.reading import own_change
from bot.store.records import seconds_of, timeline
from bot.store.tables import card_topics, cards, decisions, topics
from bot.store.visibility import visible

SPAN = 15 * 60
"""Seconds; midnight in every time zone is at a multiple of 15 minutes."""


@dataclass(frozen=True, slots=True)
class TopicTrend:
    """A topic's number of visible cards: in total, in the last 7 days, and in the 7 days before."""

    name: str
    count: int
    recent: int = 0
    before: int = 0


def _seen(guild_id: int, since: datetime, now: datetime) -> CTE:
    """Select the visible cards of a time range as a materialized CTE."""
    # The covering index has state and heat, and `card_topics` has the times, so no table rows are read. Without
    # MATERIALIZED, SQLite looks up the card of each `card_topics` row, which takes thirty times as long.
    within = cards.c.timeline.between(timeline(since, 0), timeline(now, -1))
    asked = select(cards.c.timeline, cards.c.heat).where(within, visible(guild_id))
    return asked.cte("seen").prefix_with("MATERIALIZED")


class Trends:
    """Queries that count visible cards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def topics(self, guild_id: int, now: datetime, *, limit: int) -> list[TopicTrend]:
        """Return the topics with the most visible cards, and how many of these are recent."""
        own = own_change(guild_id, card_topics.c.topic_id, decisions.join(cards).join(card_topics))
        count = (topics.c.published + func.coalesce(own.c.change, 0)).label("count")
        named = topics.outerjoin(own, own.c.name == topics.c.id)
        largest = select(topics.c.id, topics.c.key, topics.c.name, count).select_from(named).where(count > 0)
        shown = largest.order_by(count.desc(), topics.c.key).limit(limit).cte("shown")
        start, week, end = timeline(now - 2 * WEEK, 0), timeline(now - WEEK, 0), timeline(now, -1)
        at, seen = card_topics.c.timeline, _seen(guild_id, now - 2 * WEEK, now)
        new = (
            select(
                card_topics.c.topic_id,
                func.sum(case((at >= week, 1), else_=0)).label("recent"),
                func.sum(case((at < week, 1), else_=0)).label("before"),
            )
            .select_from(card_topics.join(seen, seen.c.timeline == at))
            .where(card_topics.c.topic_id.in_(select(shown.c.id)), at.between(start, end))
            .group_by(card_topics.c.topic_id)
            .subquery()
        )
        numbers = (func.coalesce(new.c.recent, 0), func.coalesce(new.c.before, 0))
        asked = select(shown.c.name, shown.c.count, *numbers).outerjoin(new, new.c.topic_id == shown.c.id)
        async with self._database.read() as connection:
            rows = await connection.execute(asked.order_by(shown.c.count.desc(), shown.c.key))
            return [TopicTrend(*row) for row in rows]

    async def spans(self, guild_id: int, topic: str | None, since: datetime, now: datetime) -> list[Span]:
        """Count visible cards, optionally of one topic, by 15 minutes."""
        seen = _seen(guild_id, since, now)
        quarter = (seconds_of(seen.c.timeline) // SPAN).label("quarter")
        numbers = (func.count(), cast(func.coalesce(func.sum(seen.c.heat), 0), BigInteger), func.count(seen.c.heat))
        asked = select(quarter, *numbers).group_by(quarter)
        if topic is not None:
            key = select(topics.c.id).where(topics.c.key == folded(topic)).scalar_subquery()
            within = card_topics.c.timeline.between(timeline(since, 0), timeline(now, -1))
            of_topic = select(card_topics.c.timeline).where(card_topics.c.topic_id == key, within)
            asked = asked.where(seen.c.timeline.in_(of_topic))
        async with self._database.read() as connection:
            rows = await connection.execute(asked)
            return [Span(datetime.fromtimestamp(quarter * SPAN, UTC), *numbers) for quarter, *numbers in rows]
