"""PostgreSQL's full-text index: one `tsvector` per card, with the same words as SQLite's index.

Words of the title are added again with a sign, and words of title and names with another one, because weights can
neither be looked up in the index nor estimated by the planner. Tags have a sign as well. For newest first, the planner
chooses between a backward scan of the timeline and sorting the matches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Text, and_, bindparam, cast, column, delete, insert, table
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.search_query import Phrase, SearchQuery
from bot.store.search.entry import SCOPE_SIGNS, STEM, IndexEntry, SearchScope
from bot.store.search.index import Tags

_APART = 2
"""Gap between the positions of two fields, so that no phrase spans them."""
_TAG = "#"


class TextVectors:
    """The index in a table with the words and a key, which is named as in the table that it refers to."""

    def __init__(self, name: str, key: Column[int]) -> None:
        self.table = table(name, column(key.name, BigInteger), column("words", TSVECTOR))
        self._keys = (self.table.c[key.name], key)
        self.card: ColumnElement[bool] = key == self._keys[0]
        vector = cast(bindparam("vector", type_=Text), TSVECTOR)
        self._insert = insert(self.table).values({key.name: bindparam("place"), "words": vector})
        self._delete = delete(self.table).where(self._keys[0] == bindparam("gone"))

    def in_timeline_span(self, begin: ColumnElement[int], end: ColumnElement[int]) -> ColumnElement[bool]:
        # On `cards` as well: the planner does not infer it from the join, and would scan newer cards.
        return and_(*((place >= begin) & (place < end) for place in self._keys))

    def is_row_of(self, key: ColumnElement[int]) -> ColumnElement[bool]:
        return self._keys[0] == key

    def timeline_order(self, *, newer: bool) -> ColumnElement[Any]:
        return self._keys[0].asc() if newer else self._keys[0].desc()

    def build_query(
        self,
        query: SearchQuery,
        filters: Iterable[Tags],
        *,
        without: Tags = (),
        within: SearchScope = SearchScope.ANYWHERE,
    ) -> str | None:
        clauses = [*map(_any_tag, filters), *(_phrase_query(phrase, SCOPE_SIGNS[within]) for phrase in query.required)]
        if not clauses:
            return None
        unwanted = [_phrase_query(phrase, "") for phrase in query.excluded]
        unwanted += [_any_tag(without)] if without else []
        return " & ".join([*clauses, *(f"!{phrase}" for phrase in unwanted)])

    def matches_query(self, name: str) -> ColumnElement[bool]:
        return self.table.c.words.bool_op("@@")(cast(bindparam(name, type_=Text), TSQUERY))

    async def add_entries(self, connection: AsyncConnection, entries: Sequence[tuple[int, IndexEntry]]) -> None:
        rows = [{"place": place, "vector": build_vector(entry)} for place, entry in entries]
        if rows:
            await connection.execute(self._insert, rows)

    async def remove_entries(self, connection: AsyncConnection, places: Sequence[int]) -> None:
        if places:
            await connection.execute(self._delete, [{"gone": place} for place in places])

    async def merge_segments(self, connection: AsyncConnection) -> bool:  # noqa: ARG002  overrides
        return False


def build_vector(entry: IndexEntry) -> str:
    """Build a card's `tsvector` literal: words with positions, stems and tags without."""
    result: dict[str, list[str]] = {word: [] for word in (*entry.stems, *(f"{_TAG}{tag}" for tag in entry.tags))}
    place = 0
    for signs, words in (("=~", entry.title), ("~", entry.names), ("", entry.excerpt), ("", entry.related)):
        for word in words:
            place += 1
            for sign in ("", *signs):
                result.setdefault(sign + word, []).append(str(place))
        place += _APART
    return " ".join(f"'{word}'" + (f":{','.join(places)}" if places else "") for word, places in result.items())


def _any_tag(tags: Tags) -> str:
    return _any_of(f"{_TAG}{name}" for name in tags)


def _any_of(words: Iterable[str]) -> str:
    quoted = (f"'{word}'" for word in words)
    return f"({' | '.join(quoted)})"


def _phrase_query(phrase: Phrase, sign: str) -> str:
    """Format a phrase as a `tsquery`. Words hold no quotes and no backslashes."""
    if phrase.endings:
        exact = (Phrase((*phrase.words[:-1], end)) for end in phrase.endings)
        return f"({' | '.join(_phrase_query(each, sign) for each in exact)})"
    if phrase.languages:
        return _any_of(sign + mark + form for mark in ("", STEM) for form in phrase.forms)
    # `<->` means next to each other. It crosses no fields, since their positions lie apart.
    words = (f"'{sign}{key}'" for key in phrase.words)
    return f"({' <-> '.join(words)}{':*' if phrase.is_prefix else ''})"
