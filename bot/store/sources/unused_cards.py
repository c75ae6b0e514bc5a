"""Delete what nobody needs of followed sources: old rows of servers, and the cards of sources that nobody follows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, delete, exists, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.follows import BACKLOG_DAYS
from bot.store.cards.importer import remember_last_card_id, remove_from_index
from bot.store.cards.visibility import IS_SHARED
from bot.store.database import Database
from bot.store.tables import (
    audit_log,
    card_aliases,
    cards,
    decisions,
    deferred_cards,
    deliveries,
    delivery_cards,
    followed_card_topics,
    followed_words,
    reports,
    saved_cards,
    server_cards,
    source_items,
    sources,
    story_keys,
    topic_overrides,
)

GRACE = timedelta(days=1)
"""How long the cards of a source that nobody follows are kept: who adds a feed looks at it first, then follows it."""
_AT_ONCE = 500
"""Rows per transaction; bounds how long other writers wait."""


async def delete_unused(database: Database, now: datetime) -> None:
    """Delete rows that servers have had for `BACKLOG_DAYS`, and cards of sources that nobody has followed for `GRACE`.

    Kept is what was posted, saved, decided, reported or logged.
    """
    while await _delete_rows(database, now - BACKLOG_DAYS):
        pass
    unfollowed = select(sources.c.id).where(sources.c.unfollowed_at < now - GRACE)
    async with database.begin_read() as connection:
        source_ids = (await connection.execute(unfollowed)).scalars().all()
    for source_id in source_ids:
        while await _delete_cards(database, source_id):
            pass


async def _delete_rows(database: Database, before: datetime) -> int:
    """Delete some old rows; return their number."""
    row = server_cards.c
    posted = select(literal(1)).join_from(delivery_cards, deliveries, deliveries.c.id == delivery_cards.c.delivery_id)
    posted = posted.where(delivery_cards.c.card_id == row.card_id, deliveries.c.guild_id == row.guild_id)
    of_server = [
        _refers(table, (table.c.card_id == row.card_id) & (table.c.guild_id == row.guild_id))
        for table in (decisions, reports, topic_overrides)
    ]
    kept = [
        exists(posted.correlate(server_cards)),
        _refers(saved_cards, saved_cards.c.card_id == row.card_id),
        *of_server,
    ]
    old = select(row.guild_id, row.card_id).where(row.arrived_at < before, *(~each for each in kept)).limit(_AT_ONCE)
    async with database.begin_write() as connection:
        found = (await connection.execute(old)).all()
        by_guild: dict[int, list[int]] = {}
        for guild_id, card_id in found:
            by_guild.setdefault(guild_id, []).append(card_id)
        for guild_id, card_ids in by_guild.items():
            await connection.execute(delete(server_cards).where(row.guild_id == guild_id, row.card_id.in_(card_ids)))
        return len(found)


async def _delete_cards(database: Database, source_id: int) -> int:
    """Delete some cards of a source that nobody follows; return their number."""
    tables = (server_cards, delivery_cards, deferred_cards, decisions, reports, saved_cards, topic_overrides, audit_log)
    kept = [_refers(table, table.c.card_id == cards.c.id) for table in tables]
    unused = select(cards.c.id).where(cards.c.source_id == source_id, ~IS_SHARED, *(~each for each in kept))
    async with database.begin_write() as connection:
        ids = (await connection.execute(unused.limit(_AT_ONCE))).scalars().all()
        if not ids:
            # Words of the cards that stay may go as well: they only lead to cards that a server sees.
            await connection.execute(delete(followed_words).where(followed_words.c.source_id == source_id))
            return 0
        await _delete_by_id(connection, ids)
        return len(ids)


async def _delete_by_id(connection: AsyncConnection, ids: Sequence[int]) -> None:
    await remember_last_card_id(connection)
    await remove_from_index(connection, ids)
    for table in (source_items, followed_card_topics, card_aliases, story_keys):
        await connection.execute(delete(table).where(table.c.card_id.in_(ids)))
    await connection.execute(delete(cards).where(cards.c.id.in_(ids)))


def _refers(table: Table, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(select(literal(1)).select_from(table).where(condition).correlate_except(table))
