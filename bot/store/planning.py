"""What is wanted where, as set-based SQL: which deliveries follow their changed cards, and which are new."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, insert, literal, or_, select, update

from bot.cards.model import State
from bot.desk.delivery import UNPUBLISHED, Progress
from bot.desk.subscription import When
from bot.store.tables import card_aliases, card_topics, cards, decisions, deliveries, subscription_topics, subscriptions
from bot.store.visibility import verdict, visible


def follow_cards(now: datetime) -> Any:
    """Deliveries of changed cards want its new revision, a note in its place, or nothing: as the server sees it now."""
    taken_back = (cards.c.state == State.HELD) & verdict(deliveries.c.guild_id).is_(None)
    revision = case(
        (visible(deliveries.c.guild_id), cards.c.revision),
        (taken_back, UNPUBLISHED),
        else_=None,
    )
    wanted = select(revision).where(cards.c.id == deliveries.c.card_id).scalar_subquery()
    changed = select(cards.c.id).where(cards.c.unplanned)
    under_way = deliveries.c.progress == Progress.SENDING
    return (
        update(deliveries)
        .where(
            deliveries.c.card_id.in_(changed),
            deliveries.c.progress != Progress.REMOVED,
            deliveries.c.wanted.is_distinct_from(wanted),
        )
        .values(
            wanted=wanted,
            due_at=now,
            attempts=0,
            plain=False,
            progress=case((under_way, Progress.SENDING), else_=Progress.WAITING),
        )
    )


def new_deliveries(now: datetime, max_age: timedelta) -> Any:
    """One delivery for each channel and card that match and have not met, each story once."""
    wanted = _wanted(now, max_age).cte("wanted")
    earlier = wanted.alias("earlier")
    own = card_aliases.alias("own")
    other = card_aliases.alias("other")
    same_article = and_(own.c.card_id == wanted.c.card_id, own.c.alias == other.c.alias)
    told_before = (
        select(literal(1))
        .select_from(
            own.join(other, own.c.alias == other.c.alias).join(deliveries, deliveries.c.card_id == other.c.card_id)
        )
        .where(own.c.card_id == wanted.c.card_id, deliveries.c.channel_id == wanted.c.channel_id)
        .where(deliveries.c.wanted.is_not(None))
    )
    told_now = (
        select(literal(1))
        .select_from(own.join(other, same_article).join(earlier, earlier.c.card_id == other.c.card_id))
        .where(own.c.card_id == wanted.c.card_id, earlier.c.channel_id == wanted.c.channel_id)
        .where(earlier.c.timeline < wanted.c.timeline)
    )
    names = ("subscription_id", "guild_id", "channel_id", "card_id", "timeline", "wanted")
    rows = select(
        *(wanted.c[name] for name in names),
        literal(Progress.WAITING),
        literal(now, deliveries.c.due_at.type),
        literal(now, deliveries.c.due_at.type),
    ).where(~exists(told_before), ~exists(told_now))
    statement = insert(deliveries).prefix_with("OR IGNORE", dialect="sqlite")
    return statement.from_select([*names, "progress", "due_at", "planned_at"], rows.order_by(wanted.c.timeline))


def _wanted(now: datetime, max_age: timedelta) -> Select[Any]:
    """Pairs of subscription and changed card that match; of a channel's subscriptions the oldest."""
    decided = and_(decisions.c.guild_id == subscriptions.c.guild_id, decisions.c.card_id == cards.c.id)
    by_hand = func.coalesce(decisions.c.verdict, "") == State.PUBLISHED
    since = case((by_hand, decisions.c.decided_at), else_=cards.c.visible_at)
    fresh: ColumnElement[bool] = or_(by_hand, cards.c.published_at >= now - max_age)
    return (
        select(
            func.min(subscriptions.c.id).label("subscription_id"),
            subscriptions.c.guild_id,
            subscriptions.c.channel_id,
            cards.c.id.label("card_id"),
            cards.c.timeline,
            cards.c.revision.label("wanted"),
        )
        .select_from(cards.join(subscriptions, literal(True)).outerjoin(decisions, decided))
        .where(
            cards.c.unplanned,
            subscriptions.c.when == When.INSTANT,
            visible(subscriptions.c.guild_id),
            since > subscriptions.c.created_at,
            fresh,
            func.coalesce(cards.c.quality, 0) >= subscriptions.c.min_quality,
            _topic_matches(),
        )
        .group_by(subscriptions.c.channel_id, cards.c.id)
    )


def _topic_matches() -> ColumnElement[bool]:
    chosen = select(subscription_topics.c.topic_id).where(subscription_topics.c.subscription_id == subscriptions.c.id)
    shared = chosen.join(card_topics, card_topics.c.topic_id == subscription_topics.c.topic_id)
    return or_(~exists(chosen), exists(shared.where(card_topics.c.card_id == cards.c.id)))
