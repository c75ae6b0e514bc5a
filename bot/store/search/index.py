"""The interface of a full-text index, and what it indexes of a card.

Rows are keyed by the cards' `sort_key`, so that newest first needs no sorting. Topics, provider and type are indexed
as tags: filtering by them is another term of the match instead of a join.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, FromClause
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card
from bot.cards.text import normalize_name
from bot.domain.search_query import SearchQuery


class SearchScope(enum.Enum):
    """Which fields to search."""

    TITLE = "title"
    TITLE_OR_NAMES = "title or names"
    ANYWHERE = "anywhere"


RANKS = (SearchScope.TITLE, SearchScope.TITLE_OR_NAMES, SearchScope.ANYWHERE)
"""Fields by relevance, best first. Built-in ranking scores every hit first, which takes 100 ms for common words."""


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """The indexed fields of a card; `names` are its topics and provider."""

    title: str
    excerpt: str
    names: str
    related: str
    tags: Sequence[str]


Tags = Sequence[str]
"""Alternatives: a card needs one of them."""


class SearchIndex(Protocol):
    """One engine's full-text index."""

    @property
    def table(self) -> FromClause:
        """The index table, for joins."""

    @property
    def card(self) -> ColumnElement[bool]:
        """The join condition between index rows and `cards`."""

    def in_timeline_span(self, begin: ColumnElement[int], end: ColumnElement[int]) -> ColumnElement[bool]:
        """Condition for rows in this range of the timeline; the end is exclusive."""

    def timeline_order(self, *, newer: bool) -> ColumnElement[Any]:
        """Order rows by time: newest first, or oldest first with `newer`."""

    def build_query(
        self, query: SearchQuery, filters: Iterable[Tags], sources: Tags, *, within: SearchScope = SearchScope.ANYWHERE
    ) -> str | None:
        """Build the engine's match expression, or return None if nothing searchable is left.

        A card must have one of the tags of each filter, and be of one of the `sources`. Words are treated as plain
        text, so the expression is always valid.
        """

    def matches_query(self, name: str) -> ColumnElement[bool]:
        """Condition for rows that match the expression in this bind parameter."""

    async def add_entries(self, connection: AsyncConnection, entries: Sequence[tuple[int, IndexEntry]]) -> None:
        """Add cards by timeline position."""

    async def remove_entries(self, connection: AsyncConnection, places: Sequence[int]) -> None:
        """Remove cards by timeline position."""


def make_tag(kind: str, name: str) -> str:
    """Return the index term for a topic, provider or type."""
    return kind + hashlib.blake2b(normalize_name(name).encode("utf-8", "replace"), digest_size=6).hexdigest()


def source_tag(source_id: int | None) -> str:
    """Return the index term for a followed source, or with None for all sources that are everybody's."""
    return f"s{source_id or 0}"


def build_entry(card: Card, source: str) -> IndexEntry:
    """Build the index entry of a card; `source` is its `source_tag`."""
    tags = [source, *(make_tag("topic", topic) for topic in card.topics)]
    names = list(card.topics)
    if card.provider:
        tags.append(make_tag("provider", card.provider.name))
        names.append(card.provider.name)
    tags.append(make_tag("type", card.type))
    related = " / ".join(story.title for story in card.related)
    return IndexEntry(card.title, card.excerpt, " / ".join(names), related, tags)
