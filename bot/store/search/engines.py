"""Which index belongs to which engine."""

from __future__ import annotations

from bot.store.search import Index
from bot.store.search.postgresql import TextVectors
from bot.store.search.sqlite import Fts5


def index_of(dialect: str) -> Index:
    """The full-text index of an engine."""
    return TextVectors() if dialect == "postgresql" else Fts5()
