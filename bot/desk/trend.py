"""What rises, and how many cards came on which day."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

WEEK = timedelta(days=7)
_MORE = 3
"""A rise of fewer cards is chance."""


def rises(recent: int, before: int) -> bool:
    """Whether the cards of one week are clearly more than those of the week before: three more, and half as many."""
    return recent - before >= _MORE and recent * 2 >= before * 3


@dataclass(frozen=True, slots=True)
class Span:
    """The cards of a short span of time that begins at `at`: how many, and the heats of those that have one."""

    at: datetime
    cards: int
    heat: int
    heated: int


@dataclass(frozen=True, slots=True)
class Day:
    """A local day: how many cards, and their mean heat; None where no card has one."""

    date: date
    cards: int
    heat: float | None


def first_moment(now: datetime, zone: ZoneInfo, days: int) -> datetime:
    """When the first of the last `days` local days began, today included."""
    first = now.astimezone(zone).date() - timedelta(days=days - 1)
    return datetime.combine(first, datetime.min.time(), tzinfo=zone)


def by_day(spans: Iterable[Span], now: datetime, zone: ZoneInfo, days: int) -> list[Day]:
    """The last `days` local days, today included, oldest first; spans of other days count nowhere."""
    today = now.astimezone(zone).date()
    sums = {today - timedelta(days=back): [0, 0, 0] for back in reversed(range(days))}
    for span in spans:
        if (total := sums.get(span.at.astimezone(zone).date())) is not None:
            total[0] += span.cards
            total[1] += span.heat
            total[2] += span.heated
    return [Day(day, cards, heat / heated if heated else None) for day, (cards, heat, heated) in sums.items()]
