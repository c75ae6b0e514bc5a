"""A search's words in their place: the part around them, bold, and nothing of the text that formats or mentions."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.tokenizer import split_keys
from bot.domain.search_query import Phrase, parse_query, with_completions
from bot.render.card_list import render_card_list
from bot.render.limits import count_units
from bot.render.markdown import escape_markdown, escape_with_marks, fit_escaped
from bot.render.search_snippet import find_spans, make_snippet
from tests.render.cases import ANY_TEXT, FILED, LONG_TEXT, PICTURES, make_card
from tests.render.limits_check import ESCAPED, MENTION, assert_no_mention, assert_within_limits

FILLER = "Lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor. "


@pytest.mark.parametrize(
    ("text", "words", "shown"),
    [
        ("One small step for a man", "STEP man", "One small **step** for a **man**"),
        ("Das Manöver in Köln", "koln manover", "Das **Manöver** in **Köln**"),
        ("Re\u0301sume\u0301 writing", "résumé", "**Re\u0301sume\u0301** writing"),
        ("苹果发布新款芯片", "芯片 苹果", "**苹果**发布新款**芯片**"),
        ("苹果发布新款芯片", "苹果 发布", "**苹果发布**新款芯片"),
        ("ข่าวภาษาไทยวันนี้", "ภาษา", "ข่าว**ภาษา**ไทยวันนี้"),
        ("first steps, first things", '"first steps"', "**first steps**, first things"),
        ("artful art", "art", "artful **art**"),
        ("artful art", "art*", "**artful** **art**"),
        ("the moon and mars", "moon -mars", "the **moon** and mars"),
        ("the *moon* in snake_case", "moon snake", "the \\***moon**\\* in **snake**\\_case"),
        ("@everyone look", "everyone", "@\u200b**everyone** look"),
        ("https://news.example/moon", "moon https", "**https**\\://news.example/**moon**"),
        ("1. one", "1", "**1**\\. one"),
        ("C++ and .NET, not C", "c++ .net", "**C++** and **.NET**, not C"),
        ("👩‍💻 codes", "💻", "**👩‍💻** codes"),
        ("Große Straße", "strasse", "Große **Straße**"),
        ("ＡＩ ﬁnds x²", "ai finds x2", "**ＡＩ** **ﬁnds** **x²**"),
        ("nothing here", "moon", "nothing here"),
        ("nothing here", "", "nothing here"),
    ],
)
def test_words_are_bold_where_they_stand(text: str, words: str, shown: str) -> None:
    assert make_snippet(text, parse_query(words).required, 200) == shown


@pytest.mark.parametrize(
    ("text", "words", "shown"),
    [
        ("New chips, one chip", "chip", "New **chips**, one **chip**"),
        ("New chips, one chip", "chips", "New **chips**, one **chip**"),
        ("New chips, one chip", '"chip"', "New chips, one **chip**"),
        ("Disney+ and Disney", "disney", "**Disney+** and **Disney**"),
        ("Disney+ and Disney", "disney+", "**Disney+** and Disney"),
        ("Häuser und Haus", "haus", "**Häuser** und **Haus**"),
        ("C and C++", "c", "**C** and C++"),
    ],
)
def test_other_forms_of_a_word_are_bold_too(text: str, words: str, shown: str) -> None:
    assert make_snippet(text, parse_query(words, languages=("de", "en")).required, 200) == shown


def test_the_endings_that_were_searched_for_are_bold() -> None:
    query = with_completions(parse_query("red com", typing=True), ["comet", "comets"])
    assert make_snippet("A red comet, no comedy", query.required, 200) == "A **red** **comet**, no comedy"


def test_a_long_text_is_cut_around_the_first_word() -> None:
    shown = make_snippet(FILLER * 5 + "A comet passes. " + FILLER * 5, parse_query("comet").required, 100)
    assert shown.startswith("…")
    assert " **comet** passes" in shown
    assert shown.endswith("…")
    assert 80 < len(shown) <= 100
    assert shown.split()[0].strip("…") in FILLER.split()


def test_a_long_text_whose_beginning_has_the_word_begins_there() -> None:
    shown = make_snippet("A comet passes. " + FILLER * 5, parse_query("comet").required, 100)
    assert shown.startswith("A **comet** passes. Lorem")


def test_text_without_spaces_is_cut_between_its_characters() -> None:
    shown = make_snippet("新" * 300 + "芯片" + "新" * 300, parse_query("芯片").required, 60)
    assert re.fullmatch("…新+\\*\\*芯片\\*\\*新+…", shown)


SAID = st.sampled_from(["everyone", "a", "x", "é", "芯", "1", "here"])
PHRASES = st.builds(Phrase, st.lists(SAID, min_size=1, max_size=2).map(tuple), st.booleans())
ASKED = st.one_of(st.lists(PHRASES, max_size=4), ANY_TEXT.map(lambda words: parse_query(words, typing=True).required))


@given(LONG_TEXT, ASKED, st.integers(-5, 300))
def test_an_excerpt_fits_and_only_its_own_marks_format(text: str, phrases: list[Phrase], limit: int) -> None:
    shown = make_snippet(text, phrases, limit)
    assert count_units(shown) <= max(0, limit)
    assert not MENTION.search(shown)
    bare = ESCAPED.sub("x", shown)
    assert bare.count("**") % 2 == 0
    assert not re.search(r"[\\*_~`|\[\]<]|://", bare.replace("**", ""))
    assert "****" not in bare
    assert not MENTION.search(shown.replace("**", ""))


@given(LONG_TEXT, st.integers(0, 300))
def test_without_words_it_is_the_plain_cut(text: str, limit: int) -> None:
    assert make_snippet(text, (), limit) == fit_escaped(text, limit)


@given(ANY_TEXT)
def test_escaping_with_no_marks_is_escaping(text: str) -> None:
    assert escape_with_marks(text, []) == escape_markdown(text)


@given(LONG_TEXT, ASKED)
def test_spans_are_apart_and_begin_and_end_with_a_word(text: str, phrases: list[Phrase]) -> None:
    last = -1
    for start, end in find_spans(text, phrases):
        assert last < start < end <= len(text)
        assert split_keys(text[start:end])
        assert not text[start].isspace()
        assert not text[end - 1].isspace()
        last = end


def test_a_span_ends_before_the_space_that_a_prepended_letter_absorbs() -> None:
    assert find_spans("news\u0d4e ", parse_query("news", typing=True).required) == [(0, 5)]


@given(st.lists(FILED, max_size=6), ASKED)
def test_any_list_of_hits_fits(cards: list, phrases: list[Phrase]) -> None:  # type: ignore[type-arg]
    embeds = render_card_list(cards, PICTURES, phrases=phrases)
    assert_within_limits(embeds)
    assert_no_mention(embeds)


def test_a_list_of_hits_shows_them_and_another_list_does_not() -> None:
    cards = [make_card(excerpt="The comet passes"), make_card(excerpt="No such thing")]
    shown = [embed.description for embed in render_card_list(cards, None, phrases=parse_query("comet").required)]
    assert shown == ["The **comet** passes", "No such thing"]
    assert render_card_list(cards, None)[0].description == "The comet passes"
    assert (
        render_card_list(cards[:1], None, phrases=parse_query("comet").required)[0].description
        == "The **comet** passes"
    )
