"""Export and delete the stored data of a member, across all servers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, func, select, union, update

from bot.store.database import Database
from bot.store.moderation.submission_limit import keep_recent
from bot.store.tables import (
    audit_log,
    cards,
    circuits,
    decisions,
    deliveries,
    delivery_cards,
    follows,
    last_read,
    reports,
    saved_cards,
    submissions,
    subscription_topics,
    subscriptions,
    worker_requests,
)
from bot.store.transfer.export import readable_query, to_json_row

OWN = {
    "saved": saved_cards.c.user_id,
    "reports": reports.c.user_id,
    "submissions": submissions.c.user_id,
    "last_read": last_read.c.user_id,
    "follows": subscriptions.c.user_id,
    "messages": deliveries.c.user_id,
}
"""Erasable data that belongs to the member: by kind, the column with their id."""
KEPT = {
    "subscriptions_created": subscriptions.c.created_by,
    "decisions": decisions.c.decided_by,
    "log": audit_log.c.actor_id,
    "feeds_added": follows.c.created_by,
    "requests": worker_requests.c.requested_by,
}
"""Data of servers that names the member: exported, but not erased."""
_PARTS = {
    "followed_topics": (subscription_topics.c.subscription_id, subscriptions),
    "message_cards": (delivery_cards.c.delivery_id, deliveries),
}
"""Child rows of the member's data, exported and erased with it."""
Rows = dict[str, list[dict[str, Any]]]


class MemberData:
    """Queries for all rows that name a member."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def export_member(self, user_id: int) -> Rows:
        """Return everything stored about a member, by kind; cards as slugs, times in ISO 8601."""
        result: Rows = {}
        async with self._database.begin_read() as connection:
            for kind, (table, condition) in _member_rows(user_id).items():
                rows = (await connection.execute(readable_query(table).where(condition))).mappings()
                result[kind] = [to_json_row(table, row) for row in rows]
        return result

    async def count_owned(self, user_id: int) -> dict[str, int]:
        """Count the member's rows of each kind in `OWN`."""
        async with self._database.begin_autocommit() as connection:
            return {
                kind: (await connection.execute(select(func.count()).where(column == user_id))).scalar_one()
                for kind, column in OWN.items()
            }

    async def erase_member(self, user_id: int, now: datetime) -> dict[str, int]:
        """Delete the member's own data. Returns the number of deleted rows by kind.

        Cards that the member reported or submitted are planned again, since reviews say so. What the member submitted
        within the last hour still counts against the limit.
        """
        reviewed = union(
            select(reports.c.card_id).where(reports.c.user_id == user_id),
            select(submissions.c.card_id).where(submissions.c.user_id == user_id),
        )
        reached = union(
            select(deliveries.c.channel_id).where(deliveries.c.user_id == user_id),
            select(subscriptions.c.channel_id).where(subscriptions.c.user_id == user_id),
        )
        async with self._database.begin_write() as connection:
            # First, while the rows that these statements select by exist. A circuit tells of the member's direct
            # messages.
            await connection.execute(update(cards).where(cards.c.id.in_(reviewed)).values(needs_planning=True))
            await keep_recent(connection, user_id, now)
            await connection.execute(delete(circuits).where(circuits.c.channel_id.in_(reached)))
            return {
                kind: (await connection.execute(delete(column.table).where(column == user_id))).rowcount
                for kind, column in OWN.items()
            }


def _member_rows(user_id: int) -> Mapping[str, tuple[Table, ColumnElement[bool]]]:
    own = {kind: (column.table, column == user_id) for kind, column in OWN.items()}
    parts = {
        kind: (column.table, column.in_(select(whole.c.id).where(whole.c.user_id == user_id)))
        for kind, (column, whole) in _PARTS.items()
    }
    kept = {kind: (column.table, column == user_id) for kind, column in KEPT.items()}
    # A personal digest is the own data of the member, and listed there.
    table, created = kept["subscriptions_created"]
    kept["subscriptions_created"] = (table, created & subscriptions.c.user_id.is_(None))
    return own | parts | kept
