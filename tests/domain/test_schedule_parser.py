"""What people type for a schedule, however they write it."""

from __future__ import annotations

import re
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digest_schedule import EVERY_DAY
from bot.domain.schedule_parser import parse_days, parse_time, parse_times, parse_zone, suggest_zones
from bot.errors import UserError
from tests.domain.test_digest_schedule import ZONES


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
    with pytest.raises(UserError, match=r"is not a time of day\. Write times such as `09:00`") as refused:
        parse_times(text)
    assert len(str(refused.value)) < 200


def test_too_many_times_are_refused() -> None:
    with pytest.raises(UserError, match="25 times of day; at most 24"):
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
    with pytest.raises(UserError, match=r"is not a day\. Write days such as `Mon, Wed`"):
        parse_days(text)


@given(st.one_of(st.text(), st.from_regex(r"\A[-0-9:.,apmh ]{1,20}\Z"), st.from_regex(r"\A[monwedfri, -]{1,20}\Z")))
def test_any_text_is_understood_or_refused(text: str) -> None:
    for parse in (parse_times, parse_days, parse_zone):
        try:
            answer = str(parse(text))
        except UserError as refused:
            answer = str(refused)
        assert 0 < len(answer) < 1_000


def test_every_zone_is_understood_however_it_is_written() -> None:
    for zone in ZONES:
        for written in (zone, zone.lower(), zone.upper(), f" {zone.replace('_', ' ').replace('/', ' / ')} "):
            assert parse_zone(written) == zone


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("berlin", "There is no time zone “berlin”. Did you mean `Europe/Berlin`?"),
        ("são paulo", "Did you mean `America/Sao_Paulo`?"),
        ("Londn", "Did you mean `Europe/London`?"),
        ("Asia/Tokio", "Did you mean `Asia/Tokyo`"),
        ("GMT+1", "An offset from UTC has no summer time."),
        ("+02:00", "An offset from UTC has no summer time."),
        ("localtime", "There is no time zone"),
        ("Factory", "There is no time zone"),
        ("posixrules", "There is no time zone"),
        ("../Europe/Berlin", "There is no time zone"),
        ("/etc/localtime", "There is no time zone"),
        ("", "There is no time zone “”. Name one such as `Europe/Berlin`, or `UTC`."),
        ("qqq", "Name one such as `Europe/Berlin`"),
    ],
)
def test_what_is_no_zone_is_refused_with_close_ones(text: str, answer: str) -> None:
    with pytest.raises(UserError) as refused:
        parse_zone(text)
    assert answer in str(refused.value)
    assert str(refused.value).count("`") <= 6


def test_zones_to_suggest() -> None:
    common = suggest_zones("")
    assert common[0] == "UTC"
    assert {"Europe/London", "America/Los_Angeles", "Asia/Kolkata"} <= {*common}
    assert suggest_zones("  ") == common
    assert suggest_zones("new y") == suggest_zones("NEW_Y") == ["America/New_York"]
    assert suggest_zones("york") == ["America/New_York"]
    assert suggest_zones("nowhere") == []


def test_suggested_zones_begin_so_first_then_their_place_does() -> None:
    ranks = [(not zone.startswith("America"), "/America" not in zone) for zone in suggest_zones("america")]
    assert ranks == sorted(ranks)
    assert suggest_zones("paris")[0] == "Europe/Paris"
    assert suggest_zones("in")[0].startswith("Indian/")
    assert suggest_zones("uc")[0] == "UCT"
    assert suggest_zones("lon")[0] == "Europe/London"


@given(
    st.one_of(
        st.text(max_size=8), st.sampled_from(ZONES).flatmap(lambda zone: st.integers(0, 9).map(lambda n: zone[n:]))
    )
)
def test_whatever_is_suggested_is_a_zone(text: str) -> None:
    suggested = suggest_zones(text)
    assert len(suggested) <= 25
    assert len({*suggested}) == len(suggested)
    assert all(parse_zone(zone) == zone for zone in suggested)
    assert not any("GMT+" in zone or "GMT-" in zone for zone in suggested)


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Europe/Kiev", "Europe/Kiev"),
        ("US/Eastern", "US/Eastern"),
        ("europe/berlin", "Europe/Berlin"),
        ("asia/calcutta", "Asia/Calcutta"),
        ("america/argentina/buenos aires", "America/Argentina/Buenos_Aires"),
        ("  America / New York ", "America/New_York"),
        ("utc", "UTC"),
    ],
)
def test_a_zone_is_taken_by_the_name_that_was_typed_as_iana_spells_it(typed: str, zone: str) -> None:
    assert parse_zone(typed) == zone


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("Berlin", "Europe/Berlin"),
        ("Tokyo", "Asia/Tokyo"),
        ("Europe/Berln", "Europe/Berlin"),
        ("GMT+2", "no summer time"),
        ("UTC-5", "no summer time"),
        ("+05:30", "no summer time"),
        ("gmt -03", "no summer time"),
        ("posixrules", "no time zone"),
        ("localtime", "no time zone"),
        ("Factory", "no time zone"),
        ("posix/Europe/Berlin", "no time zone"),
        ("right/UTC", "no time zone"),
        ("Mars/Olympus", "no time zone"),
        ("../../etc/passwd", "no time zone"),
        ("", "no time zone"),
    ],
)
def test_what_is_no_zone_of_a_place_is_refused_with_the_reason_or_a_suggestion(typed: str, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        parse_zone(typed)
