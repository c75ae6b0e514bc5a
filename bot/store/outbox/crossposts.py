"""Queue of posts in announcement channels to publish to following channels, within Discord's rate limit."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, select, update

from bot.domain.delivery import POSTED_KINDS, CrosspostState, Delivery
from bot.store.database import Database
from bot.store.outbox.contents import without_coverage
from bot.store.outbox.queue import readable_deliveries
from bot.store.outbox.write_batcher import COLUMNS
from bot.store.sql_helpers import insert_or_ignore
from bot.store.tables import cards, crosspost_attempts, deliveries, delivery_cards


class Crossposts:
    """Storage of posts to crosspost."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch_due(self, now: datetime, budget: int, within: timedelta) -> dict[int, list[Delivery]]:
        """Return posts to crosspost by channel, hottest first, within each channel's limit: `budget` per `within`.

        Only posts that show the desired content: corrections come first, since Discord limits edits of crossposted
        messages, and withdrawn posts are never crossposted, however long their deletion takes.
        """
        heat = (
            select(func.max(cards.c.score))
            .join(delivery_cards, delivery_cards.c.card_id == cards.c.id)
            .where(delivery_cards.c.delivery_id == deliveries.c.id)
            .scalar_subquery()
        )
        place = func.row_number().over(
            partition_by=deliveries.c.channel_id, order_by=(heat.desc().nulls_last(), deliveries.c.sort_key)
        )
        waiting = (
            select(*COLUMNS, place.label("place"))
            .where(
                _is_waiting(),
                # Coverage may follow later: it grows for days.
                without_coverage(deliveries.c.delivered_hash) == without_coverage(deliveries.c.desired_hash),
                deliveries.c.desired_kind.in_(POSTED_KINDS),
            )
            .subquery()
        )
        # Attempts in the future mean that the clock was set back. Their real time is unknown, so count them too.
        spent = (
            select(crosspost_attempts.c.channel_id, func.count().label("number"))
            .where(crosspost_attempts.c.at > now - within, crosspost_attempts.c.at <= now + within)
            .group_by(crosspost_attempts.c.channel_id)
            .subquery()
        )
        remaining = budget - func.coalesce(spent.c.number, 0)
        joined = waiting.outerjoin(spent, spent.c.channel_id == waiting.c.channel_id)
        selected = select(waiting).select_from(joined).where(waiting.c.place <= remaining)
        rows: dict[int, list[Delivery]] = {}
        async with self._database.begin_autocommit() as connection:
            for delivery in readable_deliveries(
                (await connection.execute(selected.order_by(waiting.c.place))).mappings()
            ):
                rows.setdefault(delivery.channel_id, []).append(delivery)
        return rows

    async def record_attempt(self, delivery: Delivery, now: datetime) -> None:
        """Record an attempt before the call is made: it counts against the limit whatever its result."""
        row = {"delivery_id": delivery.id, "at": now, "channel_id": delivery.channel_id}
        await self._database.write_shared(
            lambda connection: connection.execute(insert_or_ignore(crosspost_attempts), [row])
        )

    async def forget_attempt(self, delivery: Delivery, at: datetime) -> None:
        """Delete the attempt made at `at`: Discord says that nothing was published, so it does not count."""
        tried = delete(crosspost_attempts).where(
            crosspost_attempts.c.delivery_id == delivery.id, crosspost_attempts.c.at == at
        )
        await self._database.write_shared(lambda connection: connection.execute(tried))

    async def delete_old_attempts(self, now: datetime, within: timedelta) -> None:
        """Delete attempts that no longer count."""
        old = (crosspost_attempts.c.at <= now - within) | (crosspost_attempts.c.at > now + within)
        async with self._database.begin_write() as connection:
            await connection.execute(delete(crosspost_attempts).where(old))

    async def mark_done(self, delivery: Delivery, now: datetime) -> None:
        """Record that the post was crossposted."""
        await self._update_state(delivery, {"crosspost": CrosspostState.DONE, "crossposted_at": now})

    async def mark_dropped(self, delivery: Delivery) -> None:
        """Record that Discord rejected the crosspost."""
        await self._update_state(delivery, {"crosspost": CrosspostState.DROPPED})

    async def drop_expired(self, before: datetime) -> None:
        """Drop posts that were sent before this time and still wait: they are no longer news."""
        old = _is_waiting() & (deliveries.c.sent_at < before)
        async with self._database.begin_write() as connection:
            await connection.execute(update(deliveries).where(old).values(crosspost=CrosspostState.DROPPED))

    async def _update_state(self, delivery: Delivery, values: dict[str, Any]) -> None:
        statement = update(deliveries).where(deliveries.c.id == delivery.id).values(values)
        await self._database.write_shared(lambda connection: connection.execute(statement))


def _is_waiting() -> ColumnElement[bool]:
    return (deliveries.c.crosspost == CrosspostState.WANTED) & deliveries.c.message_id.is_not(None)
