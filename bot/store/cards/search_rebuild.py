"""Rebuild the full-text index beside other work, newest cards first.

Until it is finished, older cards may be missing from searches and from lists of a topic, or be found by the words of an
older version.
"""

from __future__ import annotations

from sqlalchemy import Select, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.domain.moderation import EVERYWHERE
from bot.store.cards.edits import index_edits
from bot.store.cards.rows import card_from_row, stored_card_columns
from bot.store.cards.search_entries import IndexedCard, index_cards, remove_entries
from bot.store.database import Database
from bot.store.key_value import put_value
from bot.store.tables import card_edits, cards, key_values

REBUILD = "search rebuild"
"""Key of the position in the timeline below which the index is to be rebuilt; missing when there is nothing to do."""
_EVERYTHING = 2**63 - 1
_AT_ONCE = 200
"""Cards per transaction; bounds how long other writers wait."""


async def request_rebuild(connection: AsyncConnection) -> None:
    """Let the index be rebuilt from the newest card on."""
    await put_value(connection, REBUILD, str(_EVERYTHING))


class SearchIndexRebuild:
    """A rebuild that was requested; it resumes where it was interrupted."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count_remaining(self) -> int:
        """Return the number of cards that are still to be looked at; 0 if there is nothing to do."""
        async with self._database.begin_read() as connection:
            if (below := await _read_position(connection)) is None:
                return 0
            query = select(func.count()).select_from(cards).where(cards.c.sort_key < below)
            return int((await connection.execute(query)).scalar_one())

    async def rebuild_batch(self) -> int:
        """Index the next cards again; return their number, 0 if there is nothing left to do."""
        async with self._database.begin_read() as connection:
            # Nearly always: whoever asks must not wait for the writer.
            if await _read_position(connection) is None:
                return 0
        async with self._database.begin_write() as connection:
            if (below := await _read_position(connection)) is None:
                return 0
            rows = (await connection.execute(_next_cards(below))).mappings().all()
            found = [IndexedCard(row["sort_key"], card_from_row(row).card, row["source_id"]) for row in rows]
            await remove_entries(connection, [each.sort_key for each in found])
            await index_cards(connection, found)
            await index_edits(connection, card_edits.c.card_id.in_([row["id"] for row in rows]))
            if found:
                await put_value(connection, REBUILD, str(found[-1].sort_key))
            else:
                await connection.execute(delete(key_values).where(key_values.c.key == REBUILD))
            return len(found)

    async def rebuild_all(self) -> int:
        """Index all remaining cards at once; return their number."""
        done = 0
        while number := await self.rebuild_batch():
            done += number
        return done


_IS_INDEXED = cards.c.file_state != CardState.WITHDRAWN


async def _read_position(connection: AsyncConnection) -> int | None:
    """Return the position below which cards are to be indexed, None if there is nothing to do."""
    query = select(key_values.c.value).where(key_values.c.key == REBUILD)
    written = (await connection.execute(query)).scalar_one_or_none()
    if written is None:
        return None
    return int(written) if written.lstrip("-").isdecimal() else _EVERYTHING


def _next_cards(below: int) -> Select[tuple[object, ...]]:
    query = select(*stored_card_columns(EVERYWHERE)).where(cards.c.sort_key < below, _IS_INDEXED)
    return query.order_by(cards.c.sort_key.desc()).limit(_AT_ONCE)
