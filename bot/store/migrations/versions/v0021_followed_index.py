"""A full-text index of the cards of followed sources: everybody's are searched without passing over them."""

from __future__ import annotations

from alembic import op

revision = "v21"
down_revision = "v20"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index. Cards move to it beside other work, and are found where they are until then."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE TABLE card_search_followed (sort_key bigint PRIMARY KEY, words tsvector NOT NULL)")
        op.execute("ALTER TABLE card_search_followed ALTER COLUMN words SET STATISTICS 1000")
        op.execute("CREATE INDEX ix_card_search_followed_words ON card_search_followed USING gin (words)")
    else:
        op.execute(
            "CREATE VIRTUAL TABLE card_search_followed USING fts5(title, excerpt, names, related, stems, tags, "
            "tokenize=\"unicode61 remove_diacritics 0 categories 'L* M* N* P* S* Cf Cn Co'\", prefix='2 3')"
        )
        op.execute("INSERT INTO card_search_followed (card_search_followed, rank) VALUES ('usermerge', 2)")
    # What `bot.store.cards.search_rebuild` waits for; without followed cards there is nothing to move.
    op.execute(
        "INSERT INTO key_values (key, value) SELECT 'search rebuild', '9223372036854775807' "
        "WHERE EXISTS (SELECT 1 FROM server_cards) ON CONFLICT DO NOTHING"
    )
