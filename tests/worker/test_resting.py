"""One row, one edit, one tick of a wrong clock: what it costs is its own, and the others have theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import text, update

from bot.domain.quiet_hours import QuietHours
from bot.domain.subscription import Frequency, Layout, Subscription, SubscriptionOptions
from bot.render.privacy import following_text
from bot.store.subscriptions.personal_digests import Follower
from bot.store.tables import subscriptions
from bot.worker.digest_planner import DigestPlanner
from tests.support.stores import store_zone
from tests.support.worker import WorkerHarness, open_harness

INSTANT, UTC_DAILY, BERLIN = 5, 6, 7
"""Channels of three servers."""
DAILY = SubscriptionOptions(frequency=Frequency.DAILY, times=(time(9),), timezone="Europe/Berlin")
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Pacific/Apia", "UTC", "Asia/Kolkata", "America/St_Johns")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[WorkerHarness]:
    """Its clock begins at noon (UTC) of a Monday."""
    async with open_harness(tmp_path) as desk:
        yield desk


async def add_subscription(
    desk: WorkerHarness, options: SubscriptionOptions = DAILY, channel_id: int = BERLIN
) -> Subscription:
    return await desk.store.subscriptions.add_subscription(
        guild_id=channel_id, channel_id=channel_id, created_by=2, now=desk.clock(), options=options
    )


async def add_three(desk: WorkerHarness) -> Subscription:
    """As in a store that is used: the last one is given."""
    await add_subscription(desk, SubscriptionOptions(), INSTANT)
    await add_subscription(desk, replace(DAILY, timezone="UTC"), UTC_DAILY)
    return await add_subscription(desk)


async def load_cards(desk: WorkerHarness, *slugs: str, **fields: Any) -> None:
    for slug in slugs:
        values = {"provider": f"{{name: Paper {slug}}}", "publishedDateTime": f"{desk.clock():%FT%TZ}"}
        desk.write_card(slug, **{**values, "title": f"{slug} {slug}land {slug}berg {slug}town", **fields})
    await desk.deliver_due()


async def run_statement(desk: WorkerHarness, statement: str, **values: Any) -> None:
    async with desk.store.subscriptions._database.begin_write() as connection:
        await connection.execute(text(statement), values)


async def change_zone(desk: WorkerHarness, subscription_id: int, zone: str) -> None:
    await store_zone(desk.store.subscriptions._database, subscription_id, zone)


def digest_slugs(desk: WorkerHarness, channel_id: int = BERLIN) -> list[list[str]]:
    posted = desk.channels.posted.get(channel_id, [])
    return [[title.split()[0] for title in titles.split(" | ") if title] for _, titles in posted]


def delivered_slugs(messages: list[list[str]]) -> list[str]:
    return [slug for message in messages for slug in message]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "Europe", "../etc/passwd", "x" * 5000, "Europe/Berlin\n"])
async def test_a_time_zone_that_this_machine_does_not_know_stops_its_own_digest_only(
    desk: WorkerHarness, zone: str
) -> None:
    own = await add_three(desk)
    await change_zone(desk, own.id, zone)
    await load_cards(desk, "one")
    for _ in range(30):
        await desk.deliver_due(hours=1)
    assert digest_slugs(desk, INSTANT) == digest_slugs(desk, UTC_DAILY) == [["one"]]
    assert digest_slugs(desk) == []
    (messages,) = desk.channels.notices
    assert f"<#{BERLIN}>" in messages
    assert "time zone" in messages
    (found,) = await desk.store.subscriptions.list_for_guild(BERLIN)
    assert found.unusable == ("timezone",)
    assert found.trouble
    assert b"newsdesk_digests_failed_total 0.0" not in desk.metrics.render_text()


@pytest.mark.parametrize(
    ("stored", "comes"),
    [
        ({"timezone": "Asia/Tokyo", "mention_role_id": 7}, True),
        ({"newer": ["excluded"]}, True),
        ({"excluded": ["gossip"]}, True),
        ({"excluded": ["onetown"]}, False),
        ({"excluded": "readers"}, False),
        ([], False),
    ],
)
async def test_no_card_comes_where_the_exclusions_cannot_be_read(
    desk: WorkerHarness, stored: object, comes: bool
) -> None:
    own = await add_subscription(desk, SubscriptionOptions())
    await add_subscription(desk, SubscriptionOptions(), INSTANT)
    async with desk.store.subscriptions._database.begin_write() as connection:
        row = update(subscriptions).where(subscriptions.c.id == own.id)
        await connection.execute(row.values(options=stored))
    await load_cards(desk, "one")
    assert digest_slugs(desk, INSTANT) == [["one"]]
    assert digest_slugs(desk) == ([["one"]] if comes else [])


async def test_a_member_hears_of_their_own_digest_alone_and_reads_it_in_following(desk: WorkerHarness) -> None:
    await add_three(desk)
    own = Follower(user_id=9, guild_id=BERLIN, channel_id=90)
    await desk.store.subscriptions.personal_digests.follow_topic(own, "Space", DAILY, desk.clock())
    followed = await desk.store.subscriptions.find_for_member(9, BERLIN)
    assert followed is not None
    await change_zone(desk, followed.id, "Mars/Olympus")
    await load_cards(desk, "one", topics="[Space]")
    for _ in range(30):
        await desk.deliver_due(hours=1)
    assert [text for text in desk.channels.notices if "Mars/Olympus" in text] == desk.channels.notices != []
    assert len(desk.channels.notices) == 1
    found = await desk.store.subscriptions.find_for_member(9, BERLIN)
    assert found is not None
    assert "Mars/Olympus" in following_text(found)
    assert "/follow" in following_text(found)


async def test_it_goes_on_by_itself_when_the_zone_is_known_again_and_has_lost_nothing(desk: WorkerHarness) -> None:
    own = await add_three(desk)
    await change_zone(desk, own.id, "Mars/Olympus")
    await load_cards(desk, "one")
    await desk.deliver_due(days=2)
    await change_zone(desk, own.id, "Europe/Berlin")
    for _ in range(5):
        await desk.deliver_due(minutes=5)
    assert digest_slugs(desk) == [["one"]]
    (found,) = await desk.store.subscriptions.list_for_guild(BERLIN)
    assert (found.unusable, found.trouble) == ((), None)
    await load_cards(desk, "two")
    await desk.deliver_due(days=1)
    assert digest_slugs(desk) == [["one"], ["two"]]
    assert len(desk.channels.notices) == 1


async def test_an_edit_mends_it(desk: WorkerHarness) -> None:
    own = await add_three(desk)
    await change_zone(desk, own.id, "Mars/Olympus")
    await load_cards(desk, "one")
    await desk.deliver_due(days=1)
    (found,) = await desk.store.subscriptions.list_for_guild(BERLIN)
    await desk.pipeline.change_options(found, DAILY)
    await desk.deliver_due(days=1)
    assert digest_slugs(desk) == [["one"]]


async def test_whatever_fails_in_one_digest_is_its_own(desk: WorkerHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many that are due at once, one that cannot be made is paused; when it can be, it has lost nothing."""
    channels = range(100, 140)
    for channel in channels:
        await add_subscription(desk, replace(DAILY, timezone="UTC"), channel)
    await load_cards(desk, "one")
    make, guilty = DigestPlanner._build_messages, {117}

    async def failing(self: DigestPlanner, subscription: Subscription, *rest: Any) -> Any:
        if subscription.channel_id in guilty:
            raise RuntimeError("a defect")
        return await make(self, subscription, *rest)

    monkeypatch.setattr(DigestPlanner, "_build_messages", failing)
    for _ in range(30):
        await desk.deliver_due(hours=1)
    assert [channel for channel in channels if digest_slugs(desk, channel) != [["one"]]] == [117]
    assert len(desk.channels.notices) == 1
    guilty.clear()
    await desk.deliver_due(hours=1)
    assert digest_slugs(desk, 117) == [["one"]]


@pytest.mark.parametrize("zone", ["America/New_York", "America/St_Johns", "Pacific/Honolulu"])
async def test_an_edit_that_names_a_slot_which_has_come_breaks_nothing_and_loses_nothing(
    desk: WorkerHarness, zone: str
) -> None:
    own = await add_three(desk)
    await desk.deliver_due(hours=20, minutes=30)
    await load_cards(desk, "one")
    await desk.deliver_due(hours=2)
    own = (await desk.store.subscriptions.list_for_guild(BERLIN))[0]
    await load_cards(desk, "two")
    await desk.pipeline.change_options(own, replace(DAILY, timezone=zone, skip_empty=False))
    for _ in range(48):
        await desk.deliver_due(hours=1)
    assert (
        sorted(delivered_slugs(digest_slugs(desk)))
        == sorted(delivered_slugs(digest_slugs(desk, UTC_DAILY)))
        == ["one", "two"]
    )
    assert desk.channels.notices == []
    names = [delivery.id for delivery, _ in desk.channels.posted[BERLIN]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(days=40), timedelta(days=5 * 365), timedelta(hours=3)])
async def test_a_clock_that_ran_ahead_for_a_tick_puts_nothing_off(desk: WorkerHarness, ahead: timedelta) -> None:
    await add_subscription(desk, replace(DAILY, timezone="UTC"), UTC_DAILY)
    await add_subscription(desk, SubscriptionOptions(), INSTANT)
    await desk.store.subscriptions.quiet_hours.set_hours(
        INSTANT, INSTANT, QuietHours(time(22), time(6), "UTC"), desk.clock()
    )
    await load_cards(desk, "one")
    at = desk.clock()
    desk.clock.now = at + ahead
    await desk.pipeline.plan_and_deliver()
    desk.clock.now = at
    await desk.pipeline.plan_and_deliver()
    await load_cards(desk, "two")
    for _ in range(48):  # the slot that came a day early has come
        await desk.deliver_due(hours=1)
    assert sorted(delivered_slugs(digest_slugs(desk, UTC_DAILY))) == ["one", "two"]
    assert delivered_slugs(digest_slugs(desk, INSTANT)) == ["one", "two"]
    (found,) = await desk.store.subscriptions.list_for_guild(UTC_DAILY)
    assert found.next_digest_at
    assert found.next_digest_at - desk.clock() <= timedelta(days=1)


async def test_a_next_slot_that_no_timetable_allows_is_brought_back(desk: WorkerHarness) -> None:
    own = await add_subscription(desk)
    await desk.pipeline.plan_and_deliver()
    await run_statement(desk, "UPDATE subscriptions SET next_digest_at = 9999999999999999 WHERE id = :id", id=own.id)
    await load_cards(desk, "one")
    await desk.deliver_due(days=1)
    assert digest_slugs(desk) == [["one"]]


def acts_of(seed: int) -> list[tuple[str, int, str]]:
    """What happens, one after another: edits, cards, hours that pass, and a clock that is wrong for one tick."""
    dice = Random(seed)
    acts = []
    for _ in range(14):
        act = dice.choice(["edit", "edit", "wait", "wait", "card", "step"])
        numbers = {"edit": range(3), "wait": range(1, 30), "card": [0], "step": [-30, -5, -1, 1, 26, 24 * 500]}
        acts.append((act, dice.choice(numbers[act]), dice.choice(ZONES)))
    return acts


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_is_edited_and_however_the_clock_goes_no_slot_comes_twice_and_no_other_is_touched(
    tmp_path_factory: pytest.TempPathFactory, seed: int
) -> None:
    async with open_harness(tmp_path_factory.mktemp("desk")) as desk:
        option_sets = [
            replace(DAILY, times=(time(9), time(17)), skip_empty=False),
            SubscriptionOptions(frequency=Frequency.HOURLY, layout=Layout.LIST),
            SubscriptionOptions(frequency=Frequency.WEEKDAYS, times=(time(8),), timezone="Asia/Tokyo"),
        ]
        for place, options in enumerate(option_sets):
            await add_subscription(desk, options, 10 + place)
        await add_subscription(desk, SubscriptionOptions(), INSTANT)
        cards = 0
        for act, number, zone in acts_of(seed):
            if act == "edit":
                (own,) = await desk.store.subscriptions.list_for_guild(10 + number)
                await desk.pipeline.change_options(own, replace(own.options, timezone=zone))
            elif act == "card":
                await load_cards(desk, f"card{cards}")
                cards += 1
            elif act == "wait":
                await desk.deliver_due(hours=number)
            else:
                desk.clock.advance(hours=number)
                await desk.pipeline.plan_and_deliver()
                desk.clock.advance(hours=-number if number > 0 else 0)
                await desk.pipeline.plan_and_deliver()
        await load_cards(desk, "last")
        for _ in range(4):
            await desk.deliver_due(days=1)
        assert desk.channels.notices == []
        assert sorted(delivered_slugs(digest_slugs(desk, INSTANT))) == sorted(
            [*(f"card{n}" for n in range(cards)), "last"]
        )
        for channel in (10, 11, 12):
            came = delivered_slugs(digest_slugs(desk, channel))
            assert len(came) == len(set(came))
            assert "last" in came
            (own,) = await desk.store.subscriptions.list_for_guild(channel)
            assert own.next_digest_at
            assert own.next_digest_at - desk.clock() <= timedelta(days=4)
            assert own.new_after <= desk.clock()
