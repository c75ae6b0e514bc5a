"""What rises, and the cards of each day."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bot.domain.trends import DayCount, SpanCount, count_by_day, first_day_start, is_rising

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("recent", "before", "text"),
    [(3, 0, True), (2, 0, False), (6, 3, True), (5, 3, False), (9, 6, True), (8, 6, False), (149, 100, False),
     (150, 100, True), (0, 0, False), (1, 9, False)],
)  # fmt: skip
def test_a_topic_rises_by_three_cards_and_by_half(recent: int, before: int, text: bool) -> None:
    assert is_rising(recent, before) is text


def test_days_are_local_and_none_is_left_out() -> None:
    now = datetime(2026, 10, 26, 12, tzinfo=UTC)  # the day after summer time ended
    spans = [
        SpanCount(datetime(2026, 10, 24, 21, 45, tzinfo=UTC), 1, 10, 1),  # 23:45
        SpanCount(datetime(2026, 10, 24, 22, tzinfo=UTC), 2, 30, 1),  # midnight
        SpanCount(datetime(2026, 10, 25, 22, 45, tzinfo=UTC), 1, 70, 1),  # 23:45 in winter
        SpanCount(datetime(2026, 10, 26, 9, tzinfo=UTC), 1, 0, 0),
        SpanCount(datetime(2026, 10, 1, tzinfo=UTC), 9, 9, 9),
    ]
    assert count_by_day(spans, now, BERLIN, 4) == [
        DayCount(date(2026, 10, 23), 0, None),
        DayCount(date(2026, 10, 24), 1, 10),
        DayCount(date(2026, 10, 25), 3, 50),
        DayCount(date(2026, 10, 26), 1, None),
    ]


def test_the_first_day_begins_at_its_own_midnight() -> None:
    now = datetime(2026, 10, 26, 12, tzinfo=UTC)
    assert first_day_start(now, BERLIN, 3) == datetime(2026, 10, 23, 22, tzinfo=UTC)
    assert first_day_start(now, BERLIN, 3) - first_day_start(now, BERLIN, 2) == timedelta(0) - timedelta(days=1)
