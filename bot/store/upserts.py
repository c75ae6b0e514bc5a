"""Inserts that mind the rows which are there already.

SQLite took `ON CONFLICT` over from PostgreSQL, and SQLAlchemy's construct for it is written the same for both.
"""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.dialects.postgresql import insert as upsert

__all__ = ["insert_ignoring", "upsert"]


def insert_ignoring(table: Table) -> Insert:
    """An insert that leaves rows out which are there already, by any key."""
    return upsert(table).on_conflict_do_nothing()
