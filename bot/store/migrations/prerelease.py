"""Bring stores of the schemas before the first release to its schema, in place.

Revisions 0010 to 0014 are upgraded. All IDs and the instance are kept, so that posts and their buttons stay valid.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from typing import Any
from unicodedata import normalize

import sqlalchemy as sa
from sqlalchemy import Connection

UPGRADABLE = ("0010", "0011", "0012", "0013", "0014")
FIRST_RELEASE = "v1"
TOO_OLD = tuple(f"{number:04}" for number in range(1, 10))
TOO_OLD_FIX = f"Start a version of Newsdesk with schema {UPGRADABLE[-1]} on it once, then this one."
_ASIDE = "old_"
"""Prefix of the old tables while the new ones are filled."""
_AT_ONCE = 10_000

_TABLES = {
    "audit_log": "audit",
    "channel_leases": "channel_claims",
    "crosspost_attempts": "crosspost_tries",
    "deferred_cards": "deferred",
    "key_values": "meta",
    "known_words": "spellings",
    "list_requests": "listings",
    "reports": "flags",
    "saved_cards": "saved",
    "topic_override_topics": "card_edit_topics",
    "topic_overrides": "card_edits",
    "worker_requests": "requests",
}
"""Old names of renamed tables."""
_COLUMNS: Mapping[str, Mapping[str, str]] = {
    "audit_log": {"reverts_id": "undoes", "subscription_ids": "only"},
    "card_aliases": {"url": "alias"},
    "card_topics": {"sort_key": "timeline"},
    "cards": {
        "content_hash": "content",
        "file_missing": "gone",
        "file_state": "filed_state",
        "needs_planning": "unplanned",
        "score": "points",
        "sort_key": "timeline",
    },
    "channel_leases": {"expires_at": "until", "owner": "holder"},
    "circuits": {"server_notified": "told"},
    "decisions": {"selected_only": "picked"},
    "deliveries": {
        "is_forum": "forum",
        "sort_key": "timeline",
        "status": "progress",
        "without_images": "plain",
    },
    "delivery_cards": {
        "position": "place",
        "selected_heat": "heat",
        "selected_hours": "hours",
        "selected_quality": "quality",
        "selected_rank": "rank",
    },
    "guild_settings": {"max_open_reviews": "review_open"},
    "providers": {"published_count": "published"},
    "quiet_hours": {"changes_at": "turns_at", "override_heat": "passing_heat"},
    "subscriptions": {
        "dm_closed_at": "shut_at",
        "frequency": "when",
        "is_forum": "forum",
        "new_after": "since",
        "next_digest_at": "next_at",
    },
    "topics": {"published_count": "published"},
}
"""Old names of renamed columns, by new table."""
_ADDED = (
    ("circuits", "told", "BOOLEAN DEFAULT true"),
    ("files", "ctime_ns", "BIGINT DEFAULT 0"),
    ("files", "inode", "BIGINT DEFAULT 0"),
    ("files", "digest", "TEXT"),
    ("files", "missing_since", "BIGINT"),
    ("files", "due_at", "BIGINT"),
)
"""Columns that the oldest of these schemas lack, and whose value there is not the default of the first release."""
_OPTIONS: Mapping[str, tuple[str, Any]] = {
    "times": ("times", []),
    "days": ("days", []),
    "timezone": ("timezone", "UTC"),
    "without": ("excluded", []),
    "max_cards": ("max_cards", 10),
    "layout": ("layout", "cards"),
    "mention": ("mention_role_id", None),
    "skip_empty": ("skip_empty", True),
}
"""Columns that became keys in the JSON column `options`, each with its key and its default, which is not stored."""
_NOTES = ("unpublished", "withdrawn", "empty")
_COUNTED = ("audit", "cards", "deliveries", "requests", "subscriptions", "topics")


def upgrade_tables(connection: Connection, create_tables: Callable[[], None]) -> None:
    """Rebuild the tables within the caller's transaction. `create_tables` creates those of the first release.

    Needs room for two more copies of the tables. The full-text index is kept: indexing takes minutes per million cards.
    """
    _add_columns(connection)
    _hash_contents(connection)
    _gather_options(connection)
    _create_sources(connection)
    counters = _read_counters(connection)
    before = _set_aside(connection)
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ALTER TABLE card_search RENAME COLUMN timeline TO sort_key")
    create_tables()
    for table in _table_names(connection):
        _copy_rows(connection, table, before)
    _set_counters(connection, counters)
    for table in before:
        connection.exec_driver_sql(f"DROP TABLE {_ASIDE}{table}")


def _add_columns(connection: Connection) -> None:
    inspector = sa.inspect(connection)
    for table, column, definition in _ADDED:
        if column not in {known["name"] for known in inspector.get_columns(table)}:
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column} {definition}")
    if "reported_at" not in {known["name"] for known in inspector.get_columns("deliveries")}:
        # Moderators know of messages that were rejected before 0013.
        connection.exec_driver_sql("ALTER TABLE deliveries ADD COLUMN reported_at BIGINT")
        connection.exec_driver_sql("UPDATE deliveries SET reported_at = planned_at WHERE progress = 'quarantined'")
    if "scheduled" not in {known["name"] for known in inspector.get_columns("cards")}:
        _compose_slugs(connection)


def _compose_slugs(connection: Connection) -> None:
    """Since 0014 a letter with an accent is one character in a slug, however the file system writes it."""
    cards = sa.table("cards", sa.column("id", sa.BigInteger), sa.column("slug", sa.Text))
    slugs = dict(connection.execute(sa.select(cards.c.slug, cards.c.id)).all())
    for slug, card_id in slugs.items():
        composed = normalize("NFC", slug)
        if composed != slug and composed not in slugs:
            connection.execute(sa.update(cards).where(cards.c.id == card_id).values(slug=composed))


def _hash_contents(connection: Connection) -> None:
    """Replace texts that listed the cards of a message by their hashes: what was equal stays equal."""
    names = ("desired_kind", "desired_hash", "delivered_hash")
    for name in names:
        connection.exec_driver_sql(f"ALTER TABLE deliveries ADD COLUMN {name} TEXT")
    rows = sa.table("deliveries", *map(sa.column, ("id", "wanted", "actual", *names)))
    values = {name: sa.bindparam(name, type_=sa.Text) for name in names}
    change = sa.update(rows).where(rows.c.id == sa.bindparam("the_id", type_=sa.BigInteger)).values(values)
    query = sa.select(rows.c.id, rows.c.wanted, rows.c.actual).order_by(rows.c.id).limit(_AT_ONCE)
    last = 0
    while found := connection.execute(query.where(rows.c.id > last)).all():
        last = found[-1].id
        connection.execute(
            change,
            [
                {
                    "the_id": row.id,
                    "desired_kind": row.wanted if row.wanted is None or row.wanted in _NOTES else "cards",
                    "desired_hash": _hash_content(row.wanted),
                    "delivered_hash": _hash_content(row.actual),
                }
                for row in found
            ],
        )


def _hash_content(content: str | None) -> str | None:
    """Hash a content; None if there is none, or if it is unknown, which was an empty text."""
    return hashlib.blake2b(str(content).encode(), digest_size=8).hexdigest() if content else None


def _gather_options(connection: Connection) -> None:
    for table in ("subscriptions", "deliveries"):
        connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN options JSON NOT NULL DEFAULT '{{}}'")
    # As text: SQLite may hold anything, and what is invalid must stay invalid instead of ending the upgrade.
    lists = {name for name, (_, default) in _OPTIONS.items() if isinstance(default, list)}
    before = sa.table("subscriptions", *map(sa.column, ("id", *_OPTIONS)))
    columns = [sa.cast(before.c[name], sa.Text).label(name) if name in lists else before.c[name] for name in _OPTIONS]
    changed = sa.table("subscriptions", sa.column("id"), sa.column("options", sa.JSON()))
    for row in connection.execute(sa.select(before.c.id, *columns)).mappings().all():
        values = {key: _parse_list(row[name]) if name in lists else row[name] for name, (key, _) in _OPTIONS.items()}
        options = {key: values[key] for key, default in _OPTIONS.values() if values[key] != default}
        if isinstance(options.get("skip_empty"), int):  # SQLite has no booleans
            options["skip_empty"] = bool(options["skip_empty"])
        connection.execute(sa.update(changed).where(changed.c.id == row["id"]).values(options=options))
    written = "'{\"mention_role_id\": ' || mention || '}'"
    if connection.dialect.name == "postgresql":
        written = f"CAST({written} AS JSON)"
    connection.exec_driver_sql(f"UPDATE deliveries SET options = {written} WHERE mention IS NOT NULL")  # noqa: S608


def _parse_list(written: str | None) -> Any:
    try:
        return json.loads(written or "")
    except ValueError:
        return written


def _create_sources(connection: Connection) -> None:
    """Derive the sources of cards and their items from the files of folders."""
    number = "BIGSERIAL" if connection.dialect.name == "postgresql" else "INTEGER"
    # As `bot.sources.folder` writes it, so that unchanged files are not read again.
    fingerprint = " || ' ' || ".join(f"CAST({name} AS TEXT)" for name in ("size", "mtime_ns", "ctime_ns", "inode"))
    of_card = "(SELECT source_id FROM card_sources WHERE card_sources.card_id = {})"
    for statement in (
        f"CREATE TABLE sources (id {number} PRIMARY KEY, kind TEXT NOT NULL, key TEXT NOT NULL)",
        "INSERT INTO sources (kind, key) SELECT DISTINCT 'folder', root FROM files ORDER BY root",
        f"""
        CREATE TABLE source_items AS
        SELECT sources.id AS source_id, path AS key, digest, card_id, problems, missing_since, due_at,
            CASE WHEN mtime_ns < 0 THEN '' ELSE {fingerprint} END AS fingerprint
        FROM files JOIN sources ON sources.key = files.root
        """,  # noqa: S608 - our own names
        # Where a folder was renamed, its old name has the cards as well: one gets them, the other is read again.
        """
        CREATE TABLE card_sources AS
        SELECT card_id, max(source_id) AS source_id FROM source_items WHERE card_id IS NOT NULL GROUP BY card_id
        """,
        "CREATE UNIQUE INDEX ix_card_sources ON card_sources (card_id)",
        f"DELETE FROM source_items WHERE card_id IS NOT NULL AND source_id <> {of_card.format('source_items.card_id')}",  # noqa: S608
        # A card whose file is gone belongs to the first folder: any folder finds it there if the file returns.
        """
        INSERT INTO sources (kind, key) SELECT 'folder', ''
        WHERE NOT EXISTS (SELECT 1 FROM sources) AND EXISTS (SELECT 1 FROM cards)
        """,
        "ALTER TABLE cards ADD COLUMN source_id BIGINT",
        f"UPDATE cards SET source_id = coalesce({of_card.format('cards.id')}, (SELECT min(id) FROM sources))",  # noqa: S608
        "DROP TABLE card_sources",
        "DROP TABLE files",
    ):
        connection.exec_driver_sql(statement)


def _table_names(connection: Connection) -> list[str]:
    """List the tables except the version and those of the full-text index, referenced ones first."""
    ordered = sa.inspect(connection).get_sorted_table_and_fkc_names()
    skipped = ("alembic_version", "card_search", _ASIDE)
    return [name for name, _ in ordered if name and not name.startswith(skipped)]


def _set_aside(connection: Connection) -> Mapping[str, Collection[str]]:
    """Give the old tables other names, and return their columns by table.

    They are copied instead of renamed: SQLite cannot rename their constraints, and on PostgreSQL these would be in the
    way of the new ones.
    """
    tables = _table_names(connection)
    inspector = sa.inspect(connection)
    columns = {table: [column["name"] for column in inspector.get_columns(table)] for table in tables}
    for table in tables:
        connection.exec_driver_sql(f'CREATE TABLE {_ASIDE}{table} AS SELECT * FROM "{table}"')  # noqa: S608
    for table in (*reversed(tables), "alembic_version"):
        connection.exec_driver_sql(f'DROP TABLE "{table}"')
    return columns


def _copy_rows(connection: Connection, table: str, before: Mapping[str, Collection[str]]) -> None:
    source, old_names = _TABLES.get(table, table), _COLUMNS.get(table, {})
    names = [column["name"] for column in sa.inspect(connection).get_columns(table)]
    pairs = {name: old for name in names if (old := old_names.get(name, name)) in before.get(source, ())}
    if pairs:
        new, old = (", ".join(f'"{name}"' for name in each) for each in (pairs, pairs.values()))
        connection.exec_driver_sql(f'INSERT INTO "{table}" ({new}) SELECT {old} FROM {_ASIDE}{source}')  # noqa: S608


def _read_counters(connection: Connection) -> dict[str, int]:
    """Return the highest IDs ever assigned, by table. A delivery's ID goes into its nonce: none may come twice."""
    if connection.dialect.name == "sqlite":
        return dict(connection.exec_driver_sql("SELECT name, seq FROM sqlite_sequence").all())
    query = sa.text("SELECT pg_sequence_last_value(CAST(pg_get_serial_sequence(:name, 'id') AS regclass))")
    known = [table for table in (*_COUNTED, "sources") if sa.inspect(connection).has_table(table)]
    numbers = {table: connection.execute(query, {"name": table}).scalar_one() for table in known}
    return {table: number for table, number in numbers.items() if number is not None}


def _set_counters(connection: Connection, counters: Mapping[str, int]) -> None:
    new_names = {old: table for table, old in _TABLES.items()}
    for old, number in counters.items():
        values = {"name": new_names.get(old, old), "number": number}
        if connection.dialect.name == "sqlite":
            connection.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
            connection.execute(sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :number)"), values)
        else:
            query = "SELECT setval(CAST(pg_get_serial_sequence(:name, 'id') AS regclass), :number)"
            connection.execute(sa.text(query), values)
