"""Quiet hours of a channel: when they start and end, and which stories may bypass them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain.digest_schedule import local_to_utc
from bot.domain.schedule_parser import parse_time
from bot.domain.timezones import parse_zone
from bot.errors import UserError
from bot.i18n import tr


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Daily from `starts` to `ends`, across midnight if `ends` is earlier; the two always differ.

    Stories with a heat of at least `override_heat` are posted anyway; None lets nothing through.
    """

    starts: time
    ends: time
    timezone: str
    override_heat: int | None = None

    def is_quiet(self, now: datetime) -> bool:
        """Whether `now` is within quiet hours (start inclusive, end exclusive)."""
        return any(start <= now < end for start, end in self._quiet_spans(now))

    def next_change(self, now: datetime) -> datetime:
        """The next time after `now`, in UTC, at which `is_quiet` changes."""
        quiet = self.is_quiet(now)
        # Ends of spans are only candidates: where two spans touch, nothing changes.
        changes = sorted({change for span in self._quiet_spans(now) for change in span if change > now})
        return next(change for change in changes if self.is_quiet(change) is not quiet)

    def _quiet_spans(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Quiet hours of the days around `now`, enough to include the next change.

        At a DST change a span may end before it starts, which makes it empty, or touch that of the next day.
        """
        zone = ZoneInfo(self.timezone)
        today = now.astimezone(zone).date()
        over_midnight = timedelta(days=self.starts > self.ends)
        # Two days back for a span across midnight and a skipped day, three ahead for the next change after one.
        for day in (today + timedelta(days=n) for n in range(-2, 4)):
            yield local_to_utc(day, self.starts, zone), local_to_utc(day + over_midnight, self.ends, zone)


def parse_quiet_hours(starts: str, ends: str, timezone: str, override_heat: int | None = None) -> QuietHours:
    """Parse quiet hours from user input. Raises `UserError`."""
    start, end = parse_time(starts), parse_time(ends)
    if start == end:
        raise UserError(
            tr("Quiet hours can't start and end at the same time. Enter two times, such as `22:00` and `07:00`.")
        )
    return QuietHours(start, end, parse_zone(timezone), override_heat)
