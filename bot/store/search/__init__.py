"""Full-text search: for each engine, the indexes behind `SearchIndex`."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sqlalchemy import Column

from bot.store.search.index import SearchIndex
from bot.store.search.postgresql import TextVectors
from bot.store.search.sqlite import Fts5
from bot.store.tables import card_edits, cards


class SearchIndexes(NamedTuple):
    """The indexes of an engine.

    Everybody's cards have one of their own, so that a search of them does not pass over those of all followed sources.
    """

    shared: SearchIndex
    """Everybody's cards as their sources have them, by timeline position."""
    followed: SearchIndex
    """Cards of followed sources as these have them, by timeline position."""
    edited: SearchIndex
    """Cards that servers edited, by the audit entry of the edit."""


def indexes_for_dialect(dialect: str) -> SearchIndexes:
    """Return the indexes of an engine."""
    return _INDEXES[dialect]


def _build_indexes(engine: Callable[[str, Column[int]], SearchIndex]) -> SearchIndexes:
    return SearchIndexes(
        engine("card_search", cards.c.sort_key),
        engine("card_search_followed", cards.c.sort_key),
        engine("card_search_edits", card_edits.c.audit_id),
    )


# One object each: statements refer to a table by identity.
_INDEXES = {"sqlite": _build_indexes(Fts5), "postgresql": _build_indexes(TextVectors)}
