"""The slots that a calendar on the wall would give, worked out day by day from `zoneinfo` alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from bot.domain.subscription import Frequency, SubscriptionOptions

Span = tuple[datetime, datetime]


def calendar_slots(options: SubscriptionOptions, start: datetime, end: datetime) -> dict[datetime, str]:
    """The local names of all slots after `start` until `end`, by their instants; of several at one instant the last."""
    zone = ZoneInfo(options.timezone)
    found: dict[datetime, str] = {}
    day = start.astimezone(zone).date() - timedelta(days=2)
    while day <= end.astimezone(zone).date():
        for clock in _times_of(options) if day.weekday() in _days_of(options) else ():
            at = datetime.combine(day, clock, zone).astimezone(UTC)
            if start < at <= end:
                found[at] = max(found.get(at, ""), f"{day} {clock:%H:%M}")
        day += timedelta(days=1)
    return dict(sorted(found.items()))


def _days_of(options: SubscriptionOptions) -> Sequence[int]:
    everyday = range(5) if options.frequency is Frequency.WEEKDAYS else range(7)
    return options.days or ((0,) if options.frequency is Frequency.WEEKLY else everyday)


def _times_of(options: SubscriptionOptions) -> Sequence[time]:
    return [time(hour) for hour in range(24)] if options.frequency is Frequency.HOURLY else options.times or (time(9),)


def digest_moments(named: dict[datetime, str], away: Iterable[Span]) -> dict[datetime, str]:
    """The slots that can bring a digest, by the moment when they do: of those that were missed together the last."""
    return {_moment_back(at, away): name for at, name in named.items()}


def _moment_back(at: datetime, away: Iterable[Span]) -> datetime:
    """When the bot is there again."""
    return next((end for start, end in away if start <= at < end), at)
