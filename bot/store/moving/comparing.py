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

from bot.cards.text import storable
from bot.store.meta import MOVING
from bot.store.moving.copying import indexed
from bot.store.moving.ends import moved
from bot.store.search.engines import index_of
from bot.store.tables import meta

_AT_ONCE = 2000
_DIGEST_BYTES = 6
"""Detects accidental differences, not tampering."""
_JSON = json.JSONEncoder(default=datetime.isoformat, separators=(",", ":"))


class Sum(NamedTuple):
    """Row count and checksum of one table on one side."""

    rows: int
    checksum: str


@dataclass(frozen=True, slots=True)
class Compared:
    """The comparison of one table."""

    table: str
    source: Sum
    target: Sum

    @property
    def is_same(self) -> bool:
        return self.source == self.target


async def compare(source: AsyncConnection, target: AsyncConnection, step: Callable[[int], None]) -> list[Compared]:
    """Compare all copied tables. Of the full-text index only positions: engines store words differently."""
    notes = select(meta).where(meta.c.key != MOVING).order_by(meta.c.key)
    asked: dict[str, tuple[Select[Any], Select[Any]]] = {"meta": (notes, notes)}
    for table in moved():
        rows = select(table).order_by(*table.primary_key.columns)
        asked[table.name] = (rows, rows)
    asked["card_search"] = (_places(source), _places(target))
    return [
        Compared(name, await _sum(source, here, step), await _sum(target, there, step))
        for name, (here, there) in asked.items()
    ]


def _places(connection: AsyncConnection) -> Select[Any]:
    index = index_of(connection.dialect.name)
    return indexed(index).order_by(index.by_time(newer=True))


async def _sum(connection: AsyncConnection, asked: Select[Any], step: Callable[[int], None]) -> Sum:
    digest, rows = blake2b(digest_size=_DIGEST_BYTES), 0
    found = await connection.stream(asked, execution_options={"yield_per": _AT_ONCE})
    async for batch in found.partitions():
        for row in batch:
            digest.update(canonical(row))
        rows += len(batch)
        step(len(batch))
    return Sum(rows, digest.hexdigest())


def canonical(row: Iterable[Any]) -> bytes:
    """Serialize a row to bytes that are equal for every engine."""
    values = [storable(value) if isinstance(value, str) else value for value in row]
    return _JSON.encode(values).encode() + b"\n"
