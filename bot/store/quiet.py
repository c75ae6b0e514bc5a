"""When channels are not to be disturbed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy import ColumnElement, RowMapping, bindparam, delete, insert, select, update

from bot.desk.quiet import QuietHours
from bot.store.database import Database
from bot.store.tables import quiet_hours


@dataclass(frozen=True, slots=True)
class QuietChannel:
    """A channel's quiet hours; `turns_at` is when they begin or end next."""

    channel_id: int
    guild_id: int
    hours: QuietHours
    is_quiet: bool
    turns_at: datetime


class Quiet:
    """Quiet hours, one set a channel."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(self, guild_id: int, channel_id: int, hours: QuietHours, now: datetime) -> None:
        values = {
            "channel_id": channel_id,
            "guild_id": guild_id,
            "starts": f"{hours.starts:%H:%M}",
            "ends": f"{hours.ends:%H:%M}",
            "timezone": hours.timezone,
            "passing_heat": hours.passing_heat,
            "is_quiet": hours.is_quiet(now),
            "turns_at": hours.turns_at(now),
        }
        async with self._database.write() as connection:
            await connection.execute(delete(quiet_hours).where(quiet_hours.c.channel_id == channel_id))
            await connection.execute(insert(quiet_hours).values(values))

    async def end(self, guild_id: int, channel_id: int, now: datetime) -> bool:
        """No quiet hours any more: they end now, so that what waited comes with the next plan. False: there were none.

        The row goes when it turns (`turned`).
        """
        mine = (quiet_hours.c.channel_id == channel_id) & (quiet_hours.c.guild_id == guild_id)
        ending = update(quiet_hours).where(mine).values(ends=quiet_hours.c.starts, turns_at=now)
        async with self._database.write() as connection:
            return bool((await connection.execute(ending)).rowcount)

    async def of_guild(self, guild_id: int) -> list[QuietChannel]:
        """A server's channels with quiet hours."""
        return await self._found(quiet_hours.c.guild_id == guild_id)

    async def turning(self, now: datetime) -> list[QuietChannel]:
        """The channels whose quiet hours begin or end by now."""
        return await self._found(quiet_hours.c.turns_at <= now)

    async def turned(self, channels: Sequence[QuietChannel], now: datetime) -> None:
        """Note how these channels stand now, and until when."""
        over = [each.channel_id for each in channels if each.hours.starts == each.hours.ends]
        rows = [
            {"the_id": each.channel_id, "now_quiet": each.hours.is_quiet(now), "until": each.hours.turns_at(now)}
            for each in channels
            if each.channel_id not in over
        ]
        async with self._database.write() as connection:
            await connection.execute(delete(quiet_hours).where(quiet_hours.c.channel_id.in_(over)))
            if rows:
                await connection.execute(_TURN, rows)

    async def _found(self, chosen: ColumnElement[bool]) -> list[QuietChannel]:
        asked = select(quiet_hours).where(chosen).order_by(quiet_hours.c.channel_id)
        async with self._database.read() as connection:
            return [_channel(row) for row in (await connection.execute(asked)).mappings()]


_TURN = (
    update(quiet_hours)
    .where(quiet_hours.c.channel_id == bindparam("the_id"))
    .values(is_quiet=bindparam("now_quiet"), turns_at=bindparam("until", type_=quiet_hours.c.turns_at.type))
)


def _channel(row: RowMapping) -> QuietChannel:
    hours = QuietHours(
        time.fromisoformat(row["starts"]), time.fromisoformat(row["ends"]), row["timezone"], row["passing_heat"]
    )
    return QuietChannel(row["channel_id"], row["guild_id"], hours, row["is_quiet"], row["turns_at"])
