"""Which channels want which cards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.text import folded
from bot.desk.delivery import Progress
from bot.desk.subscription import Subscription, When
from bot.store.database import Database
from bot.store.tables import deliveries, subscription_topics, subscriptions, topics


class Subscriptions:
    """Subscriptions, always asked for within one server."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(
        self,
        *,
        guild_id: int,
        channel_id: int,
        created_by: int,
        now: datetime,
        when: When = When.INSTANT,
        topic_names: Sequence[str] = (),
        min_quality: int = 0,
    ) -> Subscription:
        """Subscribe a channel. Topics that no card has had yet are kept all the same and match later cards."""
        values = {"guild_id": guild_id, "channel_id": channel_id, "created_by": created_by, "created_at": now}
        async with self._database.write() as connection:
            made = await connection.execute(
                insert(subscriptions)
                .values(values | {"when": when, "min_quality": min_quality})
                .returning(subscriptions.c.id)
            )
            subscription_id: int = made.scalar_one()
            for topic_id in await _topic_ids(connection, topic_names):
                await connection.execute(
                    insert(subscription_topics).values(subscription_id=subscription_id, topic_id=topic_id)
                )
        return Subscription(
            subscription_id, guild_id, channel_id, created_by, now, when, tuple(topic_names), min_quality
        )

    async def of_guild(self, guild_id: int) -> list[Subscription]:
        """A server's subscriptions, oldest first."""
        mine = select(subscriptions).where(subscriptions.c.guild_id == guild_id).order_by(subscriptions.c.id)
        named = (
            select(subscription_topics.c.subscription_id, topics.c.name)
            .join(topics)
            .join(subscriptions, subscriptions.c.id == subscription_topics.c.subscription_id)
            .where(subscriptions.c.guild_id == guild_id)
            .order_by(topics.c.key)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(mine)).mappings().all()
            names: dict[int, list[str]] = {}
            for subscription_id, name in await connection.execute(named):
                names.setdefault(subscription_id, []).append(name)
        return [
            Subscription(**{**row, "when": When(row["when"])}, topics=tuple(names.get(row["id"], ()))) for row in rows
        ]

    async def remove(self, guild_id: int, subscription_id: int) -> bool:
        """End a subscription. Posts that are there stay and follow their cards; what waits is dropped."""
        chosen = (subscriptions.c.id == subscription_id) & (subscriptions.c.guild_id == guild_id)
        waiting = (deliveries.c.subscription_id == subscription_id) & (deliveries.c.progress == Progress.WAITING)
        async with self._database.write() as connection:
            removed = bool((await connection.execute(delete(subscriptions).where(chosen))).rowcount)
            if removed:
                await connection.execute(delete(deliveries).where(waiting, deliveries.c.message_id.is_(None)))
                ended = (deliveries.c.subscription_id == subscription_id) & deliveries.c.message_id.is_(None)
                await connection.execute(update(deliveries).where(ended).values(wanted=None))
            return removed


async def _topic_ids(connection: AsyncConnection, names: Sequence[str]) -> list[int]:
    keys = {folded(name): name for name in names}
    if not keys:
        return []
    rows = [{"key": key, "name": name} for key, name in keys.items()]
    await connection.execute(insert(topics).prefix_with("OR IGNORE", dialect="sqlite"), rows)
    return list((await connection.execute(select(topics.c.id).where(topics.c.key.in_(keys)))).scalars())
