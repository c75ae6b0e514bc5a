"""Quiet hours of channels."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import ColumnElement, RowMapping, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.desk.delivery import Progress
from bot.desk.quiet import QuietHours
from bot.desk.timetable import is_known_zone
from bot.store.database import Database
from bot.store.parsing import clock
from bot.store.tables import deliveries, quiet_hours

_LOOK_AGAIN = timedelta(minutes=15)
"""Interval for rechecking invalid quiet hours, which may have been fixed."""


@dataclass(frozen=True, slots=True)
class QuietChannel:
    """A channel's quiet hours; `turns_at` is when they next begin or end.

    Invalid ones (not `usable`), such as with a time zone unknown to this machine, have no effect.
    """

    channel_id: int
    guild_id: int
    hours: QuietHours
    is_quiet: bool
    turns_at: datetime
    usable: bool = True


class Quiet:
    """Quiet hours, at most one set per channel."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(self, guild_id: int, channel_id: int, hours: QuietHours, now: datetime) -> None:
        """Set a channel's quiet hours; messages waiting for the end of the old ones wait for the new end."""
        is_quiet, turns_at = hours.is_quiet(now), hours.turns_at(now)
        values = {
            "channel_id": channel_id,
            "guild_id": guild_id,
            "starts": f"{hours.starts:%H:%M}",
            "ends": f"{hours.ends:%H:%M}",
            "timezone": hours.timezone,
            "passing_heat": hours.passing_heat,
            "is_quiet": is_quiet,
            "turns_at": turns_at,
        }
        async with self._database.write() as connection:
            await connection.execute(delete(quiet_hours).where(quiet_hours.c.channel_id == channel_id))
            await connection.execute(insert(quiet_hours).values(values))
            await _put_off(connection, channel_id, turns_at if is_quiet else now, now)

    async def end(self, guild_id: int, channel_id: int, now: datetime) -> bool:
        """Remove a channel's quiet hours; waiting cards go to the next plan. False if there were none."""
        mine = (quiet_hours.c.channel_id == channel_id) & (quiet_hours.c.guild_id == guild_id)
        async with self._database.write() as connection:
            if not (await connection.execute(delete(quiet_hours).where(mine))).rowcount:
                return False
            await _put_off(connection, channel_id, now, now)
            return True

    async def of_guild(self, guild_id: int) -> list[QuietChannel]:
        """List a server's channels with quiet hours."""
        return await self._found(quiet_hours.c.guild_id == guild_id)

    async def turning(self, now: datetime) -> list[QuietChannel]:
        """List channels whose `turns_at` has passed, or is implausibly far ahead because the clock was set back."""
        return await self._found((quiet_hours.c.turns_at <= now) | (quiet_hours.c.turns_at > now + LONGEST_QUIET))

    async def all(self) -> list[QuietChannel]:
        """List all channels with quiet hours."""
        return await self._found(quiet_hours.c.channel_id.is_not(None))

    async def turned(self, channels: Sequence[QuietChannel], now: datetime) -> None:
        """Update whether these channels are quiet now, and until when."""
        rows = [{"the_id": each.channel_id, **_standing(each, now)} for each in channels]
        if rows:
            async with self._database.write() as connection:
                await connection.execute(_TURN, rows)

    async def _found(self, chosen: ColumnElement[bool]) -> list[QuietChannel]:
        asked = select(quiet_hours).where(chosen).order_by(quiet_hours.c.channel_id)
        async with self._database.read() as connection:
            return [_channel(row) for row in (await connection.execute(asked)).mappings()]


LONGEST_QUIET = timedelta(days=3)
"""Upper limit for the next begin or end: a day, plus time zone changes."""
_TURN = (
    update(quiet_hours)
    .where(quiet_hours.c.channel_id == bindparam("the_id"))
    .values(is_quiet=bindparam("now_quiet"), turns_at=bindparam("until", type_=quiet_hours.c.turns_at.type))
)


async def quiet_until(connection: AsyncConnection, channel_ids: Collection[int], now: datetime) -> dict[int, datetime]:
    """Return the end of quiet hours for those of these channels that are quiet now."""
    asked = select(quiet_hours).where(quiet_hours.c.channel_id.in_(channel_ids))
    found = [_channel(row) for row in (await connection.execute(asked)).mappings()]
    return {each.channel_id: each.hours.turns_at(now) for each in found if each.usable and each.hours.is_quiet(now)}


async def _put_off(connection: AsyncConnection, channel_id: int, due_at: datetime, now: datetime) -> None:
    """Reschedule digests that wait for the end of quiet hours, except those waiting for a retry."""
    waiting = (
        (deliveries.c.channel_id == channel_id)
        & (deliveries.c.due_at > now)
        & (deliveries.c.progress == Progress.WAITING)
        & (deliveries.c.attempts == 0)
        & deliveries.c.message_id.is_(None)
        & deliveries.c.slot.is_not(None)
    )
    await connection.execute(update(deliveries).where(waiting).values(due_at=due_at))


def _standing(channel: QuietChannel, now: datetime) -> dict[str, object]:
    if not channel.usable:
        return {"now_quiet": False, "until": now + _LOOK_AGAIN}
    return {"now_quiet": channel.hours.is_quiet(now), "until": channel.hours.turns_at(now)}


def _channel(row: RowMapping) -> QuietChannel:
    hours, usable = _hours(row)
    return QuietChannel(row["channel_id"], row["guild_id"], hours, row["is_quiet"] and usable, row["turns_at"], usable)


def _hours(row: RowMapping) -> tuple[QuietHours, bool]:
    """Parse quiet hours and whether they are valid; invalid parts are replaced, for display."""
    zone, passing_heat = row["timezone"], row["passing_heat"]
    try:
        starts, ends = clock(row["starts"]), clock(row["ends"])
    except ValueError:
        return QuietHours(time(0), time(0), str(zone)[:60], None), False
    usable = starts != ends and is_known_zone(zone) and (passing_heat is None or type(passing_heat) is int)
    return QuietHours(starts, ends, str(zone)[:60], passing_heat), usable
