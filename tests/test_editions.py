"""Digests from their slots to their messages, through a whole newsroom on a clock that the test moves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.delivery.poster import ChannelClosedError, TryLaterError
from bot.desk.delivery import Delivery
from bot.desk.digest import Fate
from bot.desk.publication import Decision, Source, Verdict
from bot.desk.quiet import QuietHours
from bot.desk.subscription import Layout, OnWithdrawal, Subscription, When, Wish
from bot.editions import Sent
from bot.store.desk import Act
from tests.support.desk import Desk, a_desk

NEWS, OTHER = 5, 6
DAILY = Wish(when=When.DAILY, times=(time(9),), timezone="Europe/Berlin")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Its clock begins at noon (UTC) of a Monday."""
    async with a_desk(tmp_path) as desk:
        yield desk


async def subscribe(desk: Desk, wish: Wish = DAILY, channel_id: int = NEWS, **more: Any) -> Subscription:
    return await desk.store.subscriptions.add(
        guild_id=1,
        channel_id=channel_id,
        created_by=2,
        now=desk.clock(),
        wish=wish,
        **more,
    )


async def load(desk: Desk, *slugs: str, ago: float = 0, **fields: Any) -> None:
    """Cards that were published so many hours ago, hottest first."""
    for place, slug in enumerate(slugs):
        moment = desk.clock() - timedelta(hours=ago)
        values = {"heat": 200 - place, "provider": f"{{name: Paper {slug}}}", "publishedDateTime": f"{moment:%FT%TZ}"}
        desk.write(slug, **{**values, "title": f"{slug.title()} {slug} matters to somebody", **fields})
    await desk.deliver()


def digests(desk: Desk, channel_id: int = NEWS) -> list[list[str]]:
    """The slugs of each message that a channel ever got."""
    posted = desk.channels.posted.get(channel_id, [])
    return [[title.split()[0].lower() for title in titles.split(" | ") if title] for _, titles in posted]


def last(desk: Desk, channel_id: int = NEWS) -> Delivery:
    return desk.channels.posted[channel_id][-1][0]


async def test_a_digest_comes_at_its_local_time_with_the_best_first_and_each_card_once(desk: Desk) -> None:
    await subscribe(desk)
    await load(desk, "hot", "warm")
    await desk.deliver(hours=18)
    assert digests(desk) == []
    await desk.deliver(hours=1)
    assert digests(desk) == [["hot", "warm"]]
    await load(desk, "new")
    await desk.deliver(hours=24)
    await desk.deliver(minutes=5)
    assert digests(desk) == [["hot", "warm"], ["new"]]
    assert last(desk).layout is Layout.CARDS
    assert "daily" in last(desk).heading.lower()


async def test_the_first_digest_looks_back_over_one_period(desk: Desk) -> None:
    await load(desk, "before")
    await desk.deliver(hours=30)
    await load(desk, "recent")
    await desk.deliver(hours=1)
    await subscribe(desk)
    await desk.deliver(days=1)
    assert digests(desk) == [["recent"]]


async def test_nothing_new_is_skipped_or_said(desk: Desk) -> None:
    await subscribe(desk)
    await subscribe(desk, Wish(when=When.DAILY, times=(time(9),), skip_empty=False), OTHER)
    await desk.deliver(days=1)
    assert (digests(desk), digests(desk, OTHER)) == ([], [[]])


async def test_missed_slots_are_one_digest(desk: Desk) -> None:
    await subscribe(desk, Wish(when=When.HOURLY))
    for hour in range(5):
        await load(desk, f"card{hour}", ago=hour)
    desk.clock.move(days=3)
    await desk.deliver()
    assert len(digests(desk)) == 1
    assert len(digests(desk)[0]) == 5
    (subscription,) = await desk.store.subscriptions.of_guild(1)
    assert subscription.next_at
    assert timedelta(0) < subscription.next_at - desk.clock() <= timedelta(hours=1)


async def test_a_retry_sends_the_same_digest(desk: Desk) -> None:
    await subscribe(desk)
    await load(desk, "first")
    desk.channels.fail = [TryLaterError("503")]
    await desk.deliver(hours=20)
    await load(desk, "second", heat=900)
    await desk.deliver(hours=1)
    assert digests(desk) == [["first"]]


async def test_two_subscriptions_of_a_channel_bring_a_card_once(desk: Desk) -> None:
    await subscribe(desk)
    await subscribe(desk, Wish(when=When.DAILY, times=(time(9),), timezone="Europe/Berlin", min_quality=10))
    await load(desk, "one", "two")
    await desk.deliver(hours=20)
    assert digests(desk) == [["one", "two"]]


async def test_an_instant_post_is_not_repeated_in_a_digest_of_the_channel(desk: Desk) -> None:
    await subscribe(desk, Wish(topics=("Python",)))
    await subscribe(desk)
    await load(desk, "posted")
    await load(desk, "other", topics="[Rust]")
    await desk.deliver(hours=20)
    assert digests(desk) == [["posted"], ["other"]]


async def test_what_is_left_out_stays_out_of_both(desk: Desk) -> None:
    await subscribe(desk, Wish(without=("rust", "scandal")))
    await subscribe(desk, Wish(when=When.DAILY, without=("rust", "scandal")), OTHER)
    await load(desk, "good")
    await load(desk, "topical", topics="[Rust]")
    await load(desk, "worded", title="Worded scandal in the ministry of paper")
    await desk.deliver(days=1)
    assert digests(desk) == [["good"]]
    assert digests(desk, OTHER) == [["good"]]


async def test_a_withdrawn_card_leaves_its_digest_and_the_last_one_takes_it_along(desk: Desk) -> None:
    await subscribe(desk)
    await load(desk, "one", "two")
    await desk.deliver(hours=20)
    desk.write("one", removed="true")
    await desk.deliver()
    assert desk.channels.titles == ["Two two matters to somebody"]
    desk.write("two", removed="true")
    await desk.deliver()
    assert desk.channels.titles == []


@pytest.mark.parametrize(
    ("choice", "left"), [("delete", []), ("mark", [""]), ("keep", ["One one matters to somebody"])]
)
async def test_a_subscription_says_what_becomes_of_a_withdrawn_cards_post(
    desk: Desk, choice: str, left: list[str]
) -> None:
    await subscribe(desk, Wish(on_withdrawal=OnWithdrawal(choice)))
    await load(desk, "one")
    desk.write("one", removed="true")
    await desk.deliver()
    await desk.deliver()
    assert desk.channels.titles == left
    assert await desk.due() is None


async def test_a_card_that_changes_edits_its_digest_once(desk: Desk) -> None:
    await subscribe(desk)
    await load(desk, "one", "two")
    await desk.deliver(hours=20)
    for version in range(3):
        desk.write("one", title=f"One was rewritten {version} times in a day")
        await desk.newsroom.load()
    await desk.deliver()
    assert desk.channels.calls == ["post", "edit"]


async def test_paused_subscriptions_bring_nothing_and_make_up_for_nothing(desk: Desk) -> None:
    subscription = await subscribe(desk)
    instant = await subscribe(desk, Wish(), OTHER)
    for each in (subscription, instant):
        await desk.store.subscriptions.pause(each, desk.clock())
    await load(desk, "missed")
    await desk.deliver(days=2)
    for each in (subscription, instant):
        await desk.store.subscriptions.resume(each, desk.clock())
    await load(desk, "fresh")
    await desk.deliver(days=1)
    assert (digests(desk), digests(desk, OTHER)) == ([["fresh"]], [["fresh"]])


async def test_now_sends_early_and_the_slot_brings_only_what_came_later(desk: Desk) -> None:
    subscription = await subscribe(desk)
    await load(desk, "early")
    assert await desk.newsroom.send_now(subscription) == Sent(1)
    await desk.deliver()
    (subscription,) = await desk.store.subscriptions.of_guild(1)
    assert await desk.newsroom.send_now(subscription) == Sent(0)
    await load(desk, "later")
    await desk.deliver(days=1)
    assert digests(desk) == [["early"], ["later"]]


async def test_a_preview_is_what_would_come_and_changes_nothing(desk: Desk) -> None:
    subscription = await subscribe(desk)
    await load(desk, "one", "two")
    for _ in range(2):
        preview = await desk.newsroom.editions.preview(subscription)
        assert [card.card.slug for card in preview.cards] == ["one", "two"]
    assert set(preview.choice.fates.values()) == {Fate.CHOSEN}
    await desk.deliver(hours=20)
    assert digests(desk) == [["one", "two"]]
    assert (await desk.newsroom.editions.preview(subscription)).cards == ()


async def test_a_preview_of_an_instant_subscription_is_the_best_of_its_last_week_though_posted_already(
    desk: Desk,
) -> None:
    await load(desk, "older", heat=900)
    await desk.deliver(days=8)
    await load(desk, "before", heat=300)
    subscription = await subscribe(desk, Wish(topics=("Python",)))
    await load(desk, "posted")
    await load(desk, "other", topics="[Rust]", heat=900)
    assert digests(desk) == [["posted"]]
    preview = await desk.newsroom.editions.preview(subscription)
    assert [card.card.slug for card in preview.cards] == ["before", "posted"]
    assert list(preview.choice.fates.values()).count(Fate.OTHER_TOPIC) == 1
    (posted,) = [card for card in preview.cards if card.card.slug == "posted"]
    assert await desk.newsroom.editions.fate(subscription, posted) is Fate.HAD


async def test_quiet_hours_gather_what_comes_into_one_digest_and_let_the_hottest_pass(desk: Desk) -> None:
    await subscribe(desk, Wish())
    hours = QuietHours(time(12), time(18), "UTC", 500)
    await desk.store.quiet.set(1, NEWS, hours, desk.clock())
    await load(desk, "one", "two")
    await load(desk, "hot", heat=600)
    assert digests(desk) == [["hot"]]
    await desk.deliver(hours=5)
    assert digests(desk) == [["hot"]]
    await desk.deliver(hours=1)
    assert digests(desk)[1:] == [["one", "two"]]
    assert last(desk).layout is Layout.LIST
    await load(desk, "three")
    assert digests(desk)[2:] == [["three"]]
    await desk.deliver(days=1)
    assert len(digests(desk)) == 3


async def test_a_digest_in_quiet_hours_comes_at_their_end_and_holds_back_nothing_that_passes(desk: Desk) -> None:
    await subscribe(desk)
    await subscribe(desk, Wish(min_quality=100))
    await desk.store.quiet.set(1, NEWS, QuietHours(time(6), time(10), "UTC", 500), desk.clock())
    await load(desk, "one")
    await desk.deliver(hours=19)
    await load(desk, "hot", heat=600, quality=150)
    assert digests(desk) == [["hot"]]
    await desk.deliver(hours=3)
    assert digests(desk) == [["hot"], ["one"]]


async def test_quiet_hours_that_are_taken_back_end_at_once(desk: Desk) -> None:
    await subscribe(desk, Wish())
    await desk.store.quiet.set(1, NEWS, QuietHours(time(12), time(18), "UTC"), desk.clock())
    await load(desk, "one")
    assert await desk.store.quiet.end(1, NEWS, desk.clock())
    assert not await desk.store.quiet.end(2, NEWS, desk.clock())
    await desk.deliver()
    assert digests(desk) == [["one"]]
    assert await desk.store.quiet.of_guild(1) == []


async def test_a_card_withdrawn_in_quiet_hours_never_comes(desk: Desk) -> None:
    await subscribe(desk, Wish())
    await desk.store.quiet.set(1, NEWS, QuietHours(time(12), time(18), "UTC"), desk.clock())
    await load(desk, "one", "two")
    desk.write("one", removed="true")
    await desk.deliver(hours=6)
    assert digests(desk) == [["two"]]


async def test_a_channel_that_heals_after_a_long_time_catches_up_with_one_digest(desk: Desk) -> None:
    await subscribe(desk, Wish())
    desk.channels.fail = [ChannelClosedError("50013")] * 6
    for number in range(6):
        await load(desk, f"card{number}")
        await desk.deliver(minutes=20)
    await desk.deliver(hours=3)
    await desk.deliver(hours=3)
    first, rest = digests(desk)
    assert (first, rest) == (["card0"], [f"card{number}" for number in range(1, 6)])
    assert await desk.due() is None
    await load(desk, "after")
    assert digests(desk)[2:] == [["after"]]


async def test_a_change_of_an_old_post_makes_no_digest_of_the_new_cards(desk: Desk) -> None:
    await subscribe(desk, Wish())
    await load(desk, "old")
    desk.clock.move(hours=3)
    desk.write("old", title="Corrected")
    await load(desk, *(f"card{number}" for number in range(5)))
    assert digests(desk) == [["old"], *([f"card{number}"] for number in range(5))]


async def test_a_short_outage_brings_the_cards_one_by_one(desk: Desk) -> None:
    await subscribe(desk, Wish())
    desk.channels.fail = [TryLaterError("503")]
    for number in range(5):
        await load(desk, f"card{number}")
    await desk.deliver(minutes=10)
    assert digests(desk) == [[f"card{number}"] for number in range(5)]


async def test_a_wish_can_be_tried_on_the_last_month(desk: Desk) -> None:
    for day in range(3):
        await load(desk, f"card{day}", ago=24 * day)
    past = await desk.newsroom.editions.whatif(1, DAILY)
    assert [card.card.slug for card in past.cards] == ["card1", "card2"]
    assert past.digests == 2
    past = await desk.newsroom.editions.whatif(1, Wish(without=("card1",)))
    assert [card.card.slug for card in past.cards] == ["card0", "card2"]


async def test_a_card_that_a_moderator_picked_a_digest_for_comes_first_and_nowhere_else(desk: Desk) -> None:
    mine = await subscribe(desk, replace(DAILY, topics=("Space",), min_quality=500))
    await subscribe(desk, channel_id=OTHER)
    await load(desk, "held", published="false", heat="5")
    await load(desk, "hot")
    card = await desk.store.archive.by_slug("held", 0, hidden=True)
    assert card
    decision = Decision(1, card.id, Verdict.PUBLISH, 7, desk.clock(), only=(mine.id,))
    await desk.store.desk.decide(decision, source=Source.BUTTON, expected=None)
    await desk.deliver(hours=19)
    assert (digests(desk), digests(desk, OTHER)) == ([["held"]], [["hot"]])


async def test_a_digest_goes_by_the_topics_that_its_server_gave_a_card(desk: Desk) -> None:
    await subscribe(desk, replace(DAILY, topics=("Space",)))
    await load(desk, "one", topics="[Python]")
    card = await desk.store.archive.by_slug("one", 0)
    assert card
    act = Act(7, desk.clock(), Source.BUTTON)
    await desk.store.desk.edit_topics(1, card.id, ["Space"], act, expected=None)
    await desk.deliver(hours=19)
    assert digests(desk) == [["one"]]
    await desk.store.desk.edit_topics(1, card.id, ["Moon"], act, expected=["Space"])
    await desk.deliver(minutes=5)
    assert desk.channels.calls[-1] == "edit"
