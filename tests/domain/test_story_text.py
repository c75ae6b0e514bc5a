"""What is compared of a card's text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.story_text import read_story_text


def title_words(title: str, language: str = "en") -> set[str]:
    return set(read_story_text(title, "", language).title)


def title_numbers(title: str) -> set[str]:
    return set(read_story_text(title, "", "en").numbers)


@given(st.text(), st.text(), st.sampled_from(["en", "de", "ar", ""]))
def test_any_text_can_be_read(title: str, excerpt: str, language: str) -> None:
    text = read_story_text(title, excerpt, language)
    assert text.title <= text.words
    assert all(word and len(word) <= 40 and not word.isspace() for word in text.words)


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("Launches delayed", "launch DELAY", "en"),
        ("NASA’s rovers landed", "nasa rover landing", "en"),
        ("Die Regierungen der Städte", "Regierung Stadt", "de"),
        ("Les gouvernements européens", "gouvernement européen", "fr"),
        ("Ｆｕｌｌ ｗｉｄｔｈ", "full width", ""),
    ],
)
def test_forms_of_a_word_are_one_word(one: str, other: str, language: str) -> None:
    assert title_words(one, language) == title_words(other, language)


def test_text_without_spaces_is_read_by_pairs_of_characters() -> None:
    assert title_words("東京株 iPhone発表") == {"東京", "京株", "iphon", "発表"}
    assert title_words("雨") == {"雨"}


@pytest.mark.parametrize(
    ("title", "numbers"),
    [
        ("Python 1.20 released", {"1.20"}),
        ("GPT5 on the RTX-4090: 2-1", {"5", "4090", "2-1"}),
        ("It costs $1,500 or 1.500 €", {"1500", "1.500"}),
        ("No number", set()),
    ],
)
def test_numbers_keep_their_separators(title: str, numbers: set[str]) -> None:
    assert title_numbers(title) == numbers


def test_of_a_huge_text_only_the_beginning_is_read() -> None:
    text = read_story_text("word " * 200_000 + "end", "x" * 1_000_000)
    assert text.title == {"word"}
    assert text.words == {"word", "x" * 40}
