"""Tell new and changed cards apart into stories, in batches, after they were loaded.

Within `_RECENT` of the newest of them the cards are taken in order of time, so that loads of any size give the same
stories; then come older ones. A batch is one transaction: after a crash it is done again as if for the first time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, bindparam, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.cards.stemmer import stem_language
from bot.domain.publishers import story_publisher
from bot.domain.story_keys import compute_keys
from bot.domain.story_text import read_story_text
from bot.store.cards.rows import card_from_row, compute_sort_key, stored_card_columns
from bot.store.cards.search_entries import SHARED
from bot.store.cards.server_stories import assign_rows_without_story, has_rows_without_story
from bot.store.cards.stories import load_aliases
from bot.store.cards.story_batch import PendingCard, StoryBatch
from bot.store.cards.story_candidates import delete_texts
from bot.store.cards.word_counts import forget_rare_words
from bot.store.database import Database
from bot.store.error_messages import explain_store_error
from bot.store.sql_helpers import chunks
from bot.store.tables import cards, feeds, sources, story_texts

_log = logging.getLogger(__name__)

BATCH = 200
"""Maximum number of cards per transaction; bounds how long other writers wait."""
_RECENT = timedelta(days=30)
_TEXTS_KEPT = timedelta(days=30)
"""How long after their publication cards are compared with new ones. Later an article's address still tells it."""


class StoryStep:
    """The step between a load and the plan that gives cards their stories."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def assign_pending(self) -> int:
        """Give the next batch of cards their stories. Returns its size; 0 when no card is left."""
        if pending := await self._load_next():
            await self._assign_batch(pending)
            return len(pending)
        async with self._database.begin_read() as connection:
            if not await has_rows_without_story(connection):
                return 0
        async with self._database.begin_write() as connection:
            return await assign_rows_without_story(connection, BATCH)

    async def assign_cards(self, card_ids: Sequence[int]) -> None:
        """Give those of these cards that wait for it their stories, before all others."""
        for some in chunks(card_ids, BATCH):
            async with self._database.begin_read() as connection:
                pending = await _load_pending(connection, _select_some(), {"ids": some})
            while batch := _cut_batch(pending):
                await self._assign_batch(batch)
                pending = pending[len(batch) :]

    async def delete_old(self, now: datetime) -> None:
        """Delete what only new cards need of old ones, unless cards wait: they may be as old."""
        old = select(story_texts.c.card_id).where(story_texts.c.published_at < now - _TEXTS_KEPT).limit(BATCH)
        deleted = BATCH
        while deleted == BATCH:
            async with self._database.begin_write() as connection:
                waiting = (await connection.execute(select(cards.c.id).where(cards.c.needs_story).limit(1))).first()
                ids = [] if waiting else (await connection.execute(old)).scalars().all()
                await delete_texts(connection, ids)
                deleted = len(ids)
        async with self._database.begin_write() as connection:
            await forget_rare_words(connection, now)

    async def _load_next(self) -> list[PendingCard]:
        newest = select(func.max(cards.c.sort_key)).where(cards.c.needs_story)
        async with self._database.begin_read() as connection:
            moment = select(cards.c.published_at).where(cards.c.sort_key == newest.scalar_subquery())
            at = (await connection.execute(moment)).scalar_one_or_none()
            if at is None:
                return []
            since = compute_sort_key(at - _RECENT, 0)
            return await _load_pending(connection, _select_recent(), {"since": since})

    async def _assign_batch(self, pending: Sequence[PendingCard]) -> None:
        """Give these cards their stories. One for which that fails tells a story of its own, and no other waits."""
        try:
            async with self._database.begin_write() as connection:
                await StoryBatch(connection, await _skip_changed(connection, pending)).assign_stories()
        except (SQLAlchemyError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as error:
            if isinstance(error, SQLAlchemyError) and explain_store_error(error):
                raise
            _log.warning("Could not tell the stories of %s cards: %s", len(pending), error)
            await self._assign_one_by_one(pending)

    async def _assign_one_by_one(self, pending: Sequence[PendingCard]) -> None:
        if len(pending) > 1:
            for each in pending:
                await self._assign_batch([each])
            return
        async with self._database.begin_write() as connection:
            await connection.execute(_start_story(pending[0]))


def _cut_batch(pending: list[PendingCard]) -> list[PendingCard]:
    """Return the first cards, none much later than the first: what is near to all of them is looked up at once."""
    until = pending[0].published_at + _RECENT if pending else None
    return [each for each in pending if until is None or each.published_at <= until]


@cache
def _select_some() -> Select[Any]:
    return _select_pending(cards.c.id.in_(bindparam("ids", expanding=True)))


@cache
def _select_recent() -> Select[Any]:
    return _select_pending(cards.c.sort_key >= bindparam("since"))


def _select_pending(condition: ColumnElement[bool]) -> Select[Any]:
    language = func.coalesce(func.nullif(feeds.c.language, ""), sources.c.language).label("language")
    columns = (cards.c.story_id, cards.c.content_hash, sources.c.is_shared, language)
    return (
        select(*stored_card_columns(0), cards.c.source_id, *columns)
        .select_from(
            cards.outerjoin(sources, sources.c.id == cards.c.source_id).outerjoin(
                feeds, feeds.c.source_id == cards.c.source_id
            )
        )
        .where(cards.c.needs_story, condition)
        .order_by(cards.c.sort_key)
        .limit(bindparam("limit"))
    )


async def _load_pending(
    connection: AsyncConnection, query: Select[Any], values: Mapping[str, Any]
) -> list[PendingCard]:
    """Load cards that wait, in order of time, and read their texts."""
    rows = (await connection.execute(query, {**values, "limit": BATCH})).mappings().all()
    aliases = await load_aliases(connection, [row["id"] for row in rows])
    # In a thread: long texts take a millisecond each, and readers wait for the event loop.
    return await asyncio.to_thread(lambda: [_read_row(row, aliases.get(row["id"], ())) for row in rows])


def _read_row(row: RowMapping, aliases: Sequence[str]) -> PendingCard:
    card = replace(card_from_row(row).card, aliases=tuple(aliases))
    return PendingCard(
        card_id=row["id"],
        published_at=row["published_at"],
        source_id=row["source_id"] if row["is_shared"] is False else SHARED,
        story_id=row["story_id"],
        content_hash=row["content_hash"],
        publisher=story_publisher(card),
        keys=compute_keys(card),
        text=read_story_text(card.title, card.excerpt, stem_language(row["language"])),
        is_withdrawn=card.state is CardState.WITHDRAWN,
    )


async def _skip_changed(connection: AsyncConnection, pending: Sequence[PendingCard]) -> list[PendingCard]:
    """Return those cards that are still as they were read: the others come with a later batch."""
    ids = [each.card_id for each in pending]
    query = select(cards.c.id, cards.c.content_hash).where(cards.c.needs_story, cards.c.id.in_(ids))
    current = dict((await connection.execute(query)).all())
    return [each for each in pending if current.get(each.card_id) == each.content_hash]


def _start_story(card: PendingCard) -> Any:
    own = card.card_id if card.source_id == SHARED else None  # a followed card has a story in each server
    values = {"needs_story": False, "story_id": func.coalesce(cards.c.story_id, own)}
    return update(cards).where(cards.c.id == card.card_id).values(values)
