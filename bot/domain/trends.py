"""Trends: rising topics and cards per day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

WEEK = timedelta(days=7)
_MORE = 3
"""Minimum increase in cards; smaller ones are noise."""


def is_rising(recent: int, before: int) -> bool:
    """Whether one week's count clearly exceeds that of the week before: by at least three cards and by half."""
    return recent - before >= _MORE and recent * 2 >= before * 3


@dataclass(frozen=True, slots=True)
class SpanCount:
    """Cards in a short interval starting at `at`: their number, the sum of heats, and how many have a heat."""

    at: datetime
    cards: int
    heat: int
    with_heat: int


@dataclass(frozen=True, slots=True)
class DayCount:
    """A local day: number of cards and mean heat, None if no card has one."""

    date: date
    cards: int
    heat: float | None


def first_day_start(now: datetime, zone: ZoneInfo, days: int) -> datetime:
    """Start of the first of the last `days` local days, including today."""
    first = now.astimezone(zone).date() - timedelta(days=days - 1)
    return datetime.combine(first, datetime.min.time(), tzinfo=zone)


def count_by_day(spans: Iterable[SpanCount], now: datetime, zone: ZoneInfo, days: int) -> list[DayCount]:
    """Sum spans per local day over the last `days` days including today, oldest first. Other days are ignored."""
    today = now.astimezone(zone).date()
    # All days are there from the start, so that days without cards become zeros in the chart.
    sums = {today - timedelta(days=back): [0, 0, 0] for back in reversed(range(days))}
    for span in spans:
        if (total := sums.get(span.at.astimezone(zone).date())) is not None:
            total[0] += span.cards
            total[1] += span.heat
            total[2] += span.with_heat
    return [DayCount(day, cards, heat / heated if heated else None) for day, (cards, heat, heated) in sums.items()]
