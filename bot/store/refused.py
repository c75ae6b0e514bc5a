"""Messages that Discord refused for what they are, and whose people do not know it yet."""

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
    """One that is set aside: its first card's title, and who is to hear of it."""

    delivery_id: int
    guild_id: int
    channel_id: int
    user_id: int | None
    """The member whose own digest it is: nobody else hears of it."""
    subscriber: int | None
    title: str
    language: str


class Refused:
    """What Discord refused."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def unreported(self) -> list[RefusedMessage]:
        """The oldest of those that nobody was told of."""
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
        """Their people know."""
        noting = update(deliveries).where(deliveries.c.id.in_(ids)).values(reported_at=now)
        await self._database.note(lambda connection: connection.execute(noting))
