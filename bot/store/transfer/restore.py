"""Prepare a restored backup so that nothing posted since is posted again."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import func, select, update

from bot.domain.delivery import DeliveryStatus
from bot.store.database import Database
from bot.store.engines.sequences import advance_sequence, last_number
from bot.store.subscriptions.subscriptions import reset_schedules
from bot.store.tables import deliveries, key_values, subscriptions

_SKIPPED = 100_000
"""Delivery ids to skip: they may have been used since the backup, and are part of buttons in posts."""


async def prepare_restored(database: Database, now: datetime) -> None:
    """Adjust a restored store to continue from `now`.

    Unsent messages may have been posted since the backup, so they are searched for in their channel first.
    Subscriptions only get cards from now on. A new instance name avoids nonces that were already used.
    """
    in_doubt = {
        "status": DeliveryStatus.SENDING,
        "sent_at": func.coalesce(deliveries.c.sent_at, deliveries.c.planned_at),
        "after_id": None,
    }
    unsent = deliveries.c.message_id.is_(None) & (deliveries.c.status == DeliveryStatus.WAITING)
    async with database.begin_write() as connection:
        await connection.execute(update(deliveries).where(unsent & deliveries.c.due_at.is_not(None)).values(in_doubt))
        ids = (await connection.execute(select(subscriptions.c.id))).scalars().all()
        await reset_schedules(connection, ids, now)
        rename = update(key_values).where(key_values.c.key == "instance").values(value=secrets.token_hex(4))
        await connection.execute(rename)
        last_id = await last_number(connection, deliveries.c.id) or 0
        await advance_sequence(connection, deliveries.c.id, last_id + _SKIPPED)
