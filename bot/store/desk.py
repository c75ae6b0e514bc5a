"""The desk's memory: decisions and the audit of them, and what waits for one."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import delete, func, insert, select, update

from bot.cards.model import State
from bot.desk.publication import Decision, Verdict
from bot.store.database import Database
from bot.store.records import FiledCard, filed, filed_columns
from bot.store.tables import audit, cards, decisions
from bot.store.visibility import verdict


@dataclass(frozen=True, slots=True)
class QueuePage:
    """Held cards on which the server has not decided, best first."""

    cards: tuple[FiledCard, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a decision was taken. `standing` was there before: it tells a refused moderator who acted."""

    taken: bool
    standing: Decision | None


class Desk:
    """Decisions, each within one server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def decide(self, decision: Decision, *, source: str, expected: Verdict | None) -> Outcome:
        """Compare and set: taken only while the verdict that stands is the `expected` one.

        `source` is how the moderator said it ("command", "button"). Writes the audit row and lets deliveries follow.
        """
        mine = (decisions.c.guild_id == decision.guild_id) & (decisions.c.card_id == decision.card_id)
        async with self._database.write() as connection:
            row = (await connection.execute(select(decisions).where(mine))).mappings().one_or_none()
            standing = Decision(**{**row, "verdict": Verdict(row["verdict"])}) if row else None
            if (standing.verdict if standing else None) is not expected:
                return Outcome(False, standing)
            await connection.execute(delete(decisions).where(mine))
            await connection.execute(insert(decisions).values(_as_row(decision)))
            await connection.execute(
                insert(audit).values(
                    guild_id=decision.guild_id,
                    card_id=decision.card_id,
                    before=expected,
                    after=decision.verdict,
                    actor_id=decision.decided_by,
                    source=source,
                    reason=decision.reason,
                    at=decision.decided_at,
                )
            )
            await connection.execute(update(cards).where(cards.c.id == decision.card_id).values(unplanned=True))
            return Outcome(True, standing)

    async def queue(self, guild_id: int, *, limit: int, offset: int) -> QueuePage:
        """The held cards that wait for this server's decision: hottest first, then newest."""
        waiting = (cards.c.state == State.HELD) & verdict(guild_id).is_(None)
        best = (
            select(*filed_columns(guild_id))
            .where(waiting)
            .order_by(func.coalesce(cards.c.heat, cards.c.quality, 0).desc(), cards.c.timeline.desc())
            .limit(limit)
            .offset(offset)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(best)).mappings().all()
            total = (await connection.execute(select(func.count()).select_from(cards).where(waiting))).scalar_one()
        return QueuePage(tuple(filed(row) for row in rows), total)


def _as_row(decision: Decision) -> dict[str, object]:
    return {name: getattr(decision, name) for name in decision.__slots__}
