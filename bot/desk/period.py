"""How a member says "since when" and "until when"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from bot.errors import UserError

SUGGESTED = ("today", "7 days", "30 days", "1 year")
_DAYS = {"d": 1, "day": 1, "w": 7, "week": 7, "m": 30, "month": 30, "y": 365, "year": 365}
_LONGEST = 500 * 365
"""Days. Longer spans mean the same, everything, and would leave the calendar."""
_TAKES = "`{option}` takes `today`, a span such as `7 days` or `2 weeks`, or a date such as `2026-11-24`."
_DAY = timedelta(days=1)
_LAST = datetime.max.replace(tzinfo=UTC)
_SPAN = re.compile(r"^(\d{1,4})\s*([a-z]+?)s?$")


def since(text: str, now: datetime) -> datetime:
    """The moment meant by `today`, `7 days`, `2w` or `2026-11-24` (UTC). Raises `UserError`."""
    return _moment(text, now, "since")[0]


def until(text: str, now: datetime, start: datetime | None = None) -> datetime:
    """The moment before which: a day counts to its end. Raises `UserError`, also when it is not after `start`."""
    moment, whole_day = _moment(text, now, "until")
    end = _next_day(moment) if whole_day else moment
    if start is not None and end <= start:
        raise UserError("`until` is not after `since`: there is no time between them.")
    return end


def _moment(text: str, now: datetime, option: str) -> tuple[datetime, bool]:
    """The moment, and whether it stands for a whole day."""
    wish = text.strip().casefold()
    if wish == "today":
        return now.replace(hour=0, minute=0, second=0, microsecond=0), True
    if (span := _SPAN.match(wish)) and span[2] in _DAYS:
        return now - timedelta(days=min(int(span[1]) * _DAYS[span[2]], _LONGEST)), False
    try:
        return datetime.strptime(wish, "%Y-%m-%d").replace(tzinfo=UTC), True
    except ValueError:
        raise UserError(_TAKES.format(option=option)) from None


def _next_day(day: datetime) -> datetime:
    """The calendar has a last day."""
    return min(day, _LAST - _DAY) + _DAY
