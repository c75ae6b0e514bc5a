"""What somebody missed: what arrived meanwhile, the best first, one card a story."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bot.domain.catch_up import MAX_CARDS, select_missed
from bot.domain.digest_selection import Candidate
from tests.support.cards import NOW

SINCE = NOW - timedelta(days=2)


def make_candidate(number: int, **changes: Any) -> Candidate:
    fields: dict[str, Any] = {
        "story_id": number,
        "revision": "r",
        "published_at": NOW - timedelta(hours=1),
        "arrived_at": NOW - timedelta(hours=1),
        "topics": frozenset(),
        "provider": "",
        "quality": None,
        "heat": 100 + number,
    }
    return Candidate(number, **(fields | changes))


def missed_ids(*candidates: Candidate) -> list[int]:
    return [card.card_id for card in select_missed(candidates, SINCE, NOW).best]


def test_the_best_come_first_and_one_card_a_story() -> None:
    assert missed_ids(make_candidate(1), make_candidate(2, story_id=1), make_candidate(3)) == [3, 2]


def test_only_what_arrived_between_the_two_moments_was_missed() -> None:
    edges = (SINCE, SINCE + timedelta(microseconds=1), NOW, NOW + timedelta(microseconds=1))
    assert sorted(missed_ids(*(make_candidate(number, arrived_at=at) for number, at in enumerate(edges)))) == [1, 2]


def test_what_a_moderator_picked_for_a_channel_is_not_above_the_others() -> None:
    assert missed_ids(make_candidate(1, picked_for=frozenset({7})), make_candidate(2)) == [2, 1]


def test_there_are_so_many_at_most_and_all_are_counted() -> None:
    found = select_missed([make_candidate(number) for number in range(MAX_CARDS + 3)], SINCE, NOW)
    assert (len(found.best), found.stories) == (MAX_CARDS, MAX_CARDS + 3)


def test_nothing_is_missed_at_once() -> None:
    assert select_missed([make_candidate(1)], NOW, NOW).stories == 0
