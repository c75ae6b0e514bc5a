"""How often a feed brings something, estimated from the times of its items."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

WEEKS = 12
"""How far back is looked: what a feed brought before says little about what comes."""
_WEEK = timedelta(weeks=1)
_SHORTEST_SPAN = timedelta(hours=1)
"""Items that all have about the same time were given it when the feed was made."""


def estimate_weekly_items(times: Iterable[datetime | None], now: datetime) -> float | None:
    """Estimate the number of items a week; None if the times do not tell. Items without a time are not counted."""
    known = sorted(each for each in times if each is not None and each <= now)
    if not known or known[-1] - known[0] < _SHORTEST_SPAN:
        return None
    if known[0] <= now - WEEKS * _WEEK:
        return sum(each > now - WEEKS * _WEEK for each in known) / WEEKS
    # Feeds show their newest items only, so that the oldest one begins the time that is counted.
    return (len(known) - 1) / ((now - known[0]) / _WEEK)
