"""Merge the segments of the full-text indexes beside other work."""

from __future__ import annotations

from bot.store.database import Database
from bot.store.search import indexes_for_dialect


class SearchIndexMerge:
    """Merging in steps: a search looks for each of its words in each segment, and every write adds one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._indexes = indexes_for_dialect(database.dialect)

    async def merge_batch(self) -> bool:
        """Merge some segments; return False if there was nothing left to do."""
        async with self._database.begin_write() as connection:
            return any([await index.merge_segments(connection) for index in self._indexes])
