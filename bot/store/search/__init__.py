"""Full-text search: one index for each engine behind `SearchIndex`."""

from __future__ import annotations

from bot.store.search.index import SearchIndex
from bot.store.search.postgresql import TextVectors
from bot.store.search.sqlite import Fts5


def index_for_dialect(dialect: str) -> SearchIndex:
    """Return the full-text index for a dialect."""
    return TextVectors() if dialect == "postgresql" else Fts5()
