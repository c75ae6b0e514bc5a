"""Which cards have the words of a subscription: as a search for each entry would find them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.subscription import SubscriptionOptions
from bot.domain.word_filters import WordIndex, is_word_query, matches_entry, read_words
from tests.support.cards import make_card

CARD = make_card(
    title="Café opens: chips for C++ and .NET",
    excerpt="The Straße is closed, ﬁlms are shown. ΆΝΘΡΩΠΟΣ. 新しいバージョン 🚀",
    topics=("Cooking",),
)


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        ("chips", True),
        ("CHIP", True),  # by its stem
        ('"chip"', False),  # quoted: exactly so
        ('"chips"', True),
        ("cafe", True),
        ("strasse", True),
        ("films", True),
        ("άνθρωποσ", True),
        ("新しい", True),
        ("🚀", True),
        ("c++", True),
        ("c", False),
        ("net", False),
        (".net", True),
        ("cafe chips", True),  # both, anywhere
        ('"chips for"', True),
        ('"for chips"', False),
        ('".NET the"', False),  # a phrase does not go from the title into the excerpt
        ("clos*", True),
        ("chips -cafe", False),
        ("chips -tea", True),
        ("-tea", False),
        ("cooking", False),  # topics have an option of their own
        ("!!", False),
        ("", False),
    ],
)
def test_an_entry_finds_what_a_search_finds(entry: str, found: bool) -> None:
    words = read_words(CARD, "en")
    assert matches_entry(words, entry) is found
    assert WordIndex({1: words}).find_matches(entry) == ({1} if found else set())


@pytest.mark.parametrize(("language", "found"), [("de", True), ("", False)])
def test_stems_are_those_of_the_cards_language(language: str, found: bool) -> None:
    words = read_words(make_card(title="Neue Häuser", excerpt=""), language)
    assert matches_entry(words, "Hauses") is found


def test_what_names_no_word_is_no_query() -> None:
    assert [is_word_query(entry) for entry in ("chip", '"a b"', "-chip", "!", "", "新")] == [
        True,
        True,
        False,
        False,
        False,
        True,
    ]


WORDS = st.sampled_from(["chip", "chips", "c", "c++", "open", "source", "Häuser", "haus", "新しい"])
TEXTS = st.lists(WORDS, max_size=4).map(" ".join)
ENTRIES = st.lists(st.sampled_from(["", "-", '"']).flatmap(lambda sign: WORDS.map(sign.__add__)), max_size=3).map(
    " ".join
) | TEXTS.map('"{}"'.format)


@given(st.lists(st.tuples(TEXTS, TEXTS, st.sampled_from(["en", "de", ""])), max_size=4), st.lists(ENTRIES, max_size=4))
def test_the_index_finds_what_each_card_has(texts: list[tuple[str, str, str]], entries: list[str]) -> None:
    words = {
        number: read_words(make_card(title=title or "-", excerpt=excerpt), language)
        for number, (title, excerpt, language) in enumerate(texts)
    }
    index = WordIndex(words)
    for entry in entries:
        assert index.find_matches(entry) == {key for key, each in words.items() if matches_entry(each, entry)}


def test_without_words_nothing_is_asked_for() -> None:
    assert SubscriptionOptions().words == ()
    assert WordIndex[int]({}).find_matches("chip") == frozenset()
