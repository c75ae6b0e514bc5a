"""What a subscription would have brought."""

from __future__ import annotations

from datetime import time, timedelta

from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.domain.what_if import simulate_options
from tests.domain.test_digest_selection import make_candidate
from tests.support.cards import NOW


def test_an_instant_wish_brings_each_story_once_on_its_day() -> None:
    candidates = [
        make_candidate(1, published_at=NOW - timedelta(days=2)),
        make_candidate(2, published_at=NOW - timedelta(days=2, hours=1), story_id=1),
        make_candidate(3, published_at=NOW - timedelta(hours=1)),
        make_candidate(4, published_at=NOW - timedelta(days=40)),
        make_candidate(5, published_at=NOW - timedelta(hours=1), topics=frozenset({"rust"})),
    ]
    brought = simulate_options(candidates, SubscriptionOptions(topics=("Python",)), NOW, 30)
    assert brought.card_ids == (3, 2)
    assert brought.digests == 0
    assert len(brought.days) == 30
    assert [(f"{day}", count) for day, count in brought.days if count] == [("2026-11-22", 1), ("2026-11-24", 1)]


def test_a_digest_brings_the_best_of_each_slot() -> None:
    options = SubscriptionOptions(frequency=Frequency.DAILY, times=(time(9),), max_cards=1)
    candidates = [
        make_candidate(1, published_at=NOW - timedelta(hours=26), heat=200),
        make_candidate(2, published_at=NOW - timedelta(hours=26, minutes=5), heat=100),
        make_candidate(3, published_at=NOW - timedelta(days=2, hours=5), heat=10),
        make_candidate(4, published_at=NOW - timedelta(hours=1), heat=10),
    ]
    brought = simulate_options(candidates, options, NOW, 30)
    # the fourth came after today's digest
    assert (brought.card_ids, brought.digests) == ((1, 3), 2)


def test_days_are_those_of_the_wishs_zone() -> None:
    late = make_candidate(1, published_at=NOW.replace(hour=20) - timedelta(days=1))
    brought = simulate_options([late], SubscriptionOptions(timezone="Asia/Tokyo"), NOW, 30)
    assert [f"{day}" for day, count in brought.days if count] == ["2026-11-24"]


def test_nothing_at_all() -> None:
    assert (
        sum(count for _, count in simulate_options([], SubscriptionOptions(frequency=Frequency.HOURLY), NOW, 30).days)
        == 0
    )
