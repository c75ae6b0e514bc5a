"""Store the results of a load: cards, their topics, aliases and index rows, and the items they came from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, func, select, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState, ParseResult, Problem, Severity, SourceItem, SourceKind
from bot.cards.stemmer import stem_language
from bot.store.cards.batch_writer import NOWHERE, BatchWriter
from bot.store.cards.card_labels import remove_from_index
from bot.store.cards.import_batch import ImportResult, SourceBatch
from bot.store.cards.item_records import ItemRecord, are_items, find_orphaned_cards, record_items
from bot.store.cards.names import add_missing, recount_all
from bot.store.cards.search_rebuild import request_rebuild
from bot.store.cards.state_log import log_withdrawals
from bot.store.database import Database
from bot.store.error_messages import explain_store_error
from bot.store.sql_helpers import chunks
from bot.store.tables import cards, source_items, sources

BATCH = 500
"""Maximum items per transaction; bounds how long readers wait."""


@dataclass(frozen=True, slots=True)
class KnownItem:
    """An item as of its last read.

    `missing_since` is the first scan that did not find its card, `due_at` the publication time of a scheduled card.
    """

    fingerprint: str
    card_id: int | None
    problems: tuple[Problem, ...]
    digest: str | None = None
    missing_since: datetime | None = None
    due_at: datetime | None = None


_REFUSALS = (SQLAlchemyError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)
"""Raised for a card that cannot be stored, by the database, its driver or the conversion to a row."""
_REASON = 200  # characters


@contextmanager
def _explain_errors() -> Iterator[None]:
    """Convert failures of the database as a whole to `StoreError`, to tell them from errors of a single card."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        if trouble := explain_store_error(error):
            raise trouble from error
        raise


def _describe_refusal(error: BaseException) -> str:
    """Return the reason in one short line. SQLAlchemy's own text includes the statement, which may be megabytes."""
    query = str(error.orig if isinstance(error, DBAPIError) else error) or type(error).__name__
    return f"cannot be stored: {' '.join(query.split())[:_REASON]}"


class CardImporter:
    """Storage for the loader. All methods raise `StoreError` if the database as a whole fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def _begin_query(self) -> AsyncIterator[AsyncConnection]:
        with _explain_errors():
            async with self._database.begin_autocommit() as connection:
                yield connection

    @asynccontextmanager
    async def _begin_write(self) -> AsyncIterator[AsyncConnection]:
        with _explain_errors():
            async with self._database.begin_write() as connection:
                yield connection

    async def ensure_source(
        self, kind: SourceKind, key: str, *, is_shared: bool = True, language: str | None = None
    ) -> int:
        """Return the id of a source; a new one is added. `is_shared`: its cards are everybody's, not its followers'.

        `language` is that of its cards, None if unknown. If they were indexed in another one, the index is rebuilt.
        """
        query = select(sources.c.id, sources.c.language).where(_is_source(kind, key))
        async with self._begin_query() as connection:
            found = (await connection.execute(query)).first()
        # Nearly always: a load without changes must not wait for the writer.
        if found and (language is None or found.language == language):
            return int(found.id)
        async with self._begin_write() as connection:
            row = {"kind": kind, "key": key, "is_shared": is_shared, "language": language}
            await add_missing(connection, sources, [row])
            source = (await connection.execute(query)).one()
            if language is not None and source.language != language:
                await connection.execute(update(sources).where(sources.c.id == source.id).values(language=language))
                if stem_language(source.language) != stem_language(language):
                    await request_rebuild(connection)
            return int(source.id)

    async def known_items(self, kind: SourceKind, source_key: str) -> dict[str, KnownItem]:
        """Return all items of a source that were read before, by key."""
        columns = (source_items.c[name] for name in _KNOWN)
        query = select(source_items.c.key, *columns).join(sources).where(_is_source(kind, source_key))
        async with self._begin_query() as connection:
            rows = await connection.execute(query)
            return {
                row[0]: KnownItem(row[1], row[2], _problems_from_json(row[3]) if row[3] else (), row[4], row[5], row[6])
                for row in rows
            }

    async def find_carriers(self, card_id: int) -> dict[tuple[SourceKind, str], SourceItem]:
        """Return the items that contain a card, by kind and key of their source."""
        query = (
            select(sources.c.kind, sources.c.key, source_items.c.key, source_items.c.fingerprint)
            .join_from(source_items, sources)
            .where(source_items.c.card_id == card_id)
        )
        async with self._begin_query() as connection:
            rows = await connection.execute(query)
            return {(SourceKind(kind), source_key): SourceItem(*item) for kind, source_key, *item in rows}

    async def count_published(self) -> int:
        """Return the number of published cards."""
        async with self._begin_query() as connection:
            count = select(func.count()).select_from(cards).where(cards.c.state == CardState.PUBLISHED)
            return int((await connection.execute(count)).scalar_one())

    async def count_at_risk(self, source_id: int, keys: Sequence[str]) -> int:
        """Return the number of published cards that only these items contain."""
        with _explain_errors():
            async with self._database.begin_read() as connection:
                lost = 0
                for ids in chunks(await find_orphaned_cards(connection, source_id, keys)):
                    query = select(func.count()).where(cards.c.id.in_(ids), cards.c.state == CardState.PUBLISHED)
                    lost += int((await connection.execute(query)).scalar_one())
                return lost

    async def import_batch(
        self,
        source_id: int,
        batch: Sequence[tuple[SourceItem, ParseResult]],
        *,
        vanished: Iterable[int],
        now: datetime,
        withdraw: bool,
        is_backlog: bool = False,
    ) -> ImportResult:
        """Store items of one source; see `import_batches`."""
        parts = [SourceBatch(source_id, batch, is_backlog)]
        return await self.import_batches(parts, lambda: now, vanished=vanished, withdraw=withdraw)

    async def import_batches(
        self,
        parts: Sequence[SourceBatch],
        clock: Callable[[], datetime],
        *,
        vanished: Iterable[int] = (),
        withdraw: bool = True,
    ) -> ImportResult:
        """Store items in one transaction. Without `withdraw`, items that would withdraw a card are postponed.

        `clock` is read once the transaction has begun, which may have to wait: a card is new to all that subscribed
        until then.

        What the database rejects is bisected until only the items that cannot be stored are left out. These are
        reported as problems; their previous cards stay.
        """
        if not any(part.items for part in parts):
            return ImportResult()
        removed = frozenset(vanished)
        try:
            async with self._begin_write() as connection:
                writer = BatchWriter(connection, clock(), withdraw=withdraw, vanished=removed)
                return await writer.write_batch(parts)
        except _REFUSALS as error:
            halves = _bisect(parts)
            if not halves:
                return await self._record_refusal(parts[0], _describe_refusal(error))
        result = ImportResult()
        for half in halves:
            result += await self.import_batches(half, clock, vanished=removed, withdraw=withdraw)
        return result

    async def _record_refusal(self, part: SourceBatch, why: str) -> ImportResult:
        ((item, reading),) = part.items
        problem = Problem(item.key, 1, "", why)
        async with self._begin_write() as connection:
            refused = ItemRecord(part.source_id, item, ParseResult(None, (problem, *reading.problems)))
            await record_items(connection, [refused])
        return ImportResult(refused=[problem])

    async def touch_items(self, source_id: int, items: Sequence[SourceItem]) -> None:
        """Update the fingerprints of items whose content is unchanged."""
        selected = (source_items.c.source_id == source_id) & (source_items.c.key == bindparam("the_key"))
        changing = update(source_items).where(selected).values(fingerprint=bindparam("the_fingerprint"))
        for some in chunks(items):
            async with self._begin_write() as connection:
                await connection.execute(
                    changing, [{"the_key": item.key, "the_fingerprint": item.fingerprint} for item in some]
                )

    async def mark_missing(self, source_id: int, keys: Sequence[str], now: datetime) -> None:
        """Mark items as missing since `now`."""
        for some in chunks(keys):
            async with self._begin_write() as connection:
                await connection.execute(
                    update(source_items).where(are_items(source_id, some)).values(missing_since=now)
                )

    async def forget_items(self, source_id: int, keys: Sequence[str], now: datetime) -> int:
        """Delete items and withdraw their cards, unless another item contains them; return the number of those."""
        async with self._begin_write() as connection:
            removed = await find_orphaned_cards(connection, source_id, keys)
            for some in chunks(keys):
                await connection.execute(delete(source_items).where(are_items(source_id, some)))
            for ids in chunks(removed):
                await log_withdrawals(connection, ids, now)
                await connection.execute(update(cards).where(cards.c.id.in_(ids)).values(_MISSING))
                await remove_from_index(connection, ids)
            return len(removed)

    async def recount_names(self) -> None:
        """Recount the published cards of all topics and providers."""
        async with self._begin_write() as connection:
            await recount_all(connection)


def _bisect(parts: Sequence[SourceBatch]) -> list[Sequence[SourceBatch]]:
    """Split into two halves: between sources, or else between items; nothing if there is one item alone."""
    if len(parts) > 1:
        half = len(parts) // 2
        return [parts[:half], parts[half:]]
    items = parts[0].items
    half = len(items) // 2
    return [[replace(parts[0], items=some)] for some in (items[:half], items[half:])] if half else []


def _problems_from_json(found: Iterable[Mapping[str, Any]]) -> tuple[Problem, ...]:
    return tuple(Problem(**{**problem, "severity": Severity(problem["severity"])}) for problem in found)


def _is_source(kind: SourceKind, key: str) -> ColumnElement[bool]:
    return (sources.c.kind == kind) & (sources.c.key == key)


_KNOWN = ("fingerprint", "card_id", "problems", "digest", "missing_since", "due_at")
_MISSING = NOWHERE | {"file_missing": True, "scheduled": False}
