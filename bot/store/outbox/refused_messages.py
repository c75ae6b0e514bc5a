"""Messages quarantined because Discord rejected their content, and not reported yet."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, ScalarSelect, func, select, update

from bot.domain.delivery import DeliveryStatus
from bot.store.cards.rows import parse_edit
from bot.store.cards.visibility import edit_of
from bot.store.database import Database
from bot.store.tables import card_edits, cards, deliveries, delivery_cards, subscriptions

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
    language: str
    title: str


class RefusedMessages:
    """Queries for quarantined messages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch_unreported(self) -> list[RefusedMessage]:
        """List unreported messages, oldest first, at most `_MOST`."""
        title, edit = _of_first_card(cards.c.title), _of_first_card(edit_of(card_edits.c.fields, deliveries.c.guild_id))
        condition = deliveries.c
        query = (
            select(
                condition.id, condition.guild_id, condition.channel_id, condition.user_id, subscriptions.c.created_by,
                condition.language, func.coalesce(title, ""), edit,
            )
            .select_from(deliveries.outerjoin(subscriptions, subscriptions.c.id == condition.subscription_id))
            .where(condition.status == DeliveryStatus.QUARANTINED, condition.reported_at.is_(None))
            .order_by(condition.id)
            .limit(_MOST)
        )  # fmt: skip
        async with self._database.begin_autocommit() as connection:
            rows = (await connection.execute(query)).all()
        return [RefusedMessage(*row[:-2], title=parse_edit(row[-1]).title or row[-2]) for row in rows]

    async def mark_reported(self, ids: Collection[int], now: datetime) -> None:
        """Mark messages as reported."""
        statement = update(deliveries).where(deliveries.c.id.in_(ids)).values(reported_at=now)
        await self._database.write_shared(lambda connection: connection.execute(statement))


def _of_first_card(column: ColumnElement[Any]) -> ScalarSelect[Any]:
    query = select(column).select_from(delivery_cards.join(cards, delivery_cards.c.card_id == cards.c.id))
    query = query.where(delivery_cards.c.delivery_id == deliveries.c.id).correlate(deliveries)
    return query.order_by(delivery_cards.c.position).limit(1).scalar_subquery()
