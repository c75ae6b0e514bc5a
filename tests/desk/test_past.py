"""What a wish would have brought."""

from __future__ import annotations

from datetime import time, timedelta

from bot.desk.past import played_again
from bot.desk.subscription import When, Wish
from tests.desk.test_digest import candidate
from tests.support.cards import NOW


def test_an_instant_wish_brings_each_story_once_on_its_day() -> None:
    pool = [
        candidate(1, published_at=NOW - timedelta(days=2)),
        candidate(2, published_at=NOW - timedelta(days=2, hours=1), story_id=1),
        candidate(3, published_at=NOW - timedelta(hours=1)),
        candidate(4, published_at=NOW - timedelta(days=40)),
        candidate(5, published_at=NOW - timedelta(hours=1), topics=frozenset({"rust"})),
    ]
    brought = played_again(pool, Wish(topics=("Python",)), NOW, 30)
    assert brought.card_ids == (3, 2)
    assert brought.digests == 0
    assert len(brought.days) == 30
    assert [(f"{day}", count) for day, count in brought.days if count] == [("2026-11-22", 1), ("2026-11-24", 1)]


def test_a_digest_brings_the_best_of_each_slot() -> None:
    wish = Wish(when=When.DAILY, times=(time(9),), max_cards=1)
    pool = [
        candidate(1, published_at=NOW - timedelta(hours=26), heat=200),
        candidate(2, published_at=NOW - timedelta(hours=26, minutes=5), heat=100),
        candidate(3, published_at=NOW - timedelta(days=2, hours=5), heat=10),
        candidate(4, published_at=NOW - timedelta(hours=1), heat=10),
    ]
    brought = played_again(pool, wish, NOW, 30)
    # the fourth came after today's digest
    assert (brought.card_ids, brought.digests) == ((1, 3), 2)


def test_days_are_those_of_the_wishs_zone() -> None:
    late = candidate(1, published_at=NOW.replace(hour=20) - timedelta(days=1))
    brought = played_again([late], Wish(timezone="Asia/Tokyo"), NOW, 30)
    assert [f"{day}" for day, count in brought.days if count] == ["2026-11-24"]


def test_nothing_at_all() -> None:
    assert sum(count for _, count in played_again([], Wish(when=When.HOURLY), NOW, 30).days) == 0
