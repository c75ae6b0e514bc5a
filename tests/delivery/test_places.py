"""Refusals that belong to a place or to a card, on the wire: what waits, what is told, and that nothing is lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.desk.subscription import Wish
from tests.support.line import Line
from tests.wire.client import ANY


async def told(line: Line) -> list[str]:
    return [message.content for message in await line.wire.messages(line.guild.channels[0].id) if message.content]


async def subscribe_beside(line: Line, kind: str, wish: Wish | None = None) -> None:
    """A channel of this kind in a server whose first channel takes what people are told."""
    line.guild = await line.wire.add_guild("text", kind)
    line.channel = line.guild.channels[1].id
    await line.bot.store.subscriptions.add(
        guild_id=line.guild.id,
        channel_id=line.channel,
        created_by=1,
        now=line.clock(),
        wish=wish,
        forum=kind == "forum",
    )


async def held(line: Line, kind: str) -> list[str | None]:
    return sorted(await line.starters() if kind == "forum" else await line.titles(), key=str)


@pytest.mark.parametrize(
    ("kind", "fault", "words"),
    [
        ("forum", "threads_used_up", "active threads are used up"),
        ("forum", "wrong_kind", "of a kind now"),
        ("forum", "tag_required", "demands a tag"),
        ("text", "wrong_kind", "of a kind now"),
        ("text", "no_permission", "Permissions"),
        ("text", "no_access", "Permissions"),
        ("text", "no_channel", "is gone"),
    ],
)
async def test_what_a_place_refuses_waits_for_it_and_is_told_once(
    line: Line, kind: str, fault: str, words: str
) -> None:
    await subscribe_beside(line, kind)
    await line.wire.fault(fault, "POST", "/threads$" if kind == "forum" else f"/{line.channel}/messages$", times=3)
    await line.send("a")
    await line.send("b", publishedDateTime="2026-06-01T11:00:00Z")
    for _ in range(8):
        await line.deliver(minutes=20)
    assert await held(line, kind) == ["Title of a", "Title of b"]
    trouble, healing = await told(line)
    assert words in trouble
    assert healing.endswith("gets its cards again.")


async def test_of_trouble_that_nobody_heard_of_nobody_hears_the_end(line: Line) -> None:
    await subscribe_beside(line, "text")
    await line.wire.fault("no_permission", "POST", "/messages$", times=2)  # the post, and what the server is told
    await line.send("a")
    await line.deliver(hours=2)
    assert await line.titles() == ["Title of a"]
    assert await told(line) == []


@pytest.mark.parametrize("fault", ["filtered", "400"])
async def test_a_card_that_is_refused_is_reported_once_and_together(line: Line, fault: str) -> None:
    await subscribe_beside(line, "text")
    await line.wire.fault(fault, "POST", f"/{line.channel}/messages$", times=7)
    for number in range(7):
        line.write(f"card{number}", publishedDateTime=f"2026-06-01T0{number}:00:00Z")
    await line.deliver()
    for _ in range(5):
        await line.deliver(hours=2)
    (report,) = await told(line)
    assert "7 cards" in report
    assert "Title of card0" in report
    assert "code" not in report
    await line.send("card3", publishedDateTime="2026-06-01T03:00:00Z", title="Mended")
    assert await line.titles() == ["Mended"]


async def test_one_closed_dm_keeps_nobody_else_from_being_told(line: Line) -> None:
    people = [await line.wire.dm(name) for name in ("one", "two", "three")]
    users = [(await line.wire._ask("user", user=name))["id"] for name in ("one", "two", "three")]
    await line.wire.change_channel(people[0].id, access="closed")
    assert await line.bot.newsroom._courier._poster.tell(0, "Hello.", users)
    heard = [[message.content for message in await line.wire.messages(dm.id)] for dm in people]
    assert heard == [[], ["Hello."], ["Hello."]]


@pytest.mark.parametrize("fault", ["500", "503", "page_404", "reset", "rate_limited", "no_permission", "400"])
async def test_nor_does_any_other_failure(line: Line, fault: str) -> None:
    people = [await line.wire.dm(name) for name in ("one", "two")]
    users = [(await line.wire._ask("user", user=name))["id"] for name in ("one", "two")]
    more: dict[str, Any] = {"retry_after": 120.0} if fault == "rate_limited" else {}
    await line.wire.fault(fault, "POST", f"/channels/{people[0].id}/messages", times=ANY, **more)
    told_any = await line.bot.newsroom._courier._poster.tell(0, "Hello.", users)
    heard = [[message.content for message in await line.wire.messages(dm.id)] for dm in people]
    # A page of the edge stops everything for a while.
    assert (told_any, heard) == ((False, [[], []]) if fault == "page_404" else (True, [[], ["Hello."]]))


async def test_a_role_that_is_gone_is_not_named(line: Line) -> None:
    guild = await line.wire.add_guild("text", roles=["Pings"])
    role = guild.roles["Pings"]
    line.guild, line.channel = guild, guild.channels[0].id
    await line.bot.store.subscriptions.add(
        guild_id=guild.id, channel_id=line.channel, created_by=1, now=line.clock(), wish=Wish(mention=role)
    )
    await line.connect()
    await line.send("a")
    await line.wire.change_guild(guild.id, remove_role="Pings")
    async with asyncio.timeout(10):
        while line.bot.get_guild(guild.id).get_role(role):  # type: ignore[union-attr]
            await asyncio.sleep(0.02)
    await line.send("b", publishedDateTime="2026-06-01T11:00:00Z")
    assert [str(role) in message.content for message in await line.messages()] == [True, False]
