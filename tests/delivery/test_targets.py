"""Threads, forums and roles on the wire Discord: what readers of each find there."""

from __future__ import annotations

from dataclasses import replace
from datetime import time, timedelta
from typing import Any

import discord
import pytest

from bot.domain.quiet_hours import parse_quiet_hours
from bot.domain.subscription import Frequency, Layout, OnWithdrawal, SubscriptionOptions
from tests.support.line import WireHarness
from tests.wire.permissions import BOT, Permission
from tests.wire.sample_bot import manage_threads_permissions

AT_ONE = SubscriptionOptions(frequency=Frequency.DAILY, times=(time(13),))
"""A digest an hour from the clock's start."""
_MAY_PING_ALL = int(BOT | Permission.MENTION_EVERYONE)


@pytest.mark.parametrize("kind", ["text", "thread", "announcement"])
async def test_a_card_published_again_soon_after_its_withdrawal_is_back(harness: WireHarness, kind: str) -> None:
    """Discord remembers for some minutes that the message with the nonce is deleted."""
    await harness.subscribe_channel(kind)
    for _ in range(2):
        await harness.send_card("a")
        assert await harness.message_titles() == ["Title of a"]
        await harness.send_card("a", removed="true")
        assert await harness.message_titles() == []
    await harness.wire.add_fault("lost", "POST", "/messages$")
    await harness.send_card("a")
    await harness.deliver_due(minutes=1)
    assert await harness.message_titles() == ["Title of a"]


# --- threads


async def test_posts_arrive_in_a_thread_and_follow_their_cards(harness: WireHarness) -> None:
    await harness.subscribe_channel("thread")
    await harness.send_card("a")
    await harness.send_card("b", publishedDateTime="2026-06-01T11:00:00Z")
    assert await harness.message_titles() == ["Title of a", "Title of b"]
    await harness.send_card("a", title="Corrected")
    await harness.send_card("b", removed="true")
    assert await harness.message_titles() == ["Corrected"]


async def test_a_lost_answer_in_a_thread_gives_one_post(harness: WireHarness) -> None:
    await harness.subscribe_channel("thread")
    await harness.wire.add_fault("lost", "POST", "/messages$")
    await harness.send_card("a")
    await harness.deliver_due(minutes=1)
    assert await harness.message_titles() == ["Title of a"]


async def test_a_post_opens_an_archived_thread(harness: WireHarness) -> None:
    await harness.subscribe_channel("thread")
    await harness.wire.change_channel(harness.channel, archived=True)
    await harness.send_card("a")
    assert await harness.message_titles() == ["Title of a"]


@pytest.mark.parametrize(
    ("method", "change", "expected"),
    [
        ("POST", {}, ["Title of a", "Title of b"]),
        ("PATCH", {"title": "Corrected"}, ["Corrected", "Title of b"]),
        ("DELETE", {"removed": "true"}, ["Title of b"]),
    ],
)
async def test_whatever_is_refused_in_an_archived_thread_is_done_after_opening_it(
    harness: WireHarness, method: str, change: dict[str, Any], expected: list[str]
) -> None:
    await harness.subscribe_channel("thread")
    await harness.send_card("a")
    await harness.wire.change_channel(harness.channel, archived=True)
    await harness.wire.add_fault("archived", method, "/messages")
    harness.write_card("a", **change)
    await harness.send_card("b", publishedDateTime="2026-06-01T11:00:00Z")
    assert await harness.message_titles() == expected


@pytest.mark.parametrize("archived", [False, True])
async def test_a_locked_thread_is_left_alone_until_it_is_unlocked(harness: WireHarness, archived: bool) -> None:
    await harness.subscribe_channel("thread")
    await harness.send_card("a")
    await harness.wire.change_channel(harness.channel, locked=True, archived=archived)
    await harness.send_card("b", publishedDateTime="2026-06-01T11:00:00Z")
    assert await harness.is_closed()
    await harness.wire.change_channel(harness.channel, locked=False)
    await harness.deliver_due(hours=2)
    assert await harness.message_titles() == ["Title of a", "Title of b"]
    assert not await harness.is_closed()


@pytest.mark.parametrize(("change", "expected"), [({"title": "New"}, ["New"]), ({"removed": "true"}, [])])
async def test_changes_wait_for_a_closed_thread_to_be_opened(
    harness: WireHarness, change: dict[str, Any], expected: list[str]
) -> None:
    await harness.subscribe_channel("thread")
    await harness.send_card("a")
    await harness.wire.change_channel(harness.channel, locked=True, archived=True)
    await harness.send_card("a", **change)
    assert await harness.message_titles() == ["Title of a"]
    await harness.wire.change_channel(harness.channel, locked=False)
    await harness.deliver_due(hours=2)
    assert await harness.message_titles() == expected


# --- forums


async def test_each_card_is_a_post_with_the_tags_of_its_topics(harness: WireHarness) -> None:
    await harness.subscribe_channel("forum", tags=["python", "Rust", "Cloud"])
    harness.write_card("a", topics="[Python, Cloud]")
    harness.write_card("b", topics="[Gardening]", publishedDateTime="2026-06-01T11:00:00Z")
    await harness.deliver_due()
    first, second = await harness.forum_posts()
    assert (first.name, first.tag_names) == ("Title of a", ["python", "Cloud"])
    assert (second.name, second.tag_names) == ("Title of b", [])
    assert await harness.starter_titles() == ["Title of a", "Title of b"]


async def test_a_digest_is_one_post_with_the_tags_of_its_cards(harness: WireHarness) -> None:
    await harness.subscribe_channel("forum", AT_ONE, tags=["Python", "Rust"])
    harness.write_card("a", topics="[Rust]", provider="{name: One, domain: one.example}")
    harness.write_card("b", topics="[Python]", provider="{name: Two, domain: two.example}")
    await harness.deliver_due()
    assert await harness.forum_posts() == []
    await harness.deliver_due(hours=1)
    (post,) = await harness.forum_posts()
    assert post.name.startswith("News of 1 June 2026")
    assert sorted(post.tag_names) == ["Python", "Rust"]
    assert post.starter is not None
    assert len(post.starter.embeds) == 2


async def test_a_post_has_five_tags_at_most(harness: WireHarness) -> None:
    names = [f"topic{number}" for number in range(7)]
    await harness.subscribe_channel("forum", tags=names)
    await harness.send_card("a", topics=f"[{', '.join(names)}]")
    (post,) = await harness.forum_posts()
    assert post.tag_names == names[:5]


async def test_where_a_tag_is_demanded_a_card_without_one_gets_the_first_that_the_bot_may_set(
    harness: WireHarness,
) -> None:
    await harness.subscribe_channel(
        "forum", tags=["Official", "Other", "Python"], moderated=["Official"], tag_required=True
    )
    await harness.send_card("a", topics="[Official]")
    await harness.send_card("b", topics="[Python]")
    assert [post.tag_names for post in await harness.forum_posts()] == [["Other"], ["Python"]]


async def test_a_forum_whose_tags_are_all_for_moderators_waits_for_one_that_is_not(harness: WireHarness) -> None:
    await harness.subscribe_channel("forum", tags=["Official"], moderated=["Official"], tag_required=True)
    await harness.send_card("a")
    assert await harness.forum_posts() == []
    assert await harness.is_closed()
    await harness.wire.change_channel(harness.channel, tags=["Official", "News"], moderated=["Official"])
    await harness.deliver_due(hours=2)
    assert [post.tag_names for post in await harness.forum_posts()] == [["News"]]
    assert not await harness.is_closed()


@pytest.mark.parametrize("change", [{"tag_required": True}, {"tags": ["News"]}, {"moderated": ["Python"]}])
async def test_changes_of_a_forums_tags_that_the_bot_has_not_heard_of_lose_nothing(
    harness: WireHarness, change: dict[str, Any]
) -> None:
    await harness.subscribe_channel("forum", tags=["Python", "News"])
    await harness.connect_gateway()
    await harness.send_card("a")
    await harness.wire.change_channel(harness.channel, **({"tags": ["Python", "News"]} | change), tell=False)
    await harness.send_card("b", topics="[Gardening]" if "tag_required" in change else "[Python]")
    assert await harness.starter_titles() == ["Title of a", "Title of b"]


# `after`: the post was made all the same
@pytest.mark.parametrize(
    ("fault", "after"),
    [("lost", True), ("reset", False), *((status, True) for status in ("500", "502", "503", "504")), ("500", False)],
)
async def test_trouble_while_a_post_is_made_gives_one_post(harness: WireHarness, fault: str, after: bool) -> None:
    await harness.subscribe_channel("forum")
    await harness.wire.add_fault(fault, "POST", "/threads$", after=after)
    await harness.send_card("a")
    await harness.deliver_due(minutes=1)
    await harness.restart_bot()
    await harness.deliver_due(minutes=1)
    assert await harness.starter_titles() == ["Title of a"]


@pytest.mark.parametrize(
    "fault", ["rate_limited", "cloudflare", "no_access", "no_permission", "no_channel", "tag_required", "bad_image"]
)
async def test_what_refuses_a_post_for_a_while_loses_none(harness: WireHarness, fault: str) -> None:
    await harness.subscribe_channel("forum")
    await harness.wire.add_fault(fault, "POST", "/threads$", retry_after=1800.0)
    await harness.send_card("a", images="[{url: 'https://example.org/a.png'}]")
    await harness.deliver_due(hours=2)
    assert await harness.starter_titles() == ["Title of a"]
    assert not await harness.is_closed()


async def test_a_post_that_somebody_archived_is_found_again(harness: WireHarness) -> None:
    await harness.subscribe_channel("forum")
    await harness.wire.add_fault("lost", "POST", "/threads$")
    await harness.send_card("a")
    (post,) = await harness.forum_posts()
    await harness.wire.change_channel(post.id, archived=True)
    await harness.deliver_due(minutes=1)
    assert await harness.starter_titles() == ["Title of a"]


async def test_it_is_found_among_many_that_were_archived_later(harness: WireHarness) -> None:
    await harness.subscribe_channel("forum")
    await harness.wire.add_fault("lost", "POST", "/threads$")
    await harness.send_card("a")
    (post,) = await harness.forum_posts()
    later = [await harness.wire.open_thread(harness.channel, "A question", "how?") for _ in range(101)]
    for thread in (post, *later):
        await harness.wire.change_channel(thread.id, archived=True)
    await harness.deliver_due(minutes=1)
    assert (await harness.starter_titles()).count("Title of a") == 1


async def test_the_posts_of_others_and_of_other_cards_are_not_taken_for_the_lost_one(harness: WireHarness) -> None:
    await harness.subscribe_channel("forum")
    await harness.send_card("a")
    await harness.wire.add_fault("reset", "POST", "/threads$")
    await harness.send_card("b")
    await harness.wire.open_thread(harness.channel, "Title of b", "Has anybody read this?")
    await harness.deliver_due(minutes=1)
    assert await harness.starter_titles() == ["Title of a", None, "Title of b"]


async def test_a_post_follows_its_card(harness: WireHarness) -> None:
    await harness.subscribe_channel("forum", SubscriptionOptions(on_withdrawal=OnWithdrawal.MARK))
    await harness.send_card("a")
    await harness.send_card("a", title="Corrected")
    assert await harness.starter_titles() == ["Corrected"]
    assert await _thread_names(harness) == ["Corrected"]
    await harness.send_card("a", removed="true")
    assert await harness.starter_titles() == [None]
    assert await _thread_names(harness) == ["News of 1 June 2026"]


@pytest.mark.parametrize("connected", [True, False])
async def test_a_post_is_renamed_only_when_its_title_changes(harness: WireHarness, connected: bool) -> None:
    await harness.subscribe_channel("forum")
    if connected:
        await harness.connect_gateway()
    await harness.send_card("a")
    await harness.send_card("a", excerpt="Corrected")
    assert await harness.wire.list_requests(method="PATCH", path="/channels/[0-9]+$") == []
    await harness.send_card("a", title="Corrected")
    assert await _thread_names(harness) == ["Corrected"]


async def test_a_new_name_that_has_to_wait_comes_later_and_its_text_at_once(harness: WireHarness) -> None:
    await harness.subscribe_channel("forum")
    await harness.send_card("a")
    await harness.wire.add_fault("rate_limited", "PATCH", "/channels/[0-9]+$", retry_after=600)
    await harness.send_card("a", title="Corrected")
    assert (await harness.starter_titles(), await _thread_names(harness)) == (["Corrected"], ["Title of a"])
    await harness.deliver_due(minutes=11)
    assert await _thread_names(harness) == ["Corrected"]


async def test_a_change_opens_an_archived_post(harness: WireHarness) -> None:
    await harness.subscribe_channel("forum")
    await harness.send_card("a")
    (post,) = await harness.forum_posts()
    await harness.wire.change_channel(post.id, archived=True)
    await harness.send_card("a", title="Corrected")
    assert await harness.starter_titles() == ["Corrected"]


async def test_a_withdrawn_cards_post_goes_as_a_whole_where_the_bot_manages_threads(harness: WireHarness) -> None:
    await harness.subscribe_channel("forum", bot_permissions=manage_threads_permissions())
    await harness.send_card("a")
    await harness.send_card("a", removed="true")
    assert await harness.forum_posts() == []


@pytest.mark.parametrize("archived", [False, True])
async def test_without_that_permission_its_message_and_its_name_go(harness: WireHarness, archived: bool) -> None:
    await harness.subscribe_channel("forum")
    await harness.send_card("a")
    (post,) = await harness.forum_posts()
    await harness.wire.change_channel(post.id, archived=archived)
    await harness.send_card("a", removed="true")
    (post,) = await harness.forum_posts()
    assert (post.starter, post.name, post.archived) == (None, "News of 1 June 2026", True)
    await harness.send_card("b")
    assert await harness.starter_titles() == [None, "Title of b"]
    assert not await harness.is_closed()


@pytest.mark.parametrize("change", [{"title": "Corrected"}, {"removed": "true"}])
async def test_a_post_that_a_moderator_deleted_stays_deleted_and_the_forum_goes_on(
    harness: WireHarness, change: dict[str, Any]
) -> None:
    await harness.subscribe_channel("forum")
    await harness.send_card("a")
    (post,) = await harness.forum_posts()
    await harness.wire.change_channel(post.id, access="gone")
    await harness.send_card("a", **change)
    await harness.send_card("b")
    assert not await harness.is_closed()
    assert await harness.starter_titles() == ["Title of b"]


@pytest.mark.parametrize("archived", [False, True])
async def test_a_locked_post_waits_and_the_forum_goes_on(harness: WireHarness, archived: bool) -> None:
    await harness.subscribe_channel("forum")
    await harness.send_card("a")
    (post,) = await harness.forum_posts()
    await harness.wire.change_channel(post.id, locked=True, archived=archived)
    harness.write_card("a", title="Corrected")
    await harness.send_card("b", publishedDateTime="2026-06-01T11:00:00Z")
    await harness.deliver_due(minutes=1)
    assert not await harness.is_closed()
    assert await harness.starter_titles() == ["Title of a", "Title of b"]
    await harness.wire.change_channel(post.id, locked=False)
    await harness.deliver_due(hours=2)
    assert await harness.starter_titles() == ["Corrected", "Title of b"]


async def test_a_forum_that_is_gone_or_shut_is_left_alone(harness: WireHarness) -> None:
    await harness.subscribe_channel("forum")
    await harness.wire.change_channel(harness.channel, access="no_send")
    await harness.send_card("a")
    assert await harness.is_closed()
    await harness.wire.change_channel(harness.channel, access="open")
    await harness.deliver_due(hours=2)
    assert await harness.starter_titles() == ["Title of a"]
    await harness.wire.change_channel(harness.channel, access="gone")
    await harness.send_card("b")
    assert await harness.is_closed()


async def _thread_names(harness: WireHarness) -> list[str]:
    return [post.name for post in await harness.forum_posts()]


# --- roles


async def test_the_one_role_is_pinged_once_and_never_by_an_edit(harness: WireHarness) -> None:
    readers = await _subscribe_mentioning(harness, SubscriptionOptions())
    await harness.send_card("a")
    await harness.send_card("a", title="Corrected")
    (message,) = await harness.list_messages()
    assert message.title == "Corrected"
    assert message.allowed_mentions == {"parse": []}
    assert await _pinged_roles(harness) == [[readers]]


async def test_a_post_that_is_found_again_pings_no_second_time(harness: WireHarness) -> None:
    readers = await _subscribe_mentioning(harness, SubscriptionOptions())
    await harness.wire.add_fault("lost", "POST", "/messages$")
    await harness.send_card("a")
    await harness.deliver_due(minutes=1)
    assert await _pinged_roles(harness) == [[readers]]


async def test_only_the_first_message_of_a_digest_pings(harness: WireHarness) -> None:
    readers = await _subscribe_mentioning(harness, replace(AT_ONE, layout=Layout.LIST, max_cards=25))
    for number in range(25):
        provider = f"{{name: '{'Gazette ' * 6}{number}', domain: p{number}.example}}"
        harness.write_card(f"card{number}", title=f"{chr(65 + number) * 150} {number}", provider=provider)
    await harness.deliver_due(hours=1)
    assert len(await harness.list_messages()) > 1
    assert await _pinged_roles(harness) == [[readers], *[[] for _ in (await harness.list_messages())[1:]]]


async def test_a_forums_post_pings_the_role_as_well(harness: WireHarness) -> None:
    readers = await _subscribe_mentioning(harness, SubscriptionOptions(), "forum")
    await harness.send_card("a")
    (post,) = await harness.forum_posts()
    assert post.starter is not None
    assert post.starter.pinged_roles == [readers]


@pytest.mark.parametrize("layout", [Layout.CARD, Layout.CARDS, Layout.LIST])
async def test_a_cards_text_pings_nobody(harness: WireHarness, layout: Layout) -> None:
    options = SubscriptionOptions() if layout is Layout.CARD else replace(AT_ONE, layout=layout)
    await harness.subscribe_channel("text", options, roles=["Readers"], bot_permissions=_MAY_PING_ALL)
    loud = f"'@everyone @here <@&{harness.guild.roles['Readers']}> <@{harness.guild.owner_id}>'"
    harness.write_card("a", title=loud, excerpt=loud, topics=f"[{loud}]")
    await harness.deliver_due(hours=1)
    (message,) = await harness.list_messages()
    assert message.pings is None
    assert message.allowed_mentions == {"parse": [], "roles": []}


async def _subscribe_mentioning(harness: WireHarness, options: SubscriptionOptions, kind: str = "text") -> int:
    """Subscribe a channel of a server with two roles, of which the one that is returned is to be mentioned."""
    subscription = await harness.subscribe_channel(
        kind, options, roles=["Others", "Readers"], bot_permissions=_MAY_PING_ALL
    )
    readers = harness.guild.roles["Readers"]
    await harness.bot.store.subscriptions.change_options(
        subscription, replace(options, mention_role_id=readers), harness.clock()
    )
    return readers


async def _pinged_roles(harness: WireHarness) -> list[list[int]]:
    """The roles that each message pinged; nobody else may have been."""
    messages = await harness.list_messages()
    assert not any(message.pings and (message.pings["everyone"] or message.pings["users"]) for message in messages)
    return [message.pinged_roles for message in messages]


# --- silent posts


_SILENT = discord.MessageFlags(suppress_notifications=True).value


@pytest.mark.parametrize("options", [SubscriptionOptions(), replace(AT_ONE, layout=Layout.LIST)])
@pytest.mark.parametrize("silent", [False, True])
async def test_a_silent_post_says_so_once_and_still_mentions_its_role(
    harness: WireHarness, options: SubscriptionOptions, silent: bool
) -> None:
    readers = await _subscribe_mentioning(harness, replace(options, silent=silent))
    harness.write_card("a")
    await harness.deliver_due(hours=1)
    await harness.send_card("a", title="Corrected")
    (message,) = await harness.list_messages()
    assert message.revisions  # it was edited
    assert message.flags == (_SILENT if silent else 0)
    assert message.pinged_roles == [readers]


async def test_a_silent_forum_post_says_so(harness: WireHarness) -> None:
    await harness.subscribe_channel("forum", SubscriptionOptions(silent=True))
    await harness.send_card("a")
    (post,) = await harness.forum_posts()
    assert post.starter is not None
    assert post.starter.flags & _SILENT


async def test_what_waited_for_quiet_hours_comes_silently(harness: WireHarness) -> None:
    await harness.subscribe_channel("text", SubscriptionOptions(silent=True))
    now = harness.clock()
    begin, end = (f"{now + timedelta(hours=hours):%H:%M}" for hours in (-1, 3))
    hours = parse_quiet_hours(begin, end, "UTC", None)
    await harness.bot.store.subscriptions.quiet_hours.set_hours(harness.guild.id, harness.channel, hours, now)
    await harness.send_card("a")
    await harness.send_card("b")
    assert await harness.list_messages() == []
    await harness.deliver_due(hours=4)
    assert [message.flags for message in await harness.list_messages()] == [_SILENT]
