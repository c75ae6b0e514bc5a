"""When a post says anew how many publishers have its story."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.cards.model import Card, Provider
from bot.domain.delivery import COVERAGE_EDITS_APART
from bot.store import Store
from tests.support.cards import NOW, make_card, store_cards
from tests.support.deliveries import next_delivery
from tests.support.follows import HERE, plan, post_due, subscribe

CHANNEL = 10
MINUTE = timedelta(minutes=1)


async def add_publishers(store: Store, *names: str, now: datetime) -> None:
    """Cards of the story that the channel does not get: they add to the coverage of its post alone."""
    await store_cards(store, *(make_report(name) for name in names), now=now)
    await plan(store, now)


def make_report(name: str, quality: int = 10) -> Card:
    title = "Comet Halley nears planet Earth tonight"
    return make_card(name, title=title, provider=Provider(name), url=f"https://{name}.example/", quality=quality)


async def plan_story(store: Store) -> None:
    """Plan the post of a story that one publisher has."""
    await subscribe(store, HERE, CHANNEL, min_quality=50)
    await store_cards(store, make_report("lead", 80))
    await plan(store)


async def post_story(store: Store) -> None:
    await plan_story(store)
    assert await post_due(store, CHANNEL) == [("post", ("lead",))]


async def next_due(store: Store, now: datetime) -> datetime | None:
    return await store.outbox.queue.next_due_at(now)


async def test_an_edit_that_coverage_overtakes_is_followed_by_one_in_its_time(store: Store) -> None:
    await post_story(store)
    await add_publishers(store, "two", now=NOW + MINUTE)
    at = NOW + COVERAGE_EDITS_APART
    assert await next_due(store, NOW) == at
    delivery = await next_delivery(store, CHANNEL, at)
    assert delivery
    assert [card.coverage for card in delivery.cards] == [2]
    # While Discord is asked, the story grows.
    await add_publishers(store, "three", now=at)
    await store.outbox.queue.mark_edited(delivery, at)
    assert await next_due(store, at) == at + COVERAGE_EDITS_APART
    at += COVERAGE_EDITS_APART
    assert await post_due(store, CHANNEL, at) == [("edit", ("lead",))]
    assert await next_due(store, at) is None


async def test_a_post_in_flight_is_edited_in_its_time(store: Store) -> None:
    await plan_story(store)
    delivery = await next_delivery(store, CHANNEL, NOW)
    assert delivery
    sending = await store.outbox.queue.mark_sending(delivery, NOW)
    assert sending
    await add_publishers(store, "two", now=NOW)
    await store.outbox.queue.mark_posted(sending, 1000, NOW)
    assert await next_due(store, NOW) == NOW + COVERAGE_EDITS_APART


async def test_a_post_that_waits_has_the_coverage_of_when_it_is_sent(store: Store) -> None:
    await plan_story(store)
    await add_publishers(store, "two", "three", now=NOW)
    delivery = await next_delivery(store, CHANNEL, NOW)
    assert delivery
    assert [card.coverage for card in delivery.cards] == [3]
    assert await post_due(store, CHANNEL) == [("post", ("lead",))]
    assert await next_due(store, NOW) is None


async def test_a_clock_that_was_set_back_holds_up_no_edit(store: Store) -> None:
    await post_story(store)
    earlier = NOW - timedelta(days=1)
    await add_publishers(store, "two", now=earlier)
    assert await post_due(store, CHANNEL, earlier) == [("edit", ("lead",))]
