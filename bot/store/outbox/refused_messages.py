"""Messages quarantined because Discord rejected their content, and not reported yet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update

from bot.domain.delivery import DeliveryStatus
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


class RefusedMessages:
    """Queries for quarantined messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch_unreported(self) -> list[RefusedMessage]:
        """List unreported messages, oldest first, at most `_MOST`."""
        first = (
            select(cards.c.title)
            .join(delivery_cards, delivery_cards.c.card_id == cards.c.id)
            .where(delivery_cards.c.delivery_id == deliveries.c.id)
            .order_by(delivery_cards.c.position)
            .limit(1)
            .scalar_subquery()
        )
        condition = deliveries.c
        query = (
            select(
                condition.id, condition.guild_id, condition.channel_id, condition.user_id, subscriptions.c.created_by,
                func.coalesce(first, ""), condition.language,
            )
            .select_from(deliveries.outerjoin(subscriptions, subscriptions.c.id == condition.subscription_id))
            .where(condition.status == DeliveryStatus.QUARANTINED, condition.reported_at.is_(None))
            .order_by(condition.id)
            .limit(_MOST)
        )  # fmt: skip
        async with self._database.begin_read() as connection:
            return [RefusedMessage(*row) for row in await connection.execute(query)]

    async def mark_reported(self, ids: Collection[int], now: datetime) -> None:
        """Mark messages as reported."""
        statement = update(deliveries).where(deliveries.c.id.in_(ids)).values(reported_at=now)
        await self._database.write_shared(lambda connection: connection.execute(statement))
