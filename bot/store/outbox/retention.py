"""Posts that are older than their subscription keeps them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Text as PlainText
from sqlalchemy import cast as sql_cast
from sqlalchemy import func, select, update

from bot.domain.delivery import POSTED_KINDS, Delivery, DeliveryStatus
from bot.store.database import Database
from bot.store.outbox.queue import readable_deliveries
from bot.store.outbox.write_batcher import COLUMNS
from bot.store.subscriptions.option_columns import parse_message_options
from bot.store.tables import deliveries, subscriptions

_AT_ONCE, _OF_EACH = 200, 20
"""Number of posts from which no more subscriptions are looked at, and maximum of one subscription."""


class RetentionStore:
    """Storage of what becomes of old posts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch_expired(self, now: datetime) -> list[tuple[Delivery, datetime]]:
        """Return some of the posts that should go, and since when, oldest of each subscription first.

        What counts is what the subscription says now; without a subscription its posts stay. Notes in the place of
        withdrawn cards stay as well, and posts that `mark_kept` recorded.
        """
        asking = select(subscriptions.c.id, subscriptions.c.options)
        asking = asking.where(sql_cast(subscriptions.c.options, PlainText).like('%"keep_days"%'))
        # In no order, and few of each: a channel that takes no requests now must not hold up the others.
        asking = asking.order_by(func.random())
        found: list[tuple[Delivery, datetime]] = []
        async with self._database.begin_read() as connection:
            for subscription_id, stored in (await connection.execute(asking)).all():
                if not (days := parse_message_options(stored).keep_days) or len(found) >= _AT_ONCE:
                    continue
                kept_for = timedelta(days=days)
                query = (
                    select(*COLUMNS)
                    .where(
                        deliveries.c.subscription_id == subscription_id,
                        deliveries.c.message_id.is_not(None),
                        deliveries.c.desired_kind.in_(POSTED_KINDS),
                        deliveries.c.kept_at.is_(None),
                        deliveries.c.sent_at <= now - kept_for,
                    )
                    .order_by(deliveries.c.sort_key, deliveries.c.id)
                    .limit(_OF_EACH)
                )
                rows = (await connection.execute(query)).mappings().all()
                found += [
                    (each, each.sent_at + kept_for) for each in readable_deliveries(rows) if each.sent_at is not None
                ]
        return found

    async def mark_deleted(self, delivery: Delivery, now: datetime) -> None:
        """Record that a post is gone for good, whatever becomes of its card."""
        gone = {"message_id": None, "delivered_hash": None, "settled_at": now, "due_at": None}
        await self._update_post(delivery, gone | {"status": DeliveryStatus.REMOVED})

    async def mark_kept(self, delivery: Delivery, now: datetime) -> None:
        """Record that an old post stays: it is not looked at again, and still follows its card."""
        await self._update_post(delivery, {"kept_at": now})

    async def _update_post(self, delivery: Delivery, values: dict[str, Any]) -> None:
        own = (deliveries.c.id == delivery.id) & (deliveries.c.message_id == delivery.message_id)
        statement = update(deliveries).where(own).values(values)
        await self._database.write_shared(lambda connection: connection.execute(statement))
