"""How a member says "since when"."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from bot.errors import UserError

SUGGESTED = ("today", "7 days", "30 days", "1 year")
_DAYS = {"d": 1, "day": 1, "w": 7, "week": 7, "m": 30, "month": 30, "y": 365, "year": 365}
_LONGEST = 500 * 365
"""Days. Longer spans mean the same, everything, and would leave the calendar."""
_TAKES = "`since` takes `today`, a span such as `7 days` or `2 weeks`, or a date such as `2026-11-24`."
_SPAN = re.compile(r"^(\d{1,4})\s*([a-z]+?)s?$")


def since(text: str, now: datetime) -> datetime:
    """The moment meant by `today`, `7 days`, `2w` or `2026-11-24` (UTC). Raises `UserError`."""
    wish = text.strip().casefold()
    if wish == "today":
        return now.replace(hour=0, minute=0, second=0, microsecond=0)
    if (span := _SPAN.match(wish)) and span[2] in _DAYS:
        return now - timedelta(days=min(int(span[1]) * _DAYS[span[2]], _LONGEST))
    try:
        return datetime.strptime(wish, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise UserError(_TAKES) from None
