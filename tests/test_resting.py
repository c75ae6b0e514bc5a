"""One row, one edit, one tick of a wrong clock: what it costs is its own, and the others have theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from bot.desk.quiet import QuietHours
from bot.desk.subscription import Layout, Subscription, When, Wish
from bot.editions import Editions
from bot.render.members import following_text
from bot.store.follows import Follower
from tests.support.desk import Desk, a_desk

INSTANT, UTC_DAILY, BERLIN = 5, 6, 7
"""Channels of three servers."""
DAILY = Wish(when=When.DAILY, times=(time(9),), timezone="Europe/Berlin")
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "Pacific/Apia", "UTC", "Asia/Kolkata", "America/St_Johns")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """Its clock begins at noon (UTC) of a Monday."""
    async with a_desk(tmp_path) as desk:
        yield desk


async def subscribe(desk: Desk, wish: Wish = DAILY, channel_id: int = BERLIN) -> Subscription:
    return await desk.store.subscriptions.add(
        guild_id=channel_id, channel_id=channel_id, created_by=2, now=desk.clock(), wish=wish
    )


async def three(desk: Desk) -> Subscription:
    """As in a store that is used: the last one is given."""
    await subscribe(desk, Wish(), INSTANT)
    await subscribe(desk, replace(DAILY, timezone="UTC"), UTC_DAILY)
    return await subscribe(desk)


async def load(desk: Desk, *slugs: str, **fields: Any) -> None:
    for slug in slugs:
        values = {"provider": f"{{name: Paper {slug}}}", "publishedDateTime": f"{desk.clock():%FT%TZ}"}
        desk.write(slug, **{**values, "title": f"{slug} matters to {slug} readers of the {slug} paper", **fields})
    await desk.deliver()


async def execute(desk: Desk, statement: str, **values: Any) -> None:
    async with desk.store.subscriptions._database.write() as connection:
        await connection.execute(text(statement), values)


def digests(desk: Desk, channel_id: int = BERLIN) -> list[list[str]]:
    posted = desk.channels.posted.get(channel_id, [])
    return [[title.split()[0] for title in titles.split(" | ") if title] for _, titles in posted]


def brought(messages: list[list[str]]) -> list[str]:
    return [slug for message in messages for slug in message]


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "Europe", "../etc/passwd", "x" * 5000, "Europe/Berlin\n"])
async def test_a_time_zone_that_this_machine_does_not_know_stops_its_own_digest_only(desk: Desk, zone: str) -> None:
    mine = await three(desk)
    await execute(desk, "UPDATE subscriptions SET timezone = :zone WHERE id = :id", zone=zone, id=mine.id)
    await load(desk, "one")
    for _ in range(30):
        await desk.deliver(hours=1)
    assert digests(desk, INSTANT) == digests(desk, UTC_DAILY) == [["one"]]
    assert digests(desk) == []
    (told,) = desk.channels.told
    assert f"<#{BERLIN}>" in told
    assert "time zone" in told
    (found,) = await desk.store.subscriptions.of_guild(BERLIN)
    assert found.unusable == ("timezone",)
    assert found.trouble
    assert b"newsdesk_digests_failed_total 0.0" not in desk.metrics.text()


async def test_a_member_hears_of_their_own_digest_alone_and_reads_it_in_following(desk: Desk) -> None:
    await three(desk)
    own = Follower(user_id=9, guild_id=BERLIN, channel_id=90)
    await desk.store.follows.follow(own, "Space", DAILY, desk.clock())
    await execute(desk, "UPDATE subscriptions SET timezone = 'Mars/Olympus' WHERE user_id = 9")
    await load(desk, "one", topics="[Space]")
    for _ in range(30):
        await desk.deliver(hours=1)
    assert [text for text in desk.channels.told if "Mars/Olympus" in text] == desk.channels.told != []
    assert len(desk.channels.told) == 1
    found = await desk.store.subscriptions.of_member(9, BERLIN)
    assert found is not None
    assert "Mars/Olympus" in following_text(found)
    assert "/follow" in following_text(found)


async def test_it_goes_on_by_itself_when_the_zone_is_known_again_and_has_lost_nothing(desk: Desk) -> None:
    mine = await three(desk)
    await execute(desk, "UPDATE subscriptions SET timezone = 'Mars/Olympus' WHERE id = :id", id=mine.id)
    await load(desk, "one")
    await desk.deliver(days=2)
    await execute(desk, "UPDATE subscriptions SET timezone = 'Europe/Berlin' WHERE id = :id", id=mine.id)
    for _ in range(5):
        await desk.deliver(minutes=5)
    assert digests(desk) == [["one"]]
    (found,) = await desk.store.subscriptions.of_guild(BERLIN)
    assert (found.unusable, found.trouble) == ((), None)
    await load(desk, "two")
    await desk.deliver(days=1)
    assert digests(desk) == [["one"], ["two"]]
    assert len(desk.channels.told) == 1


async def test_an_edit_mends_it(desk: Desk) -> None:
    mine = await three(desk)
    await execute(desk, "UPDATE subscriptions SET timezone = 'Mars/Olympus' WHERE id = :id", id=mine.id)
    await load(desk, "one")
    await desk.deliver(days=1)
    (found,) = await desk.store.subscriptions.of_guild(BERLIN)
    await desk.newsroom.change(found, DAILY)
    await desk.deliver(days=1)
    assert digests(desk) == [["one"]]


async def test_whatever_fails_in_one_digest_is_its_own(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many that are due at once, one that cannot be made rests; when it can be, it has lost nothing."""
    channels = range(100, 140)
    for channel in channels:
        await subscribe(desk, replace(DAILY, timezone="UTC"), channel)
    await load(desk, "one")
    make, guilty = Editions._messages, {117}

    async def failing(self: Editions, subscription: Subscription, *rest: Any) -> Any:
        if subscription.channel_id in guilty:
            raise RuntimeError("a defect")
        return await make(self, subscription, *rest)

    monkeypatch.setattr(Editions, "_messages", failing)
    for _ in range(30):
        await desk.deliver(hours=1)
    assert [channel for channel in channels if digests(desk, channel) != [["one"]]] == [117]
    assert len(desk.channels.told) == 1
    guilty.clear()
    await desk.deliver(hours=1)
    assert digests(desk, 117) == [["one"]]


@pytest.mark.parametrize("zone", ["America/New_York", "America/St_Johns", "Pacific/Honolulu"])
async def test_an_edit_that_names_a_slot_which_has_come_breaks_nothing_and_loses_nothing(desk: Desk, zone: str) -> None:
    mine = await three(desk)
    await desk.deliver(hours=20, minutes=30)
    await load(desk, "one")
    await desk.deliver(hours=2)
    mine = (await desk.store.subscriptions.of_guild(BERLIN))[0]
    await load(desk, "two")
    await desk.newsroom.change(mine, replace(DAILY, timezone=zone, skip_empty=False))
    for _ in range(48):
        await desk.deliver(hours=1)
    assert sorted(brought(digests(desk))) == sorted(brought(digests(desk, UTC_DAILY))) == ["one", "two"]
    assert desk.channels.told == []
    names = [delivery.id for delivery, _ in desk.channels.posted[BERLIN]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("ahead", [timedelta(days=1), timedelta(days=40), timedelta(days=5 * 365), timedelta(hours=3)])
async def test_a_clock_that_ran_ahead_for_a_tick_puts_nothing_off(desk: Desk, ahead: timedelta) -> None:
    await subscribe(desk, replace(DAILY, timezone="UTC"), UTC_DAILY)
    await subscribe(desk, Wish(), INSTANT)
    await desk.store.quiet.set(INSTANT, INSTANT, QuietHours(time(22), time(6), "UTC"), desk.clock())
    await load(desk, "one")
    at = desk.clock()
    desk.clock.now = at + ahead
    await desk.newsroom.tick()
    desk.clock.now = at
    await desk.newsroom.tick()
    await load(desk, "two")
    for _ in range(48):  # the slot that came a day early has come
        await desk.deliver(hours=1)
    assert sorted(brought(digests(desk, UTC_DAILY))) == ["one", "two"]
    assert brought(digests(desk, INSTANT)) == ["one", "two"]
    (found,) = await desk.store.subscriptions.of_guild(UTC_DAILY)
    assert found.next_at
    assert found.next_at - desk.clock() <= timedelta(days=1)


async def test_a_next_slot_that_no_timetable_allows_is_brought_back(desk: Desk) -> None:
    mine = await subscribe(desk)
    await desk.newsroom.tick()
    await execute(desk, "UPDATE subscriptions SET next_at = 9999999999999999 WHERE id = :id", id=mine.id)
    await load(desk, "one")
    await desk.deliver(days=1)
    assert digests(desk) == [["one"]]


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
    async with a_desk(tmp_path_factory.mktemp("desk")) as desk:
        wishes = [
            replace(DAILY, times=(time(9), time(17)), skip_empty=False),
            Wish(when=When.HOURLY, layout=Layout.LIST),
            Wish(when=When.WEEKDAYS, times=(time(8),), timezone="Asia/Tokyo"),
        ]
        for place, wish in enumerate(wishes):
            await subscribe(desk, wish, 10 + place)
        await subscribe(desk, Wish(), INSTANT)
        cards = 0
        for act, number, zone in acts_of(seed):
            if act == "edit":
                (mine,) = await desk.store.subscriptions.of_guild(10 + number)
                await desk.newsroom.change(mine, replace(mine.wish, timezone=zone))
            elif act == "card":
                await load(desk, f"card{cards}")
                cards += 1
            elif act == "wait":
                await desk.deliver(hours=number)
            else:
                desk.clock.move(hours=number)
                await desk.newsroom.tick()
                desk.clock.move(hours=-number if number > 0 else 0)
                await desk.newsroom.tick()
        await load(desk, "last")
        for _ in range(4):
            await desk.deliver(days=1)
        assert desk.channels.told == []
        assert sorted(brought(digests(desk, INSTANT))) == sorted([*(f"card{n}" for n in range(cards)), "last"])
        for channel in (10, 11, 12):
            came = brought(digests(desk, channel))
            assert len(came) == len(set(came))
            assert "last" in came
            (mine,) = await desk.store.subscriptions.of_guild(channel)
            assert mine.next_at
            assert mine.next_at - desk.clock() <= timedelta(days=4)
            assert mine.since <= desk.clock()
