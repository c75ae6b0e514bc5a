"""Count in how many recent cards each word is, for everybody's cards and for each followed source.

A card counts less the older it is (`COUNTED_FOR`), so that nothing has to be subtracted later.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.story_matching import COUNTED_FOR, WeightedText, weigh_words
from bot.domain.story_text import StoryText
from bot.store.cards.search_entries import SHARED
from bot.store.sql_helpers import chunks, upsert
from bot.store.tables import word_counts

_TOTAL = ""
"""Counted as a word that every card has."""
_FORGOTTEN_AFTER = 6 * COUNTED_FOR
"""By then a card counts for a four-hundredth."""
_Key = tuple[int, str]


class WordCounts:
    """The counts that some texts need. `add_card` changes them here, `save_changes` in the store."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._counts: dict[_Key, tuple[float, datetime]] = {}
        self._changed: set[_Key] = set()

    async def load_counts(self, source_ids: Collection[int], texts: Iterable[StoryText]) -> None:
        """Load the counts of the words of these texts, in everybody's cards and in those of these sources."""
        words = sorted({_TOTAL}.union(*(text.words for text in texts)))
        columns = (word_counts.c[name] for name in ("source_id", "word", "count", "counted_at"))
        query = select(*columns).where(word_counts.c.source_id.in_({SHARED, *source_ids}))
        for some in chunks(words):
            for source_id, word, count, at in await self._connection.execute(query.where(word_counts.c.word.in_(some))):
                self._counts[source_id, word] = count, at

    def add_card(self, source_id: int, text: StoryText, at: datetime) -> None:
        """Count a card of a source that was published at this time."""
        for word in (_TOTAL, *text.words):
            key = source_id, word
            count, counted_at = self._counts.get(key, (0.0, at))
            # An older card than what was counted last has faded as well.
            newest = max(at, counted_at)
            self._counts[key] = count * _fade(counted_at, newest) + _fade(at, newest), newest
            self._changed.add(key)

    def weigh_text(self, source_id: int, text: StoryText, at: datetime) -> WeightedText:
        """Weigh the words of a card by the counts of everybody's cards and of its own source."""
        sources = {SHARED, source_id}

        def count_word(word: str) -> float:
            return math.fsum(self._count_of((each, word), at) for each in sources)

        return weigh_words(text, count_word(_TOTAL), count_word)

    def _count_of(self, key: _Key, at: datetime) -> float:
        count, counted_at = self._counts.get(key, (0.0, at))
        return count * _fade(counted_at, at)

    async def save_changes(self) -> None:
        """Store the counts that have changed."""
        rows = []
        for source_id, word in sorted(self._changed):
            count, counted_at = self._counts[source_id, word]
            rows.append({"source_id": source_id, "word": word, "count": count, "counted_at": counted_at})
        if rows:
            await self._connection.execute(_SAVE, rows)
        self._changed.clear()


def _build_save() -> Any:
    statement = upsert(word_counts)
    changes = {name: statement.excluded[name] for name in ("count", "counted_at")}
    return statement.on_conflict_do_update(index_elements=["source_id", "word"], set_=changes)


_SAVE = _build_save()  # once: that takes as long as running it


async def forget_rare_words(connection: AsyncConnection, now: datetime) -> None:
    """Delete the counts of words that no card has had for long."""
    await connection.execute(delete(word_counts).where(word_counts.c.counted_at < now - _FORGOTTEN_AFTER))


def _fade(since: datetime, until: datetime) -> float:
    """Return how much a card counts after some time."""
    return math.exp((since - until) / COUNTED_FOR) if since < until else 1.0
