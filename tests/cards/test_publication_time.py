"""When a card counts as published that says a time still to come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.model import effective_published_at, is_scheduled

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("published_at", "scheduled", "effective"),
    [
        (NOW - timedelta(days=400), False, NOW - timedelta(days=400)),
        (NOW, False, NOW),
        (NOW + timedelta(seconds=1), False, NOW),
        (NOW + timedelta(hours=14), False, NOW),
        (NOW + timedelta(hours=14, microseconds=1), True, NOW + timedelta(hours=14, microseconds=1)),
        (NOW.replace(year=2062), True, NOW.replace(year=2062)),
        (datetime(2026, 11, 30, 2, tzinfo=timezone(timedelta(hours=14))), False, NOW),
        (datetime(2026, 11, 29, 12, tzinfo=timezone(timedelta(hours=-12))), False, NOW),
    ],
)
def test_up_to_14_hours_ahead_is_now_and_more_is_scheduled(
    published_at: datetime, scheduled: bool, effective: datetime
) -> None:
    assert is_scheduled(published_at, NOW) is scheduled
    assert effective_published_at(published_at, NOW) == effective


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_a_card_counts_as_published_in_the_future_only_while_it_is_scheduled(
    published_at: datetime, now: datetime
) -> None:
    effective = effective_published_at(published_at, now)
    assert effective <= published_at
    assert (effective > now) is is_scheduled(published_at, now)
