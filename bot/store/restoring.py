"""A store that went back in time: what has happened since in Discord must not happen once more."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import func, select, update

from bot.desk.delivery import Progress
from bot.store.database import Database
from bot.store.engines.counters import counted, go_on_after
from bot.store.subscriptions import begin_anew
from bot.store.tables import deliveries, meta, subscriptions

_SKIPPED = 100_000
"""Numbers of deliveries that may have been given since the copy was made; they stand in the buttons of posts."""


async def restored(database: Database, now: datetime) -> None:
    """Make the copy fit to go on from `now`.

    What waited to be posted may have been: it is looked for in its channel first. What came out since the copy was
    made is not posted again, by whichever number. Nonces begin anew, since the old ones may be taken.
    """
    looked_for = {
        "progress": Progress.SENDING,
        "sent_at": func.coalesce(deliveries.c.sent_at, deliveries.c.planned_at),
        "after_id": None,
    }
    unsent = deliveries.c.message_id.is_(None) & (deliveries.c.progress == Progress.WAITING)
    async with database.write() as connection:
        await connection.execute(update(deliveries).where(unsent & deliveries.c.due_at.is_not(None)).values(looked_for))
        ids = (await connection.execute(select(subscriptions.c.id))).scalars().all()
        await begin_anew(connection, ids, now)
        name = update(meta).where(meta.c.key == "instance").values(value=secrets.token_hex(4))
        await connection.execute(name)
        given = await counted(connection, deliveries.c.id) or 0
        await go_on_after(connection, deliveries.c.id, given + _SKIPPED)
