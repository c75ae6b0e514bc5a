"""Messages quarantined because Discord rejected their content, and not reported yet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from bot.desk.delivery import Progress
from bot.store.database import Database
from bot.store.tables import cards, deliveries, delivery_cards, subscriptions

_MOST = 1000


@dataclass(frozen=True, slots=True)
class RefusedMessage:
    """A quarantined message: its first card's title, and whom to notify."""

    delivery_id: int
    guild_id: int
    channel_id: int
    user_id: int | None
    """Set for a personal digest: only this member is notified."""
    subscriber: int | None
    title: str
    language: str


class Refused:
    """Queries for quarantined messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def unreported(self) -> list[RefusedMessage]:
        """List unreported messages, oldest first, at most `_MOST`."""
        first = (
            select(cards.c.title)
            .join(delivery_cards, delivery_cards.c.card_id == cards.c.id)
            .where(delivery_cards.c.delivery_id == deliveries.c.id)
            .order_by(delivery_cards.c.place)
            .limit(1)
            .scalar_subquery()
        )
        mine = deliveries.c
        asked = (
            select(
                mine.id, mine.guild_id, mine.channel_id, mine.user_id, subscriptions.c.created_by,
                func.coalesce(first, ""), mine.language,
            )
            .select_from(deliveries.outerjoin(subscriptions, subscriptions.c.id == mine.subscription_id))
            .where(mine.progress == Progress.QUARANTINED, mine.reported_at.is_(None))
            .order_by(mine.id)
            .limit(_MOST)
        )  # fmt: skip
        async with self._database.read() as connection:
            return [RefusedMessage(*row) for row in await connection.execute(asked)]

    async def note_reported(self, ids: Collection[int], now: datetime) -> None:
        """Mark messages as reported."""
        noting = update(deliveries).where(deliveries.c.id.in_(ids)).values(reported_at=now)
        await self._database.note(lambda connection: connection.execute(noting))
