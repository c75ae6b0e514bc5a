"""Refusals that belong to a place or to a card, on the wire: what waits, who is notified, and that nothing is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.domain.subscription import SubscriptionOptions
from tests.support.line import WireHarness
from tests.support.polling import PATIENCE
from tests.wire.client import ANY


async def notices_to(harness: WireHarness) -> list[str]:
    return [
        message.content for message in await harness.wire.list_messages(harness.guild.channels[0].id) if message.content
    ]


async def subscribe_beside(harness: WireHarness, kind: str, options: SubscriptionOptions | None = None) -> None:
    """A channel of this kind in a server whose first channel takes the notices to its people."""
    harness.guild = await harness.wire.add_guild("text", kind)
    harness.channel = harness.guild.channels[1].id
    await harness.bot.store.subscriptions.add_subscription(
        guild_id=harness.guild.id,
        channel_id=harness.channel,
        created_by=1,
        now=harness.clock(),
        options=options,
        forum=kind == "forum",
    )


async def held_titles(harness: WireHarness, kind: str) -> list[str | None]:
    return sorted(await harness.starter_titles() if kind == "forum" else await harness.message_titles(), key=str)


@pytest.mark.parametrize(
    ("kind", "fault", "words"),
    [
        ("forum", "threads_used_up", "limit of active threads"),
        ("forum", "wrong_kind", "changed its type"),
        ("forum", "tag_required", "requires a tag"),
        ("text", "wrong_kind", "changed its type"),
        ("text", "no_permission", "Permissions"),
        ("text", "no_access", "Permissions"),
        ("text", "no_channel", "was deleted"),
    ],
)
async def test_what_a_place_refuses_waits_for_it_and_is_told_once(
    harness: WireHarness, kind: str, fault: str, words: str
) -> None:
    await subscribe_beside(harness, kind)
    await harness.wire.add_fault(
        fault, "POST", "/threads$" if kind == "forum" else f"/{harness.channel}/messages$", times=3
    )
    await harness.send_card("a")
    await harness.send_card("b", publishedDateTime="2026-06-01T11:00:00Z")
    for _ in range(8):
        await harness.deliver_due(minutes=20)
    assert await held_titles(harness, kind) == ["Title of a", "Title of b"]
    trouble, healing = await notices_to(harness)
    assert words in trouble
    assert healing.endswith("is receiving cards again.")


async def test_of_trouble_that_nobody_heard_of_nobody_hears_the_end(harness: WireHarness) -> None:
    await subscribe_beside(harness, "text")
    await harness.wire.add_fault(
        "no_permission", "POST", "/messages$", times=2
    )  # the post, and the notice to the server
    await harness.send_card("a")
    await harness.deliver_due(hours=2)
    assert await harness.message_titles() == ["Title of a"]
    assert await notices_to(harness) == []


@pytest.mark.parametrize("fault", ["filtered", "400"])
async def test_a_card_that_is_refused_is_reported_once_and_together(harness: WireHarness, fault: str) -> None:
    await subscribe_beside(harness, "text")
    await harness.wire.add_fault(fault, "POST", f"/{harness.channel}/messages$", times=7)
    for number in range(7):
        harness.write_card(f"card{number}", publishedDateTime=f"2026-06-01T0{number}:00:00Z")
    await harness.deliver_due()
    for _ in range(5):
        await harness.deliver_due(hours=2)
    (report,) = await notices_to(harness)
    assert "7 cards" in report
    assert "Title of card0" in report
    assert "code" not in report
    await harness.send_card("card3", publishedDateTime="2026-06-01T03:00:00Z", title="Mended")
    assert await harness.message_titles() == ["Mended"]


async def test_a_channel_that_is_named_comes_before_the_system_channel(harness: WireHarness) -> None:
    harness.guild = await harness.wire.add_guild("text", "text")
    review, notify = harness.guild.channels[1].id, harness.bot.pipeline.courier._sender.notify_guild
    assert await notify(harness.guild.id, "One.", [], channel_id=review)
    await harness.wire.change_channel(review, access="closed")
    assert await notify(harness.guild.id, "Two.", [], channel_id=review)
    assert [message.content for message in await harness.wire.list_messages(review)] == ["One."]
    assert await notices_to(harness) == ["Two."]


async def test_one_closed_dm_keeps_nobody_else_from_being_told(harness: WireHarness) -> None:
    people = [await harness.wire.get_dm(name) for name in ("one", "two", "three")]
    users = [(await harness.wire._call_verb("user", user=name))["id"] for name in ("one", "two", "three")]
    await harness.wire.change_channel(people[0].id, access="closed")
    assert await harness.bot.pipeline.courier._sender.notify_guild(0, "Hello.", users)
    events = [[message.content for message in await harness.wire.list_messages(dm.id)] for dm in people]
    assert events == [[], ["Hello."], ["Hello."]]


@pytest.mark.parametrize("fault", ["500", "503", "page_404", "reset", "rate_limited", "no_permission", "400"])
async def test_nor_does_any_other_failure(harness: WireHarness, fault: str) -> None:
    people = [await harness.wire.get_dm(name) for name in ("one", "two")]
    users = [(await harness.wire._call_verb("user", user=name))["id"] for name in ("one", "two")]
    more: dict[str, Any] = {"retry_after": 120.0} if fault == "rate_limited" else {}
    await harness.wire.add_fault(fault, "POST", f"/channels/{people[0].id}/messages", times=ANY, **more)
    told_any = await harness.bot.pipeline.courier._sender.notify_guild(0, "Hello.", users)
    events = [[message.content for message in await harness.wire.list_messages(dm.id)] for dm in people]
    # A page of the edge stops everything for a while.
    assert (told_any, events) == ((False, [[], []]) if fault == "page_404" else (True, [[], ["Hello."]]))


async def test_a_role_that_is_gone_is_not_named(harness: WireHarness) -> None:
    guild = await harness.wire.add_guild("text", roles=["Pings"])
    role = guild.roles["Pings"]
    harness.guild, harness.channel = guild, guild.channels[0].id
    await harness.bot.store.subscriptions.add_subscription(
        guild_id=guild.id,
        channel_id=harness.channel,
        created_by=1,
        now=harness.clock(),
        options=SubscriptionOptions(mention_role_id=role),
    )
    await harness.connect_gateway()
    await harness.send_card("a")
    await harness.wire.change_guild(guild.id, remove_role="Pings")
    async with asyncio.timeout(PATIENCE):
        while harness.bot.get_guild(guild.id).get_role(role):  # type: ignore[union-attr]
            await asyncio.sleep(0.02)
    await harness.send_card("b", publishedDateTime="2026-06-01T11:00:00Z")
    assert [str(role) in message.content for message in await harness.list_messages()] == [True, False]
