"""Sources of cards and their items, instead of the files of folders; a card names its source."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    text = sa.Text(collation="C" if op.get_bind().dialect.name == "postgresql" else None)
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "sources",
        sa.Column("id", number, nullable=False),
        sa.Column("kind", text, nullable=False),
        sa.Column("key", text, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sources")),
        sa.UniqueConstraint("kind", "key", name=op.f("uq_sources_kind_key")),
    )
    op.create_table(
        "source_items",
        sa.Column("source_id", number, nullable=False),
        sa.Column("key", text, nullable=False),
        sa.Column("fingerprint", text, nullable=False),
        sa.Column("digest", text, nullable=True),
        sa.Column("card_id", number, nullable=True),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("missing_since", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["card_id"], ["cards.id"], name=op.f("fk_source_items_card_id")),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"], name=op.f("fk_source_items_source_id")),
        sa.PrimaryKeyConstraint("source_id", "key", name=op.f("pk_source_items")),
    )
    # Written out: Alembic cannot add a foreign key to a table of SQLite, while SQLite can with the column.
    kind = "BIGINT" if op.get_bind().dialect.name == "postgresql" else "INTEGER"
    op.execute(f"ALTER TABLE cards ADD COLUMN source_id {kind} CONSTRAINT fk_cards_source_id REFERENCES sources (id)")
    op.execute("INSERT INTO sources (kind, key) SELECT DISTINCT 'folder', root FROM files ORDER BY root")
    # As `fingerprint_stat` writes it, so that unchanged files are not read again.
    op.execute(
        "INSERT INTO source_items (source_id, key, fingerprint, digest, card_id, problems, missing_since, due_at) "
        "SELECT sources.id, path, CASE WHEN mtime_ns < 0 THEN '' ELSE CAST(size AS TEXT) || ' ' || "
        "CAST(mtime_ns AS TEXT) || ' ' || CAST(ctime_ns AS TEXT) || ' ' || CAST(inode AS TEXT) END, "
        "digest, card_id, problems, missing_since, due_at "
        "FROM files JOIN sources ON sources.kind = 'folder' AND sources.key = files.root"
    )
    # Where a folder was renamed, its old name has the cards as well: they go to one, and are read again in the other.
    op.execute(
        "CREATE TABLE card_sources AS SELECT card_id, max(source_id) AS source_id FROM source_items "
        "WHERE card_id IS NOT NULL GROUP BY card_id"
    )
    op.execute("CREATE UNIQUE INDEX ix_card_sources ON card_sources (card_id)")
    of_card = "(SELECT source_id FROM card_sources WHERE card_sources.card_id = {})"
    op.execute(f"UPDATE cards SET source_id = {of_card.format('cards.id')}")  # noqa: S608 - our own names
    op.execute(
        f"DELETE FROM source_items WHERE card_id IS NOT NULL AND source_id <> {of_card.format('source_items.card_id')}"  # noqa: S608 - our own names
    )
    op.drop_table("card_sources")
    # A card whose file is gone belongs to the first folder: any folder finds it there if the file returns.
    op.execute(
        "INSERT INTO sources (kind, key) SELECT 'folder', '' WHERE NOT EXISTS (SELECT 1 FROM sources) "
        "AND EXISTS (SELECT 1 FROM cards)"
    )
    op.execute("UPDATE cards SET source_id = (SELECT min(id) FROM sources) WHERE source_id IS NULL")
    op.drop_table("files")
