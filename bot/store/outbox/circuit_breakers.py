"""Circuit breakers for channels that cannot be posted to: skipped, probed from time to time, reported once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, insert, select, true, union, update

from bot.store.column_parsers import parse_number
from bot.store.database import Database
from bot.store.tables import circuits, deliveries, subscriptions


@dataclass(frozen=True, slots=True)
class Circuit:
    """An open circuit. The number of consecutive `failures` determines the next probe."""

    channel_id: int
    guild_id: int
    reason: str
    failures: int
    opened_at: datetime
    probe_at: datetime
    server_notified: bool = False
    """Whether the problem was reported; only then is its end reported, too."""


class CircuitBreakers:
    """Storage of open circuits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open_circuit(self, circuit: Circuit) -> None:
        """Skip the channel until `probe_at`. A circuit that is open already keeps its `opened_at`."""
        changed = {"reason": circuit.reason, "failures": circuit.failures, "probe_at": circuit.probe_at}
        first = {
            "channel_id": circuit.channel_id,
            "guild_id": circuit.guild_id,
            "opened_at": circuit.opened_at,
            "server_notified": circuit.server_notified,
        }
        condition = circuits.c.channel_id == circuit.channel_id
        async with self._database.begin_write() as connection:
            # When it opened and whether the server knows belong to the first failure; an update keeps both.
            if not (await connection.execute(update(circuits).where(condition).values(changed))).rowcount:
                await connection.execute(insert(circuits).values(first | changed))

    async def mark_notified(self, channel_id: int) -> None:
        """Record that the problem was reported."""
        async with self._database.begin_write() as connection:
            await connection.execute(
                update(circuits).where(circuits.c.channel_id == channel_id).values(server_notified=True)
            )

    async def close_circuit(self, channel_id: int) -> None:
        """Delete the circuit: the channel accepts posts again."""
        async with self._database.begin_write() as connection:
            await connection.execute(delete(circuits).where(circuits.c.channel_id == channel_id))

    async def for_guild(self, guild_id: int) -> list[Circuit]:
        """Return a server's open circuits, oldest first."""
        return await self._select_circuits(circuits.c.guild_id == guild_id)

    async def list_all(self) -> list[Circuit]:
        """Return all open circuits, oldest first."""
        return await self._select_circuits(true())

    async def list_for_guilds(self) -> list[Circuit]:
        """Return the open circuits of all server channels. Members' direct messages are private, so left out."""
        own = union(
            select(deliveries.c.channel_id).where(deliveries.c.user_id.is_not(None)),
            select(subscriptions.c.channel_id).where(subscriptions.c.user_id.is_not(None)),
        )
        return await self._select_circuits(circuits.c.channel_id.not_in(own))

    async def _select_circuits(self, condition: ColumnElement[bool]) -> list[Circuit]:
        async with self._database.begin_autocommit() as connection:
            rows = await connection.execute(select(circuits).where(condition).order_by(circuits.c.opened_at))
            return [Circuit(**{**row, "failures": parse_number(row["failures"]) or 1}) for row in rows.mappings()]

    async def subscribers_of(self, channel_id: int) -> list[int]:
        """Return the IDs of users who subscribed the channel, to notify them if the server has no channel for it."""
        query = select(subscriptions.c.created_by).where(subscriptions.c.channel_id == channel_id).distinct()
        async with self._database.begin_autocommit() as connection:
            return list((await connection.execute(query)).scalars())
