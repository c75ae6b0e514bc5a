"""What a search asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.desk.wording import Asked, Phrase, asked, corrected, spellable, wanted_words


def test_phrases_exclusions_and_beginnings() -> None:
    found = asked('moon "first steps" -mars -"red planet" rock* c++')
    assert found.wanted == (
        Phrase(("moon",)),
        Phrase(("first", "steps")),
        Phrase(("rock",), begins=True),
        Phrase(("c",)),
    )
    assert found.unwanted == (Phrase(("mars",)), Phrase(("red", "planet")))
    assert asked("- * \x00") == Asked()


def test_the_last_word_is_a_beginning_while_it_is_typed() -> None:
    assert asked("two wor", typing=True).wanted == (Phrase(("two",)), Phrase(("wor",), begins=True))
    assert asked("a", typing=True).wanted == (Phrase(("a",)),)
    assert asked("片", typing=True).wanted == (Phrase(("片",), begins=True),)
    assert not asked('"two wor', typing=True).wanted[0].begins


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("pyhton", "python"), ("Pyhton 3.12", "python 3.12"), ('"pyhton news"', '"python news"'),
        ("-pyhton pyhton*", "-pyhton python*"), ("pyhton-news", "python-news"), ("(pyhton)", "(python)"),
        ("PÝhton", "python"), ('-"a pyhton" x', '-"a pyhton" x'),
    ],
)  # fmt: skip
def test_a_word_is_spelled_anew_in_its_place(words: str, said: str) -> None:
    assert corrected(words, {"pyhton": "python"}) == said


def test_only_letters_can_be_misspelled() -> None:
    assert spellable("Größe of 41 C++ 2024 v8engine 日本 " + "x" * 30) == ["große"]
    assert wanted_words('moon -mars "red planet" moon') == ["moon", "red", "planet"]


@given(st.text())
def test_nothing_to_correct_changes_nothing(words: str) -> None:
    assert corrected(words, {}) == words
    assert set(wanted_words(words)) <= set(spellable(words))
