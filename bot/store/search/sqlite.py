"""SQLite's full-text index, FTS5. The words come split and folded: its tokenizer only separates them at spaces."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, column, func, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.search_query import Phrase, SearchQuery
from bot.store.search.entry import SCOPE_SIGNS, STEM, IndexEntry, SearchScope
from bot.store.search.index import Tags

_FIELDS = {
    SearchScope.TITLE: "title",
    SearchScope.TITLE_OR_NAMES: "{title names}",
    SearchScope.ANYWHERE: "{title excerpt names related}",
}

_MERGED_PAGES = 256
"""Pages that a step of merging writes: some 20 ms, in which other writers wait."""


class Fts5:
    """The index in a virtual table.

    The rowid is the negated key, since FTS5 is slow in descending order: each step scans a page from its start. Newest
    first took 1.5 times as long, and up to ten times within a rare topic.
    """

    def __init__(self, name: str, key: ColumnElement[int]) -> None:
        self.table = table(name, column("rowid", BigInteger))
        self.card: ColumnElement[bool] = key == -self.table.c.rowid
        self._matches = f"{name} MATCH :"
        self._delete = f"DELETE FROM {name} WHERE rowid = ?"  # noqa: S608 - our own names
        columns = "rowid, title, excerpt, names, related, stems, tags"
        self._insert = f"INSERT INTO {name} ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - as above
        self._merge = f"INSERT INTO {name} ({name}, rank) VALUES ('merge', {_MERGED_PAGES})"  # noqa: S608 - as above

    def in_timeline_span(self, begin: ColumnElement[int], end: ColumnElement[int]) -> ColumnElement[bool]:
        # Negated, so the ends swap: the one that is excluded becomes the lower one.
        return (self.table.c.rowid <= -begin) & (self.table.c.rowid > -end)

    def is_row_of(self, key: ColumnElement[int]) -> ColumnElement[bool]:
        return self.table.c.rowid == -key

    def timeline_order(self, *, newer: bool) -> ColumnElement[Any]:
        return self.table.c.rowid.desc() if newer else self.table.c.rowid.asc()

    def build_query(
        self,
        query: SearchQuery,
        filters: Iterable[Tags],
        *,
        without: Tags = (),
        within: SearchScope = SearchScope.ANYWHERE,
    ) -> str | None:
        wanted = [_phrase_query(phrase, within) for phrase in query.required]
        unwanted = [_phrase_query(phrase, SearchScope.ANYWHERE) for phrase in query.excluded]
        unwanted += [_any_tag(without)] if without else []
        clauses = [*map(_any_tag, filters), *wanted]
        if not clauses:
            return None
        # NOT takes something away from what is before it, so it cannot stand alone.
        excluding = f" NOT ({' OR '.join(unwanted)})" if unwanted else ""
        return f"({' AND '.join(clauses)}){excluding}"

    def matches_query(self, name: str) -> ColumnElement[Any]:
        return text(self._matches + name)  # type: ignore[return-value]  # a condition

    async def add_entries(self, connection: AsyncConnection, entries: Sequence[tuple[int, IndexEntry]]) -> None:
        rows = [
            (-place, *map(" ".join, (e.title, e.excerpt, e.names, e.related, e.stems, e.tags))) for place, e in entries
        ]
        if rows:
            await connection.exec_driver_sql(self._insert, rows)

    async def remove_entries(self, connection: AsyncConnection, places: Sequence[int]) -> None:
        if places:
            await connection.exec_driver_sql(self._delete, [(-place,) for place in places])

    async def merge_segments(self, connection: AsyncConnection) -> bool:
        before = await _count_changes(connection)
        await connection.exec_driver_sql(self._merge)
        # The command itself is one change.
        return await _count_changes(connection) - before > 1


async def _count_changes(connection: AsyncConnection) -> int:
    return int((await connection.execute(select(func.total_changes()))).scalar_one())


def _any_tag(tags: Tags) -> str:
    return f"(tags : ({' OR '.join(tags)}))"


def _phrase_query(phrase: Phrase, within: SearchScope) -> str:
    """Format a phrase for FTS5. Words hold no quotes, and no NUL, which ends the query."""
    if phrase.endings:
        words = [" ".join((*phrase.words[:-1], end)) for end in phrase.endings]
        return _any_of(_FIELDS[within], words)
    if phrase.languages:
        stems = [f"{SCOPE_SIGNS[within]}{STEM}{form}" for form in phrase.forms]
        return f"({_any_of(_FIELDS[within], phrase.forms)} OR {_any_of('stems', stems)})"
    return f'({_FIELDS[within]} : "{" ".join(phrase.words)}"{"*" if phrase.is_prefix else ""})'


def _any_of(field: str, words: Sequence[str]) -> str:
    quoted = (f'"{word}"' for word in words)
    return f"({field} : ({' OR '.join(quoted)}))"
