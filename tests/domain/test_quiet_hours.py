"""Quiet hours: what they cover, and when they turn, through every change of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.quiet_hours import QuietHours, parse_quiet_hours
from bot.errors import UserError
from tests.domain.test_digest_schedule import DAY, clock_changes, clock_times, parse_moment, zones_and_moments

NIGHT = QuietHours(time(22), time(7), "Europe/Berlin")
BLINK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("now", "quiet", "turns"),
    [
        ("2026-11-25 20:59", False, "2026-11-25 21:00"),
        ("2026-11-25 21:00", True, "2026-11-26 06:00"),
        ("2026-11-26 05:59", True, "2026-11-26 06:00"),
        ("2026-11-26 06:00", False, "2026-11-26 21:00"),
        ("2026-03-28 22:00", True, "2026-03-29 05:00"),
        ("2026-10-24 22:00", True, "2026-10-25 06:00"),
    ],
)
def test_a_night(now: str, quiet: bool, turns: str) -> None:
    assert NIGHT.is_quiet(parse_moment(now)) is quiet
    assert NIGHT.next_change(parse_moment(now)) == parse_moment(turns)


def test_hours_of_the_day() -> None:
    lunch = QuietHours(time(12), time(13, 30), "UTC")
    assert [lunch.is_quiet(parse_moment(f"2026-11-25 {clock}")) for clock in ("11:59", "12:00", "13:29", "13:30")] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("ends", [time(3), time(3, 30)])
def test_quiet_hours_that_the_clocks_skip_do_not_come_that_day(ends: time) -> None:
    """02:30 comes at 03:30 on 2026-03-29: at the end, or after it."""
    skipped = QuietHours(time(2, 30), ends, "Europe/Berlin")
    assert skipped.next_change(parse_moment("2026-03-28 12:00")) == parse_moment("2026-03-30 00:30")
    assert not skipped.is_quiet(parse_moment("2026-03-29 01:30"))


def test_a_pause_that_the_clocks_skip_does_not_come_that_day() -> None:
    almost_always = QuietHours(time(3), time(2, 30), "Europe/Berlin")
    assert almost_always.next_change(parse_moment("2026-03-28 12:00")) == parse_moment("2026-03-30 00:30")
    assert almost_always.is_quiet(parse_moment("2026-03-29 01:00"))


def test_a_repeated_hour_is_quiet_once() -> None:
    early = QuietHours(time(2), time(2, 30), "Europe/Berlin")
    assert early.next_change(parse_moment("2026-10-25 00:00")) == parse_moment("2026-10-25 00:30")
    assert early.next_change(parse_moment("2026-10-25 00:30")) == parse_moment("2026-10-26 01:00")


def test_a_night_whose_next_day_a_whole_country_skipped() -> None:
    """Samoa went from 2011-12-29 to the 31st: that night lasts until the morning of the 31st."""
    night = QuietHours(time(22), time(7), "Pacific/Apia")
    assert night.next_change(parse_moment("2011-12-30 08:00")) == parse_moment("2011-12-30 17:00")
    assert night.is_quiet(parse_moment("2011-12-30 15:00"))


@st.composite
def quiet_hours(draw: st.DrawFn) -> tuple[QuietHours, datetime]:
    zone, now = draw(zones_and_moments())
    starts, ends = draw(st.lists(clock_times(zone, now), min_size=2, max_size=2, unique=True))
    return QuietHours(starts, ends, zone), now


@settings(max_examples=200, deadline=None)
@given(quiet_hours(), st.lists(st.integers(0, 999), min_size=10, max_size=10))
def test_nothing_turns_before_the_next_turn_and_there_it_does(
    drawn: tuple[QuietHours, datetime], parts: list[int]
) -> None:
    hours, now = drawn
    quiet, turn = hours.is_quiet(now), hours.next_change(now)
    assert now < turn <= now + 3 * DAY
    assert turn.tzinfo is UTC
    assert hours.is_quiet(turn) is not quiet
    assert hours.is_quiet(turn - BLINK) is quiet
    for moment in (now + (turn - now) * part / 1000 for part in parts):
        assert hours.is_quiet(moment) is quiet
        assert hours.next_change(moment) == turn


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(quiet_hours())
def test_far_from_a_change_of_the_clocks_quiet_is_what_the_clock_says(drawn: tuple[QuietHours, datetime]) -> None:
    hours, now = drawn
    if any(abs(change - now) < 3 * DAY for change in clock_changes(hours.timezone)):
        now += 7 * DAY
    zone = ZoneInfo(hours.timezone)
    if (now - 3 * DAY).astimezone(zone).utcoffset() != (now + 3 * DAY).astimezone(zone).utcoffset():
        return
    clock = now.astimezone(zone).time()
    by_day = hours.starts <= clock < hours.ends
    over_midnight = hours.starts > hours.ends and (clock >= hours.starts or clock < hours.ends)
    assert hours.is_quiet(now) is (by_day or over_midnight)


def test_quiet_hours_as_people_write_them() -> None:
    assert parse_quiet_hours("10 pm", "7", "europe/berlin") == NIGHT
    assert parse_quiet_hours("22:00", "07:00", "Europe/Berlin", 80) == QuietHours(
        time(22), time(7), "Europe/Berlin", 80
    )


@pytest.mark.parametrize(
    ("starts", "ends", "zone", "answer"),
    [
        ("22:00", "10pm", "UTC", "can't start and end at the same time"),
        ("22", "25", "UTC", "“25” isn't a time of day"),
        ("22, 23", "7", "UTC", "more than one time of day"),
        ("22", "7", "Berlin", "Did you mean `Europe/Berlin`?"),
    ],
)
def test_what_makes_no_quiet_hours_is_refused(starts: str, ends: str, zone: str, answer: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_quiet_hours(starts, ends, zone)
    assert answer in str(refused.value)
