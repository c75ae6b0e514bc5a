"""Digests from their slots to their messages, through a whole worker on a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.delivery.sender import ChannelClosedError, RetryLaterError
from bot.domain.delivery import Delivery
from bot.domain.digest_selection import SelectionOutcome
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.domain.quiet_hours import QuietHours
from bot.domain.subscription import Frequency, Layout, OnWithdrawal, Subscription, SubscriptionOptions
from bot.worker.digest_planner import DigestReceipt
from tests.support.edits import edit_card
from tests.support.worker import WorkerHarness, open_harness

NEWS, OTHER = 5, 6
DAILY = SubscriptionOptions(frequency=Frequency.DAILY, times=(time(9),), timezone="Europe/Berlin")


@pytest.fixture
async def harness(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    """Its clock begins at noon (UTC) of a Monday."""
    async with open_harness(tmp_path) as harness:
        yield harness


async def add_subscription(
    harness: WorkerHarness, options: SubscriptionOptions = DAILY, channel_id: int = NEWS, **more: Any
) -> Subscription:
    return await harness.store.subscriptions.add_subscription(
        guild_id=1,
        channel_id=channel_id,
        created_by=2,
        now=harness.clock(),
        options=options,
        **more,
    )


async def load_cards(harness: WorkerHarness, *slugs: str, ago: float = 0, **fields: Any) -> None:
    """Cards that were published so many hours ago, hottest first."""
    for place, slug in enumerate(slugs):
        moment = harness.clock() - timedelta(hours=ago)
        values = {"heat": 200 - place, "provider": f"{{name: Paper {slug}}}", "publishedDateTime": f"{moment:%FT%TZ}"}
        harness.write_card(slug, **{**values, "title": f"{slug.title()} {slug}land {slug}town", **fields})
    await harness.deliver_due()


def digest_slugs(harness: WorkerHarness, channel_id: int = NEWS) -> list[list[str]]:
    """The slugs of each message that a channel ever got."""
    posted = harness.channels.posted.get(channel_id, [])
    return [[title.split()[0].lower() for title in titles.split(" | ") if title] for _, titles in posted]


def last_delivery(harness: WorkerHarness, channel_id: int = NEWS) -> Delivery:
    return harness.channels.posted[channel_id][-1][0]


async def test_a_digest_comes_at_its_local_time_with_the_best_first_and_each_card_once(harness: WorkerHarness) -> None:
    await add_subscription(harness)
    await load_cards(harness, "hot", "warm")
    await harness.deliver_due(hours=18)
    assert digest_slugs(harness) == []
    await harness.deliver_due(hours=1)
    assert digest_slugs(harness) == [["hot", "warm"]]
    await load_cards(harness, "new")
    await harness.deliver_due(hours=24)
    await harness.deliver_due(minutes=5)
    assert digest_slugs(harness) == [["hot", "warm"], ["new"]]
    assert last_delivery(harness).layout is Layout.CARDS
    assert "daily" in last_delivery(harness).heading.lower()


async def test_a_magazine_is_in_parts_of_eight_with_the_subscriptions_own_text_above_the_first(
    harness: WorkerHarness,
) -> None:
    await add_subscription(harness, replace(DAILY, layout=Layout.MAGAZINE, template="Hello", max_cards=25))
    await load_cards(harness, *"abcdefghij")
    await harness.deliver_due(hours=19)
    parts = [delivery for delivery, _ in harness.channels.posted[NEWS]]
    assert [len(each.cards) for each in parts] == [8, 2]
    assert [each.layout for each in parts] == [Layout.MAGAZINE] * 2
    assert [each.options.template for each in parts] == ["Hello", ""]


@pytest.mark.parametrize("changes", [{"mention_role_id": 77}, {"crosspost": True}])
async def test_cards_take_the_place_of_a_magazine_that_would_notify_without_text(
    harness: WorkerHarness, changes: dict[str, Any]
) -> None:
    await add_subscription(harness, replace(DAILY, layout=Layout.MAGAZINE, **changes))
    await load_cards(harness, "one", "two")
    await harness.deliver_due(hours=19)
    assert last_delivery(harness).layout is Layout.CARDS


async def test_the_first_digest_looks_back_over_one_period(harness: WorkerHarness) -> None:
    await load_cards(harness, "before")
    await harness.deliver_due(hours=30)
    await load_cards(harness, "recent")
    await harness.deliver_due(hours=1)
    await add_subscription(harness)
    await harness.deliver_due(days=1)
    assert digest_slugs(harness) == [["recent"]]


async def test_nothing_new_is_skipped_or_said(harness: WorkerHarness) -> None:
    await add_subscription(harness)
    await add_subscription(
        harness, SubscriptionOptions(frequency=Frequency.DAILY, times=(time(9),), skip_empty=False), OTHER
    )
    await harness.deliver_due(days=1)
    assert (digest_slugs(harness), digest_slugs(harness, OTHER)) == ([], [[]])


async def test_missed_slots_are_one_digest(harness: WorkerHarness) -> None:
    await add_subscription(harness, SubscriptionOptions(frequency=Frequency.HOURLY))
    for hour in range(5):
        await load_cards(harness, f"card{hour}", ago=hour)
    harness.clock.advance(days=3)
    await harness.deliver_due()
    assert len(digest_slugs(harness)) == 1
    assert len(digest_slugs(harness)[0]) == 5
    (subscription,) = await harness.store.subscriptions.list_for_guild(1)
    assert subscription.next_digest_at
    assert timedelta(0) < subscription.next_digest_at - harness.clock() <= timedelta(hours=1)


async def test_a_retry_sends_the_same_digest(harness: WorkerHarness) -> None:
    await add_subscription(harness)
    await load_cards(harness, "first")
    harness.channels.fail = [RetryLaterError("503")]
    await harness.deliver_due(hours=20)
    await load_cards(harness, "second", heat=900)
    await harness.deliver_due(hours=1)
    assert digest_slugs(harness) == [["first"]]


async def test_two_subscriptions_of_a_channel_bring_a_card_once(harness: WorkerHarness) -> None:
    await add_subscription(harness)
    await add_subscription(
        harness,
        SubscriptionOptions(frequency=Frequency.DAILY, times=(time(9),), timezone="Europe/Berlin", min_quality=10),
    )
    await load_cards(harness, "one", "two")
    await harness.deliver_due(hours=20)
    assert digest_slugs(harness) == [["one", "two"]]


async def test_an_instant_post_is_not_repeated_in_a_digest_of_the_channel(harness: WorkerHarness) -> None:
    await add_subscription(harness, SubscriptionOptions(topics=("Python",)))
    await add_subscription(harness)
    await load_cards(harness, "posted")
    await load_cards(harness, "other", topics="[Rust]")
    await harness.deliver_due(hours=20)
    assert digest_slugs(harness) == [["posted"], ["other"]]


@pytest.mark.slow
async def test_what_is_left_out_stays_out_of_both(harness: WorkerHarness) -> None:
    await add_subscription(harness, SubscriptionOptions(excluded=("rust", "scandal")))
    await add_subscription(harness, SubscriptionOptions(frequency=Frequency.DAILY, excluded=("rust", "scandal")), OTHER)
    await load_cards(harness, "good")
    await load_cards(harness, "topical", topics="[Rust]")
    await load_cards(harness, "worded", title="Worded scandal in the ministry of paper")
    await harness.deliver_due(days=1)
    assert digest_slugs(harness) == [["good"]]
    assert digest_slugs(harness, OTHER) == [["good"]]


async def test_a_withdrawn_card_leaves_its_digest_and_the_last_one_takes_it_along(harness: WorkerHarness) -> None:
    await add_subscription(harness)
    await load_cards(harness, "one", "two")
    await harness.deliver_due(hours=20)
    harness.write_card("one", removed="true")
    await harness.deliver_due()
    assert harness.channels.titles == ["Two twoland twotown"]
    harness.write_card("two", removed="true")
    await harness.deliver_due()
    assert harness.channels.titles == []


@pytest.mark.parametrize(("choice", "left"), [("delete", []), ("mark", [""]), ("keep", ["One oneland onetown"])])
async def test_a_subscription_says_what_becomes_of_a_withdrawn_cards_post(
    harness: WorkerHarness, choice: str, left: list[str]
) -> None:
    await add_subscription(harness, SubscriptionOptions(on_withdrawal=OnWithdrawal(choice)))
    await load_cards(harness, "one")
    harness.write_card("one", removed="true")
    await harness.deliver_due()
    await harness.deliver_due()
    assert harness.channels.titles == left
    assert await harness.next_due() is None


async def test_a_card_that_changes_edits_its_digest_once(harness: WorkerHarness) -> None:
    await add_subscription(harness)
    await load_cards(harness, "one", "two")
    await harness.deliver_due(hours=20)
    for version in range(3):
        harness.write_card("one", title=f"One was rewritten {version} times in a day")
        await harness.worker.load_cards()
    await harness.deliver_due()
    assert harness.channels.calls == ["post", "edit"]


async def test_paused_subscriptions_bring_nothing_and_make_up_for_nothing(harness: WorkerHarness) -> None:
    subscription = await add_subscription(harness)
    instant = await add_subscription(harness, SubscriptionOptions(), OTHER)
    for each in (subscription, instant):
        await harness.store.subscriptions.pause_subscription(each, harness.clock())
    await load_cards(harness, "missed")
    await harness.deliver_due(days=2)
    for each in (subscription, instant):
        await harness.store.subscriptions.resume_subscription(each, harness.clock())
    await load_cards(harness, "fresh")
    await harness.deliver_due(days=1)
    assert (digest_slugs(harness), digest_slugs(harness, OTHER)) == ([["fresh"]], [["fresh"]])


async def test_now_sends_early_and_the_slot_brings_only_what_came_later(harness: WorkerHarness) -> None:
    subscription = await add_subscription(harness)
    await load_cards(harness, "early")
    assert await harness.pipeline.send_digest_now(subscription) == DigestReceipt(1)
    await harness.deliver_due()
    (subscription,) = await harness.store.subscriptions.list_for_guild(1)
    assert await harness.pipeline.send_digest_now(subscription) == DigestReceipt(0)
    await load_cards(harness, "later")
    await harness.deliver_due(days=1)
    assert digest_slugs(harness) == [["early"], ["later"]]


async def test_a_card_that_a_click_plans_meanwhile_comes_once_and_suspends_no_digest(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A click's plan does not wait for the leader's: both may have chosen the card for the channel."""
    await add_subscription(harness)
    await add_subscription(harness, SubscriptionOptions())
    await load_cards(harness, "held", published="false")
    harness.clock.advance(hours=20)
    held = await harness.store.cards.get_by_slug("held", 1, hidden=True)
    assert held
    digests = harness.store.outbox.digests
    load_pool, save_batch = harness.store.outbox.candidates.load_pool, digests.save_batch

    async def publish_first(*arguments: Any) -> Any:
        decision = Decision(1, held.id, Verdict.PUBLISH, 9, harness.clock())
        await harness.store.moderation.decisions.decide_card(decision, source=DecisionSource.BUTTON, expected=None)
        return await load_pool(*arguments)

    async def plan_first(*arguments: Any) -> Any:
        assert await harness.pipeline.plan_cards([held.id], 1) == 1
        return await save_batch(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(harness.store.outbox.candidates, "load_pool", publish_first)
        patched.setattr(digests, "save_batch", plan_first)
        await harness.pipeline.plan_deliveries()
    assert (await harness.store.outbox.planner.find_due(harness.clock())).digests
    await harness.deliver_due()
    assert digest_slugs(harness) == [["held"]]
    assert not (await harness.store.outbox.planner.find_due(harness.clock())).digests
    assert not await harness.store.subscriptions.list_suspended()
    assert harness.channels.notices == []


@pytest.mark.slow
async def test_a_digest_on_request_goes_without_the_card_that_a_click_plans_meanwhile(
    harness: WorkerHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_subscription(harness)
    (subscription,) = await harness.store.subscriptions.list_for_guild(1)
    await load_cards(harness, "first", "second")
    await add_subscription(harness, SubscriptionOptions())
    second = await harness.store.cards.get_by_slug("second", 1)
    assert second
    digests = harness.store.outbox.digests
    save_batch = digests.save_batch

    async def plan_first(*arguments: Any) -> Any:
        monkeypatch.setattr(digests, "save_batch", save_batch)
        for verdict, expected in ((Verdict.WITHDRAW, None), (Verdict.PUBLISH, Verdict.WITHDRAW)):
            harness.clock.advance(seconds=1)
            decision = Decision(1, second.id, verdict, 9, harness.clock())
            await harness.store.moderation.decisions.decide_card(
                decision, source=DecisionSource.BUTTON, expected=expected
            )
        assert await harness.pipeline.plan_cards([second.id], 1) == 1
        return await save_batch(*arguments)

    monkeypatch.setattr(digests, "save_batch", plan_first)
    assert await harness.pipeline.send_digest_now(subscription) == DigestReceipt(1)
    await harness.deliver_due()
    assert sorted(digest_slugs(harness)) == [["first"], ["second"]]


async def test_a_preview_is_what_would_come_and_changes_nothing(harness: WorkerHarness) -> None:
    subscription = await add_subscription(harness)
    await load_cards(harness, "one", "two")
    for _ in range(2):
        preview = await harness.pipeline.previewer.preview_digest(subscription)
        assert [card.card.slug for card in preview.cards] == ["one", "two"]
    assert set(preview.selection.outcomes.values()) == {SelectionOutcome.SELECTED}
    await harness.deliver_due(hours=20)
    assert digest_slugs(harness) == [["one", "two"]]
    assert (await harness.pipeline.previewer.preview_digest(subscription)).cards == ()


@pytest.mark.slow
async def test_a_preview_of_an_instant_subscription_is_the_best_of_its_last_week_though_posted_already(
    harness: WorkerHarness,
) -> None:
    await load_cards(harness, "older", heat=900)
    await harness.deliver_due(days=8)
    await load_cards(harness, "before", heat=300)
    subscription = await add_subscription(harness, SubscriptionOptions(topics=("Python",)))
    await load_cards(harness, "posted")
    await load_cards(harness, "other", topics="[Rust]", heat=900)
    assert digest_slugs(harness) == [["posted"]]
    preview = await harness.pipeline.previewer.preview_digest(subscription)
    assert [card.card.slug for card in preview.cards] == ["before", "posted"]
    assert list(preview.selection.outcomes.values()).count(SelectionOutcome.OTHER_TOPIC) == 1
    (posted,) = [card for card in preview.cards if card.card.slug == "posted"]
    assert await harness.pipeline.previewer.predict_outcomes(subscription, posted) == [SelectionOutcome.CARD_DELIVERED]


async def test_a_card_that_no_digest_could_have_has_every_reason_topics_first(harness: WorkerHarness) -> None:
    await load_cards(harness, "old", topics="[Rust]", quality=10)
    await harness.deliver_due(days=2)
    options = replace(DAILY, topics=("Python",), min_quality=50, providers=("Nobody",), words=("chips",))
    subscription = await add_subscription(harness, options)
    old = await harness.store.cards.get_by_slug("old", 0)
    assert old
    assert await harness.pipeline.previewer.predict_outcomes(subscription, old) == [
        SelectionOutcome.OTHER_TOPIC,
        SelectionOutcome.OTHER_PROVIDER,
        SelectionOutcome.LOW_QUALITY,
        SelectionOutcome.OTHER_WORDS,
        SelectionOutcome.NOT_NEW,
    ]


async def test_quiet_hours_gather_what_comes_into_one_digest_and_let_the_hottest_pass(harness: WorkerHarness) -> None:
    await add_subscription(harness, SubscriptionOptions(template="Hello"))
    hours = QuietHours(time(12), time(18), "UTC", 500)
    await harness.store.subscriptions.quiet_hours.set_hours(1, NEWS, hours, harness.clock())
    await load_cards(harness, "one", "two")
    await load_cards(harness, "hot", heat=600)
    assert digest_slugs(harness) == [["hot"]]
    await harness.deliver_due(hours=5)
    assert digest_slugs(harness) == [["hot"]]
    await harness.deliver_due(hours=1)
    assert digest_slugs(harness)[1:] == [["one", "two"]]
    assert last_delivery(harness).layout is Layout.LIST
    assert last_delivery(harness).options.template == "", "its heading says why it comes late"
    await load_cards(harness, "three")
    assert last_delivery(harness).options.template == "Hello"
    assert digest_slugs(harness)[2:] == [["three"]]
    await harness.deliver_due(days=1)
    assert len(digest_slugs(harness)) == 3


@pytest.mark.slow
async def test_a_digest_in_quiet_hours_comes_at_their_end_and_holds_back_nothing_that_passes(
    harness: WorkerHarness,
) -> None:
    await add_subscription(harness)
    await add_subscription(harness, SubscriptionOptions(min_quality=100))
    await harness.store.subscriptions.quiet_hours.set_hours(
        1, NEWS, QuietHours(time(6), time(10), "UTC", 500), harness.clock()
    )
    await load_cards(harness, "one")
    await harness.deliver_due(hours=19)
    await load_cards(harness, "hot", heat=600, quality=150)
    assert digest_slugs(harness) == [["hot"]]
    await harness.deliver_due(hours=3)
    assert digest_slugs(harness) == [["hot"], ["one"]]


async def test_quiet_hours_that_are_taken_back_end_at_once(harness: WorkerHarness) -> None:
    await add_subscription(harness, SubscriptionOptions())
    await harness.store.subscriptions.quiet_hours.set_hours(
        1, NEWS, QuietHours(time(12), time(18), "UTC"), harness.clock()
    )
    await load_cards(harness, "one")
    assert await harness.store.subscriptions.quiet_hours.end_hours(1, NEWS, harness.clock())
    assert not await harness.store.subscriptions.quiet_hours.end_hours(2, NEWS, harness.clock())
    await harness.deliver_due()
    assert digest_slugs(harness) == [["one"]]
    assert await harness.store.subscriptions.quiet_hours.list_for_guild(1) == []


async def test_a_card_withdrawn_in_quiet_hours_never_comes(harness: WorkerHarness) -> None:
    await add_subscription(harness, SubscriptionOptions())
    await harness.store.subscriptions.quiet_hours.set_hours(
        1, NEWS, QuietHours(time(12), time(18), "UTC"), harness.clock()
    )
    await load_cards(harness, "one", "two")
    harness.write_card("one", removed="true")
    await harness.deliver_due(hours=6)
    assert digest_slugs(harness) == [["two"]]


@pytest.mark.slow
async def test_a_channel_that_heals_after_a_long_time_catches_up_with_one_digest(harness: WorkerHarness) -> None:
    await add_subscription(harness, SubscriptionOptions())
    harness.channels.fail = [ChannelClosedError("50013")] * 6
    for number in range(6):
        await load_cards(harness, f"card{number}")
        await harness.deliver_due(minutes=20)
    await harness.deliver_due(hours=3)
    await harness.deliver_due(hours=3)
    first, rest = digest_slugs(harness)
    assert (first, rest) == (["card0"], [f"card{number}" for number in range(1, 6)])
    assert await harness.next_due() is None
    await load_cards(harness, "after")
    assert digest_slugs(harness)[2:] == [["after"]]


async def test_a_change_of_an_old_post_makes_no_digest_of_the_new_cards(harness: WorkerHarness) -> None:
    await add_subscription(harness, SubscriptionOptions())
    await load_cards(harness, "old")
    harness.clock.advance(hours=3)
    harness.write_card("old", title="Corrected")
    await load_cards(harness, *(f"card{number}" for number in range(5)))
    assert digest_slugs(harness) == [["old"], *([f"card{number}"] for number in range(5))]


@pytest.mark.slow
async def test_a_short_outage_brings_the_cards_one_by_one(harness: WorkerHarness) -> None:
    await add_subscription(harness, SubscriptionOptions())
    harness.channels.fail = [RetryLaterError("503")]
    for number in range(5):
        await load_cards(harness, f"card{number}")
    await harness.deliver_due(minutes=10)
    assert digest_slugs(harness) == [[f"card{number}"] for number in range(5)]


async def test_a_wish_can_be_tried_on_the_last_month(harness: WorkerHarness) -> None:
    for day in range(3):
        await load_cards(harness, f"card{day}", ago=24 * day)
    past = await harness.pipeline.previewer.simulate_options(1, DAILY)
    assert [card.card.slug for card in past.cards] == ["card1", "card2"]
    assert past.digests == 2
    past = await harness.pipeline.previewer.simulate_options(1, SubscriptionOptions(excluded=("card1",)))
    assert [card.card.slug for card in past.cards] == ["card0", "card2"]


@pytest.mark.slow
async def test_a_card_that_a_moderator_picked_a_digest_for_comes_first_and_nowhere_else(harness: WorkerHarness) -> None:
    own = await add_subscription(harness, replace(DAILY, topics=("Space",), min_quality=500))
    await add_subscription(harness, channel_id=OTHER)
    await load_cards(harness, "held", published="false", heat="5")
    await load_cards(harness, "hot")
    card = await harness.store.cards.get_by_slug("held", 0, hidden=True)
    assert card
    decision = Decision(1, card.id, Verdict.PUBLISH, 7, harness.clock(), subscription_ids=(own.id,))
    await harness.store.moderation.decisions.decide_card(decision, source=DecisionSource.BUTTON, expected=None)
    await harness.deliver_due(hours=19)
    assert (digest_slugs(harness), digest_slugs(harness, OTHER)) == ([["held"]], [["hot"]])


async def test_a_digest_goes_by_the_topics_that_its_server_gave_a_card(harness: WorkerHarness) -> None:
    await add_subscription(harness, replace(DAILY, topics=("Space",)))
    await load_cards(harness, "one", topics="[Python]")
    card = await harness.store.cards.get_by_slug("one", 0)
    assert card
    await edit_card(harness.store, 1, card.id, topics=("Space",))
    await harness.deliver_due(hours=19)
    assert digest_slugs(harness) == [["one"]]
    await edit_card(harness.store, 1, card.id, topics=("Moon",))
    await harness.deliver_due(minutes=5)
    assert harness.channels.calls[-1] == "edit"
