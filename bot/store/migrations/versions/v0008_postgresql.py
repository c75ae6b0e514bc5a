"""PostgreSQL's own: text compared letter by letter, large numbers, partial indexes, the log's guard, the search."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_PARTIAL = (
    ("ix_deliveries_due_at", "deliveries", "due_at", "due_at IS NOT NULL"),
    ("ix_deliveries_channel_id_due_at", "deliveries", "channel_id", "due_at IS NOT NULL"),
    ("ix_deliveries_crosspost", "deliveries", "channel_id", "crosspost = 'wanted'"),
    ("ix_subscriptions_next_at", "subscriptions", "next_at", "next_at IS NOT NULL"),
)

_COLUMNS = text(
    "SELECT table_name, column_name FROM information_schema.columns "
    "WHERE table_schema = current_schema() AND data_type = :kind AND collation_name IS NULL"
)
_SEQUENCES = text("SELECT sequence_name FROM information_schema.sequences WHERE sequence_schema = current_schema()")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _as_on_sqlite()
        _indexes()
        _audit()
        _search()


def _as_on_sqlite() -> None:
    """Whatever the database's language is, text has one order and words begin alike; and numbers are of one size."""
    for found, kind in (("text", 'text COLLATE "C"'), ("integer", "bigint")):
        for table, column in op.get_bind().execute(_COLUMNS, {"kind": found}).all():
            op.execute(f'ALTER TABLE {table} ALTER COLUMN "{column}" TYPE {kind}')
    for name in op.get_bind().execute(_SEQUENCES).scalars().all():
        op.execute(f"ALTER SEQUENCE {name} AS bigint")


def _indexes() -> None:
    """Earlier versions made them for SQLite alone, and whole ones here."""
    for name, table, column, where in _PARTIAL:
        op.drop_index(name, table)
        op.create_index(name, table, [column], postgresql_where=text(where))


def _audit() -> None:
    op.execute(
        "CREATE FUNCTION audit_only_grows() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the audit only grows' USING ERRCODE = 'restrict_violation'; END $$"
    )
    for name, act, each in (("change", "UPDATE OR DELETE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER audit_no_{name} BEFORE {act} ON audit FOR EACH {each} EXECUTE FUNCTION audit_only_grows()"
        )


def _search() -> None:
    """For a word whose share it does not know the planner looks at card by card: 600 ms in a million."""
    op.execute("CREATE TABLE card_search (timeline bigint PRIMARY KEY, words tsvector NOT NULL)")
    op.execute("ALTER TABLE card_search ALTER COLUMN words SET STATISTICS 1000")
    op.execute("CREATE INDEX ix_card_search_words ON card_search USING gin (words)")
