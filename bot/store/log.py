"""The audit log: who decided what, and the state before. Append-only."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, insert, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.desk.publication import EVERYWHERE, Source
from bot.store.database import Database
from bot.store.parsing import member_or
from bot.store.tables import audit, cards


class Subject(enum.StrEnum):
    """What an entry is about."""

    VERDICT = "verdict"
    TOPICS = "topics"
    STATE = "state"
    """The state in a card's file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log.

    `before` and `after` are verdicts, states, or topics as a JSON list; None for none. `only` are the subscriptions
    selected for a publication. `undoes` is the ID of the entry that this one undoes.
    """

    id: int
    guild_id: int
    card_id: int
    subject: Subject
    before: str | None
    after: str | None
    only: Sequence[int] | None
    actor_id: int
    source: Source
    reason: str
    undoes: int | None
    at: datetime
    title: str = ""
    """The card's title; set by `Log.page` only."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Filter by card, person, resulting verdict and source. Entries of files only if selected by `source`."""

    card_id: int | None = None
    actor_id: int | None = None
    after: str | None = None
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class LogPage:
    """Entries, newest first, and whether there are more on either side."""

    entries: tuple[Entry, ...]
    has_newer: bool
    has_older: bool


class Log:
    """Queries of the log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, guild_id: int, wanted: Wanted, *, limit: int, place: int | None = None, newer: bool = False
    ) -> LogPage:
        """Return a page of a server's and global entries, before (or with `newer` after) the entry `place`."""
        async with self._database.read() as connection:
            rows = (await connection.execute(_page(guild_id, wanted, limit + 1, place, newer))).mappings().all()
        more, entries = len(rows) > limit, [_entry(row) for row in rows[:limit]]
        if newer:
            return LogPage(tuple(reversed(entries)), more, has_older=True)
        return LogPage(tuple(entries), place is not None, more)

    async def entry(self, guild_id: int, entry_id: int) -> Entry | None:
        """Return an entry of exactly this server's log (`EVERYWHERE`: the global log); None if there is none."""
        async with self._database.read() as connection:
            return await entry_of(connection, guild_id, entry_id)

    async def last(self, guild_id: int, card_id: int, subject: Subject | None = None) -> Entry | None:
        """Return the last entry about a card, of the server or global; with `subject`, of the server only."""
        async with self._database.read() as connection:
            return await last_entry_about(connection, guild_id, card_id, subject)

    async def last_of(self, guild_id: int, card_id: int) -> Entry | None:
        """Return the last entry by a person on a card in exactly this server's log (`EVERYWHERE`: the global log)."""
        chosen = (audit.c.guild_id == guild_id) & (audit.c.card_id == card_id) & (audit.c.subject != Subject.STATE)
        async with self._database.read() as connection:
            return await _first(connection, chosen)


async def entry_of(connection: AsyncConnection, guild_id: int, entry_id: int) -> Entry | None:
    """Return an entry of exactly this server's log; None if there is none."""
    return await _first(connection, (audit.c.id == entry_id) & (audit.c.guild_id == guild_id))


async def entry_before(connection: AsyncConnection, entry: Entry) -> Entry | None:
    """Return the previous entry with the same server, card and subject."""
    return await _first(
        connection,
        (audit.c.id < entry.id)
        & (audit.c.guild_id == entry.guild_id)
        & (audit.c.card_id == entry.card_id)
        & (audit.c.subject == entry.subject),
    )


async def last_entry_about(
    connection: AsyncConnection, guild_id: int, card_id: int, subject: Subject | None = None
) -> Entry | None:
    """Return the last entry about a card, of the server or global; with `subject`, of the server only."""
    about = audit.c.card_id == card_id
    if subject:
        return await _first(connection, about & (audit.c.guild_id == guild_id) & (audit.c.subject == subject))
    return await _first(connection, about & audit.c.guild_id.in_((guild_id, EVERYWHERE)))


async def write_entry(connection: AsyncConnection, **values: Any) -> Entry:
    """Append an entry."""
    row = (await connection.execute(insert(audit).values(values).returning(*audit.c))).mappings().one()
    return _entry(row)


async def _first(connection: AsyncConnection, chosen: ColumnElement[bool]) -> Entry | None:
    asked = select(audit).where(chosen).order_by(audit.c.id.desc()).limit(1)
    row = (await connection.execute(asked)).mappings().one_or_none()
    return _entry(row) if row else None


def _page(guild_id: int, wanted: Wanted, limit: int, place: int | None, newer: bool) -> Select[Any]:
    """Select the server's and the global entries; as two subqueries, so that each is an index range scan."""
    order = audit.c.id.asc() if newer else audit.c.id.desc()

    def of(owner: int) -> Select[Any]:
        asked = select(audit.c.id).where(audit.c.guild_id == owner, *_fitting(wanted))
        if place is not None:
            asked = asked.where(audit.c.id > place if newer else audit.c.id < place)
        return select(asked.order_by(order).limit(limit).subquery().c.id)

    found = union_all(of(guild_id), of(EVERYWHERE)).subquery()
    joined = audit.join(cards, cards.c.id == audit.c.card_id)
    mine = select(*audit.c, cards.c.title).select_from(joined).where(audit.c.id.in_(select(found.c.id)))
    return mine.order_by(order).limit(limit)


def _fitting(wanted: Wanted) -> list[ColumnElement[bool]]:
    source = audit.c.source == wanted.source if wanted.source else audit.c.source != Source.FILE
    asked = {"card_id": wanted.card_id, "actor_id": wanted.actor_id, "after": wanted.after}
    return [source, *(audit.c[name] == value for name, value in asked.items() if value is not None)]


def _entry(row: RowMapping) -> Entry:
    values = dict(row)
    kinds = {
        "subject": member_or(Subject, row["subject"], Subject.VERDICT),
        "source": member_or(Source, row["source"], Source.COMMAND),
    }
    return Entry(**values | kinds)
