"""The desk's log: what was decided, by whom, how it was before. It only grows."""

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
    """What a card's file says of it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log.

    `before` and `after` are verdicts, states, or topics as a JSON list; None for none. `only` are the subscriptions
    that a publication was meant for. `undoes` is the entry that this one takes back.
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
    """The card's, where it was asked for."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries: about one card, by one person, that ended in a verdict, said in one way. Files' only if asked."""

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
    """Reading the log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, guild_id: int, wanted: Wanted, *, limit: int, place: int | None = None, newer: bool = False
    ) -> LogPage:
        """A page of what concerns a server, before or after the entry `place`."""
        async with self._database.read() as connection:
            rows = (await connection.execute(_page(guild_id, wanted, limit + 1, place, newer))).mappings().all()
        more, entries = len(rows) > limit, [_entry(row) for row in rows[:limit]]
        if newer:
            return LogPage(tuple(reversed(entries)), more, has_older=True)
        return LogPage(tuple(entries), place is not None, more)

    async def entry(self, guild_id: int, entry_id: int) -> Entry | None:
        """One entry of a server's log, or of everywhere's."""
        async with self._database.read() as connection:
            return await entry_of(connection, guild_id, entry_id)

    async def last(self, guild_id: int, card_id: int, subject: Subject | None = None) -> Entry | None:
        """The last entry about a card that concerns a server; of one subject, the last of the server's own."""
        async with self._database.read() as connection:
            return await last_entry_about(connection, guild_id, card_id, subject)

    async def last_of(self, guild_id: int, card_id: int) -> Entry | None:
        """The last thing that a person did to a card in this very server, or everywhere."""
        chosen = (audit.c.guild_id == guild_id) & (audit.c.card_id == card_id) & (audit.c.subject != Subject.STATE)
        async with self._database.read() as connection:
            return await _first(connection, chosen)


async def entry_of(connection: AsyncConnection, guild_id: int, entry_id: int) -> Entry | None:
    """One entry of this very server's log."""
    return await _first(connection, (audit.c.id == entry_id) & (audit.c.guild_id == guild_id))


async def entry_before(connection: AsyncConnection, entry: Entry) -> Entry | None:
    """The entry that brought about what this one replaced."""
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
    """The newest entry about a card that concerns a server; of one subject, the newest of the server's own."""
    about = audit.c.card_id == card_id
    if subject:
        return await _first(connection, about & (audit.c.guild_id == guild_id) & (audit.c.subject == subject))
    return await _first(connection, about & audit.c.guild_id.in_((guild_id, EVERYWHERE)))


async def write_entry(connection: AsyncConnection, **values: Any) -> Entry:
    """Add a line."""
    row = (await connection.execute(insert(audit).values(values).returning(*audit.c))).mappings().one()
    return _entry(row)


async def _first(connection: AsyncConnection, chosen: ColumnElement[bool]) -> Entry | None:
    asked = select(audit).where(chosen).order_by(audit.c.id.desc()).limit(1)
    row = (await connection.execute(asked)).mappings().one_or_none()
    return _entry(row) if row else None


def _page(guild_id: int, wanted: Wanted, limit: int, place: int | None, newer: bool) -> Select[Any]:
    """The server's entries and everywhere's, each from its own end of the index."""
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
