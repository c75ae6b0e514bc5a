"""Counting what a server sees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.cards.model import CardState
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.domain.trends import SpanCount
from bot.store import Store
from bot.store.cards.trends import TopicTrend
from tests.support.cards import NOW, make_card, store_cards

HERE, ELSEWHERE = 1, 2


async def _add_cards(store: Store, ages: dict[str, float], **changes: object) -> list[int]:
    """Cards of so many days' age."""
    made = [make_card(slug, published_at=NOW - timedelta(days=age), **changes) for slug, age in ages.items()]
    return await store_cards(store, *made)


async def _decide_card(store: Store, card_id: int, verdict: Verdict) -> None:
    decision = Decision(HERE, card_id, verdict, 9, NOW)
    await store.moderation.decisions.decide_card(decision, source=DecisionSource.COMMAND, expected=None)


async def test_topics_count_all_the_last_week_and_the_week_before(store: Store) -> None:
    ages = {"future": -1, "now": 0, "6": 6.9, "7": 7.1, "13": 13.9, "14": 14.1, "old": 400}
    await _add_cards(store, ages, topics=("Space",))
    await _add_cards(store, {"other": 100}, topics=("Quiet",))
    found = await store.cards.trends.count_topics(HERE, NOW, limit=10)
    assert found == [TopicTrend("Space", 7, recent=2, before=2), TopicTrend("Quiet", 1)]
    assert await store.cards.trends.count_topics(HERE, NOW, limit=1) == found[:1]


async def test_only_what_the_server_sees_is_counted(store: Store) -> None:
    (_, taken) = await _add_cards(store, {"kept": 1, "taken": 1}, topics=("Space",), heat=50)
    (given, _) = await _add_cards(store, {"given": 1, "waits": 1}, topics=("Space",), heat=90, state=CardState.HELD)
    await _add_cards(store, {"gone": 1}, topics=("Space",), state=CardState.WITHDRAWN)
    await _decide_card(store, taken, Verdict.WITHDRAW)
    await _decide_card(store, given, Verdict.PUBLISH)
    assert await store.cards.trends.count_topics(HERE, NOW, limit=10) == [TopicTrend("Space", 2, recent=2)]
    assert await store.cards.trends.count_topics(ELSEWHERE, NOW, limit=10) == [TopicTrend("Space", 2, recent=2)]
    for topic in (None, "SPACE"):
        (here,) = await store.cards.trends.count_spans(HERE, topic, NOW - timedelta(days=2), NOW)
        (elsewhere,) = await store.cards.trends.count_spans(ELSEWHERE, topic, NOW - timedelta(days=2), NOW)
        assert (here.cards, here.heat) == (2, 140)
        assert (elsewhere.cards, elsewhere.heat) == (2, 100)


@pytest.mark.parametrize("topic", [None, "space"])
async def test_spans_are_quarters_of_an_hour_within_the_bounds(store: Store, topic: str | None) -> None:
    minutes = {"future": -1, "a": 1, "b": 14, "c": 16, "out": 60}
    ages = {slug: minute / 24 / 60 for slug, minute in minutes.items()}
    await _add_cards(store, {slug: ages[slug] for slug in ("future", "a", "out")}, topics=("Space",), heat=40)
    await _add_cards(store, {slug: ages[slug] for slug in ("b", "c")}, topics=("Space",), heat=None)
    found = await store.cards.trends.count_spans(HERE, topic, NOW - timedelta(minutes=59), NOW)
    assert sorted(found, key=lambda span: span.at) == [
        SpanCount(datetime(2026, 11, 24, 11, 30, tzinfo=UTC), 1, 0, 0),
        SpanCount(datetime(2026, 11, 24, 11, 45, tzinfo=UTC), 2, 40, 1),
    ]


async def test_an_unknown_topic_has_no_cards(store: Store) -> None:
    await _add_cards(store, {"a": 1}, topics=("Space",))
    assert await store.cards.trends.count_spans(HERE, "Unheard", NOW - timedelta(days=9), NOW) == []
