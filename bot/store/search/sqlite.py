"""SQLite's full-text index, FTS5. Its tokenizer splits words; scripts without spaces are split beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, column, table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.tokenizer import separate_unspaced
from bot.domain.search_query import Phrase, SearchQuery
from bot.store.search.index import IndexEntry, SearchScope, Tags
from bot.store.tables import cards

_DELETE = "DELETE FROM card_search WHERE rowid = ?"
_INSERT = "INSERT INTO card_search (rowid, title, excerpt, names, related, tags) VALUES (?, ?, ?, ?, ?, ?)"
_ANYWHERE = "{title excerpt names related} : "
_WITHIN = {
    SearchScope.TITLE: "title : ",
    SearchScope.TITLE_OR_NAMES: "{title names} : ",
    SearchScope.ANYWHERE: _ANYWHERE,
}


class Fts5:
    """The index in the virtual table `card_search`.

    The rowid is the negated timeline position, since FTS5 is slow in descending order: each step scans a page from its
    start. Newest first took 1.5 times as long, and up to ten times within a rare topic.
    """

    table = table("card_search", column("rowid", BigInteger))
    card: ColumnElement[bool] = cards.c.sort_key == -table.c.rowid

    def in_timeline_span(self, begin: ColumnElement[int], end: ColumnElement[int]) -> ColumnElement[bool]:
        # Negated, so the ends swap: the one that is excluded becomes the lower one.
        return (self.table.c.rowid <= -begin) & (self.table.c.rowid > -end)

    def timeline_order(self, *, newer: bool) -> ColumnElement[Any]:
        return self.table.c.rowid.desc() if newer else self.table.c.rowid.asc()

    def build_query(
        self, query: SearchQuery, filters: Iterable[Tags], sources: Tags, *, within: SearchScope = SearchScope.ANYWHERE
    ) -> str | None:
        wanted, unwanted = (
            [_phrase_query(phrase) for phrase in phrases] for phrases in (query.required, query.excluded)
        )
        clauses = [*map(_any_tag, filters)]
        if wanted:
            clauses.append(f"({_WITHIN[within]}({' AND '.join(wanted)}))")
        if not clauses:
            return None
        # NOT takes something away from what is before it, so it cannot stand alone.
        without = f" NOT ({_ANYWHERE}({' OR '.join(unwanted)}))" if unwanted else ""
        return f"({' AND '.join([*clauses, _any_tag(sources)])}){without}"

    def matches_query(self, name: str) -> ColumnElement[Any]:
        return text(f"card_search MATCH :{name}")  # type: ignore[return-value]  # a condition

    async def add_entries(self, connection: AsyncConnection, entries: Sequence[tuple[int, IndexEntry]]) -> None:
        rows = [
            (
                -place,
                *(separate_unspaced(part) for part in (entry.title, entry.excerpt, entry.names, entry.related)),
                " ".join(entry.tags),
            )
            for place, entry in entries
        ]
        if rows:
            await connection.exec_driver_sql(_INSERT, rows)

    async def remove_entries(self, connection: AsyncConnection, places: Sequence[int]) -> None:
        if places:
            await connection.exec_driver_sql(_DELETE, [(-place,) for place in places])


def _any_tag(tags: Tags) -> str:
    return f"(tags : ({' OR '.join(tags)}))"


def _phrase_query(phrase: Phrase) -> str:
    """Format a phrase for FTS5. Words are letters and digits only: no quotes, and no NUL, which ends the query."""
    if phrase.endings:
        return f"({' OR '.join(_phrase_query(Phrase((*phrase.words[:-1], end))) for end in phrase.endings)})"
    return f'"{" ".join(phrase.words)}"{"*" if phrase.is_prefix else ""}'
