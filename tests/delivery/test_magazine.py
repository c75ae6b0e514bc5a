"""Magazines on the wire Discord: messages of Components V2, which never become ordinary ones again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import discord
import pytest

from bot.domain.subscription import Frequency, Layout, OnWithdrawal, Subscription, SubscriptionOptions
from tests.support.line import WireHarness
from tests.wire.results import WireMessage

PICTURE = "[{url: 'https://example.org/a.png'}]"
MAGAZINE = SubscriptionOptions(
    Frequency.DAILY, layout=Layout.MAGAZINE, colour=0x3E82F6, template="**Our news** <@&1> @everyone"
)
V2 = discord.MessageFlags(components_v2=True).value


async def plan_magazine(
    harness: WireHarness, kind: str = "text", options: SubscriptionOptions = MAGAZINE, slugs: str = "one two"
) -> Subscription:
    """Subscribe a channel, and plan a digest of these cards for it."""
    made = await harness.subscribe_channel(kind, options)
    for slug in slugs.split():
        harness.write_card(slug, images=PICTURE)
    await harness.deliver_due()
    await harness.bot.pipeline.send_digest_now(made)
    return made


async def read_messages(harness: WireHarness) -> list[WireMessage]:
    """The channel's messages, or the first ones of its posts if it is a forum."""
    posts = [post.starter for post in await harness.forum_posts() if post.starter]
    return posts or await harness.list_messages()


def is_magazine(message: WireMessage) -> bool:
    """Whether it is all of Components V2."""
    return bool(message.flags & V2) and not message.content and not message.embeds


@pytest.mark.parametrize("kind", ["text", "announcement", "thread", "forum"])
async def test_a_posted_magazine_stays_one_until_it_goes(harness: WireHarness, kind: str) -> None:
    made = await plan_magazine(harness, kind)
    await harness.bot.pipeline.plan_and_deliver()
    (message,) = await read_messages(harness)
    assert is_magazine(message)
    assert message.pings is None
    head, *stories = message.displayed_texts
    assert head == "**Our news** <@&1> @everyone"
    assert sorted("Title of one" in story for story in stories) == [False, True]
    assert [part.get("accent_color") for part in message.components if part["type"] == 17] == [0x3E82F6]
    assert sorted(each.split(":")[1] for each in message.custom_ids) == ["save", "save", "why"]

    changed = replace(made.options, layout=Layout.LIST, colour=None, template="")
    await harness.bot.store.subscriptions.change_options(made, changed, harness.clock())
    await harness.send_card("one", title="A better title", images=PICTURE)
    (edited,) = await read_messages(harness)
    assert is_magazine(edited)
    assert (edited.id, edited.displayed_texts[0]) == (message.id, head)
    assert any("A better title" in text for text in edited.displayed_texts)

    await harness.send_card("one", removed="true", images=PICTURE)
    (shorter,) = await read_messages(harness)
    assert is_magazine(shorter)
    assert len(shorter.displayed_texts) == 2
    await harness.send_card("two", removed="true", images=PICTURE)
    assert await read_messages(harness) == []


async def test_notes_in_a_magazines_place_are_of_its_kind(harness: WireHarness) -> None:
    await plan_magazine(harness, options=replace(MAGAZINE, on_withdrawal=OnWithdrawal.MARK), slugs="one")
    await harness.bot.pipeline.plan_and_deliver()
    for change, note in (
        ({"published": "false", "heat": -1}, "*This card isn't published right now.*"),
        ({"removed": "true"}, "*This card was withdrawn.*"),
    ):
        await harness.send_card("one", **change)
        (message,) = await read_messages(harness)
        assert is_magazine(message)
        assert message.displayed_texts == [note]


@pytest.mark.parametrize("forgotten", [False, True])
@pytest.mark.parametrize("kind", ["text", "forum"])
@pytest.mark.parametrize("fault", ["lost", "500", "stall", "reset"])
async def test_a_magazine_is_posted_once_whatever_fails(
    harness: WireHarness, kind: str, fault: str, forgotten: bool
) -> None:
    """Also when Discord has forgotten the nonce, and in forums, which take none: then the history tells."""
    if forgotten:
        await harness.wire.configure_settings(nonce_window=0.0)
    await plan_magazine(harness, kind)
    more: dict[str, Any] = {"seconds": 1.0, "after": True} if fault == "stall" else {}
    path = "/threads" if kind == "forum" else "/messages"
    await harness.wire.add_fault(fault, "POST", path, times=1, **more)
    await harness.bot.pipeline.plan_and_deliver()
    for _ in range(3):
        await harness.restart_bot()
        await harness.deliver_due(hours=1)
    (message,) = await read_messages(harness)
    assert is_magazine(message)
    await harness.send_card("one", title="A better title")
    (edited,) = await read_messages(harness)
    assert any("A better title" in text for text in edited.displayed_texts), "it was adopted"


async def test_a_refused_picture_is_left_out(harness: WireHarness) -> None:
    await plan_magazine(harness)
    await harness.wire.add_fault("bad_media", "POST", "/messages", times=1)
    await harness.deliver_due(hours=1)
    (message,) = await read_messages(harness)
    assert is_magazine(message)
    assert len(message.displayed_texts) == 3
    assert "media" not in str(message.components)


@pytest.mark.parametrize("silent", [False, True])
async def test_a_role_or_crossposting_takes_cards_instead(harness: WireHarness, silent: bool) -> None:
    options = replace(MAGAZINE, silent=silent)
    made = await plan_magazine(harness, options=options)
    called = replace(options, mention_role_id=harness.guild.id, template="")
    changed = await harness.bot.store.subscriptions.change_options(made, called, harness.clock())
    await harness.bot.pipeline.plan_and_deliver()
    await harness.send_card("three")
    await harness.bot.pipeline.send_digest_now(changed)
    await harness.bot.pipeline.plan_and_deliver()
    first, second = await read_messages(harness)
    assert is_magazine(first), "it was planned before"
    assert bool(first.flags & discord.MessageFlags(suppress_notifications=True).value) is silent
    assert second.embeds
    assert not second.flags & V2
