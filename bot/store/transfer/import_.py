"""Import what `bot.store.transfer.export` wrote, into an empty store or a used one.

Existing rows are kept unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Column, Table, insert, select, update
from sqlalchemy.exc import StatementError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.text import normalize_name
from bot.domain.card_edit import CardEdit
from bot.domain.moderation import EVERYWHERE, Verdict
from bot.store.cards.edits import add_edit_topics, refresh_edits
from bot.store.cards.names import ensure_topic_ids
from bot.store.cards.rows import parse_edit
from bot.store.database import Database
from bot.store.error_messages import explain_store_error
from bot.store.moderation.decisions import apply_ruling
from bot.store.sql_helpers import chunks, insert_or_ignore
from bot.store.subscriptions.option_columns import collapse_options
from bot.store.subscriptions.subscriptions import reset_schedules
from bot.store.tables import Moment, Text, card_edits, cards, subscriptions
from bot.store.transfer.export import ADDED_LATER, EXPORTED, EXPORTED_NAMES, LEFT_OUT
from bot.store.transfer.import_sources import SourceImport

Row = Mapping[str, Any]
_NUMBERED = {
    "subscriptions": ("guild_id", "channel_id", "created_by", "created_at"),
    "log": ("guild_id", "card_id", "at", "actor_id", "subject", "before", "after"),
}
"""Kinds whose rows get new IDs, and the columns that identify equal rows."""
_NAMED = {"subscription_id": "subscriptions", "reverts_id": "log", "audit_id": "log", "story_id": "log"}
"""Columns that refer to these kinds by ID."""


@dataclass(slots=True)
class ImportSummary:
    """Number of rows added and already present, by kind, and slugs of cards that are not in the store."""

    added: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    unknown_cards: set[str] = field(default_factory=set)


class Importer:
    """Import of exported user data."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def import_all(self, found: Mapping[str, Iterable[Row]], now: datetime) -> ImportSummary:
        """Import all rows in one transaction. Raises `KeyError`, `TypeError` or `ValueError` for malformed rows.

        New subscriptions begin at `now`, so that what their channels received from another store is not posted again.
        """
        async with self._database.begin_write() as connection:
            run = _ImportRun(connection, now)
            found = _with_topic_edits(found)
            try:
                for kind, table in EXPORTED.items():
                    await run.import_kind(kind, table, found.get(kind, [] if kind in ADDED_LATER else ()))
                await run.apply_edits()
                await run.sources.begin_follows()
            except StatementError as error:
                # A full disk is no fault of the file; a value that its column cannot hold is.
                if explain_store_error(error):
                    raise
                raise ValueError(str(error.orig)) from error
            await run.apply_rulings(now)
            await reset_schedules(connection, run.new_subscriptions, now)
            return run.imported


class _ImportRun:
    """One import; `numbers` maps old IDs to new ones, by kind."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self.connection = connection
        self.sources = SourceImport(connection, now)
        self.imported = ImportSummary()
        self.numbers: dict[str, dict[int, int]] = {kind: {} for kind in _NUMBERED}
        self.cards: dict[str, int] = {}
        self.changed: set[int] = set()
        self.ruled_cards: dict[int, Verdict] = {}
        self.new_subscriptions: list[int] = []

    async def import_kind(self, kind: str, table: Table, rows: Iterable[Row]) -> None:
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise TypeError(f"{kind} is no list of objects")
        overrides = [dict(row) for row in rows]
        for row in overrides:
            if not all(isinstance(row.get(name, ""), str) for name in ("card", "source", "topic")):
                raise TypeError(f"{kind} names a card, a source or a topic by something else than its name")
        await self._load_card_ids([row["card"] for row in overrides if "card" in row])
        if "source_id" in table.c:
            await self.sources.load_ids(overrides)
        for row in overrides:
            if (values := await self._row_values(kind, table, row)) is not None:
                added = await self._insert_row(kind, table, row, values)
                counts = self.imported.added if added else self.imported.kept
                counts[kind] = counts.get(kind, 0) + 1
        await self._mark_unplanned()

    async def _load_card_ids(self, slugs: list[str]) -> None:
        wanted = sorted(set(slugs) - self.cards.keys())
        for some in chunks(wanted):
            query = select(cards.c.slug, cards.c.id).where(cards.c.slug.in_(some))
            self.cards |= dict((await self.connection.execute(query)).all())
        self.imported.unknown_cards |= set(wanted) - self.cards.keys()

    async def _row_values(self, kind: str, table: Table, row: Row) -> dict[str, Any] | None:
        """Return the row's values for this store; None if it refers to something that is not here."""
        if "card" in row and row["card"] not in self.cards:
            return None
        names = {exported: name for name, exported in EXPORTED_NAMES.get(table.name, {}).items()}
        row = {names.get(name, name): value for name, value in row.items()}
        if table is subscriptions:
            row = collapse_options(row)
        if table is card_edits:
            row = _check_edit(row)
        if "source_id" in table.c and self.sources.find_id(row["source"]) is None:
            return None
        values = await self._resolve_names(table, row) | self._read_columns(kind, table, row)
        if table is card_edits:
            values["has_topics"] = "topics" in values["fields"]
        completed = self.sources.complete_values(table, values)
        return None if completed is None else self._renumber(completed)

    async def _resolve_names(self, table: Table, row: Row) -> dict[str, Any]:
        """Return this store's IDs of what a row names."""
        values: dict[str, Any] = {"card_id": self.cards[row["card"]]} if "card" in row else {}
        if "source_id" in table.c:
            values["source_id"] = self.sources.find_id(row["source"])
        if "topic" in row:
            ids = await ensure_topic_ids(self.connection, {normalize_name(row["topic"]): row["topic"]})
            values |= {"topic_id": ids.popitem()[1], "name": row["topic"]}
        return values

    def _read_columns(self, kind: str, table: Table, row: Row) -> dict[str, Any]:
        """Return the values of a row that are columns as they are. Raises if one is missing or of another type."""
        left_out = LEFT_OUT.get(table.name, frozenset()) | ({"id"} if kind in _NUMBERED else set())
        values = {}
        for column in table.c:
            if column.name in row and column.name not in left_out:
                value = _check_value(column, row[column.name])
                is_time = value and isinstance(column.type, Moment)
                values[column.name] = datetime.fromisoformat(value) if is_time else value
        resolved = {f"{name}_id" for name in ("card", "source", "topic") if name in row}
        required = (each.name for each in table.c if _is_required(each) and each.name not in left_out | resolved)
        if lacking := [name for name in required if name not in values]:
            raise ValueError(f"{kind} without {lacking[0]}")
        return values

    def _renumber(self, values: dict[str, Any]) -> dict[str, Any] | None:
        for name, kind in _NAMED.items():
            if values.get(name) is not None:
                if values[name] not in self.numbers[kind]:
                    return None
                values[name] = self.numbers[kind][values[name]]
        if values.get("subscription_ids") is not None:
            known = self.numbers["subscriptions"]
            values["subscription_ids"] = [known[each] for each in values["subscription_ids"] if each in known]
        return values

    async def _insert_row(self, kind: str, table: Table, row: Row, values: dict[str, Any]) -> bool:
        if kind in _NUMBERED:
            return await self._insert_numbered(kind, table, row["id"], values)
        adding = insert_or_ignore(table).values(values)
        added = bool((await self.connection.execute(adding)).rowcount)
        if added:
            self.sources.note_added(table, values)
        if added and "card_id" in values:
            self.changed.add(values["card_id"])
            if kind == "decisions" and values["guild_id"] == EVERYWHERE:
                self.ruled_cards[values["card_id"]] = Verdict(values["verdict"])
        return added

    async def _insert_numbered(self, kind: str, table: Table, number: int, values: dict[str, Any]) -> bool:
        # With `=` rows that have a null in one of the columns would never be found again.
        same = [table.c[name].is_not_distinct_from(values[name]) for name in _NUMBERED[kind]]
        known = (await self.connection.execute(select(table.c.id).where(*same).limit(1))).scalar_one_or_none()
        if known is None:
            adding = insert(table).values(values).returning(table.c.id)
            known = (await self.connection.execute(adding)).scalar_one()
            self.new_subscriptions += [known] if kind == "subscriptions" else []
            self.numbers[kind][number] = known
            return True
        self.numbers[kind][number] = known
        return False

    async def apply_edits(self) -> None:
        """Derive the topics of the imported edits, their revisions and index entries."""
        pending = card_edits.c.revision.is_(None)
        for row in (await self.connection.execute(select(card_edits).where(pending))).mappings().all():
            topics = parse_edit(row["fields"]).topics or ()
            await add_edit_topics(self.connection, row["guild_id"], row["card_id"], topics)
        await refresh_edits(self.connection, pending)

    async def apply_rulings(self, now: datetime) -> None:
        """Set the cards' states to the imported global decisions of the owners."""
        for card_id, verdict in self.ruled_cards.items():
            await apply_ruling(self.connection, card_id, verdict, now)

    async def _mark_unplanned(self) -> None:
        """Schedule the changed cards for the next planning run."""
        ids, self.changed = sorted(self.changed), set()
        for some in chunks(ids):
            await self.connection.execute(update(cards).where(cards.c.id.in_(some)).values(needs_planning=True))


def _with_topic_edits(found: Mapping[str, Iterable[Row]]) -> Mapping[str, Iterable[Row]]:
    """Turn the kind `card_topics` of older exports into edits."""
    older = found.get("card_topics") or []
    if not isinstance(older, list):
        raise TypeError("card_topics is no list")
    edits = [{**row, "fields": {"topics": row["topics"]}} for row in older]
    return {**found, "edits": [*found.get("edits", ()), *edits]}


def _check_edit(row: Row) -> Row:
    """Return the row of an edit without what is empty in it. Raises `ValueError` if it is invalid."""
    edit = CardEdit.from_json(row["fields"])
    if not edit or row["guild_id"] == EVERYWHERE:
        raise ValueError("an edit is of one server, and of some field")
    return {**row, "fields": edit.to_json()}


def _check_value(column: Column[Any], value: Any) -> Any:
    """Return the value if its column can hold it: SQLite would store text in an integer column.

    Raises `TypeError` and `OverflowError`.
    """
    if column in _CHECKED:
        return value
    kind = str if isinstance(column.type, Moment) else _PYTHON.get(type(column.type), column.type.python_type)
    if value is None and column.nullable:
        return value
    # To Python `true` is an integer, and would be stored as 1.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise TypeError(f"{column.table.name}.{column.name} is not {getattr(kind, '__name__', 'a list')}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise OverflowError(f"{column.table.name}.{column.name} is too large")
    return value


_CHECKED = {subscriptions.c.options, card_edits.c.fields}
"""Checked by `collapse_options` and `_check_edit`."""
_PYTHON: Mapping[type, type] = {JSON: list, Text: str}
"""Python types of columns whose `python_type` differs from their exported values. All other JSON columns hold lists."""


def _is_required(column: Column[Any]) -> bool:
    """Return whether a row must have this column. IDs are assigned by this store."""
    return not column.nullable and column.server_default is None and column.name != "id"
