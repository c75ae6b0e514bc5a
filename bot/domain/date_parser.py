"""Parse the `parse_since` and `parse_until` options, in English or in the current language."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from bot.domain.user_input import is_one_of, normalize_input
from bot.errors import UserError
from bot.i18n import tr, tr_noop

SUGGESTED_PERIODS = (tr_noop("today"), tr_noop("7 days"), tr_noop("30 days"), tr_noop("1 year"))
"""Autocomplete suggestions; translated, and parsed, in the current language."""
_DAYS_AGO = {tr_noop("today"): 0, tr_noop("yesterday"): 1}
_UNITS = {
    tr_noop("d day days"): 1,
    tr_noop("w week weeks"): 7,
    tr_noop("m month months"): 30,
    tr_noop("y year years"): 365,
}
_LONGEST = 500 * 365
"""Maximum span in days. A longer one means the same (everything) and would overflow `datetime`."""
_TAKES = {
    "since": tr_noop(
        "`since` accepts `today`, a period such as `7 days` or `2 weeks`, or a date such as `2026-11-24`."
    ),
    "until": tr_noop(
        "`until` accepts `today`, a period such as `7 days` or `2 weeks`, or a date such as `2026-11-24`."
    ),
}
_DAY = timedelta(days=1)
_LAST = datetime.max.replace(tzinfo=UTC)
_SPAN = re.compile(r"(\d{1,4})\s*([^\W\d_]+)")


def parse_since(text: str, now: datetime) -> datetime:
    """Parse a start such as `today`, `7 days`, `2w` or `2026-11-24` (UTC). Raises `UserError`."""
    return _parse_moment(text, now, "since")[0]


def parse_until(text: str, now: datetime, start: datetime | None = None) -> datetime:
    """Parse an exclusive end; a day includes its whole 24 hours. Raises `UserError`, also if not after `start`."""
    moment, whole_day = _parse_moment(text, now, "until")
    # `until 2026-11-24` includes that day, `until 2 days` ends at that moment.
    end = _next_day(moment) if whole_day else moment
    if start is not None and end <= start:
        raise UserError(tr("`until` must be later than `since`."))
    return end


def _parse_moment(text: str, now: datetime, option: str) -> tuple[datetime, bool]:
    """Parse a time, and tell whether it denotes a whole day."""
    query = normalize_input(text)
    for name, days in _DAYS_AGO.items():
        if is_one_of(query, name):
            return now.replace(hour=0, minute=0, second=0, microsecond=0) - days * _DAY, True
    if (span := _SPAN.fullmatch(query)) and (unit := _unit_days(span[2])):
        return now - timedelta(days=min(int(span[1]) * unit, _LONGEST)), False
    try:
        return datetime.strptime(query, "%Y-%m-%d").replace(tzinfo=UTC), True
    except ValueError:
        raise UserError(tr(_TAKES[option])) from None


def _unit_days(word: str) -> int:
    """A unit's length in days; 0 if the word is not a unit."""
    return next((days for names, days in _UNITS.items() if is_one_of(word, names)), 0)


def _next_day(day: datetime) -> datetime:
    """The following day, without overflowing `datetime.max`."""
    return min(day, _LAST - _DAY) + _DAY
