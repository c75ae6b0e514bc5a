"""Time zones, however people write them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.timezones import parse_zone, suggest_zones
from bot.errors import UserError
from tests.domain.test_digest_schedule import ZONES


@given(st.text())
def test_any_text_is_a_zone_or_is_refused(text: str) -> None:
    try:
        answer = parse_zone(text)
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
        ("berlin", "I don't know the time zone “berlin”. Did you mean `Europe/Berlin`?"),
        ("são paulo", "Did you mean `America/Sao_Paulo`?"),
        ("Londn", "Did you mean `Europe/London`?"),
        ("Asia/Tokio", "Did you mean `Asia/Tokyo`"),
        ("GMT+1", "A UTC offset ignores daylight saving time."),
        ("+02:00", "A UTC offset ignores daylight saving time."),
        ("localtime", "I don't know the time zone"),
        ("Factory", "I don't know the time zone"),
        ("posixrules", "I don't know the time zone"),
        ("../Europe/Berlin", "I don't know the time zone"),
        ("/etc/localtime", "I don't know the time zone"),
        ("", "I don't know the time zone “”. Use one such as `Europe/Berlin`, or `UTC`."),
        ("qqq", "Use one such as `Europe/Berlin`"),
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
        ("GMT+2", "daylight saving"),
        ("UTC-5", "daylight saving"),
        ("+05:30", "daylight saving"),
        ("gmt -03", "daylight saving"),
        ("posixrules", "don't know the time zone"),
        ("localtime", "don't know the time zone"),
        ("Factory", "don't know the time zone"),
        ("posix/Europe/Berlin", "don't know the time zone"),
        ("right/UTC", "don't know the time zone"),
        ("Mars/Olympus", "don't know the time zone"),
        ("../../etc/passwd", "don't know the time zone"),
        ("", "don't know the time zone"),
    ],
)
def test_what_is_no_zone_of_a_place_is_refused_with_the_reason_or_a_suggestion(typed: str, words: str) -> None:
    with pytest.raises(UserError, match=re.escape(words)):
        parse_zone(typed)
