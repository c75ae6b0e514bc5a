"""Export of user data as plain values: everything that cannot be reloaded from card files."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, RowMapping, Select, Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import SourceKind
from bot.store.database import Database
from bot.store.sql_helpers import open_stream
from bot.store.subscriptions.option_columns import expand_options
from bot.store.tables import (
    audit_log,
    card_edits,
    cards,
    decision_subscriptions,
    decisions,
    feeds,
    follow_topics,
    follows,
    guild_settings,
    last_read,
    quiet_hours,
    reports,
    saved_cards,
    sources,
    story_decisions,
    subscription_topics,
    subscriptions,
    topics,
)

EXPORTED = {
    "sources": sources,
    "feeds": feeds,
    "follows": follows,
    "follow_topics": follow_topics,
    "servers": guild_settings,
    "subscriptions": subscriptions,
    "subscription_topics": subscription_topics,
    "quiet_hours": quiet_hours,
    "log": audit_log,
    "decisions": decisions,
    "decision_subscriptions": decision_subscriptions,
    "edits": card_edits,
    "stories": story_decisions,
    "reports": reports,
    "saved": saved_cards,
    "last_read": last_read,
}
"""Tables by exported name, in foreign key order."""
ADDED_LATER = frozenset(("sources", "feeds", "follows", "follow_topics", "stories"))
"""Kinds that older exports lack."""
EXPORTED_NAMES: Mapping[str, Mapping[str, str]] = {
    "audit_log": {"reverts_id": "undoes", "subscription_ids": "only"},
    "decisions": {"selected_only": "picked"},
    "guild_settings": {"max_open_reviews": "review_open"},
    "quiet_hours": {"changes_at": "turns_at", "override_heat": "passing_heat"},
    "subscriptions": {
        "dm_closed_at": "shut_at",
        "excluded": "without",
        "frequency": "when",
        "is_forum": "forum",
        "mention_role_id": "mention",
        "new_after": "since",
        "next_digest_at": "next_at",
    },
}
"""Exported names of columns and options whose names here differ, by table: the format is older than these."""
LEFT_OUT: Mapping[str, frozenset[str]] = {
    "sources": frozenset(("id", "unfollowed_at")),
    "feeds": frozenset(
        (
            "host", "next_fetch_at", "fetched_at", "read_at", "changed_at", "etag", "last_modified", "body_hash",
            "content_kind", "failures", "failing_since", "missing_since", "problem", "moved_to", "moved_on",
            "moved_count",
        )
    ),
    "card_edits": frozenset(("has_topics", "revision")),
    "follows": frozenset(("trouble_notified",)),
}  # fmt: skip
"""Columns that only mean something in this store, or follow from others, by table."""
_AT_ONCE = 1000


_SOURCE_NAME = sources.c.kind.concat(" ").concat(sources.c.key)


def name_source(kind: str, key: str) -> str:
    """Return what names a source in an export."""
    return f"{kind} {key}"


class Exporter:
    """Access to snapshots of all user data."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def take_snapshot(self) -> AsyncIterator[Snapshot]:
        """Open a consistent snapshot; concurrent writes do not affect it."""
        async with self._database.begin_read() as connection:
            yield Snapshot(connection)


class Snapshot:
    """One read transaction over all exported tables."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def export_rows(self, kind: str) -> AsyncIterator[dict[str, Any]]:
        """Yield the rows of one kind of `EXPORTED`: cards as slugs, topics as names, times in ISO 8601."""
        table = EXPORTED[kind]
        query = readable_query(table, source=_SOURCE_NAME)
        if table is sources:
            # A folder is a source as soon as it is loaded.
            query = query.where(sources.c.kind != SourceKind.FOLDER)
        async with open_stream(self._connection, query, _AT_ONCE) as result:
            async for row in result.mappings():
                yield to_json_row(table, row)


def readable_query(table: Table, source: ColumnElement[str] | None = None) -> Select[Any]:
    """Select a table's rows, with card and topic IDs replaced by slugs and names: IDs are local to a database.

    With `source`, what names a source, its IDs are replaced as well: the addresses of feeds may hold credentials.
    """
    left_out = LEFT_OUT.get(table.name, frozenset())
    columns: list[Column[Any]] = []
    joined: Any = table
    for column in table.c:
        if column.name in left_out:
            continue
        if column.name == "source_id" and source is not None:
            joined = joined.join(sources, sources.c.id == column)
            columns.append(source.label("source"))  # type: ignore[arg-type]  # as below
        elif column.name == "card_id":
            joined = joined.join(cards, cards.c.id == column)
            columns.append(cards.c.slug.label("card"))  # type: ignore[arg-type]  # a label is selected like a column
        elif column.name == "topic_id":
            joined = joined.join(topics, topics.c.id == column)
            columns.append(func.coalesce(table.c.name, topics.c.name).label("topic"))  # type: ignore[arg-type]  # as above
        elif "topic_id" in table.c and column.name == "name":
            continue
        else:
            columns.append(column)
    return select(*columns).select_from(joined).order_by(*table.primary_key.columns)


def to_json_row(table: Table, row: RowMapping) -> dict[str, Any]:
    """Return a row of a table as JSON values."""
    values = expand_options(row) if table is subscriptions else row
    names = EXPORTED_NAMES.get(table.name, {})
    return {
        names.get(name, name): value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }
