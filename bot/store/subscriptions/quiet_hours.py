"""Quiet hours of channels."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sqlalchemy import ColumnElement, RowMapping, bindparam, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.delivery import DeliveryStatus
from bot.domain.digest_schedule import is_known_zone
from bot.domain.moderation import EVERYWHERE
from bot.domain.quiet_hours import QuietHours
from bot.store.column_parsers import parse_clock
from bot.store.database import Database
from bot.store.tables import deliveries, quiet_hours

_LOOK_AGAIN = timedelta(minutes=15)
"""Interval for rechecking invalid quiet hours, which may have been fixed."""


@dataclass(frozen=True, slots=True)
class QuietChannel:
    """A channel's quiet hours; `changes_at` is when they next begin or end.

    Invalid ones (not `usable`), such as with a time zone unknown to this machine, have no effect.
    """

    channel_id: int
    guild_id: int
    hours: QuietHours
    is_quiet: bool
    changes_at: datetime
    usable: bool = True


class QuietHoursStore:
    """Quiet hours, at most one set per channel."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_hours(self, guild_id: int, channel_id: int, hours: QuietHours, now: datetime) -> None:
        """Set a channel's quiet hours; messages waiting for the end of the old ones wait for the new end."""
        is_quiet, changes_at = hours.is_quiet(now), hours.next_change(now)
        values = {
            "channel_id": channel_id,
            "guild_id": guild_id,
            "starts": f"{hours.starts:%H:%M}",
            "ends": f"{hours.ends:%H:%M}",
            "timezone": hours.timezone,
            "override_heat": hours.override_heat,
            "is_quiet": is_quiet,
            "changes_at": changes_at,
        }
        async with self._database.begin_write() as connection:
            await connection.execute(delete(quiet_hours).where(quiet_hours.c.channel_id == channel_id))
            await connection.execute(insert(quiet_hours).values(values))
            await _postpone_digests(connection, channel_id, changes_at if is_quiet else now, now)

    async def end_hours(self, guild_id: int, channel_id: int, now: datetime) -> bool:
        """Remove a channel's quiet hours; waiting cards go to the next plan. False if there were none."""
        condition = (quiet_hours.c.channel_id == channel_id) & (quiet_hours.c.guild_id == guild_id)
        async with self._database.begin_write() as connection:
            if not (await connection.execute(delete(quiet_hours).where(condition))).rowcount:
                return False
            await _postpone_digests(connection, channel_id, now, now)
            return True

    async def list_for_guild(self, guild_id: int) -> list[QuietChannel]:
        """List a server's channels with quiet hours."""
        return await self._select_channels(quiet_hours.c.guild_id == guild_id)

    async def fetch_changing(self, now: datetime, guild_id: int = EVERYWHERE) -> list[QuietChannel]:
        """List channels whose `changes_at` has passed, or is implausibly far ahead because the clock was set back."""
        changing = (quiet_hours.c.changes_at <= now) | (quiet_hours.c.changes_at > now + MAX_QUIET)
        if guild_id != EVERYWHERE:
            changing &= quiet_hours.c.guild_id == guild_id
        return await self._select_channels(changing)

    async def list_all(self) -> list[QuietChannel]:
        """List all channels with quiet hours."""
        return await self._select_channels(quiet_hours.c.channel_id.is_not(None))

    async def mark_changed(self, channels: Sequence[QuietChannel], now: datetime) -> None:
        """Update whether these channels are quiet now, and until when."""
        rows = [{"the_id": each.channel_id, **_state_columns(each, now)} for each in channels]
        if rows:
            async with self._database.begin_write() as connection:
                await connection.execute(_TURN, rows)

    async def _select_channels(self, condition: ColumnElement[bool]) -> list[QuietChannel]:
        query = select(quiet_hours).where(condition).order_by(quiet_hours.c.channel_id)
        async with self._database.begin_autocommit() as connection:
            return [_channel_from_row(row) for row in (await connection.execute(query)).mappings()]


MAX_QUIET = timedelta(days=3)
"""Upper limit for the next begin or end: a day, plus time zone changes."""
_TURN = (
    update(quiet_hours)
    .where(quiet_hours.c.channel_id == bindparam("the_id"))
    .values(is_quiet=bindparam("now_quiet"), changes_at=bindparam("until", type_=quiet_hours.c.changes_at.type))
)


async def fetch_quiet_until(
    connection: AsyncConnection, channel_ids: Collection[int], now: datetime
) -> dict[int, datetime]:
    """Return the end of quiet hours for those of these channels that are quiet now."""
    query = select(quiet_hours).where(quiet_hours.c.channel_id.in_(channel_ids))
    rows = [_channel_from_row(row) for row in (await connection.execute(query)).mappings()]
    return {each.channel_id: each.hours.next_change(now) for each in rows if each.usable and each.hours.is_quiet(now)}


async def _postpone_digests(connection: AsyncConnection, channel_id: int, due_at: datetime, now: datetime) -> None:
    """Reschedule digests that wait for the end of quiet hours, except those waiting for a retry."""
    # Only digests wait in the outbox for the end; cards of instant subscriptions are kept aside and planned then.
    waiting = (
        (deliveries.c.channel_id == channel_id)
        & (deliveries.c.due_at > now)
        & (deliveries.c.status == DeliveryStatus.WAITING)
        & (deliveries.c.attempts == 0)
        & deliveries.c.message_id.is_(None)
        & deliveries.c.slot.is_not(None)
    )
    await connection.execute(update(deliveries).where(waiting).values(due_at=due_at))


def _state_columns(channel: QuietChannel, now: datetime) -> dict[str, object]:
    if not channel.usable:
        return {"now_quiet": False, "until": now + _LOOK_AGAIN}
    return {"now_quiet": channel.hours.is_quiet(now), "until": channel.hours.next_change(now)}


def _channel_from_row(row: RowMapping) -> QuietChannel:
    hours, usable = _parse_hours(row)
    return QuietChannel(
        row["channel_id"], row["guild_id"], hours, row["is_quiet"] and usable, row["changes_at"], usable
    )


def _parse_hours(row: RowMapping) -> tuple[QuietHours, bool]:
    """Parse quiet hours and whether they are valid; invalid parts are replaced, for display."""
    zone, override_heat = row["timezone"], row["override_heat"]
    try:
        starts, ends = parse_clock(row["starts"]), parse_clock(row["ends"])
    except ValueError:
        return QuietHours(time(0), time(0), str(zone)[:60], None), False
    usable = starts != ends and is_known_zone(zone) and (override_heat is None or type(override_heat) is int)
    return QuietHours(starts, ends, str(zone)[:60], override_heat), usable
