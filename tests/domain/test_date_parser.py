"""How a member says "since when"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.date_parser import SUGGESTED_PERIODS, parse_since, parse_until
from bot.errors import UserError
from tests.support.cards import NOW


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("today", NOW.replace(hour=0)),
        ("yesterday", NOW.replace(hour=0) - timedelta(days=1)),
        (" 7 Days ", NOW - timedelta(days=7)),
        ("2w", NOW - timedelta(days=14)),
        ("1 month", NOW - timedelta(days=30)),
        ("1y", NOW - timedelta(days=365)),
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
    ],
)
def test_days_spans_and_dates_are_understood(text: str, moment: datetime) -> None:
    assert parse_since(text, NOW) == moment


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("today", NOW.replace(hour=0) + timedelta(days=1)),
        ("yesterday", NOW.replace(hour=0)),
        ("7 days", NOW - timedelta(days=7)),
        ("2026-11-01", datetime(2026, 11, 2, tzinfo=UTC)),
        ("9999-12-31", datetime.max.replace(tzinfo=UTC)),
    ],
)
def test_a_day_counts_to_its_end(text: str, moment: datetime) -> None:
    assert parse_until(text, NOW) == moment


def test_an_end_lies_after_its_beginning() -> None:
    assert parse_until("today", NOW, parse_since("today", NOW)) > NOW
    with pytest.raises(UserError, match="later than `since`"):
        parse_until("2026-11-01", NOW, parse_since("2026-11-02", NOW))
    with pytest.raises(UserError, match="`until` accepts"):
        parse_until("soon", NOW)


@pytest.mark.parametrize("suggested", SUGGESTED_PERIODS)
def test_every_suggestion_is_understood(suggested: str) -> None:
    assert parse_since(suggested, NOW) <= NOW


@given(st.one_of(st.text(), st.from_regex(r"\A\d{1,4} ?(d|days?|w|m|months|y|years)\Z")))
def test_anything_else_is_answered_with_what_would_be_understood(text: str) -> None:
    try:
        moment = parse_since(text, NOW)
    except UserError as error:
        answer = str(error)
    else:
        answer = f"7 days or {moment:%Y}" if moment.tzinfo else ""
    assert "7 days" in answer
