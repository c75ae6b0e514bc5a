"""What the next plan has to do: one look at three indexes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, exists, select

from bot.store.database import Database
from bot.store.tables import cards, quiet_hours, subscriptions


@dataclass(frozen=True, slots=True)
class Due:
    """Whether cards have changed, quiet hours begin or end, digests are due."""

    cards: bool
    quiet: bool
    digests: bool


# Made once: this is asked with every tick, and building it costs more than the answer.
_NOW = bindparam("now", type_=subscriptions.c.next_at.type)
_DUE = select(
    exists().where(cards.c.unplanned),
    exists().where(quiet_hours.c.turns_at <= _NOW),
    exists().where(subscriptions.c.next_at <= _NOW),
)


class Agenda:
    """The store's answer to "is there anything to plan?"."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, now: datetime) -> Due:
        async with self._database.glance() as connection:
            return Due(*(await connection.execute(_DUE, {"now": now})).one())
