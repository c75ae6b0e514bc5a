"""Check cheaply, by index lookups only, whether a planning run has anything to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import bindparam, exists, literal, select

from bot.store.database import Database
from bot.store.digests import released
from bot.store.quiet import LONGEST_QUIET
from bot.store.subscriptions import LONGEST_WAY
from bot.store.tables import cards, deferred, quiet_hours, subscriptions


@dataclass(frozen=True, slots=True)
class Due:
    """Whether cards have changed, quiet hours begin or end, deferred cards may be posted, digests are due.

    `astray`: a digest or the end of quiet hours is further in the future than possible (the clock was set back).
    """

    cards: bool
    quiet: bool
    deferred: bool
    digests: bool
    astray: bool


# Built once: it runs with every tick, and building it takes longer than running it.
_NOW = bindparam("now", type_=subscriptions.c.next_at.type)
_QUIET_LIMIT = bindparam("quiet_limit", type_=subscriptions.c.next_at.type)
_LIMIT = bindparam("limit", type_=subscriptions.c.next_at.type)
_DUE = select(
    exists().where(cards.c.unplanned),
    exists().where(quiet_hours.c.turns_at <= _NOW) | exists().where(quiet_hours.c.turns_at > _QUIET_LIMIT),
    exists().where(deferred.c.channel_id > 0),
    exists().where(subscriptions.c.next_at <= _NOW),
    exists().where(subscriptions.c.next_at > _LIMIT),
)
_RELEASED = select(exists(select(literal(1)).select_from(deferred.join(subscriptions)).where(released())))


class Agenda:
    """Query for due planning work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, now: datetime) -> Due:
        values = {"now": now, "quiet_limit": now + LONGEST_QUIET, "limit": now + LONGEST_WAY}
        async with self._database.glance() as connection:
            due = Due(*(await connection.execute(_DUE, values)).one())
            if due.deferred:  # rare, and a more expensive query
                due = replace(due, deferred=(await connection.execute(_RELEASED)).scalar_one())
        return due
