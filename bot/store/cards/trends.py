"""Count visible cards by topic and by time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import CTE, BigInteger, Select, Subquery, case, cast, func, select, union, union_all

from bot.cards.text import normalize_name
from bot.domain.trends import WEEK, SpanCount
from bot.store.cards.heat import count_publishers_of, heat_of
from bot.store.cards.name_counts import select_topics
from bot.store.cards.rows import compute_sort_key, sort_key_seconds
from bot.store.cards.stories import coalesce_story_id, story_id_in
from bot.store.cards.visibility import IS_SHARED, has_edited_topics, is_visible_to
from bot.store.database import Database
from bot.store.tables import (
    card_edit_topics,
    card_topics,
    cards,
    follow_topics,
    followed_card_topics,
    server_cards,
    topics,
)

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
    """Select the visible cards of a time range as a materialized CTE: everybody's, and the server's own."""
    # The covering index has state, heat and quality, and `card_topics` has the times, so no table rows are read.
    # Without MATERIALIZED, SQLite looks up the card of each `card_topics` row, which takes thirty times as long.
    span = compute_sort_key(since, 0), compute_sort_key(now, -1)
    everybodys = heat_of(
        cards.c.heat, cards.c.quality, count_publishers_of(story_id_in(guild_id, cards), guild_id)
    ).label("heat")
    shared = select(cards.c.sort_key, everybodys).where(IS_SHARED, cards.c.sort_key.between(*span))
    row = server_cards.c
    followed = heat_of(
        cards.c.heat, row.quality, count_publishers_of(coalesce_story_id(guild_id, row.card_id, row.story_id), guild_id)
    ).label("heat")
    own = select(cards.c.sort_key, followed).join_from(server_cards, cards, cards.c.id == row.card_id)
    own = own.where(row.guild_id == guild_id, ~IS_SHARED, row.sort_key.between(*span))
    visible = (arm.where(is_visible_to(guild_id)) for arm in (shared, own))
    return union_all(*visible).cte("seen").prefix_with("MATERIALIZED")


def _topic_positions(guild_id: int, topic_ids: Select[Any], span: tuple[int, int]) -> Subquery:
    """Select topic and sort key of the cards of these topics: everybody's, and the server's own."""
    shared = select(card_topics.c.topic_id, card_topics.c.sort_key)
    shared = shared.where(card_topics.c.topic_id.in_(topic_ids), card_topics.c.sort_key.between(*span))
    shared = shared.where(~has_edited_topics(guild_id, card_topics.c.card_id))
    here = (server_cards.c.guild_id == guild_id) & server_cards.c.sort_key.between(*span)
    here &= ~has_edited_topics(guild_id, server_cards.c.card_id)
    of_card = followed_card_topics.c.card_id == server_cards.c.card_id
    by_card = select(followed_card_topics.c.topic_id, server_cards.c.sort_key).join_from(
        server_cards, followed_card_topics, of_card
    )
    of_source = (follow_topics.c.guild_id == guild_id) & (follow_topics.c.source_id == server_cards.c.source_id)
    by_follow = select(follow_topics.c.topic_id, server_cards.c.sort_key).join_from(
        server_cards, follow_topics, of_source
    )
    own = union(
        by_card.where(here, followed_card_topics.c.topic_id.in_(topic_ids)),
        by_follow.where(here, follow_topics.c.topic_id.in_(topic_ids)),
    ).subquery()
    edited = select(card_edit_topics.c.topic_id, cards.c.sort_key).join_from(card_edit_topics, cards)
    edited = edited.where(card_edit_topics.c.guild_id == guild_id, card_edit_topics.c.topic_id.in_(topic_ids))
    edited = edited.where(has_edited_topics(guild_id, cards.c.id), cards.c.sort_key.between(*span))
    return union_all(shared, select(own.c.topic_id, own.c.sort_key), edited).subquery()


class TrendStore:
    """Queries that count visible cards."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count_topics(self, guild_id: int, now: datetime, *, limit: int) -> list[TopicTrend]:
        """Return the topics with the most visible cards, and how many of these are recent."""
        named = select_topics(guild_id).subquery()
        largest = select(named).where(named.c.count > 0).order_by(named.c.count.desc(), named.c.key)
        shown = largest.limit(limit).cte("shown")
        start, week, end = (
            compute_sort_key(now - 2 * WEEK, 0),
            compute_sort_key(now - WEEK, 0),
            compute_sort_key(now, -1),
        )
        seen = _visible_cards(guild_id, now - 2 * WEEK, now)
        placed = _topic_positions(guild_id, select(shown.c.id), (start, end))
        at = placed.c.sort_key
        new = (
            select(
                placed.c.topic_id,
                func.sum(case((at >= week, 1), else_=0)).label("recent"),
                func.sum(case((at < week, 1), else_=0)).label("before"),
            )
            .select_from(placed.join(seen, seen.c.sort_key == at))
            .group_by(placed.c.topic_id)
            .subquery()
        )
        numbers = (func.coalesce(new.c.recent, 0), func.coalesce(new.c.before, 0))
        query = select(shown.c.name, shown.c.count, *numbers).outerjoin(new, new.c.topic_id == shown.c.id)
        async with self._database.begin_autocommit() as connection:
            rows = await connection.execute(query.order_by(shown.c.count.desc(), shown.c.key))
            return [TopicTrend(*row) for row in rows]

    async def count_spans(self, guild_id: int, topic: str | None, since: datetime, now: datetime) -> list[SpanCount]:
        """Count visible cards, optionally of one topic, by 15 minutes."""
        seen = _visible_cards(guild_id, since, now)
        quarter = (sort_key_seconds(seen.c.sort_key) // SPAN).label("quarter")
        numbers = (func.count(), cast(func.coalesce(func.sum(seen.c.heat), 0), BigInteger), func.count(seen.c.heat))
        query = select(quarter, *numbers).group_by(quarter)
        if topic is not None:
            key = select(topics.c.id).where(topics.c.key == normalize_name(topic))
            placed = _topic_positions(guild_id, key, (compute_sort_key(since, 0), compute_sort_key(now, -1)))
            query = query.where(seen.c.sort_key.in_(select(placed.c.sort_key)))
        async with self._database.begin_autocommit() as connection:
            rows = await connection.execute(query)
            return [SpanCount(datetime.fromtimestamp(quarter * SPAN, UTC), *numbers) for quarter, *numbers in rows]
