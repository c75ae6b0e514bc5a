"""Members' reports that something is wrong with a card."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, insert, select

from bot.store.cards.server_cards import mark_unplanned
from bot.store.cards.visibility import is_open_report
from bot.store.database import Database
from bot.store.tables import reports

MAX_REPORTS, WITHIN = 5, timedelta(hours=1)
"""Limit of reports per member over all servers: more in an hour come from a quarrel or a script."""


class ReportResult(enum.Enum):
    """Result of a report."""

    ACCEPTED = "taken"
    ALREADY_REPORTED = "again"
    TOO_MANY = "too many"


@dataclass(frozen=True, slots=True)
class Report:
    """One member's report."""

    user_id: int
    reason: str
    at: datetime


class Reports:
    """Reports, by card and server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add_report(self, guild_id: int, card_id: int, report: Report) -> ReportResult:
        """Add a report: one per member, card and server, and at most `MAX_REPORTS` per member within `WITHIN`."""
        own_recent = (reports.c.user_id == report.user_id) & (reports.c.at > report.at - WITHIN)
        row = {
            "guild_id": guild_id,
            "card_id": card_id,
            "user_id": report.user_id,
            "reason": report.reason,
            "at": report.at,
        }
        async with self._database.begin_write() as connection:
            # Counted within the write transaction: of two clicks at once only one can be the last one allowed.
            recent = (
                await connection.execute(select(func.count()).select_from(reports).where(own_recent))
            ).scalar_one()
            known = (
                (reports.c.guild_id == guild_id)
                & (reports.c.card_id == card_id)
                & (reports.c.user_id == report.user_id)
            )
            if (await connection.execute(select(reports.c.at).where(known))).first():
                return ReportResult.ALREADY_REPORTED
            if recent >= MAX_REPORTS:
                return ReportResult.TOO_MANY
            await connection.execute(insert(reports).values(row))
            await mark_unplanned(connection, [card_id], guild_id)
            return ReportResult.ACCEPTED

    async def list_open(self, guild_id: int, card_ids: Collection[int]) -> dict[int, list[Report]]:
        """Return a server's reports since its last decision on each of these cards, by card, newest first."""
        row = reports.c
        query = select(row.card_id, row.user_id, row.reason, row.at)
        query = query.where(row.card_id.in_(card_ids), is_open_report(guild_id, row.card_id))
        found: dict[int, list[Report]] = {}
        async with self._database.begin_autocommit() as connection:
            for card_id, *values in await connection.execute(query.order_by(row.at.desc(), row.user_id)):
                found.setdefault(card_id, []).append(Report(*values))
        return found
