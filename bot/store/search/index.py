"""The interface of a full-text index, and what it indexes of a card.

Rows are keyed by the cards' `sort_key`, so that newest first needs no sorting. Topics, provider and type are indexed
as tags: filtering by them is another term of the match instead of a join. Cards of followed sources are tagged with
their source, and with each tag within it. What a server edited is in an index of its own, keyed by the edit's audit
entry and tagged with the server, since a card has one row for all servers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from sqlalchemy import ColumnElement, FromClause
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.search_query import SearchQuery
from bot.store.search.entry import IndexEntry, SearchScope

RANKS = (SearchScope.TITLE, SearchScope.TITLE_OR_NAMES, SearchScope.ANYWHERE)
"""Fields by relevance, best first. Built-in ranking scores every hit first, which takes 100 ms for common words."""


Tags = Sequence[str]
"""Alternatives: a card needs one of them."""


class SearchIndex(Protocol):
    """One engine's full-text index."""

    @property
    def table(self) -> FromClause:
        """The index table, for joins."""

    @property
    def card(self) -> ColumnElement[bool]:
        """The join condition between index rows and what is indexed: `cards`, or `card_edits`."""

    def in_timeline_span(self, begin: ColumnElement[int], end: ColumnElement[int]) -> ColumnElement[bool]:
        """Condition for rows in this range of keys; the end is exclusive."""

    def is_row_of(self, key: ColumnElement[int]) -> ColumnElement[bool]:
        """Condition for the one row with this key."""

    def timeline_order(self, *, newer: bool) -> ColumnElement[Any]:
        """Order rows by key, which for cards is time: newest first, or oldest first with `newer`."""

    def build_query(
        self,
        query: SearchQuery,
        filters: Iterable[Tags],
        *,
        without: Tags = (),
        within: SearchScope = SearchScope.ANYWHERE,
    ) -> str | None:
        """Build the engine's match expression, or return None if nothing searchable is left.

        A card must have one of the tags of each filter, and none of those in `without`. Words are treated as plain
        text, so the expression is always valid.
        """

    def matches_query(self, name: str) -> ColumnElement[bool]:
        """Condition for rows that match the expression in this bind parameter."""

    async def add_entries(self, connection: AsyncConnection, entries: Sequence[tuple[int, IndexEntry]]) -> None:
        """Add entries by key."""

    async def remove_entries(self, connection: AsyncConnection, places: Sequence[int]) -> None:
        """Remove entries by key."""

    async def merge_segments(self, connection: AsyncConnection) -> bool:
        """Merge some of the index's segments, if its engine has any; return False if there was nothing left to do."""
