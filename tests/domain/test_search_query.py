"""What a search asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.search_query import Phrase, SearchQuery, apply_corrections, parse_query, required_words, spellable_words


def test_phrases_exclusions_and_beginnings() -> None:
    found = parse_query('moon "first steps" -mars -"red planet" rock* c++')
    assert found.required == (
        Phrase(("moon",)),
        Phrase(("first", "steps")),
        Phrase(("rock",), is_prefix=True),
        Phrase(("c++",)),
    )
    assert found.excluded == (Phrase(("mars",)), Phrase(("red", "planet")))
    assert parse_query("- * \x00") == SearchQuery()


def test_the_last_word_is_a_beginning_while_it_is_typed() -> None:
    assert parse_query("two wor", typing=True).required == (Phrase(("two",)), Phrase(("wor",), is_prefix=True))
    assert parse_query("a", typing=True).required == (Phrase(("a",)),)
    assert parse_query("片", typing=True).required == (Phrase(("片",), is_prefix=True),)
    assert not parse_query('"two wor', typing=True).required[0].is_prefix


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("pyhton", "python"), ("Pyhton 3.12", "python 3.12"), ('"pyhton news"', '"python news"'),
        ("-pyhton pyhton*", "-pyhton python*"), ("pyhton-news", "python-news"), ("(pyhton)", "(python)"),
        ("PÝhton", "python"), ('-"a pyhton" x', '-"a pyhton" x'),
    ],
)  # fmt: skip
def test_a_word_is_spelled_anew_in_its_place(words: str, text: str) -> None:
    assert apply_corrections(words, {"pyhton": "python"}) == text


def test_only_letters_can_be_misspelled() -> None:
    assert spellable_words("Größe of 41 C++ 2024 v8engine 日本 " + "x" * 30) == ["grosse"]
    assert required_words('moon -mars "red planet" moon') == ["moon", "red", "planet"]


@given(st.text())
def test_nothing_to_correct_changes_nothing(words: str) -> None:
    assert apply_corrections(words, {}) == words
    assert set(required_words(words)) <= set(spellable_words(words))
