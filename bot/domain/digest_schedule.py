"""Digest schedules: compute slots correctly across DST changes, and describe them in words."""

from __future__ import annotations

import functools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.i18n import format_list, tr, tr_noop, weekday_names

_DAY = timedelta(days=1)
_WEEK = timedelta(weeks=1)
_MOMENT = timedelta(microseconds=1)
_SEARCHED_DAYS = 10
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
def _load_zone(name: str) -> ZoneInfo:
    """Cache zones without a limit: `ZoneInfo` keeps only the last eight alive and rereads the others."""
    return ZoneInfo(name)


def is_known_zone(name: object) -> bool:
    """Whether this machine knows the time zone: tzdata differs between hosts."""
    try:
        return isinstance(name, str) and bool(_load_zone(name))
    except (KeyError, ValueError, OSError):
        return False


def local_to_utc(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """Convert a local time to UTC: a repeated time is its first occurrence, a skipped one is shifted by the gap."""
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)


def _to_local(zone: ZoneInfo, moment: datetime) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


@functools.lru_cache(maxsize=1024)
def _clock_shift(zone: ZoneInfo, moment: datetime) -> timedelta:
    """How far local times around a moment may be out of order: the clock change during the preceding 24 hours.

    No zone has ever changed its clocks twice within a day, or by more than one day.
    """
    return abs(_to_local(zone, moment) - _to_local(zone, moment - _DAY) - _DAY)


@dataclass(frozen=True, slots=True)
class WeeklySchedule:
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

    def latest_slot(self, now: datetime) -> Slot | None:
        """The last slot at or before `now`; None when there are no days or no times."""
        # Local times do not order like moments around a clock change, so start as far ahead as the clocks moved and
        # skip what has not come yet.
        for local in self._iter_backward(self._to_local(now) + self._clock_shift(now)):
            if (found := self._make_slot(local)).at <= now:
                if not (shift := self._clock_shift(found.at)):
                    return found
                # A skipped local time may occur later than local times after it.
                rivals = map(self._make_slot, self._iter_backward(local, local - shift))
                return max((slot for slot in rivals if slot.at <= now), key=_slot_order)
        return None

    def next_slot(self, now: datetime) -> Slot | None:
        """The first slot after `now`; None when there are no days or no times."""
        for local in self._iter_forward(self._to_local(now) - self._clock_shift(now)):
            if (found := self._make_slot(local)).at > now:
                if (end := self._to_local(found.at)) == local:
                    return found
                # Likewise from the skipped time's side: only skipped times differ from the clock when they occur.
                rivals = [self._make_slot(rival) for rival in self._iter_forward(local, end)]
                first = min(slot.at for slot in rivals if slot.at > now)
                return max((slot for slot in rivals if slot.at == first), key=_slot_order)
        return None

    def looks_back(self, now: datetime) -> datetime:
        """Where the digest for the latest slot starts looking, if the previous slot is unknown."""
        since = now - self.period
        last = self.latest_slot(now)
        # A period is an average: after a weekend or a clock change the previous slot may be further away.
        before = self.latest_slot(last.at - _MOMENT) if last else None
        return min(since, before.at) if before else since

    def slots_between(self, start: datetime, end: datetime) -> Iterator[Slot]:
        """Yield the slots in (`start`, `end`], in order."""
        slot = self.next_slot(start)
        while slot and slot.at <= end:
            yield slot
            slot = self.next_slot(slot.at)

    def _make_slot(self, local: datetime) -> Slot:
        day, clock = local.date(), local.time()
        return Slot(day, clock, local_to_utc(day, clock, _load_zone(self.timezone)))

    def _to_local(self, moment: datetime) -> datetime:
        return _to_local(_load_zone(self.timezone), moment)

    def _clock_shift(self, moment: datetime) -> timedelta:
        return _clock_shift(_load_zone(self.timezone), moment)

    def _iter_forward(self, start: datetime, end: datetime | None = None) -> Iterator[datetime]:
        """Yield local times from `start` to `end`, both inclusive, in order."""
        for day in (start.date() + n * _DAY for n in range(_SEARCHED_DAYS)):
            if day.weekday() in self.days:
                first = bisect_left(self.times, start.time()) if day == start.date() else 0
                for clock in self.times[first:]:
                    local = datetime.combine(day, clock)
                    if end and local > end:
                        return
                    yield local

    def _iter_backward(self, start: datetime, end: datetime | None = None) -> Iterator[datetime]:
        """Yield local times from `start` back to `end`, both inclusive, latest first."""
        for day in (start.date() - n * _DAY for n in range(_SEARCHED_DAYS)):
            if day.weekday() in self.days:
                last = bisect_right(self.times, start.time()) if day == start.date() else len(self.times)
                for clock in reversed(self.times[:last]):
                    local = datetime.combine(day, clock)
                    if end and local < end:
                        return
                    yield local


def _slot_order(slot: Slot) -> tuple[datetime, date, time]:
    return slot.at, slot.day, slot.time


EVERY_DAY = tuple(range(7))
WORKDAYS = tuple(range(5))
DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MORNING = (time(9),)


def schedule_for(options: SubscriptionOptions) -> WeeklySchedule | None:
    """The schedule of a subscription; None if instant. Defaults: 09:00, every day, Monday if weekly."""
    days = tuple(sorted(set(options.days)))
    times = tuple(sorted(set(options.times)))
    match options.frequency:
        case Frequency.INSTANT:
            return None
        case Frequency.HOURLY:
            minutes = sorted({clock.minute for clock in times} or {0})
            # Only the minutes of the given times count: 09:15 means a quarter past every hour.
            hourly = tuple(time(hour, minute) for hour in range(24) for minute in minutes)
            return WeeklySchedule(days or EVERY_DAY, hourly, options.timezone)
        case Frequency.DAILY:
            return WeeklySchedule(days or EVERY_DAY, times or _MORNING, options.timezone)
        case Frequency.WEEKDAYS:
            return WeeklySchedule(WORKDAYS, times or _MORNING, options.timezone)
        case Frequency.WEEKLY:
            return WeeklySchedule(days or (0,), times or _MORNING, options.timezone)


def initial_schedule(options: SubscriptionOptions, now: datetime) -> tuple[datetime, datetime | None]:
    """Initial `new_after` and next slot of a new subscription.

    A digest looks back over one period, so that the first one is as full as the next.
    """
    schedule = schedule_for(options)
    slot = schedule.next_slot(now) if schedule else None
    return (now - schedule.period, slot.at) if schedule and slot else (now, None)


def describe_schedule(options: SubscriptionOptions) -> str:
    """Describe a schedule in words: "Monday to Friday at 09:00 (UTC)"."""
    schedule = schedule_for(options)
    if schedule is None:
        return tr("as they come in")
    days = _describe_days(schedule.days) if schedule.days != EVERY_DAY else ""
    if options.frequency is Frequency.HOURLY:
        return _describe_hourly(schedule, days)
    times = format_list(f"{clock:%H:%M}" for clock in schedule.times)
    if not days:
        return tr("daily at {times} ({timezone})", times=times, timezone=schedule.timezone)
    return tr("{days} at {times} ({timezone})", days=days, times=times, timezone=schedule.timezone)


def _describe_hourly(schedule: WeeklySchedule, days: str) -> str:
    minutes = sorted({clock.minute for clock in schedule.times})
    at = format_list(f":{minute:02}" for minute in minutes) if minutes != [0] else ""
    return tr(_HOURLY[bool(at), bool(days)], minutes=at, days=days, timezone=schedule.timezone)


_HOURLY = {
    (False, False): tr_noop("hourly"),
    (False, True): tr_noop("hourly on {days} ({timezone})"),
    (True, False): tr_noop("hourly at {minutes} ({timezone})"),
    (True, True): tr_noop("hourly at {minutes} on {days} ({timezone})"),
}


def _describe_days(days: Sequence[int]) -> str:
    week = weekday_names()
    names = [week[day] for day in days]
    # Days are sorted and unique, so equal distances mean that none is missing in between.
    if len(days) > 2 and days[-1] - days[0] == len(days) - 1:
        return tr("{first} to {last}", first=names[0], last=names[-1])
    return format_list(names)
