"""Trouble of the way to Discord, on the wire: everybody waits, nobody is told, in the end each post is there once."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import time
from typing import Any

import pytest

from bot.desk.subscription import When, Wish
from bot.store.follows import Follower
from tests.support.line import Line
from tests.wire.client import ANY

WAYS: dict[str, dict[str, Any]] = {
    "page_403": {},
    "page_400": {},
    "page_404": {},
    "page_429": {"names_wait": True, "retry_after": 20},
    "page_503": {"names_wait": True, "retry_after": 20},
    "login_page": {},
    "edge_block": {},
    "cloudflare": {},
    "401": {},
}
METHODS = {"post": "POST", "edit": "PATCH", "retract": "DELETE"}
CHANGES: dict[str, dict[str, Any]] = {"post": {}, "edit": {"title": "New"}, "retract": {"removed": "true"}}
WANTED = {"post": ["Title of a"], "edit": ["New"], "retract": []}


async def subscribe_many(line: Line, number: int) -> list[int]:
    """Channels of one server; its first one, which is not subscribed, takes what the server is told."""
    line.guild = await line.wire.add_guild(*["text"] * (number + 1))
    first, *others = (channel.id for channel in line.guild.channels)
    for channel in others:
        await line.bot.store.subscriptions.add(
            guild_id=line.guild.id, channel_id=channel, created_by=1, now=line.clock()
        )
    line.channel = first
    return others


async def titles_in(line: Line, channels: list[int]) -> list[list[str | None]]:
    return [[message.title for message in await line.wire.messages(channel)] for channel in channels]


@pytest.mark.parametrize("step", ["post", "edit", "retract"])
@pytest.mark.parametrize("fault", WAYS)
async def test_trouble_of_the_way_is_waited_out_and_told_to_nobody(
    line: Line, fault: str, step: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    channels = await subscribe_many(line, 8)
    if step != "post":
        await line.send("a")
    rule = await line.wire.fault(fault, METHODS[step], "/messages", times=ANY, **WAYS[fault])
    await line.send("a", **CHANGES[step])
    for _ in range(5):
        await line.deliver(seconds=12)
    (struck,) = await line.wire.faults()
    assert struck["hits"] <= 8 + 5  # those that were under way, and a probe a turn
    await line.wire.clear_faults(rule)
    assert await line.bot.store.circuits.all() == []
    for _ in range(4):
        await line.deliver(minutes=20)
    assert await titles_in(line, channels) == [WANTED[step]] * 8
    assert await line.messages() == []
    gate = [record for record in caplog.records if record.name == "bot.delivery.gate"]
    assert len(gate) == 2  # shut, and open again
    assert not [record for record in caplog.records if "<" in record.getMessage() or len(record.getMessage()) > 500]


@pytest.mark.parametrize("fault", ["page_403", "login_page", "edge_block", "page_429"])
async def test_a_forums_posts_wait_as_well(line: Line, fault: str) -> None:
    await line.subscribe("forum")
    rule = await line.wire.fault(fault, "*", "/threads", times=ANY, **WAYS[fault])
    await line.send("a")
    await line.deliver(minutes=1)
    assert not await line.is_closed()
    await line.wire.clear_faults(rule)
    await line.deliver(hours=1)
    await line.deliver(hours=1)
    assert await line.starters() == ["Title of a"]


@pytest.mark.parametrize("fault", ["page_403", "login_page", "edge_block", "401"])
async def test_crossposts_wait_as_well(line: Line, fault: str) -> None:
    await line.subscribe("announcement", Wish(crosspost=True))
    rule = await line.wire.fault(fault, "POST", "/crosspost$", times=ANY, **WAYS[fault])
    await line.send("a")
    await line.wire.clear_faults(rule)
    await line.deliver(hours=1)
    await line.deliver(hours=1)
    assert [message.crossposted_at is not None for message in await line.messages()] == [True]


async def test_a_members_digest_does_not_rest_for_it(line: Line) -> None:
    guild, dm = await line.wire.add_guild("text"), (await line.wire.dm("owner")).id
    owner = (await line.wire.status()).owner_id
    wish = Wish(when=When.DAILY, times=(time(13),))
    await line.bot.store.follows.follow(Follower(owner, guild.id, dm), "Python", wish, line.clock())
    rule = await line.wire.fault("page_403", "POST", "/messages", times=ANY)
    line.write("a")
    await line.deliver(hours=1)
    await line.deliver(minutes=2)
    await line.wire.clear_faults(rule)
    await line.deliver(minutes=30)
    await line.deliver(minutes=30)
    assert len(await line.wire.messages(dm)) == 1


async def test_after_a_401_at_most_what_was_under_way_is_refused(line: Line) -> None:
    """A ban of the address takes 10,000 of them in ten minutes."""
    ends = []
    line.bot.gate.on_unauthorized = lambda: ends.append(line.bot.gate.is_authorized)
    channels = await subscribe_many(line, 300)
    rule = await line.wire.fault("401", "*", "/channels/", times=ANY)
    line.write("a")
    line.write("b", publishedDateTime="2026-06-01T11:00:00Z")
    await line.deliver()
    assert not line.bot.gate.is_authorized
    assert ends
    hits = (await line.wire.faults())[0]["hits"]
    assert hits <= 50
    await line.deliver()
    assert (await line.wire.faults())[0]["hits"] == hits
    await line.wire.clear_faults(rule)
    await line.deliver(minutes=2)
    await line.deliver(minutes=2)
    assert await titles_in(line, channels) == [["Title of a", "Title of b"]] * 300


async def test_a_message_that_alone_is_answered_with_pages_does_not_stop_the_others(line: Line) -> None:
    channels = await subscribe_many(line, 5)
    await line.wire.fault("page_403", "POST", f"/channels/{channels[0]}/messages", times=ANY)
    for name in "abcd":
        await line.send(name, publishedDateTime=f"2026-06-01T0{'abcd'.index(name) + 1}:00:00Z")
        for _ in range(4):
            await line.deliver(minutes=1)
    expected = [f"Title of {name}" for name in "abcd"]
    assert await titles_in(line, channels) == [[], *[expected] * 4]


async def test_5xx_of_one_channel_are_its_own_and_those_of_many_the_bots(line: Line) -> None:
    channels = await subscribe_many(line, 40)
    await line.wire.fault("503", "POST", f"/channels/{channels[0]}/messages", times=3)
    await line.send("a")
    assert line.bot.gate.is_open
    assert Counter(map(len, await titles_in(line, channels))) == {1: 39, 0: 1}
    await line.deliver(minutes=20)
    rule = await line.wire.fault("503", "POST", "/messages", times=ANY)
    await line.send("b", publishedDateTime="2026-06-01T11:00:00Z")
    for _ in range(10):
        await line.deliver(seconds=30)
    assert line.bot.gate.reason
    (hits,) = [each["hits"] for each in await line.wire.faults() if each["id"] == rule]
    assert hits <= 40 + 10
    await line.wire.clear_faults(rule)
    for _ in range(3):
        await line.deliver(minutes=20)
    assert await titles_in(line, channels) == [["Title of a", "Title of b"]] * 40
