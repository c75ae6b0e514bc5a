"""What a digest chooses, and what it says of the rest."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digest_selection import (
    AlreadyDelivered,
    Candidate,
    SelectionOutcome,
    SelectionReason,
    compute_provider_limit,
    merge_rankings,
    rank_candidates,
    select_cards,
)
from bot.domain.subscription import SubscriptionOptions
from tests.support.cards import NOW

DAY = timedelta(days=1)


def make_candidate(card_id: int, **changes: Any) -> Candidate:
    fields: dict[str, Any] = {
        "card_id": card_id,
        "story_id": card_id,
        "revision": f"r{card_id}",
        "published_at": NOW - timedelta(hours=2),
        "arrived_at": NOW - timedelta(hours=1),
        "topics": frozenset({"python"}),
        "provider": f"p{card_id}",
        "quality": 80,
        "heat": 90,
    }
    return Candidate(**fields | changes)


def select_outcomes(
    *cards: Candidate, options: SubscriptionOptions | None = None, already_delivered: AlreadyDelivered | None = None
) -> list[SelectionOutcome]:
    ranking = rank_candidates(cards, NOW, DAY)
    found = select_cards(
        ranking, options or SubscriptionOptions(), NOW, NOW - DAY, already_delivered or AlreadyDelivered(), explain=True
    ).outcomes
    return [found[card.card_id] for card in cards]


def rank_order(*cards: Candidate) -> list[int]:
    return [card.card_id for _, card in rank_candidates(cards, NOW, DAY)]


def test_heat_quality_and_age_decide_the_order() -> None:
    assert rank_order(make_candidate(1), make_candidate(2, heat=200), make_candidate(3, quality=100)) == [2, 3, 1]
    fresh, old = make_candidate(1, heat=100), make_candidate(2, heat=180, published_at=NOW - timedelta(hours=40))
    assert rank_order(old, fresh) == [1, 2]
    assert rank_order(
        make_candidate(1, heat=None, quality=None), make_candidate(2, heat=-1, quality=0), make_candidate(3)
    ) == [3, 2, 1]


def test_a_weekly_digest_forgets_more_slowly() -> None:
    fresh, old = make_candidate(1, heat=100), make_candidate(2, heat=180, published_at=NOW - timedelta(hours=40))
    assert [card.card_id for _, card in rank_candidates((fresh, old), NOW, 7 * DAY)] == [2, 1]


def test_each_card_left_out_has_its_reason() -> None:
    assert select_outcomes(
        make_candidate(1, topics=frozenset({"rust"})), options=SubscriptionOptions(topics=("Python",))
    ) == [SelectionOutcome.OTHER_TOPIC]
    assert select_outcomes(make_candidate(1, quality=10), options=SubscriptionOptions(min_quality=50)) == [
        SelectionOutcome.LOW_QUALITY
    ]
    assert select_outcomes(make_candidate(1, quality=None), options=SubscriptionOptions(min_quality=1)) == [
        SelectionOutcome.LOW_QUALITY
    ]
    assert select_outcomes(make_candidate(1), already_delivered=AlreadyDelivered({1}, {1})) == [
        SelectionOutcome.CARD_DELIVERED
    ]
    assert select_outcomes(make_candidate(1, story_id=7), already_delivered=AlreadyDelivered({2}, {7})) == [
        SelectionOutcome.STORY_DELIVERED
    ]
    assert select_outcomes(make_candidate(1, arrived_at=NOW - DAY)) == [SelectionOutcome.NOT_NEW]
    assert select_outcomes(make_candidate(1), make_candidate(2, story_id=1, heat=10)) == [
        SelectionOutcome.SELECTED,
        SelectionOutcome.STORY_SELECTED,
    ]
    assert select_outcomes(make_candidate(1), make_candidate(2, heat=10), options=SubscriptionOptions(max_cards=1)) == [
        SelectionOutcome.SELECTED,
        SelectionOutcome.OUTRANKED,
    ]
    three = [make_candidate(number, provider="same", heat=100 - number) for number in (1, 2, 3)]
    assert select_outcomes(*three, options=SubscriptionOptions(max_cards=2)) == [
        SelectionOutcome.SELECTED,
        SelectionOutcome.SELECTED,
        SelectionOutcome.OUTRANKED,
    ]
    others = [make_candidate(number, heat=10) for number in range(4, 8)]
    assert select_outcomes(*three, *others)[:3] == [
        SelectionOutcome.SELECTED,
        SelectionOutcome.SELECTED,
        SelectionOutcome.PROVIDER_LIMIT,
    ]
    unnamed = [make_candidate(number, provider="") for number in (1, 2, 3)]
    assert select_outcomes(*unnamed) == [SelectionOutcome.SELECTED] * 3


def test_a_publisher_that_is_not_asked_for_is_left_out() -> None:
    options = SubscriptionOptions(providers=("BBC  News", "nasa"))
    outcomes = select_outcomes(
        make_candidate(1, provider="bbc news"),
        make_candidate(2, provider="wired"),
        make_candidate(3, provider=""),
        make_candidate(4, provider="wired", picked_for=frozenset((0,))),
        options=options,
    )
    other = SelectionOutcome.OTHER_PROVIDER
    assert outcomes == [SelectionOutcome.SELECTED, other, other, SelectionOutcome.SELECTED]


def test_words_are_looked_at_only_of_cards_that_would_fit() -> None:
    requests: list[int] = []

    def left_out(card: Candidate) -> SelectionOutcome | None:
        requests.append(card.card_id)
        return SelectionOutcome.EXCLUDED if card.card_id == 1 else None

    candidates = rank_candidates((make_candidate(1), make_candidate(2, quality=0)), NOW, DAY)
    found = select_cards(
        candidates, SubscriptionOptions(min_quality=1), NOW, NOW - DAY, judge_text=left_out, explain=True
    )
    assert found.outcomes == {1: SelectionOutcome.EXCLUDED, 2: SelectionOutcome.LOW_QUALITY}
    assert requests == [1]


def test_the_choice_says_why() -> None:
    found = select_cards(
        rank_candidates((make_candidate(1), make_candidate(2, heat=200)), NOW, DAY),
        SubscriptionOptions(),
        NOW,
        NOW - DAY,
    )
    assert [(each.card_id, each.reason and each.reason.rank) for each in found.cards] == [(2, 1), (1, 2)]
    assert found.cards[0].reason == SelectionReason(1, heat=200, quality=80, hours=2)


POOL = st.lists(
    st.builds(
        make_candidate,
        card_id=st.integers(1, 40),
        story_id=st.integers(1, 12),
        provider=st.sampled_from(["", "a", "b", "c"]),
        heat=st.none() | st.integers(-1, 400),
        quality=st.none() | st.integers(0, 189),
        topics=st.sets(st.sampled_from(["python", "rust"])).map(frozenset),
    ),
    unique_by=lambda card: card.card_id,
    max_size=30,
)


UNFIT = {SelectionOutcome.OTHER_TOPIC, SelectionOutcome.LOW_QUALITY, SelectionOutcome.STORY_DELIVERED}


def limit_of(outcomes: Mapping[int, SelectionOutcome], cards: Mapping[int, Candidate], most: int) -> int:
    """The limit by the publishers of all cards that the subscription could have had."""
    providers = {cards[card_id].provider for card_id, outcome in outcomes.items() if outcome not in UNFIT}
    return compute_provider_limit(most, len(providers - {""}))


@given(POOL, st.integers(1, 25), st.integers(0, 100), st.sets(st.integers(1, 12)))
def test_whatever_there_is_the_rules_hold(
    candidates: list[Candidate], most: int, quality: int, messages: set[int]
) -> None:
    options, already_delivered = (
        SubscriptionOptions(topics=("Python",), max_cards=most, min_quality=quality),
        AlreadyDelivered((), messages),
    )
    ranking = rank_candidates(candidates, NOW, DAY)
    found = select_cards(ranking, options, NOW, NOW - DAY, already_delivered, explain=True)
    cards = {card.card_id: card for card in candidates}
    selected = [cards[each.card_id] for each in found.cards]
    assert len(selected) <= most
    assert len({card.story_id for card in selected}) == len(selected)
    assert not messages & {card.story_id for card in selected}
    assert all("python" in card.topics and (card.quality or 0) >= quality for card in selected)
    providers = Counter(card.provider for card in selected if card.provider)
    assert all(number <= limit_of(found.outcomes, cards, most) for number in providers.values())
    assert selected == [card for _, card in ranking if card in selected]
    assert found.outcomes.keys() == cards.keys()
    assert found.cards == select_cards(ranking, options, NOW, NOW - DAY, already_delivered).cards


@given(st.integers(1, 25), st.integers(1, 40), st.integers(1, 12), st.sets(st.integers(1, 25)))
def test_few_publishers_share_a_digest_evenly(most: int, providers: int, each: int, held: set[int]) -> None:
    cards = [
        make_candidate(1 + place, provider=f"p{place % providers}", heat=place * 37 % 101)
        for place in range(providers * each)
    ]
    # Cards that the subscription does not want are of no weight, whoever publishes them.
    others = [make_candidate(9000 + place, provider=f"o{place}", topics=frozenset({"rust"})) for place in held]
    ranking = rank_candidates([*cards, *others], NOW, DAY)
    options = SubscriptionOptions(topics=("Python",), max_cards=most)
    found = select_cards(ranking, options, NOW, NOW - DAY).cards
    counts = Counter(cards[card.card_id - 1].provider for card in found)
    assert max(counts.values()) <= max(2, math.ceil(most / providers))
    if each * providers >= most and each >= math.ceil(most / providers):
        assert len(found) == most


def test_a_server_with_one_feed_gets_full_digests() -> None:
    cards = [make_candidate(number, provider="the feed") for number in range(1, 31)]
    assert select_outcomes(*cards, options=SubscriptionOptions(max_cards=25)).count(SelectionOutcome.SELECTED) == 25


@given(POOL, st.integers(0, 30))
def test_merging_two_rankings_is_ranking_all(cards: list[Candidate], cut: int) -> None:
    one, other = (rank_candidates(part, NOW, DAY) for part in (cards[:cut], cards[cut:]))
    assert merge_rankings(one, other) == rank_candidates(cards, NOW, DAY)
