"""Channels that take nothing at the moment: left alone, probed from time to time, told about once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, insert, select, true, union, update

from bot.store.database import Database
from bot.store.parsing import number_or_none
from bot.store.tables import circuits, deliveries, subscriptions


@dataclass(frozen=True, slots=True)
class Circuit:
    """A channel that is closed to the bot. `failures` in a row decide when it is probed again."""

    channel_id: int
    guild_id: int
    reason: str
    failures: int
    opened_at: datetime
    probe_at: datetime
    told: bool = False
    """Whether its people were told: only they are told when it is over."""


class Circuits:
    """Closed channels."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, circuit: Circuit) -> None:
        """Leave the channel alone until `probe_at`; a circuit that is open already keeps when it was opened."""
        row = {name: getattr(circuit, name) for name in Circuit.__slots__}
        again = {name: row[name] for name in ("reason", "failures", "probe_at")}
        mine = circuits.c.channel_id == circuit.channel_id
        async with self._database.write() as connection:
            if not (await connection.execute(update(circuits).where(mine).values(again))).rowcount:
                await connection.execute(insert(circuits).values(row))

    async def note_told(self, channel_id: int) -> None:
        """The channel's people know."""
        async with self._database.write() as connection:
            await connection.execute(update(circuits).where(circuits.c.channel_id == channel_id).values(told=True))

    async def close(self, channel_id: int) -> None:
        """The channel takes posts again."""
        async with self._database.write() as connection:
            await connection.execute(delete(circuits).where(circuits.c.channel_id == channel_id))

    async def of_channel(self, channel_id: int) -> Circuit | None:
        """The channel's open circuit, if there is one."""
        return next(iter(await self._found(circuits.c.channel_id == channel_id)), None)

    async def of_guild(self, guild_id: int) -> list[Circuit]:
        """A server's closed channels."""
        return await self._found(circuits.c.guild_id == guild_id)

    async def all(self) -> list[Circuit]:
        """Every closed channel, the oldest first."""
        return await self._found(true())

    async def of_servers(self) -> list[Circuit]:
        """The closed channels of all servers: whose direct messages are closed is nobody's business."""
        own = union(
            select(deliveries.c.channel_id).where(deliveries.c.user_id.is_not(None)),
            select(subscriptions.c.channel_id).where(subscriptions.c.user_id.is_not(None)),
        )
        return await self._found(circuits.c.channel_id.not_in(own))

    async def _found(self, chosen: ColumnElement[bool]) -> list[Circuit]:
        async with self._database.read() as connection:
            rows = await connection.execute(select(circuits).where(chosen).order_by(circuits.c.opened_at))
            return [Circuit(**{**row, "failures": number_or_none(row["failures"]) or 1}) for row in rows.mappings()]

    async def concerned(self, channel_id: int) -> list[int]:
        """Who subscribed the channel, for the case that its server has no place to tell it."""
        mine = select(subscriptions.c.created_by).where(subscriptions.c.channel_id == channel_id).distinct()
        async with self._database.read() as connection:
            return list((await connection.execute(mine)).scalars())
