"""How many publishers cover a story, and the heat that follows."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.model import Card, Provider
from bot.domain.heat import (
    Coverage,
    compute_heat,
    count_other_publishers,
    count_publishers,
    coverage_step,
    heat_level,
    quality_level,
    read_coverage,
)
from tests.support.cards import make_card

REPORT = "The minister said on Monday that the new bridge over the river will open to traffic next spring."


def make_report(name: str, excerpt: str = "", *, host: str = "") -> Card:
    return make_card(
        provider=Provider(name) if name else None, url=f"https://{host}/1" if host else None, excerpt=excerpt
    )


@pytest.mark.parametrize(
    ("reports", "publishers"),
    [
        ([], 0),
        ([make_report("A")], 1),
        ([make_report("A"), make_report("B")], 2),
        ([make_report("NASA News"), make_report("nasa  news"), make_report("B")], 2),
        ([make_report("A", host="a.example"), make_report("A Sport", host="m.a.example")], 1),
        ([make_report("")], 0),
        ([make_report(""), make_report("A")], 1),
        ([make_report("A", REPORT), make_report("B", REPORT)], 1),
        ([make_report("A", REPORT), make_report("B", f"{REPORT.upper()}!")], 1),
        ([make_report("A", REPORT * 3), make_report("B", REPORT * 2)], 1),
        ([make_report("A", REPORT), make_report("B", REPORT), make_report("B", f"Not so: {REPORT}")], 2),
        ([make_report("A", "Read more"), make_report("B", "Read more")], 2),
        ([make_report("A", REPORT), make_report("B", REPORT.replace("Monday", "Tuesday"))], 2),
        ([make_report("", REPORT), make_report("A", REPORT)], 1),
        ([make_report("A", "\ud800" + "\u0301" * 500), make_report("B", "x" * 100_000)], 2),
    ],
)
def test_a_publisher_counts_once_and_so_does_a_copied_text(reports: list[Card], publishers: int) -> None:
    assert count_publishers(map(read_coverage, reports)) == publishers


@pytest.mark.parametrize(
    ("story", "others"),
    [
        ([make_report("A")], 0),
        ([make_report("A"), make_report("a"), make_report("B")], 1),
        ([make_report("A", REPORT), make_report("B", REPORT)], 0),
        ([make_report("A"), make_report("A", host="a.example"), make_report("A Sport", host="a.example")], 0),
        ([make_report(""), make_report("A")], 1),
        ([make_report("")], 0),
    ],
)
def test_lists_count_the_publishers_that_posts_count(story: list[Card], others: int) -> None:
    assert count_other_publishers(story[0], story) == others


def test_names_that_meet_on_one_card_are_one_publisher_in_any_order() -> None:
    parts = [Coverage(frozenset(names)) for names in ("a", "b", "ab", "c")]
    assert {count_publishers(order) for order in permutations(parts)} == {2}


@given(st.lists(st.builds(Coverage, st.frozensets(st.sampled_from("abcdef")), st.sampled_from(["", "text"]))))
def test_a_card_more_adds_at_most_one_publisher(coverage: list[Coverage]) -> None:
    assert 0 <= count_publishers(coverage) <= count_publishers(coverage[:-1]) + 1


@pytest.mark.parametrize(
    ("given_heat", "quality", "publishers", "heat"),
    [
        (None, None, 1, None),
        (None, 50, 1, 50),
        (None, 50, 0, 50),
        (None, 50, 3, 90),
        (None, None, 2, 20),
        (None, 0, 2, 20),
        (120, 50, 3, 120),
        (-1, 50, 3, -1),
        (0, 50, 3, 0),
    ],
)
def test_heat_is_quality_and_twenty_for_each_other_publisher(
    given_heat: int | None, quality: int | None, publishers: int, heat: int | None
) -> None:
    assert compute_heat(given_heat, quality, publishers) == heat


def test_posts_name_publishers_in_steps() -> None:
    steps = [coverage_step(publishers) for publishers in (0, 1, 2, 3, 4, 5, 9, 10, 19, 20, 1000)]
    assert steps == [0, 0, 2, 3, 3, 5, 5, 10, 10, 20, 20]


def test_readers_are_told_levels() -> None:
    heats = [heat_level(heat).name for heat in (-1, 0, 69.9, 70, 100, 150, 10_000)]
    assert heats == ["CALM", "CALM", "CALM", "WARM", "HOT", "VERY_HOT", "VERY_HOT"]
    assert [quality_level(quality).name for quality in (-1, 40, 109, 110, 190)] == [
        "LOW", "FAIR", "GOOD", "EXCELLENT", "EXCELLENT",
    ]  # fmt: skip
