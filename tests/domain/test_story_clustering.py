"""Which cards tell one story: what is similar enough, and what a story holds."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from bot.domain.story_clustering import LARGEST, SPAN, AddressMatch, StoryBook
from bot.domain.story_matching import (
    SAME_STORY,
    Report,
    StoryCard,
    compute_similarity,
    rarest_words,
    weigh_words,
)
from bot.domain.story_text import read_story_text
from tests.support.cards import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CLEAR, FAINT = 900, SAME_STORY - 1


def make_story_card(title: str = "Comet Halley nears planet Earth", card_id: int = 1, **fields: Any) -> StoryCard:
    after = fields.pop("after", timedelta())
    text = read_story_text(title, fields.pop("excerpt", ""), fields.pop("language", "en"))
    counts = Counter(fields.pop("common", ()))
    weighed = weigh_words(text, 100, lambda word: counts[word] or 1)
    report = Report(fields.pop("publisher", ""), NOW + after, text.title)
    return StoryCard(card_id, report, weighed, text.numbers, **fields)


def may_be_one(one: str, other: str, publishers: tuple[str, str] = ("A", "B"), after: timedelta = HOUR) -> bool:
    first = make_story_card(one, publisher=publishers[0])
    return compute_similarity(first, make_story_card(other, 2, publisher=publishers[1], after=after)) > 0


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Python 1.20 released with a faster parser", "Python 1.21 released with a faster parser", False),
        ("Python 1.20 released with a faster parser", "Python released with a faster parser", True),
        ("Python 1.20 released with a faster parser", "Python 1.20 released in 2026 with a faster parser", True),
        ("Apple releases iOS 17.1 with security fixes", "Apple releases iOS 1.17 with security fixes", False),
        ("Leeds beat Hull 2-1 after late drama", "Leeds beat Hull 1-2 after late drama", False),
        ("Acme reports record Q1 profit", "Acme reports record Q2 profit", False),
        ("Morning briefing", "Morning briefing", False),
    ],
)
def test_numbers_and_the_number_of_words_must_allow_it(one: str, other: str, expected: bool) -> None:
    assert may_be_one(one, other) is expected


@pytest.mark.parametrize(
    ("after", "publishers", "expected"),
    [
        (3 * DAY, ("A", "B"), True),
        (3 * DAY + HOUR, ("A", "B"), False),
        (23 * HOUR, ("A", "A"), True),
        (DAY, ("A", "A"), False),
        (3 * DAY, ("", ""), True),
    ],
)
def test_time_and_publisher_must_allow_it(after: timedelta, publishers: tuple[str, str], expected: bool) -> None:
    title = "Market report of the stock exchange"
    assert may_be_one(title, title, publishers, after) is expected
    assert not may_be_one(title, f"{title} today", ("A", "A"))


def test_similarity_is_that_of_the_title_and_that_of_all_words() -> None:
    title = "comet nears earth"
    one, other = make_story_card(title, excerpt="night"), make_story_card(title, excerpt="tail")
    assert compute_similarity(one, one) == 1000
    assert compute_similarity(one, other) == pytest.approx(500 + 500 * 3 / 4, abs=1)
    assert compute_similarity(one, make_story_card("moon")) == 0
    assert compute_similarity(one, make_story_card("")) == 0


def test_common_words_count_for_less() -> None:
    titles = "comet halley passes earth", "comet halley passes saturn"
    common = dict.fromkeys(("comet", "halley", "pass"), 90)
    assert compute_similarity(*(make_story_card(title) for title in titles)) == pytest.approx(750, abs=1)
    assert 0 < compute_similarity(*(make_story_card(title, common=common) for title in titles)) < 500
    assert rarest_words(make_story_card(titles[0], common=common).text)[0] == "earth"


def test_chinese_and_german_titles_are_compared() -> None:
    tokyo = make_story_card("東京株式市場で日経平均が大幅上昇")
    assert compute_similarity(tokyo, make_story_card("日経平均が大幅上昇、東京株式市場")) > SAME_STORY
    assert compute_similarity(tokyo, make_story_card("大阪で新しい美術館が開館")) < 180
    german = make_story_card("Bundesregierung beschließt neue Gesetze", language="de")
    again = make_story_card("Neues Gesetz von der Bundesregierung beschlossen", language="de")
    assert compute_similarity(german, again) > SAME_STORY


# stories


def add(book: StoryBook, card_id: int, similar: list[tuple[int, int]] | None = None, **fields: Any) -> int:
    matches = fields.pop("matches", ())
    story = fields.pop("story", None)
    return book.add_card(make_story_card(card_id=card_id, **fields), matches, similar or (), story)


def match(card_id: int, story_id: int, *, is_same: bool = False, after: timedelta = timedelta()) -> AddressMatch:
    return AddressMatch(card_id, story_id, NOW + after, is_same)


def test_a_card_joins_the_story_of_the_most_similar_card() -> None:
    book = StoryBook()
    assert [add(book, 1), add(book, 2)] == [1, 2]
    assert add(book, 3, [(SAME_STORY, 1), (CLEAR, 2)]) == 2
    assert add(book, 4, [(FAINT, 1)]) == 4
    assert add(book, 5, [(CLEAR, 1), (CLEAR, 2)]) == 2


def test_a_story_has_limits() -> None:
    book = StoryBook()
    for card_id in range(1, LARGEST + 1):
        assert add(book, card_id, [(CLEAR, 1)] if card_id > 1 else None) == 1
    assert add(book, 31, [(CLEAR, 1)]) == 31
    assert add(book, 32, matches=[match(1, 1)]) == 1
    assert add(book, 33, [(CLEAR, 31)], after=SPAN) == 31
    assert add(book, 34, [(CLEAR, 31)], after=SPAN + HOUR) == 34


def test_a_full_story_leaves_the_next_similar_one() -> None:
    book = StoryBook()
    add(book, 1)
    add(book, 2, after=8 * DAY)
    assert add(book, 3, [(CLEAR, 1), (SAME_STORY, 2)], after=9 * DAY) == 2


def test_a_series_is_not_joined_through_another_publisher() -> None:
    book = StoryBook()
    add(book, 1, publisher="A")
    add(book, 2, [(CLEAR, 1)], publisher="B", after=12 * HOUR)
    assert add(book, 3, [(CLEAR, 1)], publisher="A", after=DAY) == 3
    assert add(book, 4, [(CLEAR, 1)], publisher="B", after=20 * HOUR) == 1


def test_an_article_is_one_story_whenever_it_comes_and_what_lists_it_within_a_week() -> None:
    book = StoryBook()
    add(book, 1)
    assert add(book, 2, matches=[match(1, 1, is_same=True)], after=300 * DAY) == 1
    assert add(book, 3, matches=[match(1, 1)], after=SPAN) == 1
    assert add(book, 4, matches=[match(1, 1)], after=SPAN + HOUR) == 4


def test_a_card_that_lists_two_stories_makes_them_one() -> None:
    book = StoryBook()
    add(book, 1), add(book, 2, after=HOUR)
    assert add(book, 3, matches=[match(1, 1), match(2, 2)]) == 1
    assert book.merged == {2: 1}
    assert add(book, 4, [(CLEAR, 2)]) == 1
    assert book.stories[1].count == 4


def test_stories_that_would_last_too_long_stay_apart() -> None:
    book = StoryBook()
    add(book, 1), add(book, 2, after=9 * DAY)
    assert add(book, 3, matches=[match(1, 1), match(2, 2, after=9 * DAY)], after=5 * DAY) == 1
    assert not book.merged


def test_a_card_that_has_a_story_keeps_it() -> None:
    book = StoryBook()
    assert add(book, 1, story=7) == 7
    assert add(book, 2, [(CLEAR, 7)]) == 7
