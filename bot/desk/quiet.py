"""Quiet hours: when a channel is left in peace, until when, and what may disturb it all the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.desk.timetable import instant
from bot.desk.typed import parse_time, parse_zone
from bot.errors import UserError
from bot.language import tr


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Every day from `starts` to `ends`, over midnight when `ends` is the earlier one; never the same.

    Stories of at least `passing_heat` come all the same; with None, nothing does.
    """

    starts: time
    ends: time
    timezone: str
    passing_heat: int | None = None

    def is_quiet(self, now: datetime) -> bool:
        """Whether `now` lies in quiet hours: their start does, their end does not."""
        return any(start <= now < end for start, end in self._spans(now))

    def turns_at(self, now: datetime) -> datetime:
        """The next instant after `now`, in UTC, from which `is_quiet` says the opposite."""
        quiet = self.is_quiet(now)
        turns = sorted({turn for span in self._spans(now) for turn in span if turn > now})
        return next(turn for turn in turns if self.is_quiet(turn) is not quiet)

    def _spans(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The quiet hours of the days around `now`, enough of them to hold a turn.

        Where the clocks skip an hour, a span may end before it starts, which makes it empty, or touch the next day's.
        """
        zone = ZoneInfo(self.timezone)
        today = now.astimezone(zone).date()
        over_midnight = timedelta(days=self.starts > self.ends)
        for day in (today + timedelta(days=n) for n in range(-2, 4)):
            yield instant(day, self.starts, zone), instant(day + over_midnight, self.ends, zone)


def parse(starts: str, ends: str, timezone: str, passing_heat: int | None = None) -> QuietHours:
    """Quiet hours from what somebody typed. Raises `UserError`."""
    start, end = parse_time(starts), parse_time(ends)
    if start == end:
        raise UserError(
            tr("Quiet hours cannot end at the time they start. Give two times, such as `22:00` and `07:00`.")
        )
    return QuietHours(start, end, parse_zone(timezone), passing_heat)
