"""Markup goes, words about markup stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.html_markup import strip_markup
from bot.cards.text import clean_text

NAMES = [
    "a",
    "abbr",
    "b",
    "blockquote",
    "cite",
    "div",
    "em",
    "figure",
    "font",
    "h1",
    "h6",
    "i",
    "iframe",
    "img",
    "li",
    "ol",
    "p",
    "small",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "td",
    "tr",
    "u",
    "ul",
    "B",
    "Table",
]

WORDS = [
    "Why <{}> is bad in HTML",
    "Learn the <{}> element",
    "<{}> considered harmful",
    "When to use <{}>",
    "The end of <{}>?",
    "Is <{}>, at last, dead?",
    "<{}>: a history",
    "Close it with </{}> always",
    "Forgot the </{}>",
    "'<{}>' and \"<{}>\" explained",
    "The tag (<{}>) in 2026",
    "Use `<{}>` here",
    "“<{}>” or not",
    "<{}> or <unknown>",
    "Nested <{}><{}> trees",
    "<{}>",
    "</{}> is an ending",
    "A <{}> - what else",
    "<{}>-elements",
]
MARKUP = [
    ("<{0}>whole</{0}>", "whole"),
    ("a <{0}>part</{0}> of it", "a part of it"),
    ("<{0}>torn off at its end", "torn off at its end"),
    ("torn off at its beginning</{0}>", "torn off at its beginning"),
    ('with <{0} class="x">attributes', "with attributes"),
    ("<{0} data-x=1 y='2'>x</{0}>", "x"),
    ("closed <{0}/> itself", "closed itself"),
    ("closed <{0} /> itself", "closed itself"),
    ("“Quoted”</{0}>", "“Quoted”"),
    ("<{0}>“Quoted”", "“Quoted”"),
    ("<{0}><b>Both</b></{0}>", "Both"),
    ("<{0}><i>torn", "torn"),
    ("torn.</i></{0}>", "torn."),
    ("<{0}> spaced </{0}>", "spaced"),
    ("<{0}></{0}>", ""),
    ("<{0}>1 < 2</{0}>", "1 < 2"),
    ("torn <{0} href='x", "torn"),
    ("torn </{0}", "torn"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", WORDS)
def test_a_tag_that_is_spoken_about_stays(text: str, name: str) -> None:
    assert clean_text(text.format(name, name)) == text.format(name, name)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("text", "shown"), MARKUP)
def test_a_tag_that_marks_up_goes(text: str, shown: str, name: str) -> None:
    assert clean_text(text.format(name)) == shown


@pytest.mark.parametrize("tag", ["br", "BR", "hr"])
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("one<{}>two", "one two"),
        ("one.<{}> two", "one. two"),
        ("one <{}>two", "one two"),
        ("one <{0}> two <{0}> three", "one two three"),
        ("one<{0}><{0}>two", "one two"),
        ("one <{} /> two", "one two"),
        ("one</{}>two", "one two"),
        ("one<{}>", "one"),
    ],
)
def test_a_break_parts_words(text: str, shown: str, tag: str) -> None:
    assert clean_text(text.format(tag)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "The <br> tag",
        "What is <br>?",
        "When to use <hr>",
        "(<br>)",
        "a < b and c > d",
        "a<b",
        "if x<i>y: pass",
        "List<b>x",
        "Map<a, b>",
        "vector<int>",
        "std::set<u>",
        "1 <2> 3",
        "<3",
        "<- <b",
        "x <b and c> y",
        "use <Suspense> in React",
        "<notatag>",
        "5 <i< 7",
        "<>",
        "C<T> where T : class",
        "a <=b> c",
        "<b",
        "<a href",
        "<<b>>",
    ],
)
def test_signs_that_are_no_markup_stay(text: str) -> None:
    assert clean_text(text) == text


_PIECES = st.sampled_from(
    ["<b>", "</b>", "<p>", "</p>", "<br>", "<a href='x'>", "</a>", " ", "x", "“", '"', "(", ")", "<", ">", "."]
)


@given(st.lists(_PIECES, max_size=14).map("".join))
def test_nothing_but_tags_goes(text: str) -> None:
    kept = iter(text)
    assert all(sign in kept for sign in strip_markup(text) if sign != " ")
