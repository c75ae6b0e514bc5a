"""Make a source that servers follow everybody's: its cards with it, and what was posted stays as it is."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, case, delete, exists, func, insert, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.domain.feed import FeedOptions
from bot.domain.follows import FollowPolicy
from bot.domain.moderation import DecisionSource, Verdict
from bot.store.cards.card_labels import LabeledCard, remove_from_index, write_labels
from bot.store.cards.edits import refresh_edits_of
from bot.store.cards.rows import card_from_row, stored_card_columns
from bot.store.cards.story_candidates import delete_texts
from bot.store.database import Database
from bot.store.sql_helpers import insert_or_ignore
from bot.store.tables import (
    audit_log,
    cards,
    decisions,
    feeds,
    follow_topics,
    followed_card_topics,
    followed_words,
    follows,
    search_languages,
    server_cards,
    sources,
)

_AT_ONCE = 500
"""Cards per transaction; bounds how long other writers wait."""
_LONGEST_WAIT = timedelta(days=8)
"""The time between two weekly digests, with a day to spare."""
_NOBODY = 0
_BACKLOG = datetime(1970, 1, 1, tzinfo=UTC)


async def share_source(database: Database, source_id: int, options: FeedOptions, now: datetime) -> None:
    """Make a followed source everybody's, with the state and quality that `options` give its cards.

    They are backlog to all servers but those that got them as news. Nobody follows the source any more, and the logs of
    the servers that did say so. A process that is killed halfway goes on when this is called again.
    """
    is_done = False
    while not is_done:
        async with database.begin_write() as connection:
            is_done = await _share_some(connection, source_id, options, now)


async def _share_some(connection: AsyncConnection, source_id: int, options: FeedOptions, now: datetime) -> bool:
    """Share the source, and some of its cards; return whether these were the last. Until then servers follow it."""
    shared = update(sources).where(sources.c.id == source_id)
    await connection.execute(shared.values(is_shared=True, unfollowed_at=None))
    of_source = (cards.c.source_id == source_id) & or_(_is_followed(cards.c.state), _is_followed(cards.c.file_state))
    ids = (await connection.execute(select(cards.c.id).where(of_source).limit(_AT_ONCE))).scalars().all()
    if ids:
        await _keep_news(connection, ids, now)
        await _share_cards(connection, ids, options)
    if len(ids) == _AT_ONCE:
        return False
    await _log_change(connection, source_id, now)
    for table in (server_cards, follow_topics, follows, followed_words, search_languages):
        await connection.execute(delete(table).where(table.c.source_id == source_id))
    return True


def _is_followed(state: ColumnElement[str]) -> ColumnElement[bool]:
    return state == CardState.FOLLOWED


async def _log_change(connection: AsyncConnection, source_id: int, now: datetime) -> None:
    """Let the log of each server that follows the source say that it is everybody's. Without cards it says nothing."""
    newest = select(func.max(cards.c.id)).where(cards.c.source_id == source_id)
    card_id = (await connection.execute(newest)).scalar_one()
    if card_id is None:
        return
    name = func.coalesce(func.nullif(feeds.c.title, ""), feeds.c.host)
    values = {
        "card_id": literal(card_id),
        "subject": literal("feed"),
        "after": name,
        "actor_id": literal(_NOBODY),
        "source": literal(DecisionSource.OPERATOR.value),
        "reason": literal(""),
        "at": literal(now, audit_log.c.at.type),
    }
    told = select(follows.c.guild_id, *values.values()).join_from(
        follows, feeds, feeds.c.source_id == follows.c.source_id
    )
    told = told.where(follows.c.source_id == source_id)
    await connection.execute(insert(audit_log).from_select(["guild_id", *values], told))


async def _keep_news(connection: AsyncConnection, ids: Sequence[int], now: datetime) -> None:
    """Let what a server published by its own policy count as its decision, as long as a digest may wait for it."""
    row = server_cards.c
    names = ("guild_id", "card_id", "verdict", "decided_by", "decided_at", "reason")
    by_policy = (literal(Verdict.PUBLISH.value), literal(_NOBODY), row.arrived_at, literal(""))
    news = select(row.guild_id, row.card_id, *by_policy).where(
        row.card_id.in_(ids),
        row.state == CardState.PUBLISHED,
        ~row.is_backlog,
        row.arrived_at >= now - _LONGEST_WAIT,
    )
    await connection.execute(insert_or_ignore(decisions).from_select(names, news))


async def _share_cards(connection: AsyncConnection, ids: Sequence[int], options: FeedOptions) -> None:
    await _set_states(connection, ids, options)
    await connection.execute(delete(server_cards).where(server_cards.c.card_id.in_(ids)))
    await remove_from_index(connection, ids)
    await connection.execute(delete(followed_card_topics).where(followed_card_topics.c.card_id.in_(ids)))
    rows = await connection.execute(select(*stored_card_columns(0)).where(cards.c.id.in_(ids)))
    found = [
        LabeledCard(row["id"], row["sort_key"], card_from_row(row).card, row["source_id"], is_shared=True)
        for row in rows.mappings()
    ]
    await write_labels(connection, found)
    await refresh_edits_of(connection, ids)
    # They are compared with everybody's from now on, before a plan posts any of them.
    await delete_texts(connection, ids)


async def _set_states(connection: AsyncConnection, ids: Sequence[int], options: FeedOptions) -> None:
    is_held = options.policy in (FollowPolicy.REVIEW, FollowPolicy.COVERED)
    state = literal((CardState.HELD if is_held else CardState.PUBLISHED).value)
    waiting = exists().where(server_cards.c.card_id == cards.c.id, server_cards.c.needs_planning)
    was_followed = _is_followed(cards.c.state)
    since = literal(None if is_held else _BACKLOG, cards.c.visible_at.type)
    change = update(cards).where(cards.c.id.in_(ids))
    await connection.execute(
        change.values(
            visible_at=case((was_followed, since), else_=cards.c.visible_at),
            needs_planning=or_(cards.c.needs_planning, waiting),
            state=case((was_followed, state), else_=cards.c.state),
            is_backlog=or_(cards.c.is_backlog, was_followed),
            file_state=case((_is_followed(cards.c.file_state), state), else_=cards.c.file_state),
            needs_story=True,
            quality=options.quality,
            score=func.coalesce(cards.c.heat, options.quality),
        )
    )
