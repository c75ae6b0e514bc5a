"""State changes by files in the audit log, so that it shows their order relative to decisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.domain.moderation import EVERYWHERE, DecisionSource
from bot.store.tables import audit_log, cards

StateChange = tuple[int, str, str]
"""Card id, state before, state after."""


async def log_states(connection: AsyncConnection, changes: Sequence[StateChange], now: datetime) -> None:
    """Record state changes in the audit log."""
    if changes:
        common = {
            "guild_id": EVERYWHERE,
            "subject": "state",
            "actor_id": 0,
            "source": DecisionSource.FILE,
            "reason": "",
        }
        rows = [common | {"card_id": card, "before": old, "after": new, "at": now} for card, old, new in changes]
        await connection.execute(insert(audit_log), rows)


async def log_withdrawals(connection: AsyncConnection, leaving: Sequence[int], now: datetime) -> None:
    """Record that these cards are about to be withdrawn, unless they are. Call before their states change."""
    rows = await connection.execute(select(cards.c.id, cards.c.file_state).where(cards.c.id.in_(leaving)))
    changes = [(card_id, before, CardState.WITHDRAWN) for card_id, before in rows if before != CardState.WITHDRAWN]
    await log_states(connection, changes, now)
