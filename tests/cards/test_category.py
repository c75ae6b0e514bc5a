"""A file without a category is a card when it has all that one needs; another category is never one."""

from __future__ import annotations

import pytest

from bot.cards.parser import parse_card
from tests.support.cards import card_file, parse_file, parse_notes

NONE = {"category": None}


@pytest.mark.parametrize(
    "fields",
    [{}, {"heat": None, "published": None}, {"published": False}, {"category": ""}, {"excerpt": "x", "type": "video"}],
)
def test_without_a_category_a_title_a_link_and_a_time_are_enough(fields: dict[str, object]) -> None:
    content = card_file(**(NONE | fields))
    assert parse_notes(content) == []
    found = parse_file(content)
    assert found.card
    assert found.card.title == "A title"


def test_the_day_in_the_files_name_is_a_time_as_well() -> None:
    content = card_file(**NONE, publishedDateTime=None)
    assert parse_file(content, "2026/2026-11-24-a-card").card
    assert parse_file(content).card is None


@pytest.mark.parametrize("missing", ["title", "webUrl", "publishedDateTime"])
def test_without_one_of_them_it_is_none_and_the_note_says_which(missing: str) -> None:
    found = parse_file(card_file(**NONE, **{missing: None}))
    assert found.card is None
    assert found.problems[0].problem == f"not a news card: it has no category, and without one a card needs {missing}"


@pytest.mark.parametrize(
    "category",
    ["learning", "people", "event", "sample", "newsletter", "new", "News & Views", ["news"], {"news": 1}, 0, False],
)
def test_another_category_is_no_news_card_whatever_else_is_there(category: object) -> None:
    found = parse_file(card_file(category=category))
    assert found.card is None
    assert found.problems[0].problem.startswith("not a news card: its category is")


@pytest.mark.parametrize("category", ["news", "News", " NEWS ", "'news'"])
def test_news_is_news_with_the_setting_and_without(category: str) -> None:
    content = card_file().replace(b"category: news", f"category: {category}".encode())
    for needed in (True, False):
        assert parse_card(content, file="a.md", slug="a", need_category=needed).card
        bare = parse_card(card_file(**NONE), file="a.md", slug="a", need_category=needed)
        assert (bare.card is None) is needed


@pytest.mark.parametrize("body", [b"<html>\n<head>", b"\n\n<!DOCTYPE html>\n", b"  <HTML lang='en'>"])
def test_a_page_of_a_site_is_no_card(body: bytes) -> None:
    found = parse_file(card_file(**NONE) + body)
    assert found.card is None
    assert "a page of its own" in found.problems[0].problem
    assert parse_file(card_file() + body).card


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("Category", "category"),
        ("categroy", "category"),
        ("titel", "title"),
        ("url", "webUrl"),
        ("date", "publishedDateTime"),
    ],
)
def test_a_misspelt_key_that_may_be_all_that_keeps_it_from_being_a_card_is_named(key: str, meant: str) -> None:
    without = {"category": None, meant: None} if meant != "category" else {"category": None, "webUrl": None}
    found = parse_file(card_file(**without, **{key: "news"}))
    assert found.card is None
    assert f"not read: did you mean `{meant}`?" in {each.problem for each in found.problems if each.field == key}
