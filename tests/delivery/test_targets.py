"""Threads, forums and roles on the wire Discord: what readers of each find there."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import Any

import pytest

from bot.desk.subscription import Layout, OnWithdrawal, When, Wish
from tests.support.line import Line
from tests.wire.permissions import BOT, Permission
from tests.wire.sample_bot import managing_threads

AT_ONE = Wish(when=When.DAILY, times=(time(13),))
"""A digest an hour from the clock's start."""
_MAY_PING_ALL = int(BOT | Permission.MENTION_EVERYONE)


@pytest.mark.parametrize("kind", ["text", "thread", "announcement"])
async def test_a_card_published_again_soon_after_its_withdrawal_is_back(line: Line, kind: str) -> None:
    """Discord remembers for some minutes that the message which had the nonce is deleted."""
    await line.subscribe(kind)
    for _ in range(2):
        await line.send("a")
        assert await line.titles() == ["Title of a"]
        await line.send("a", removed="true")
        assert await line.titles() == []
    await line.wire.fault("lost", "POST", "/messages$")
    await line.send("a")
    await line.deliver(minutes=1)
    assert await line.titles() == ["Title of a"]


# --- threads


async def test_posts_arrive_in_a_thread_and_follow_their_cards(line: Line) -> None:
    await line.subscribe("thread")
    await line.send("a")
    await line.send("b", publishedDateTime="2026-06-01T11:00:00Z")
    assert await line.titles() == ["Title of a", "Title of b"]
    await line.send("a", title="Corrected")
    await line.send("b", removed="true")
    assert await line.titles() == ["Corrected"]


async def test_a_lost_answer_in_a_thread_gives_one_post(line: Line) -> None:
    await line.subscribe("thread")
    await line.wire.fault("lost", "POST", "/messages$")
    await line.send("a")
    await line.deliver(minutes=1)
    assert await line.titles() == ["Title of a"]


async def test_a_post_opens_an_archived_thread(line: Line) -> None:
    await line.subscribe("thread")
    await line.wire.change_channel(line.channel, archived=True)
    await line.send("a")
    assert await line.titles() == ["Title of a"]


@pytest.mark.parametrize(
    ("method", "change", "expected"),
    [
        ("POST", {}, ["Title of a", "Title of b"]),
        ("PATCH", {"title": "Corrected"}, ["Corrected", "Title of b"]),
        ("DELETE", {"removed": "true"}, ["Title of b"]),
    ],
)
async def test_whatever_is_refused_in_an_archived_thread_is_done_after_opening_it(
    line: Line, method: str, change: dict[str, Any], expected: list[str]
) -> None:
    await line.subscribe("thread")
    await line.send("a")
    await line.wire.change_channel(line.channel, archived=True)
    await line.wire.fault("archived", method, "/messages")
    line.write("a", **change)
    await line.send("b", publishedDateTime="2026-06-01T11:00:00Z")
    assert await line.titles() == expected


@pytest.mark.parametrize("archived", [False, True])
async def test_a_locked_thread_is_left_alone_until_it_is_unlocked(line: Line, archived: bool) -> None:
    await line.subscribe("thread")
    await line.send("a")
    await line.wire.change_channel(line.channel, locked=True, archived=archived)
    await line.send("b", publishedDateTime="2026-06-01T11:00:00Z")
    assert await line.is_closed()
    await line.wire.change_channel(line.channel, locked=False)
    await line.deliver(hours=2)
    assert await line.titles() == ["Title of a", "Title of b"]
    assert not await line.is_closed()


@pytest.mark.parametrize(("change", "expected"), [({"title": "New"}, ["New"]), ({"removed": "true"}, [])])
async def test_changes_wait_for_a_closed_thread_to_be_opened(
    line: Line, change: dict[str, Any], expected: list[str]
) -> None:
    await line.subscribe("thread")
    await line.send("a")
    await line.wire.change_channel(line.channel, locked=True, archived=True)
    await line.send("a", **change)
    assert await line.titles() == ["Title of a"]
    await line.wire.change_channel(line.channel, locked=False)
    await line.deliver(hours=2)
    assert await line.titles() == expected


# --- forums


async def test_each_card_is_a_post_with_the_tags_of_its_topics(line: Line) -> None:
    await line.subscribe("forum", tags=["python", "Rust", "Cloud"])
    line.write("a", topics="[Python, Cloud]")
    line.write("b", topics="[Gardening]", publishedDateTime="2026-06-01T11:00:00Z")
    await line.deliver()
    first, second = await line.posts()
    assert (first.name, first.tag_names) == ("Title of a", ["python", "Cloud"])
    assert (second.name, second.tag_names) == ("Title of b", [])
    assert await line.starters() == ["Title of a", "Title of b"]


async def test_a_digest_is_one_post_with_the_tags_of_its_cards(line: Line) -> None:
    await line.subscribe("forum", AT_ONE, tags=["Python", "Rust"])
    line.write("a", topics="[Rust]", provider="{name: One, domain: one.example}")
    line.write("b", topics="[Python]", provider="{name: Two, domain: two.example}")
    await line.deliver()
    assert await line.posts() == []
    await line.deliver(hours=1)
    (post,) = await line.posts()
    assert post.name.startswith("News of 1 June 2026")
    assert sorted(post.tag_names) == ["Python", "Rust"]
    assert post.starter is not None
    assert len(post.starter.embeds) == 2


async def test_a_post_has_five_tags_at_most(line: Line) -> None:
    names = [f"topic{number}" for number in range(7)]
    await line.subscribe("forum", tags=names)
    await line.send("a", topics=f"[{', '.join(names)}]")
    (post,) = await line.posts()
    assert post.tag_names == names[:5]


async def test_where_a_tag_is_demanded_a_card_without_one_gets_the_first_that_the_bot_may_set(line: Line) -> None:
    await line.subscribe("forum", tags=["Official", "Other", "Python"], moderated=["Official"], tag_required=True)
    await line.send("a", topics="[Official]")
    await line.send("b", topics="[Python]")
    assert [post.tag_names for post in await line.posts()] == [["Other"], ["Python"]]


async def test_a_forum_whose_tags_are_all_for_moderators_waits_for_one_that_is_not(line: Line) -> None:
    await line.subscribe("forum", tags=["Official"], moderated=["Official"], tag_required=True)
    await line.send("a")
    assert await line.posts() == []
    assert await line.is_closed()
    await line.wire.change_channel(line.channel, tags=["Official", "News"], moderated=["Official"])
    await line.deliver(hours=2)
    assert [post.tag_names for post in await line.posts()] == [["News"]]
    assert not await line.is_closed()


@pytest.mark.parametrize("change", [{"tag_required": True}, {"tags": ["News"]}, {"moderated": ["Python"]}])
async def test_changes_of_a_forums_tags_that_the_bot_has_not_heard_of_lose_nothing(
    line: Line, change: dict[str, Any]
) -> None:
    await line.subscribe("forum", tags=["Python", "News"])
    await line.connect()
    await line.send("a")
    await line.wire.change_channel(line.channel, **({"tags": ["Python", "News"]} | change), tell=False)
    await line.send("b", topics="[Gardening]" if "tag_required" in change else "[Python]")
    assert await line.starters() == ["Title of a", "Title of b"]


# `after`: the post was made all the same
@pytest.mark.parametrize(
    ("fault", "after"),
    [("lost", True), ("reset", False), *((status, True) for status in ("500", "502", "503", "504")), ("500", False)],
)
async def test_trouble_while_a_post_is_made_gives_one_post(line: Line, fault: str, after: bool) -> None:
    await line.subscribe("forum")
    await line.wire.fault(fault, "POST", "/threads$", after=after)
    await line.send("a")
    await line.deliver(minutes=1)
    await line.restart()
    await line.deliver(minutes=1)
    assert await line.starters() == ["Title of a"]


@pytest.mark.parametrize(
    "fault", ["rate_limited", "cloudflare", "no_access", "no_permission", "no_channel", "tag_required", "bad_image"]
)
async def test_what_refuses_a_post_for_a_while_loses_none(line: Line, fault: str) -> None:
    await line.subscribe("forum")
    await line.wire.fault(fault, "POST", "/threads$", retry_after=1800.0)
    await line.send("a", images="[{url: 'https://example.org/a.png'}]")
    await line.deliver(hours=2)
    assert await line.starters() == ["Title of a"]
    assert not await line.is_closed()


async def test_a_post_that_somebody_archived_is_found_again(line: Line) -> None:
    await line.subscribe("forum")
    await line.wire.fault("lost", "POST", "/threads$")
    await line.send("a")
    (post,) = await line.posts()
    await line.wire.change_channel(post.id, archived=True)
    await line.deliver(minutes=1)
    assert await line.starters() == ["Title of a"]


async def test_it_is_found_among_many_that_were_archived_later(line: Line) -> None:
    await line.subscribe("forum")
    await line.wire.fault("lost", "POST", "/threads$")
    await line.send("a")
    (post,) = await line.posts()
    later = [await line.wire.open_thread(line.channel, "A question", "how?") for _ in range(101)]
    for thread in (post, *later):
        await line.wire.change_channel(thread.id, archived=True)
    await line.deliver(minutes=1)
    assert (await line.starters()).count("Title of a") == 1


async def test_the_posts_of_others_and_of_other_cards_are_not_taken_for_the_lost_one(line: Line) -> None:
    await line.subscribe("forum")
    await line.send("a")
    await line.wire.fault("reset", "POST", "/threads$")
    await line.send("b")
    await line.wire.open_thread(line.channel, "Title of b", "Has anybody read this?")
    await line.deliver(minutes=1)
    assert await line.starters() == ["Title of a", None, "Title of b"]


async def test_a_post_follows_its_card(line: Line) -> None:
    await line.subscribe("forum", Wish(on_withdrawal=OnWithdrawal.MARK))
    await line.send("a")
    await line.send("a", title="Corrected")
    assert await line.starters() == ["Corrected"]
    assert await _names(line) == ["Corrected"]
    await line.send("a", removed="true")
    assert await line.starters() == [None]
    assert await _names(line) == ["News of 1 June 2026"]


@pytest.mark.parametrize("connected", [True, False])
async def test_a_post_is_renamed_only_when_its_title_changes(line: Line, connected: bool) -> None:
    await line.subscribe("forum")
    if connected:
        await line.connect()
    await line.send("a")
    await line.send("a", excerpt="Corrected")
    assert await line.wire.requests(method="PATCH", path="/channels/[0-9]+$") == []
    await line.send("a", title="Corrected")
    assert await _names(line) == ["Corrected"]


async def test_a_new_name_that_has_to_wait_comes_later_and_its_text_at_once(line: Line) -> None:
    await line.subscribe("forum")
    await line.send("a")
    await line.wire.fault("rate_limited", "PATCH", "/channels/[0-9]+$", retry_after=600)
    await line.send("a", title="Corrected")
    assert (await line.starters(), await _names(line)) == (["Corrected"], ["Title of a"])
    await line.deliver(minutes=11)
    assert await _names(line) == ["Corrected"]


async def test_a_change_opens_an_archived_post(line: Line) -> None:
    await line.subscribe("forum")
    await line.send("a")
    (post,) = await line.posts()
    await line.wire.change_channel(post.id, archived=True)
    await line.send("a", title="Corrected")
    assert await line.starters() == ["Corrected"]


async def test_a_withdrawn_cards_post_goes_as_a_whole_where_the_bot_manages_threads(line: Line) -> None:
    await line.subscribe("forum", bot_permissions=managing_threads())
    await line.send("a")
    await line.send("a", removed="true")
    assert await line.posts() == []


@pytest.mark.parametrize("archived", [False, True])
async def test_without_that_permission_its_message_and_its_name_go(line: Line, archived: bool) -> None:
    await line.subscribe("forum")
    await line.send("a")
    (post,) = await line.posts()
    await line.wire.change_channel(post.id, archived=archived)
    await line.send("a", removed="true")
    (post,) = await line.posts()
    assert (post.starter, post.name, post.archived) == (None, "News of 1 June 2026", True)
    await line.send("b")
    assert await line.starters() == [None, "Title of b"]
    assert not await line.is_closed()


@pytest.mark.parametrize("change", [{"title": "Corrected"}, {"removed": "true"}])
async def test_a_post_that_a_moderator_deleted_stays_deleted_and_the_forum_goes_on(
    line: Line, change: dict[str, Any]
) -> None:
    await line.subscribe("forum")
    await line.send("a")
    (post,) = await line.posts()
    await line.wire.change_channel(post.id, access="gone")
    await line.send("a", **change)
    await line.send("b")
    assert not await line.is_closed()
    assert await line.starters() == ["Title of b"]


@pytest.mark.parametrize("archived", [False, True])
async def test_a_locked_post_waits_and_the_forum_goes_on(line: Line, archived: bool) -> None:
    await line.subscribe("forum")
    await line.send("a")
    (post,) = await line.posts()
    await line.wire.change_channel(post.id, locked=True, archived=archived)
    line.write("a", title="Corrected")
    await line.send("b", publishedDateTime="2026-06-01T11:00:00Z")
    await line.deliver(minutes=1)
    assert not await line.is_closed()
    assert await line.starters() == ["Title of a", "Title of b"]
    await line.wire.change_channel(post.id, locked=False)
    await line.deliver(hours=2)
    assert await line.starters() == ["Corrected", "Title of b"]


async def test_a_forum_that_is_gone_or_shut_is_left_alone(line: Line) -> None:
    await line.subscribe("forum")
    await line.wire.change_channel(line.channel, access="no_send")
    await line.send("a")
    assert await line.is_closed()
    await line.wire.change_channel(line.channel, access="open")
    await line.deliver(hours=2)
    assert await line.starters() == ["Title of a"]
    await line.wire.change_channel(line.channel, access="gone")
    await line.send("b")
    assert await line.is_closed()


async def _names(line: Line) -> list[str]:
    return [post.name for post in await line.posts()]


# --- roles


async def test_the_one_role_is_pinged_once_and_never_by_an_edit(line: Line) -> None:
    readers = await _mentioning(line, Wish())
    await line.send("a")
    await line.send("a", title="Corrected")
    (message,) = await line.messages()
    assert message.title == "Corrected"
    assert message.allowed_mentions == {"parse": []}
    assert await _pinged(line) == [[readers]]


async def test_a_post_that_is_found_again_pings_no_second_time(line: Line) -> None:
    readers = await _mentioning(line, Wish())
    await line.wire.fault("lost", "POST", "/messages$")
    await line.send("a")
    await line.deliver(minutes=1)
    assert await _pinged(line) == [[readers]]


async def test_only_the_first_message_of_a_digest_pings(line: Line) -> None:
    readers = await _mentioning(line, replace(AT_ONE, layout=Layout.LIST, max_cards=25))
    for number in range(25):
        provider = f"{{name: '{'Gazette ' * 6}{number}', domain: p{number}.example}}"
        line.write(f"card{number}", title=f"{chr(65 + number) * 150} {number}", provider=provider)
    await line.deliver(hours=1)
    assert len(await line.messages()) > 1
    assert await _pinged(line) == [[readers], *[[] for _ in (await line.messages())[1:]]]


async def test_a_forums_post_pings_the_role_as_well(line: Line) -> None:
    readers = await _mentioning(line, Wish(), "forum")
    await line.send("a")
    (post,) = await line.posts()
    assert post.starter is not None
    assert post.starter.pinged_roles == [readers]


@pytest.mark.parametrize("layout", [Layout.CARD, Layout.CARDS, Layout.LIST])
async def test_a_cards_text_pings_nobody(line: Line, layout: Layout) -> None:
    wish = Wish() if layout is Layout.CARD else replace(AT_ONE, layout=layout)
    await line.subscribe("text", wish, roles=["Readers"], bot_permissions=_MAY_PING_ALL)
    loud = f"'@everyone @here <@&{line.guild.roles['Readers']}> <@{line.guild.owner_id}>'"
    line.write("a", title=loud, excerpt=loud, topics=f"[{loud}]")
    await line.deliver(hours=1)
    (message,) = await line.messages()
    assert message.pings is None
    assert message.allowed_mentions == {"parse": [], "roles": []}


async def _mentioning(line: Line, wish: Wish, kind: str = "text") -> int:
    """Subscribe a channel of a server with two roles, of which the one that is returned is to be mentioned."""
    subscription = await line.subscribe(kind, wish, roles=["Others", "Readers"], bot_permissions=_MAY_PING_ALL)
    readers = line.guild.roles["Readers"]
    await line.bot.store.subscriptions.change(subscription, replace(wish, mention=readers), line.clock())
    return readers


async def _pinged(line: Line) -> list[list[int]]:
    """The roles that each message pinged; nobody else may have been."""
    messages = await line.messages()
    assert not any(message.pings and (message.pings["everyone"] or message.pings["users"]) for message in messages)
    return [message.pinged_roles for message in messages]
