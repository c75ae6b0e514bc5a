"""Inserts with `ON CONFLICT`.

SQLite adopted the clause from PostgreSQL, and SQLAlchemy renders the same construct for both.
"""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert

__all__ = ["insert_or_ignore", "upsert"]


def insert_or_ignore(table: Table) -> Insert:
    """Return an insert that skips rows that conflict with any unique key."""
    return upsert(table).on_conflict_do_nothing()
