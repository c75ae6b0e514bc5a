from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.feed_rate import estimate_weekly_items

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def back(*days: float) -> list[datetime]:
    return [NOW - timedelta(days=each) for each in days]


@pytest.mark.parametrize(
    ("times", "weekly"),
    [
        (back(*range(20)), 7),
        (back(0, 3.5, 7), 2),
        (back(*(hours / 24 for hours in range(0, 25, 1))), 24 * 7),
        (back(*range(0, 365, 7)), 1),
        (back(200, 300), 0),
        (back(10, 200, 300), 1 / 12),
    ],
    ids=["daily", "twice a week", "hourly", "weekly for a year", "dead", "once in a while"],
)
def test_the_rate_is_that_of_the_last_weeks(times: list[datetime], weekly: float) -> None:
    assert estimate_weekly_items(times, NOW) == pytest.approx(weekly, rel=0.1)


@pytest.mark.parametrize(
    "times",
    [[], [None, None], back(3), back(1, 1, 1), [NOW + timedelta(days=1), NOW + timedelta(days=2)]],
    ids=["empty", "no times", "one item", "one time for all", "times to come"],
)
def test_times_that_tell_nothing_give_no_rate(times: list[datetime | None]) -> None:
    assert estimate_weekly_items(times, NOW) is None


def test_items_without_a_time_do_not_count() -> None:
    times = [*back(*range(8)), None, NOW + timedelta(days=73_000)]

    assert estimate_weekly_items(times, NOW) == pytest.approx(7)
