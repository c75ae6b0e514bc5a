"""The items of sources as of their last read, and which cards they carry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import ParseResult, Problem, SourceItem
from bot.store.sql_helpers import chunks, upsert
from bot.store.tables import source_items


class ItemRecord(NamedTuple):
    """An item that was read. Without `card_id` it keeps the card that it had: it may only be broken."""

    source_id: int
    item: SourceItem
    reading: ParseResult
    card_id: int | None = None
    due_at: datetime | None = None


async def record_items(connection: AsyncConnection, records: Sequence[ItemRecord]) -> None:
    """Record items that were read."""
    if records:
        await connection.execute(_RECORD, [_to_row(record) for record in records])


def _to_row(record: ItemRecord) -> dict[str, Any]:
    return {
        "source_id": record.source_id,
        "key": record.item.key,
        "fingerprint": record.item.fingerprint,
        "digest": record.reading.digest,
        "card_id": record.card_id,
        "problems": [_problem_to_json(problem) for problem in record.reading.problems],
        "missing_since": None,
        "due_at": record.due_at,
    }


def _build_record() -> Any:
    adding = upsert(source_items)
    new = adding.excluded
    replaced = {name: new[name] for name in ("fingerprint", "digest", "problems", "missing_since", "due_at")}
    kept = {"card_id": func.coalesce(new.card_id, source_items.c.card_id)}
    return adding.on_conflict_do_update(index_elements=["source_id", "key"], set_=replaced | kept)


_RECORD = _build_record()


def _problem_to_json(problem: Problem) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("file", "line", "field", "problem", "severity")}


def are_items(source_id: int, keys: Sequence[str]) -> ColumnElement[bool]:
    """Whether the row of `source_items` is one of these."""
    return (source_items.c.source_id == source_id) & source_items.c.key.in_(keys)


async def find_orphaned_cards(connection: AsyncConnection, source_id: int, keys: Sequence[str]) -> list[int]:
    """Return the IDs of cards that only these items contain."""
    going: set[int] = set()
    for some in chunks(keys):
        query = select(source_items.c.card_id).where(are_items(source_id, some), source_items.c.card_id.is_not(None))
        going.update((await connection.execute(query)).scalars())
    staying, leaving = set(), set(keys)
    # A renamed file carries its card as well, until its old name is forgotten. Other sources never do.
    for ids in chunks(sorted(going)):
        carriers = select(source_items.c.card_id, source_items.c.key).where(
            source_items.c.source_id == source_id, source_items.c.card_id.in_(ids)
        )
        rows = await connection.execute(carriers)
        staying |= {card for card, key in rows if key not in leaving}
    return sorted(going - staying)
