"""Digest schedules: compute slots correctly across DST changes, and describe them in words."""

from __future__ import annotations

import functools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.desk.subscription import When, Wish
from bot.language import joined, marked, tr, weekdays

_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)
_MOMENT = timedelta(microseconds=1)
_SIGHT = 10
"""Local days to search: the day itself, a week, and one more at each end in case a whole day is skipped."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A scheduled digest: local day and time, and the corresponding time in UTC."""

    day: date
    time: time
    at: datetime

    @property
    def name(self) -> str:
        """The local day and time; unique per subscription."""
        return f"{self.day} {self.time:%H:%M}"


@functools.cache
def _zone(name: str) -> ZoneInfo:
    """Cache zones without a limit: `ZoneInfo` keeps only the last eight alive and rereads the others."""
    return ZoneInfo(name)


def is_known_zone(name: object) -> bool:
    """Whether this machine knows the time zone: tzdata differs between hosts."""
    try:
        return isinstance(name, str) and bool(_zone(name))
    except (KeyError, ValueError, OSError):
        return False


def instant(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Convert a local time to UTC: a repeated time is its first occurrence, a skipped one is shifted by the gap."""
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)


def _local(zone: ZoneInfo, moment: datetime) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


@functools.lru_cache(maxsize=1024)
def _shift(zone: ZoneInfo, moment: datetime) -> timedelta:
    """How far local times around a moment may be out of order: the clock change during the preceding 24 hours.

    No zone has ever changed its clocks twice within a day, or by more than one day.
    """
    return abs(_local(zone, moment) - _local(zone, moment - _DAY) - _DAY)


@dataclass(frozen=True, slots=True)
class Timetable:
    """A weekly schedule. `days` count from Monday (0); `times` are local, sorted and unique.

    Local times that coincide because the clocks skip an hour form one slot, named after the later one.
    """

    days: tuple[int, ...]
    times: tuple[time, ...]
    timezone: str

    @property
    def period(self) -> timedelta:
        """The usual time between two slots."""
        return _WEEK / max(len(self.days) * len(self.times), 1)

    def latest(self, now: datetime) -> Slot | None:
        """The last slot at or before `now`; None when there are no days or no times."""
        for local in self._back(self._local(now) + self._shift(now)):
            if (found := self._slot(local)).at <= now:
                if not (shift := self._shift(found.at)):
                    return found
                # A skipped local time may occur later than local times after it.
                rivals = map(self._slot, self._back(local, local - shift))
                return max((slot for slot in rivals if slot.at <= now), key=_place)
        return None

    def following(self, now: datetime) -> Slot | None:
        """The first slot after `now`; None when there are no days or no times."""
        for local in self._ahead(self._local(now) - self._shift(now)):
            if (found := self._slot(local)).at > now:
                if (end := self._local(found.at)) == local:
                    return found
                # Likewise from the skipped time's side: only skipped times differ from the clock when they occur.
                rivals = [self._slot(rival) for rival in self._ahead(local, end)]
                first = min(slot.at for slot in rivals if slot.at > now)
                return max((slot for slot in rivals if slot.at == first), key=_place)
        return None

    def looks_back(self, now: datetime) -> datetime:
        """Where the digest for the latest slot starts looking, if the previous slot is unknown."""
        since = now - self.period
        last = self.latest(now)
        before = self.latest(last.at - _MOMENT) if last else None
        return min(since, before.at) if before else since

    def between(self, start: datetime, end: datetime) -> Iterator[Slot]:
        """Yield the slots in (`start`, `end`], in order."""
        slot = self.following(start)
        while slot and slot.at <= end:
            yield slot
            slot = self.following(slot.at)

    def _slot(self, local: datetime) -> Slot:
        day, clock = local.date(), local.time()
        return Slot(day, clock, instant(day, clock, _zone(self.timezone)))

    def _local(self, moment: datetime) -> datetime:
        return _local(_zone(self.timezone), moment)

    def _shift(self, moment: datetime) -> timedelta:
        return _shift(_zone(self.timezone), moment)

    def _ahead(self, start: datetime, end: datetime | None = None) -> Iterator[datetime]:
        """Yield local times from `start` to `end`, both inclusive, in order."""
        for day in (start.date() + n * _DAY for n in range(_SIGHT)):
            if day.weekday() in self.days:
                first = bisect_left(self.times, start.time()) if day == start.date() else 0
                for clock in self.times[first:]:
                    local = datetime.combine(day, clock)
                    if end and local > end:
                        return
                    yield local

    def _back(self, start: datetime, end: datetime | None = None) -> Iterator[datetime]:
        """Yield local times from `start` back to `end`, both inclusive, latest first."""
        for day in (start.date() - n * _DAY for n in range(_SIGHT)):
            if day.weekday() in self.days:
                last = bisect_right(self.times, start.time()) if day == start.date() else len(self.times)
                for clock in reversed(self.times[:last]):
                    local = datetime.combine(day, clock)
                    if end and local < end:
                        return
                    yield local


def _place(slot: Slot) -> tuple[datetime, date, time]:
    return slot.at, slot.day, slot.time


EVERY_DAY = tuple(range(7))
WORKDAYS = tuple(range(5))
DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MORNING = (time(9),)


def timetable(wish: Wish) -> Timetable | None:
    """The schedule of a subscription; None if instant. Defaults: 09:00, every day, Monday if weekly."""
    days = tuple(sorted(set(wish.days)))
    times = tuple(sorted(set(wish.times)))
    match wish.when:
        case When.INSTANT:
            return None
        case When.HOURLY:
            minutes = sorted({clock.minute for clock in times} or {0})
            hourly = tuple(time(hour, minute) for hour in range(24) for minute in minutes)
            return Timetable(days or EVERY_DAY, hourly, wish.timezone)
        case When.DAILY:
            return Timetable(days or EVERY_DAY, times or _MORNING, wish.timezone)
        case When.WEEKDAYS:
            return Timetable(WORKDAYS, times or _MORNING, wish.timezone)
        case When.WEEKLY:
            return Timetable(days or (0,), times or _MORNING, wish.timezone)


def first_turn(wish: Wish, now: datetime) -> tuple[datetime, datetime | None]:
    """Initial `since` and next slot of a new subscription.

    A digest looks back over one period, so that the first one is as full as the next.
    """
    table = timetable(wish)
    slot = table.following(now) if table else None
    return (now - table.period, slot.at) if table and slot else (now, None)


def words_of(wish: Wish) -> str:
    """Describe a schedule in words: "Monday to Friday at 09:00 (UTC)"."""
    table = timetable(wish)
    if table is None:
        return tr("as they appear")
    days = _days_in_words(table.days) if table.days != EVERY_DAY else ""
    if wish.when is When.HOURLY:
        return _hourly_in_words(table, days)
    times = joined(f"{clock:%H:%M}" for clock in table.times)
    if not days:
        return tr("daily at {times} ({timezone})", times=times, timezone=table.timezone)
    return tr("{days} at {times} ({timezone})", days=days, times=times, timezone=table.timezone)


def _hourly_in_words(table: Timetable, days: str) -> str:
    minutes = sorted({clock.minute for clock in table.times})
    at = joined(f":{minute:02}" for minute in minutes) if minutes != [0] else ""
    return tr(_HOURLY[bool(at), bool(days)], minutes=at, days=days, timezone=table.timezone)


_HOURLY = {
    (False, False): marked("hourly"),
    (False, True): marked("hourly on {days} ({timezone})"),
    (True, False): marked("hourly at {minutes} ({timezone})"),
    (True, True): marked("hourly at {minutes} on {days} ({timezone})"),
}


def _days_in_words(days: Sequence[int]) -> str:
    week = weekdays()
    names = [week[day] for day in days]
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return tr("{first} to {last}", first=names[0], last=names[-1])
    return joined(names)
