"""The audit log: who decided what, and the state before. Append-only."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, exists, insert, literal, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.moderation import EVERYWHERE, DecisionSource
from bot.store.cards.rows import parse_edit
from bot.store.cards.visibility import edit_of, is_known_to
from bot.store.column_parsers import enum_or_default
from bot.store.database import Database
from bot.store.tables import audit_log, card_edits, cards


class AuditSubject(enum.StrEnum):
    """What an entry is about."""

    VERDICT = "verdict"
    EDIT = "topics"
    """An edit of the card; the value is of when only topics could be edited."""
    STATE = "state"
    """The state in a card's file."""
    STORY = "story"
    """A split or a join."""
    FEED = "feed"
    """A feed that the server followed became everybody's; it goes by the newest of its cards."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry of the log.

    `before` and `after` are verdicts, states, the name of a feed, or as JSON an edit
    (`bot.domain.card_edit.EditChange`) or what was done with a story (`bot.domain.story_change.StoryChange`); None for
    none.
    `subscription_ids` are those selected for a publication. `reverts_id` is the ID of the entry that this one undoes.
    """

    id: int
    guild_id: int
    card_id: int
    subject: AuditSubject
    before: str | None
    after: str | None
    subscription_ids: Sequence[int] | None
    actor_id: int
    source: DecisionSource
    reason: str
    reverts_id: int | None
    at: datetime
    title: str = ""
    """The title of the card or feed; set by `AuditLog.get_page` only."""


@dataclass(frozen=True, slots=True)
class ModerationAct:
    """Who acts, when, through what, and why."""

    actor_id: int
    at: datetime
    source: DecisionSource
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DecisionOutcome:
    """Whether an act was applied. `entry` is its audit entry; if it was rejected, the conflicting entry, if any.

    `changed` are other cards to plan.
    """

    accepted: bool
    entry: AuditEntry | None
    changed: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Filter by card, person, resulting verdict and source. Entries of files only if selected by `source`."""

    card_id: int | None = None
    actor_id: int | None = None
    after: str | None = None
    source: DecisionSource | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, newest first, and whether there are more on either side."""

    entries: tuple[AuditEntry, ...]
    has_newer: bool
    has_older: bool


class AuditLog:
    """Queries of the log."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get_page(
        self, guild_id: int, wanted: AuditFilter, *, limit: int, place: int | None = None, newer: bool = False
    ) -> AuditPage:
        """Return a page of a server's and global entries, before (or with `newer` after) the entry `place`."""
        async with self._database.begin_autocommit() as connection:
            rows = (await connection.execute(_page_query(guild_id, wanted, limit + 1, place, newer))).mappings().all()
        # One entry more than is shown was read, to tell whether there is another page.
        more, entries = len(rows) > limit, [_entry_from_row(row) for row in rows[:limit]]
        if newer:
            return AuditPage(tuple(reversed(entries)), more, has_older=True)
        return AuditPage(tuple(entries), place is not None, more)

    async def get_entry(self, guild_id: int, entry_id: int) -> AuditEntry | None:
        """Return an entry of exactly this server's log (`EVERYWHERE`: the global log); None if there is none."""
        async with self._database.begin_read() as connection:
            return await fetch_entry(connection, guild_id, entry_id)

    async def get_last(self, guild_id: int, card_id: int, subject: AuditSubject | None = None) -> AuditEntry | None:
        """Return the last entry about a card, of the server or global; with `subject`, of the server only."""
        async with self._database.begin_read() as connection:
            return await fetch_last_entry(connection, guild_id, card_id, subject)

    async def get_last_own(self, guild_id: int, card_id: int) -> AuditEntry | None:
        """Return the last entry by a person on a card in exactly this server's log (`EVERYWHERE`: the global log).

        Splits and joins that were taken back are passed over, so that those before them can be taken back as well.
        """
        row, undoing = audit_log.c, audit_log.alias("undoing")
        of_card = (undoing.c.guild_id == guild_id) & (undoing.c.card_id == card_id)
        undone = exists(select(literal(1)).where(of_card, undoing.c.reverts_id == row.id))
        counts = (row.subject != AuditSubject.STORY) | (row.reverts_id.is_(None) & ~undone)
        by_person = row.subject.not_in((AuditSubject.STATE, AuditSubject.FEED))
        async with self._database.begin_read() as connection:
            return await _first_entry(
                connection, (row.guild_id == guild_id) & (row.card_id == card_id) & by_person & counts
            )


async def fetch_entry(connection: AsyncConnection, guild_id: int, entry_id: int) -> AuditEntry | None:
    """Return an entry of exactly this server's log; None if there is none."""
    return await _first_entry(connection, (audit_log.c.id == entry_id) & (audit_log.c.guild_id == guild_id))


async def fetch_reverting(connection: AsyncConnection, entry: AuditEntry) -> AuditEntry | None:
    """Return the entry that undid this one; None if it is in force."""
    row = audit_log.c
    of_card = (row.guild_id == entry.guild_id) & (row.card_id == entry.card_id)
    return await _first_entry(connection, of_card & (row.reverts_id == entry.id))


async def fetch_entry_before(connection: AsyncConnection, entry: AuditEntry) -> AuditEntry | None:
    """Return the previous entry with the same server, card and subject."""
    return await _first_entry(
        connection,
        (audit_log.c.id < entry.id)
        & (audit_log.c.guild_id == entry.guild_id)
        & (audit_log.c.card_id == entry.card_id)
        & (audit_log.c.subject == entry.subject),
    )


async def fetch_last_entry(
    connection: AsyncConnection, guild_id: int, card_id: int, subject: AuditSubject | None = None
) -> AuditEntry | None:
    """Return the last entry about a card, of the server or global; with `subject`, of the server only."""
    about = (audit_log.c.card_id == card_id) & (audit_log.c.subject != AuditSubject.FEED)
    if subject:
        return await _first_entry(
            connection, about & (audit_log.c.guild_id == guild_id) & (audit_log.c.subject == subject)
        )
    return await _first_entry(connection, about & audit_log.c.guild_id.in_((guild_id, EVERYWHERE)))


async def write_entry(connection: AsyncConnection, **values: Any) -> AuditEntry:
    """Append an entry."""
    row = (await connection.execute(insert(audit_log).values(values).returning(*audit_log.c))).mappings().one()
    return _entry_from_row(row)


async def _first_entry(connection: AsyncConnection, condition: ColumnElement[bool]) -> AuditEntry | None:
    query = select(audit_log).where(condition).order_by(audit_log.c.id.desc()).limit(1)
    row = (await connection.execute(query)).mappings().one_or_none()
    return _entry_from_row(row) if row else None


def _page_query(guild_id: int, wanted: AuditFilter, limit: int, place: int | None, newer: bool) -> Select[Any]:
    """Select the server's and the global entries; as two subqueries, so that each is an index range scan."""
    order = audit_log.c.id.asc() if newer else audit_log.c.id.desc()

    def entries_of(owner: int) -> Select[Any]:
        query = select(audit_log.c.id).where(audit_log.c.guild_id == owner, *_filter_conditions(wanted))
        if owner != guild_id:
            known = select(literal(1)).where(cards.c.id == audit_log.c.card_id, is_known_to(guild_id))
            query = query.where(exists(known.correlate(audit_log)))
        if place is not None:
            query = query.where(audit_log.c.id > place if newer else audit_log.c.id < place)
        return select(query.order_by(order).limit(limit).subquery().c.id)

    found = union_all(entries_of(guild_id), entries_of(EVERYWHERE)).subquery()
    joined = audit_log.join(cards, cards.c.id == audit_log.c.card_id)
    edit = edit_of(card_edits.c.fields, guild_id).label("edit")
    query = select(*audit_log.c, cards.c.title, edit).select_from(joined).where(audit_log.c.id.in_(select(found.c.id)))
    return query.order_by(order).limit(limit)


def _filter_conditions(wanted: AuditFilter) -> list[ColumnElement[bool]]:
    source = audit_log.c.source == wanted.source if wanted.source else audit_log.c.source != DecisionSource.FILE
    parameters = {"card_id": wanted.card_id, "actor_id": wanted.actor_id, "after": wanted.after}
    return [source, *(audit_log.c[name] == value for name, value in parameters.items() if value is not None)]


def _entry_from_row(row: RowMapping) -> AuditEntry:
    values = dict(row)
    if edit := values.pop("edit", None):
        values["title"] = parse_edit(edit).title or row["title"]
    if row["subject"] == AuditSubject.FEED and "title" in values:
        values["title"] = row["after"] or ""
    kinds = {
        "subject": enum_or_default(AuditSubject, row["subject"], AuditSubject.VERDICT),
        "source": enum_or_default(DecisionSource, row["source"], DecisionSource.COMMAND),
    }
    return AuditEntry(**values | kinds)
