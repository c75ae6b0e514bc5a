"""What a digest chooses, and what it says of the rest."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.desk.digest import PER_PROVIDER, Candidate, Fate, Had, Why, choose, ranked
from bot.desk.subscription import Wish
from tests.support.cards import NOW

DAY = timedelta(days=1)


def candidate(card_id: int, **changes: Any) -> Candidate:
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


def fates(*cards: Candidate, wish: Wish | None = None, had: Had | None = None) -> list[Fate]:
    ranking = ranked(cards, NOW, DAY)
    found = choose(ranking, wish or Wish(), NOW, NOW - DAY, had or Had(), explain=True).fates
    return [found[card.card_id] for card in cards]


def order(*cards: Candidate) -> list[int]:
    return [card.card_id for card in ranked(cards, NOW, DAY)]


def test_heat_quality_and_age_decide_the_order() -> None:
    assert order(candidate(1), candidate(2, heat=200), candidate(3, quality=100)) == [2, 3, 1]
    fresh, old = candidate(1, heat=100), candidate(2, heat=180, published_at=NOW - timedelta(hours=40))
    assert order(old, fresh) == [1, 2]
    assert order(candidate(1, heat=None, quality=None), candidate(2, heat=-1, quality=0), candidate(3)) == [3, 2, 1]


def test_a_weekly_digest_forgets_more_slowly() -> None:
    fresh, old = candidate(1, heat=100), candidate(2, heat=180, published_at=NOW - timedelta(hours=40))
    assert [card.card_id for card in ranked((fresh, old), NOW, 7 * DAY)] == [2, 1]


def test_each_card_left_out_has_its_reason() -> None:
    assert fates(candidate(1, topics=frozenset({"rust"})), wish=Wish(topics=("Python",))) == [Fate.OTHER_TOPIC]
    assert fates(candidate(1, quality=10), wish=Wish(min_quality=50)) == [Fate.WEAK]
    assert fates(candidate(1, quality=None), wish=Wish(min_quality=1)) == [Fate.WEAK]
    assert fates(candidate(1), had=Had({1}, {1})) == [Fate.HAD]
    assert fates(candidate(1, story_id=7), had=Had({2}, {7})) == [Fate.STORY_HAD]
    assert fates(candidate(1, arrived_at=NOW - DAY)) == [Fate.OLD]
    assert fates(candidate(1), candidate(2, story_id=1, heat=10)) == [Fate.CHOSEN, Fate.STORY_TOLD]
    assert fates(candidate(1), candidate(2, heat=10), wish=Wish(max_cards=1)) == [Fate.CHOSEN, Fate.BEATEN]
    three = [candidate(number, provider="same", heat=100 - number) for number in (1, 2, 3)]
    assert fates(*three) == [Fate.CHOSEN, Fate.CHOSEN, Fate.PROVIDER_FULL]
    unnamed = [candidate(number, provider="") for number in (1, 2, 3)]
    assert fates(*unnamed) == [Fate.CHOSEN] * 3


def test_words_are_looked_at_only_of_cards_that_would_fit() -> None:
    asked: list[int] = []

    def left_out(card_id: int) -> bool:
        asked.append(card_id)
        return card_id == 1

    pool = ranked((candidate(1), candidate(2, quality=0)), NOW, DAY)
    found = choose(pool, Wish(min_quality=1), NOW, NOW - DAY, left_out=left_out, explain=True)
    assert found.fates == {1: Fate.LEFT_OUT, 2: Fate.WEAK}
    assert asked == [1]


def test_the_choice_says_why() -> None:
    found = choose(ranked((candidate(1), candidate(2, heat=200)), NOW, DAY), Wish(), NOW, NOW - DAY)
    assert [(each.card_id, each.why and each.why.place) for each in found.chosen] == [(2, 1), (1, 2)]
    assert found.chosen[0].why == Why(1, heat=200, quality=80, hours=2)


POOL = st.lists(
    st.builds(
        candidate,
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


@given(POOL, st.integers(1, 25), st.integers(0, 100), st.sets(st.integers(1, 12)))
def test_whatever_there_is_the_rules_hold(pool: list[Candidate], most: int, quality: int, told: set[int]) -> None:
    wish, had = Wish(topics=("Python",), max_cards=most, min_quality=quality), Had((), told)
    ranking = ranked(pool, NOW, DAY)
    found = choose(ranking, wish, NOW, NOW - DAY, had, explain=True)
    cards = {card.card_id: card for card in pool}
    chosen = [cards[each.card_id] for each in found.chosen]
    assert len(chosen) <= most
    assert len({card.story_id for card in chosen}) == len(chosen)
    assert not told & {card.story_id for card in chosen}
    assert all("python" in card.topics and (card.quality or 0) >= quality for card in chosen)
    providers = Counter(card.provider for card in chosen if card.provider)
    assert all(number <= PER_PROVIDER for number in providers.values())
    assert chosen == [card for card in ranking if card in chosen]
    assert found.fates.keys() == cards.keys()
    assert found.chosen == choose(ranking, wish, NOW, NOW - DAY, had).chosen
