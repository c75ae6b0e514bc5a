"""What people type for a schedule, however they write it."""

from __future__ import annotations

from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digest_schedule import EVERY_DAY
from bot.domain.schedule_parser import parse_days, parse_time, parse_times
from bot.errors import UserError


@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("9", [time(9)]),
        ("9, 18:30, 7pm, 9.30 am, 21h, noon", [time(9), time(9, 30), time(12), time(18, 30), time(19), time(21)]),
        ("7 p.m. and 9 A.M.", [time(9), time(19)]),
        ("12am; 12pm", [time(0), time(12)]),
        ("12 midnight, midday", [time(0), time(12)]),
        ("0930 18h45 7:05pm", [time(9, 30), time(18, 45), time(19, 5)]),
        ("at 9 o'clock & 18:30 Uhr", [time(9), time(18, 30)]),
        ("１８：３０", [time(18, 30)]),
        ("9, 09:00, 9am", [time(9)]),
        (", ".join(f"{hour}:00" for hour in range(24)), [time(hour) for hour in range(24)]),
    ],
)
def test_times_as_people_write_them(text: str, times: list[time]) -> None:
    assert parse_times(text) == tuple(times)


@pytest.mark.parametrize(
    "text", ["", ",", "24:00", "9:60", "13pm", "0am", "-9", "9-17", "soon", "9:5", "٩:٠٠:٠٠", "09:00:00", "x" * 3_000]
)
def test_what_is_no_time_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UserError, match=r"isn't a time of day\. Enter times such as `09:00`") as refused:
        parse_times(text)
    assert len(str(refused.value)) < 200


def test_too_many_times_are_refused() -> None:
    with pytest.raises(UserError, match="25 times of day; the limit is 24"):
        parse_times(", ".join(["12:30", *(f"{hour}:00" for hour in range(24))]))


def test_one_time_is_one() -> None:
    assert parse_time("10 pm") == time(22)
    with pytest.raises(UserError, match="more than one time of day"):
        parse_time("10 pm, 11 pm")


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("mon, Wednesday, fri", (0, 2, 4)),
        ("weekdays", (0, 1, 2, 3, 4)),
        ("Weekend", (5, 6)),
        ("mon-fri", (0, 1, 2, 3, 4)),
        ("Mon. – Thu.", (0, 1, 2, 3)),
        ("sat to sun and tues", (1, 5, 6)),
        ("fri-mon", (0, 4, 5, 6)),
        ("tu th", (1, 3)),
        ("every Monday, on weds", (0, 2)),
        ("every day", EVERY_DAY),
        ("all days", EVERY_DAY),
        ("daily", EVERY_DAY),
    ],
)
def test_days_as_people_write_them(text: str, days: tuple[int, ...]) -> None:
    assert parse_days(text) == days


@pytest.mark.parametrize("text", ["", "1", "1-5", "mon, 3", "m", "mon-", "mon-wed-fri", "yesterday", "montag", "-"])
def test_what_is_no_day_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UserError, match=r"isn't a day\. Enter days such as `Mon, Wed`"):
        parse_days(text)


@given(st.one_of(st.text(), st.from_regex(r"\A[-0-9:.,apmh ]{1,20}\Z"), st.from_regex(r"\A[monwedfri, -]{1,20}\Z")))
def test_any_text_is_understood_or_refused(text: str) -> None:
    for parse in (parse_times, parse_days):
        try:
            answer = str(parse(text))
        except UserError as refused:
            answer = str(refused)
        assert 0 < len(answer) < 1_000
