"""What a misspelled word may mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.edit_distance import edit_distance, find_nearest

WORDS = st.text("abcdé", max_size=8)


@pytest.mark.parametrize(
    ("word", "other", "slips"),
    [
        ("python", "python", 0), ("pyhton", "python", 1), ("pythn", "python", 1), ("pythonn", "python", 1),
        ("pithon", "python", 1), ("ypthno", "python", 2), ("", "abc", 3), ("abc", "", 3), ("ca", "abc", 3),
    ],
)  # fmt: skip
def test_slips(word: str, other: str, slips: int) -> None:
    assert edit_distance(word, other) == slips


@given(WORDS, WORDS)
def test_a_distance_is_the_same_both_ways_and_zero_for_the_same_only(word: str, other: str) -> None:
    assert edit_distance(word, other) == edit_distance(other, word)
    assert (edit_distance(word, other) == 0) is (word == other)
    assert abs(len(word) - len(other)) <= edit_distance(word, other) <= max(len(word), len(other))


@given(st.text("abcdé", min_size=1, max_size=8), st.lists(WORDS, max_size=20))
def test_all_that_are_near_are_found_nearest_first(word: str, known: list[str]) -> None:
    found = find_nearest(word, known, 50)
    at_most = 1 if len(word) <= 4 else 2
    assert set(found) == {other for other in known if 0 < edit_distance(word, other) <= at_most}
    slips = [edit_distance(word, other) for other in found]
    assert slips == sorted(slips)


def test_of_equally_near_words_the_one_with_the_longer_common_beginning_comes_first() -> None:
    assert find_nearest("pythom", ["pythos", "bython", "python", "pythom"], 2) == ["python", "pythos"]
