"""Check cheaply, by index lookups only, whether a planning run has anything to do."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import bindparam, exists, literal, select

from bot.store.database import Database
from bot.store.outbox.digests import is_released
from bot.store.subscriptions.quiet_hours import MAX_QUIET
from bot.store.subscriptions.subscriptions import MAX_LOOK_AHEAD
from bot.store.tables import cards, deferred, quiet_hours, subscriptions


@dataclass(frozen=True, slots=True)
class DueWork:
    """Whether cards have changed, quiet hours begin or end, deferred cards may be posted, digests are due.

    `is_too_far`: a digest or the end of quiet hours is further in the future than possible (the clock was set back).
    """

    cards: bool
    quiet: bool
    deferred: bool
    digests: bool
    is_too_far: bool


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
_RELEASED = select(exists(select(literal(1)).select_from(deferred.join(subscriptions)).where(is_released())))


class DueCheck:
    """Query for due planning work."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_due(self, now: datetime) -> DueWork:
        values = {"now": now, "quiet_limit": now + MAX_QUIET, "limit": now + MAX_LOOK_AHEAD}
        async with self._database.begin_autocommit() as connection:
            due = DueWork(*(await connection.execute(_DUE, values)).one())
            if due.deferred:  # rare, and a more expensive query
                due = replace(due, deferred=(await connection.execute(_RELEASED)).scalar_one())
        return due
