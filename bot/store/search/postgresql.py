"""PostgreSQL's full-text index: one `tsvector` per card, with the same words as SQLite's index.

Words are split and folded in Python (`bot.cards.tokenizer`), since PostgreSQL's parsers treat `c++`, hosts and numbers
specially. Words of the title are added again with a prefix, and words of title and names with another one, because
weights can neither be looked up in the index nor estimated by the planner. Tags have a prefix as well. For newest
first, the planner chooses between a backward scan of the timeline and sorting the matches.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Text, and_, bindparam, cast, column, delete, insert, table
from sqlalchemy.dialects.postgresql import TSQUERY, TSVECTOR
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.tokenizer import tokenize
from bot.domain.search_query import Phrase, SearchQuery
from bot.store.search.index import IndexEntry, SearchScope, Tags
from bot.store.tables import cards

_LONGEST = 500
"""Maximum characters of a word; PostgreSQL allows 2,046 bytes."""
_MAX_BYTES = 500_000
"""Maximum size of a card's words, including `_OVERHEAD` for each; PostgreSQL allows 1 MB."""
_OVERHEAD = 8
_LAST = 16_383
"""PostgreSQL's highest word position."""
_APART = 2
"""Gap between the positions of two fields, so that no phrase spans them."""
_SIGNS = {SearchScope.TITLE: "=", SearchScope.TITLE_OR_NAMES: "~", SearchScope.ANYWHERE: ""}
_TAG = "#"


class TextVectors:
    """The index in the table `card_search`."""

    table = table("card_search", column("sort_key", BigInteger), column("words", TSVECTOR))
    card: ColumnElement[bool] = cards.c.sort_key == table.c.sort_key

    def in_timeline_span(self, begin: ColumnElement[int], end: ColumnElement[int]) -> ColumnElement[bool]:
        # On `cards` as well: the planner does not infer it from the join, and would scan newer cards.
        return and_(*((place >= begin) & (place < end) for place in (self.table.c.sort_key, cards.c.sort_key)))

    def timeline_order(self, *, newer: bool) -> ColumnElement[Any]:
        return self.table.c.sort_key.asc() if newer else self.table.c.sort_key.desc()

    def build_query(
        self, query: SearchQuery, filters: Iterable[Tags], sources: Tags, *, within: SearchScope = SearchScope.ANYWHERE
    ) -> str | None:
        wanted = [written for phrase in query.required if (written := _phrase_query(phrase, _SIGNS[within]))]
        unwanted = [written for phrase in query.excluded if (written := _phrase_query(phrase, ""))]
        clauses = [*map(_any_tag, filters), *wanted]
        # Without the second condition a search for words that the index ignores would find all cards of a topic.
        if not clauses or (query.required and not wanted):
            return None
        return " & ".join([*clauses, _any_tag(sources), *(f"!{phrase}" for phrase in unwanted)])

    def matches_query(self, name: str) -> ColumnElement[bool]:
        return self.table.c.words.bool_op("@@")(cast(bindparam(name, type_=Text), TSQUERY))

    async def add_entries(self, connection: AsyncConnection, entries: Sequence[tuple[int, IndexEntry]]) -> None:
        rows = [{"place": place, "vector": build_vector(entry)} for place, entry in entries]
        if rows:
            await connection.execute(_INSERT, rows)

    async def remove_entries(self, connection: AsyncConnection, places: Sequence[int]) -> None:
        if places:
            await connection.execute(_DELETE, [{"gone": place} for place in places])


def build_vector(entry: IndexEntry) -> str:
    """Build a card's `tsvector` literal: words with positions."""
    result: dict[str, list[str]] = {f"{_TAG}{name}": [] for name in entry.tags}
    place, size = 0, 0
    for signs, part in (("=~", entry.title), ("~", entry.names), ("", entry.excerpt), ("", entry.related)):
        for word in tokenize(part):
            place, key = place + 1, word.key[:_LONGEST]
            # Estimated while it is built: PostgreSQL refuses the whole card when it is too large, and cutting words off
            # does no harm.
            size += (1 + len(signs)) * (len(key.encode()) + _OVERHEAD)
            if place > _LAST or size > _MAX_BYTES:
                break
            for sign in ("", *signs):
                result.setdefault(sign + key, []).append(str(place))
        place += _APART
    return " ".join(f"'{word}'" + (f":{','.join(places)}" if places else "") for word, places in result.items())


def _any_tag(tags: Tags) -> str:
    names = " | ".join(f"'{_TAG}{name}'" for name in tags)
    return f"({names})"


def _phrase_query(phrase: Phrase, sign: str) -> str:
    """Format a phrase as a `tsquery`; empty if it has no words. Words are letters and digits only."""
    if phrase.endings:
        return f"({' | '.join(_phrase_query(Phrase((*phrase.words[:-1], end)), sign) for end in phrase.endings)})"
    keys = [word.key[:_LONGEST] for word in tokenize(" ".join(phrase.words))]
    if not keys:
        return ""
    # `<->` means next to each other. It crosses no fields, since their positions lie apart.
    words = [f"'{sign}{key}'" for key in keys]
    return f"({' <-> '.join(words)}{':*' if phrase.is_prefix else ''})"


_INSERT = insert(TextVectors.table).values(
    sort_key=bindparam("place"), words=cast(bindparam("vector", type_=Text), TSVECTOR)
)
_DELETE = delete(TextVectors.table).where(TextVectors.table.c.sort_key == bindparam("gone"))
