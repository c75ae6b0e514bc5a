"""Rows of `server_cards`: what a card of a followed source is in one server. Written when the card arrives there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, case, exists, literal, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card, CardState, HeldReason
from bot.domain.follows import BACKLOG_DAYS, DEFAULT_QUALITY, FollowPolicy
from bot.domain.moderation import EVERYWHERE
from bot.store.cards.rows import compute_sort_key
from bot.store.cards.visibility import IS_SHARED
from bot.store.sql_helpers import chunks, insert_or_ignore
from bot.store.tables import cards, follow_topics, followed_card_topics, follows, server_cards

_COLUMNS = (
    "guild_id", "card_id", "source_id", "state", "held_reason", "arrived_at", "sort_key", "quality", "is_backlog",
    "needs_planning",
)  # fmt: skip


async def add_arrivals(
    connection: AsyncConnection, card_ids: Sequence[int], now: datetime, *, is_backlog: bool = False
) -> None:
    """Add the rows of new cards in every server that follows their sources, by the policies in force there."""
    # One statement for all servers: a row costs about 10 µs this way, and ten times as much one by one.
    stays_quiet = or_(follows.c.paused, follows.c.policy == FollowPolicy.ARCHIVE, literal(is_backlog))
    for ids in chunks(card_ids):
        # A card that is not posted is news as well: it may be what another one waited for.
        arriving = _rows(stays_quiet, now, needs_planning=not is_backlog).where(cards.c.id.in_(ids))
        await connection.execute(insert_or_ignore(server_cards).from_select(_COLUMNS, arriving))


async def add_backlog(connection: AsyncConnection, guild_id: int, source_id: int, now: datetime) -> None:
    """Add the rows of what the source brought before the server followed it, up to `BACKLOG_DAYS` back."""
    recent = cards.c.sort_key >= compute_sort_key(now - BACKLOG_DAYS, 0)
    here = (follows.c.guild_id == guild_id) & (follows.c.source_id == source_id)
    arriving = _rows(literal(True), now, needs_planning=False).where(here, recent, cards.c.state == CardState.FOLLOWED)
    await connection.execute(insert_or_ignore(server_cards).from_select(_COLUMNS, arriving))


def _rows(is_backlog: ColumnElement[bool], now: datetime, *, needs_planning: bool) -> Select[Any]:
    policy, moment = follows.c.policy, literal(now, server_cards.c.arrived_at.type)
    uncovered = (policy == FollowPolicy.COVERED) & ~is_backlog
    held = or_(policy == FollowPolicy.REVIEW, uncovered)
    return select(
        follows.c.guild_id,
        cards.c.id,
        cards.c.source_id,
        case((held, literal(CardState.HELD.value)), else_=literal(CardState.PUBLISHED.value)),
        case((uncovered, literal(HeldReason.UNCOVERED.value)), else_=None),
        moment,
        cards.c.sort_key,
        follows.c.quality,
        is_backlog,
        literal(needs_planning),
    ).join_from(follows, cards, cards.c.source_id == follows.c.source_id)


async def set_own_state(connection: AsyncConnection, card_id: int, card: Card, now: datetime) -> None:
    """Give the rows of a card the state and the quality that its source says, whatever the policy of its followers."""
    row = server_cards.c
    values = {
        "state": card.state,
        "held_reason": card.held_reason,
        "quality": DEFAULT_QUALITY if card.quality is None else card.quality,
    }
    differs = or_(*(row[name].is_distinct_from(value) for name, value in values.items()))
    changed = update(server_cards).where(row.card_id == card_id, differs).values(values | {"needs_planning": True})
    if card.state is CardState.PUBLISHED:
        # What is published now is new now: subscriptions get what came after they were made.
        moment = literal(now, row.arrived_at.type)
        changed = changed.values(arrived_at=case((row.state != card.state, moment), else_=row.arrived_at))
    await connection.execute(changed)


async def move_rows(connection: AsyncConnection, card_ids: Sequence[int]) -> None:
    """Give the rows the sort keys that their cards have now."""
    key = select(cards.c.sort_key).where(cards.c.id == server_cards.c.card_id).scalar_subquery()
    for ids in chunks(card_ids):
        rows = server_cards.c.card_id.in_(ids) & (server_cards.c.sort_key != key)
        await connection.execute(update(server_cards).where(rows).values(sort_key=key))


async def mark_unplanned(connection: AsyncConnection, card_ids: Sequence[int] | Select[Any], guild_id: int) -> None:
    """Mark cards as changed in one server, or with `EVERYWHERE` in all."""
    row = (server_cards.c.guild_id == guild_id) & server_cards.c.card_id.in_(card_ids)
    await connection.execute(update(server_cards).where(row).values(needs_planning=True))
    # A followed card that changed in one server only is not planned again for all that follow its source.
    everywhere = true() if guild_id == EVERYWHERE else IS_SHARED
    await connection.execute(update(cards).where(cards.c.id.in_(card_ids), everywhere).values(needs_planning=True))


def has_given_topic(topic_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether the card in the enclosing query's row of `server_cards` has this topic, of its own or by its follow.

    An edit by the server replaces these (`bot.store.cards.visibility.has_topic_here`).
    """
    row, own, given = server_cards.c, followed_card_topics.c, follow_topics.c
    by_card = select(literal(1)).where(own.card_id == row.card_id, own.topic_id == topic_id)
    by_follow = select(literal(1)).where(
        given.guild_id == row.guild_id, given.source_id == row.source_id, given.topic_id == topic_id
    )
    return or_(
        exists(by_card.correlate_except(followed_card_topics)), exists(by_follow.correlate_except(follow_topics))
    )
