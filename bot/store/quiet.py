"""When channels are not to be disturbed."""

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
"""When quiet hours that cannot be read are looked at again: they may have been mended."""


@dataclass(frozen=True, slots=True)
class QuietChannel:
    """A channel's quiet hours; `turns_at` is when they begin or end next.

    Those that are not `usable`, such as in a time zone that this machine does not know, keep nothing quiet.
    """

    channel_id: int
    guild_id: int
    hours: QuietHours
    is_quiet: bool
    turns_at: datetime
    usable: bool = True


class Quiet:
    """Quiet hours, one set a channel."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(self, guild_id: int, channel_id: int, hours: QuietHours, now: datetime) -> None:
        """Set them; what waits for the end of those before waits for the end of these."""
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
        """No quiet hours any more: what waited comes with the next plan. False: there were none."""
        mine = (quiet_hours.c.channel_id == channel_id) & (quiet_hours.c.guild_id == guild_id)
        async with self._database.write() as connection:
            if not (await connection.execute(delete(quiet_hours).where(mine))).rowcount:
                return False
            await _put_off(connection, channel_id, now, now)
            return True

    async def of_guild(self, guild_id: int) -> list[QuietChannel]:
        """A server's channels with quiet hours."""
        return await self._found(quiet_hours.c.guild_id == guild_id)

    async def turning(self, now: datetime) -> list[QuietChannel]:
        """The channels whose quiet hours begin or end by now, and those for which that seems to be days away."""
        return await self._found((quiet_hours.c.turns_at <= now) | (quiet_hours.c.turns_at > now + LONGEST_QUIET))

    async def all(self) -> list[QuietChannel]:
        """Every channel with quiet hours."""
        return await self._found(quiet_hours.c.channel_id.is_not(None))

    async def turned(self, channels: Sequence[QuietChannel], now: datetime) -> None:
        """Note how these channels stand now, and until when."""
        rows = [{"the_id": each.channel_id, **_standing(each, now)} for each in channels]
        if rows:
            async with self._database.write() as connection:
                await connection.execute(_TURN, rows)

    async def _found(self, chosen: ColumnElement[bool]) -> list[QuietChannel]:
        asked = select(quiet_hours).where(chosen).order_by(quiet_hours.c.channel_id)
        async with self._database.read() as connection:
            return [_channel(row) for row in (await connection.execute(asked)).mappings()]


LONGEST_QUIET = timedelta(days=3)
"""No quiet hours begin or end later than that: a day, and what the clocks of a place skip or repeat."""
_TURN = (
    update(quiet_hours)
    .where(quiet_hours.c.channel_id == bindparam("the_id"))
    .values(is_quiet=bindparam("now_quiet"), turns_at=bindparam("until", type_=quiet_hours.c.turns_at.type))
)


async def quiet_until(connection: AsyncConnection, channel_ids: Collection[int], now: datetime) -> dict[int, datetime]:
    """Of these channels those that are quiet now, by their hours as they are now, and until when."""
    asked = select(quiet_hours).where(quiet_hours.c.channel_id.in_(channel_ids))
    found = [_channel(row) for row in (await connection.execute(asked)).mappings()]
    return {each.channel_id: each.hours.turns_at(now) for each in found if each.usable and each.hours.is_quiet(now)}


async def _put_off(connection: AsyncConnection, channel_id: int, due_at: datetime, now: datetime) -> None:
    """Let digests that wait for the end of quiet hours wait until then instead; what failed waits for its next try."""
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
    """The hours, and whether they can be used; for people, as much of them as can be read."""
    zone, passing_heat = row["timezone"], row["passing_heat"]
    try:
        starts, ends = clock(row["starts"]), clock(row["ends"])
    except ValueError:
        return QuietHours(time(0), time(0), str(zone)[:60], None), False
    usable = starts != ends and is_known_zone(zone) and (passing_heat is None or type(passing_heat) is int)
    return QuietHours(starts, ends, str(zone)[:60], passing_heat), usable
