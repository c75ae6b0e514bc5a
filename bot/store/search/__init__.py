"""Full-text search: for each engine two indexes behind `SearchIndex`, of the cards and of what servers edited."""

from __future__ import annotations

from sqlalchemy import Column

from bot.store.search.index import SearchIndex
from bot.store.search.postgresql import TextVectors
from bot.store.search.sqlite import Fts5
from bot.store.tables import card_edits, cards


def index_for_dialect(dialect: str) -> SearchIndex:
    """Return the full-text index of the cards as their sources have them, by timeline position."""
    return _CARDS[dialect]


def edit_index_for_dialect(dialect: str) -> SearchIndex:
    """Return the full-text index of the cards that servers edited, by the audit entry of the edit."""
    return _EDITS[dialect]


def _build_indexes(name: str, key: Column[int]) -> dict[str, SearchIndex]:
    return {"sqlite": Fts5(name, key), "postgresql": TextVectors(name, key)}


# One object each: statements refer to a table by identity.
_CARDS = _build_indexes("card_search", cards.c.sort_key)
_EDITS = _build_indexes("card_search_edits", card_edits.c.audit_id)
