"""Verify a copy: checksum every row on both sides, in a form that does not depend on the engine."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, NamedTuple

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.text import strip_unstorable
from bot.store.key_value import MOVING
from bot.store.search import indexes_for_dialect
from bot.store.search.index import SearchIndex
from bot.store.sql_helpers import open_stream
from bot.store.tables import key_values
from bot.store.transfer.copy_tables import indexed_edits, indexed_places
from bot.store.transfer.preconditions import tables_to_copy

_AT_ONCE = 2000
_DIGEST_BYTES = 6
"""Detects accidental differences, not tampering."""
_JSON = json.JSONEncoder(default=datetime.isoformat, separators=(",", ":"))


class TableSum(NamedTuple):
    """Row count and checksum of one table on one side."""

    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class TableComparison:
    """The comparison of one table."""

    table: str
    source: TableSum
    target: TableSum

    @property
    def is_same(self) -> bool:
        return self.source == self.target


async def compare_stores(
    source: AsyncConnection, target: AsyncConnection, step: Callable[[int], None]
) -> list[TableComparison]:
    """Compare all copied tables. Of the full-text indexes only positions: engines store words differently."""
    notes = select(key_values).where(key_values.c.key != MOVING).order_by(key_values.c.key)
    query: dict[str, tuple[Select[Any], Select[Any]]] = {"key_values": (notes, notes)}
    for table in tables_to_copy():
        rows = select(table).order_by(*table.primary_key.columns)
        query[table.name] = (rows, rows)
    known, new = (indexes_for_dialect(each.dialect.name) for each in (source, target))
    query["card_search"] = (_index_places(known.shared), _index_places(new.shared))
    query["card_search_followed"] = (_index_places(known.followed), _index_places(new.followed))
    query["card_search_edits"] = (indexed_edits(known.edited), indexed_edits(new.edited))
    return [
        TableComparison(
            name, await _checksum_rows(source, source_database, step), await _checksum_rows(target, target_query, step)
        )
        for name, (source_database, target_query) in query.items()
    ]


def _index_places(index: SearchIndex) -> Select[Any]:
    return indexed_places(index).order_by(index.timeline_order(newer=True))


async def _checksum_rows(connection: AsyncConnection, query: Select[Any], step: Callable[[int], None]) -> TableSum:
    digest, rows = blake2b(digest_size=_DIGEST_BYTES), 0
    async with open_stream(connection, query, _AT_ONCE) as result_rows:
        async for batch in result_rows.partitions():
            for row in batch:
                digest.update(canonical_bytes(row))
            rows += len(batch)
            step(len(batch))
    return TableSum(rows, digest.hexdigest())


def canonical_bytes(row: Iterable[Any]) -> bytes:
    """Serialize a row to bytes that are equal for every engine."""
    # SQLite may hold characters that PostgreSQL cannot; the copy has replaced them.
    values = [strip_unstorable(value) if isinstance(value, str) else value for value in row]
    return _JSON.encode(values).encode() + b"\n"
