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
from bot.domain.moderation import EVERYWHERE, Verdict
from bot.store.cards.importer import ensure_topic_ids
from bot.store.database import Database
from bot.store.error_messages import explain_store_error
from bot.store.moderation.decisions import apply_ruling
from bot.store.sql_helpers import chunks, insert_or_ignore
from bot.store.subscriptions.option_columns import collapse_options
from bot.store.subscriptions.subscriptions import reset_schedules
from bot.store.tables import Moment, Text, cards, subscriptions, topic_override_topics, topic_overrides
from bot.store.transfer.export import EXPORTED, EXPORTED_NAMES

Row = Mapping[str, Any]
_NUMBERED = {
    "subscriptions": ("guild_id", "channel_id", "created_by", "created_at"),
    "log": ("guild_id", "card_id", "at", "actor_id", "subject", "before", "after"),
}
"""Kinds whose rows get new IDs, and the columns that identify equal rows."""
_NAMED = {"subscription_id": "subscriptions", "reverts_id": "log", "audit_id": "log"}
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
            run = _ImportRun(connection)
            try:
                for kind, table in EXPORTED.items():
                    await run.import_kind(kind, table, found.get(kind, ()))
                await run.apply_topic_edits()
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

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
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
            if not all(isinstance(row.get(name, ""), str) for name in ("card", "topic")):
                raise TypeError(f"{kind} names a card or a topic by something else than its name")
        await self._load_card_ids([row["card"] for row in overrides if "card" in row])
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
        values: dict[str, Any] = {"card_id": self.cards[row["card"]]} if "card" in row else {}
        if "topic" in row:
            values["topic_id"] = (
                await ensure_topic_ids(self.connection, {normalize_name(row["topic"]): row["topic"]})
            ).popitem()[1]
        for column in table.c:
            if column.name not in row or (column.name == "id" and kind in _NUMBERED):
                continue
            value = _check_value(column, row[column.name])
            values[column.name] = datetime.fromisoformat(value) if value and isinstance(column.type, Moment) else value
        if lacking := [column.name for column in table.c if _is_required(column) and column.name not in values]:
            raise ValueError(f"{kind} without {lacking[0]}")
        return self._renumber(values)

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

    async def apply_topic_edits(self) -> None:
        """Rebuild the index of topic overrides that the planner matches."""
        for row in (await self.connection.execute(select(topic_overrides))).mappings().all():
            key = {"guild_id": row["guild_id"], "card_id": row["card_id"]}
            ids = await ensure_topic_ids(self.connection, {normalize_name(name): name for name in row["topics"]})
            adding = insert_or_ignore(topic_override_topics)
            await self.connection.execute(adding, [key | {"topic_id": each} for each in ids.values()])

    async def apply_rulings(self, now: datetime) -> None:
        """Set the cards' states to the imported global decisions of the owners."""
        for card_id, verdict in self.ruled_cards.items():
            await apply_ruling(self.connection, card_id, verdict, now)

    async def _mark_unplanned(self) -> None:
        """Schedule the changed cards for the next planning run."""
        ids, self.changed = sorted(self.changed), set()
        for some in chunks(ids):
            await self.connection.execute(update(cards).where(cards.c.id.in_(some)).values(needs_planning=True))


def _check_value(column: Column[Any], value: Any) -> Any:
    """Return the value if its column can hold it: SQLite would store text in an integer column.

    Raises `TypeError` and `OverflowError`.
    """
    if column is subscriptions.c.options:  # checked by `collapse_options`
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


_PYTHON: Mapping[type, type] = {JSON: list, Text: str}
"""Python types of columns whose `python_type` differs from their exported values. All other JSON columns hold lists."""


def _is_required(column: Column[Any]) -> bool:
    """Return whether a row must have this column. IDs are assigned by this store."""
    return not column.nullable and column.server_default is None and column.name != "id"
