"""Delete what nobody needs of followed sources: old rows of servers, and the cards of sources that nobody follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, delete, exists, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.cards.card_ids import remember_last_card_id
from bot.store.cards.card_labels import remove_from_index
from bot.store.cards.visibility import IS_SHARED
from bot.store.database import Database
from bot.store.tables import (
    audit_log,
    card_aliases,
    card_edits,
    cards,
    decisions,
    deferred_cards,
    deliveries,
    delivery_cards,
    followed_card_topics,
    followed_words,
    reports,
    saved_cards,
    search_languages,
    server_cards,
    source_items,
    sources,
    story_coverage,
    story_decisions,
    story_keys,
    story_links,
    story_texts,
    story_words,
    submissions,
)

_AT_ONCE = 500
"""Rows per transaction; bounds how long other writers wait."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what nobody needs is kept: rows of servers, and cards of sources that nobody follows.

    Not less than a day: who adds a feed looks at it first, then follows it.
    """

    rows: timedelta = timedelta(days=90)
    unfollowed: timedelta = timedelta(days=1)


DEFAULT_RETENTION = Retention()


async def delete_unused(database: Database, now: datetime, retention: Retention) -> None:
    """Delete rows that servers have had for long, and cards of sources that nobody has followed for long.

    Kept is what was posted, saved, decided, reported or logged.
    """
    while await _delete_rows(database, now - retention.rows):
        pass
    unfollowed = select(sources.c.id).where(sources.c.unfollowed_at < now - retention.unfollowed)
    async with database.begin_autocommit() as connection:
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
        for table in (decisions, reports, card_edits)
    ]
    kept = [
        exists(posted.correlate(server_cards)),
        _refers(saved_cards, saved_cards.c.card_id == row.card_id),
        _refers(story_decisions, _is_decided(row.card_id) & (story_decisions.c.guild_id == row.guild_id)),
        *of_server,
    ]
    old = (
        select(row.guild_id, row.card_id, row.story_id)
        .where(row.arrived_at < before, *(~each for each in kept))
        .limit(_AT_ONCE)
    )
    async with database.begin_write() as connection:
        found = (await connection.execute(old)).all()
        by_guild: dict[int, list[int]] = {}
        for guild_id, card_id, _ in found:
            by_guild.setdefault(guild_id, []).append(card_id)
        for guild_id, card_ids in by_guild.items():
            for table in (server_cards, submissions, story_decisions):
                gone = (table.c.guild_id == guild_id) & table.c.card_id.in_(card_ids)
                await connection.execute(delete(table).where(gone))
            story_ids = [story_id for guild, _, story_id in found if guild == guild_id and story_id]
            counted = (story_coverage.c.guild_id == guild_id) & story_coverage.c.story_id.in_(story_ids)
            here = (row.guild_id == guild_id) & (row.story_id == story_coverage.c.story_id)
            await connection.execute(delete(story_coverage).where(counted, ~_refers(server_cards, here)))
        return len(found)


async def _delete_cards(database: Database, source_id: int) -> int:
    """Delete some cards of a source that nobody follows; return their number."""
    tables = (server_cards, delivery_cards, deferred_cards, decisions, reports, saved_cards, card_edits, audit_log)
    kept = [_refers(table, table.c.card_id == cards.c.id) for table in tables]
    kept += [_refers(story_decisions, _is_decided(cards.c.id))]
    unused = select(cards.c.id).where(cards.c.source_id == source_id, ~IS_SHARED, *(~each for each in kept))
    async with database.begin_write() as connection:
        ids = (await connection.execute(unused.limit(_AT_ONCE))).scalars().all()
        if not ids:
            # Words of the cards that stay may go as well: they only lead to cards that a server sees.
            for table in (followed_words, search_languages):
                await connection.execute(delete(table).where(table.c.source_id == source_id))
            return 0
        await _delete_by_id(connection, ids)
        return len(ids)


async def _delete_by_id(connection: AsyncConnection, ids: Sequence[int]) -> None:
    await remember_last_card_id(connection)
    await remove_from_index(connection, ids)
    await connection.execute(delete(story_links).where(story_links.c.other_id.in_(ids)))
    of_card = (source_items, followed_card_topics, card_aliases, submissions, story_decisions)
    for table in (*of_card, story_keys, story_links, story_texts, story_words):
        await connection.execute(delete(table).where(table.c.card_id.in_(ids)))
    await connection.execute(delete(cards).where(cards.c.id.in_(ids)))


def _is_decided(card_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Whether a moderator gave the card its story: what joined one by itself goes as if it had not."""
    return (story_decisions.c.card_id == card_id) & ~story_decisions.c.matched


def _refers(table: Table, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists(select(literal(1)).select_from(table).where(condition).correlate_except(table))
