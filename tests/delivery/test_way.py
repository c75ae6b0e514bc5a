"""Trouble on the way to Discord: everybody waits, nobody is notified, in the end each post is there once."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import time
from typing import Any

import pytest

from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.store.subscriptions.personal_digests import Follower
from tests.support.line import WireHarness
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


async def subscribe_many(harness: WireHarness, number: int) -> list[int]:
    """Channels of one server; its first one, which is not subscribed, takes the notices to the server."""
    harness.guild = await harness.wire.add_guild(*["text"] * (number + 1))
    first, *others = (channel.id for channel in harness.guild.channels)
    for channel in others:
        await harness.bot.store.subscriptions.add_subscription(
            guild_id=harness.guild.id, channel_id=channel, created_by=1, now=harness.clock()
        )
    harness.channel = first
    return others


async def titles_in(harness: WireHarness, channels: list[int]) -> list[list[str | None]]:
    return [[message.title for message in await harness.wire.list_messages(channel)] for channel in channels]


@pytest.mark.parametrize("step", ["post", "edit", "retract"])
@pytest.mark.parametrize("fault", WAYS)
async def test_trouble_of_the_way_is_waited_out_and_told_to_nobody(
    harness: WireHarness, fault: str, step: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    channels = await subscribe_many(harness, 8)
    if step != "post":
        await harness.send_card("a")
    rule = await harness.wire.add_fault(fault, METHODS[step], "/messages", times=ANY, **WAYS[fault])
    await harness.send_card("a", **CHANGES[step])
    for _ in range(5):
        await harness.deliver_due(seconds=12)
    (struck,) = await harness.wire.list_faults()
    assert struck["hits"] <= 8 + 5  # those that were under way, and a probe a turn
    await harness.wire.clear_faults(rule)
    assert await harness.bot.store.outbox.circuits.list_all() == []
    for _ in range(4):
        await harness.deliver_due(minutes=20)
    assert await titles_in(harness, channels) == [WANTED[step]] * 8
    assert await harness.list_messages() == []
    gate = [record for record in caplog.records if record.name == "bot.delivery.gate"]
    assert len(gate) == 2  # shut, and open again
    assert not [record for record in caplog.records if "<" in record.getMessage() or len(record.getMessage()) > 500]


@pytest.mark.parametrize("fault", ["page_403", "login_page", "edge_block", "page_429"])
async def test_a_forums_posts_wait_as_well(harness: WireHarness, fault: str) -> None:
    await harness.subscribe_channel("forum")
    rule = await harness.wire.add_fault(fault, "*", "/threads", times=ANY, **WAYS[fault])
    await harness.send_card("a")
    await harness.deliver_due(minutes=1)
    assert not await harness.is_closed()
    await harness.wire.clear_faults(rule)
    await harness.deliver_due(hours=1)
    await harness.deliver_due(hours=1)
    assert await harness.starter_titles() == ["Title of a"]


@pytest.mark.parametrize("fault", ["page_403", "login_page", "edge_block", "401"])
async def test_crossposts_wait_as_well(harness: WireHarness, fault: str) -> None:
    await harness.subscribe_channel("announcement", SubscriptionOptions(crosspost=True))
    rule = await harness.wire.add_fault(fault, "POST", "/crosspost$", times=ANY, **WAYS[fault])
    await harness.send_card("a")
    await harness.wire.clear_faults(rule)
    await harness.deliver_due(hours=1)
    await harness.deliver_due(hours=1)
    assert [message.crossposted_at is not None for message in await harness.list_messages()] == [True]


async def test_a_members_digest_does_not_rest_for_it(harness: WireHarness) -> None:
    guild, dm = await harness.wire.add_guild("text"), (await harness.wire.get_dm("owner")).id
    owner = (await harness.wire.get_status()).owner_id
    options = SubscriptionOptions(frequency=Frequency.DAILY, times=(time(13),))
    await harness.bot.store.subscriptions.personal_digests.follow_topic(
        Follower(owner, guild.id, dm), "Python", options, harness.clock()
    )
    rule = await harness.wire.add_fault("page_403", "POST", "/messages", times=ANY)
    harness.write_card("a")
    await harness.deliver_due(hours=1)
    await harness.deliver_due(minutes=2)
    await harness.wire.clear_faults(rule)
    await harness.deliver_due(minutes=30)
    await harness.deliver_due(minutes=30)
    assert len(await harness.wire.list_messages(dm)) == 1


async def test_after_a_401_at_most_what_was_under_way_is_refused(harness: WireHarness) -> None:
    """A ban of the address takes 10,000 of them in ten minutes."""
    ends = []
    harness.bot.gate.on_unauthorized = lambda: ends.append(harness.bot.gate.is_authorized)
    channels = await subscribe_many(harness, 300)
    rule = await harness.wire.add_fault("401", "*", "/channels/", times=ANY)
    harness.write_card("a")
    harness.write_card("b", publishedDateTime="2026-06-01T11:00:00Z")
    await harness.deliver_due()
    assert not harness.bot.gate.is_authorized
    assert ends
    hits = (await harness.wire.list_faults())[0]["hits"]
    assert hits <= 50
    await harness.deliver_due()
    assert (await harness.wire.list_faults())[0]["hits"] == hits
    await harness.wire.clear_faults(rule)
    await harness.deliver_due(minutes=2)
    await harness.deliver_due(minutes=2)
    assert await titles_in(harness, channels) == [["Title of a", "Title of b"]] * 300


async def test_a_message_that_alone_is_answered_with_pages_does_not_stop_the_others(harness: WireHarness) -> None:
    channels = await subscribe_many(harness, 5)
    await harness.wire.add_fault("page_403", "POST", f"/channels/{channels[0]}/messages", times=ANY)
    for name in "abcd":
        await harness.send_card(name, publishedDateTime=f"2026-06-01T0{'abcd'.index(name) + 1}:00:00Z")
        for _ in range(4):
            await harness.deliver_due(minutes=1)
    expected = [f"Title of {name}" for name in "abcd"]
    assert await titles_in(harness, channels) == [[], *[expected] * 4]


async def test_5xx_of_one_channel_are_its_own_and_those_of_many_the_bots(harness: WireHarness) -> None:
    channels = await subscribe_many(harness, 40)
    await harness.wire.add_fault("503", "POST", f"/channels/{channels[0]}/messages", times=3)
    await harness.send_card("a")
    assert harness.bot.gate.is_open
    assert Counter(map(len, await titles_in(harness, channels))) == {1: 39, 0: 1}
    await harness.deliver_due(minutes=20)
    rule = await harness.wire.add_fault("503", "POST", "/messages", times=ANY)
    await harness.send_card("b", publishedDateTime="2026-06-01T11:00:00Z")
    for _ in range(10):
        await harness.deliver_due(seconds=30)
    assert harness.bot.gate.reason
    (hits,) = [each["hits"] for each in await harness.wire.list_faults() if each["id"] == rule]
    assert hits <= 40 + 10
    await harness.wire.clear_faults(rule)
    for _ in range(3):
        await harness.deliver_due(minutes=20)
    assert await titles_in(harness, channels) == [["Title of a", "Title of b"]] * 40
