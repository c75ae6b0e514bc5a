"""What subscriptions do to their posts, on the wire Discord, with processes that end between two steps."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.subscription import Frequency, OnWithdrawal, Subscription, SubscriptionOptions
from tests.support.line import WireHarness
from tests.wire.client import ANY
from tests.wire.sample_bot import manage_threads_permissions


async def subscribe(harness: WireHarness, options: SubscriptionOptions) -> Subscription:
    """Subscribe a new channel as a person does."""
    harness.guild = await harness.wire.add_guild("text")
    harness.channel = harness.guild.channels[-1].id
    now = harness.clock()
    draft = Subscription(0, harness.guild.id, harness.channel, 1, now, now, options)
    made, _ = await harness.bot.pipeline.add_subscription(draft)
    return made


@pytest.mark.parametrize("fault", ["", "lost", "stall", "500"])
async def test_the_newest_cards_are_posted_once_whenever_the_process_ends(harness: WireHarness, fault: str) -> None:
    for slug in ("one", "two", "three"):
        harness.write_card(slug)
    await harness.deliver_due()
    await subscribe(harness, SubscriptionOptions(backfill=2))
    if fault:
        more = {"seconds": 1.0, "after": True} if fault == "stall" else {}
        await harness.wire.add_fault(fault, "POST", "/messages", times=1, **more)
        await harness.bot.pipeline.plan_and_deliver()
    for _ in range(3):
        await harness.restart_bot()
        await harness.deliver_due(hours=1)
    assert len(await harness.message_titles()) == 2
    assert len(set(await harness.message_titles())) == 2


async def count_requests(harness: WireHarness) -> int:
    return (await harness.wire.get_totals()).requests


@pytest.mark.parametrize("kind", ["text", "forum"])
@pytest.mark.parametrize("fault", ["", "lost", "500", "stall"])
async def test_old_posts_go_once_and_never_come_back(harness: WireHarness, kind: str, fault: str) -> None:
    options = SubscriptionOptions(keep_days=7)
    await harness.subscribe_channel(kind, options, bot_permissions=manage_threads_permissions())
    await harness.send_card("one")
    await harness.deliver_due(days=4)
    harness.write_card("two", publishedDateTime=harness.clock().isoformat())
    await harness.deliver_due()
    if fault:
        more = {"seconds": 1.0, "after": True} if fault == "stall" else {}
        await harness.wire.add_fault(fault, "DELETE", "/channels/", times=1, **more)
    await harness.deliver_due(days=4)
    await harness.restart_bot()
    await harness.deliver_due(minutes=20)
    harness.write_card("one", title="Changed")
    await harness.deliver_due(hours=1)
    titles = harness.message_titles if kind == "text" else harness.starter_titles
    assert await titles() == ["Title of two"]
    await harness.deliver_due(days=4)
    assert await titles() == []
    assert await harness.bot.store.outbox.queue.next_due_at(harness.clock()) is None


@pytest.mark.parametrize("kind", ["text", "forum"])
async def test_an_old_post_that_people_talk_under_stays_and_follows_its_card(harness: WireHarness, kind: str) -> None:
    await harness.subscribe_channel(kind, SubscriptionOptions(keep_days=7, thread=kind == "text"))
    await harness.send_card("one")
    (thread,) = await harness.forum_posts()
    await harness.wire.post_message(thread.id, "What do you think?")
    await harness.deliver_due(days=8)
    before = await count_requests(harness)
    await harness.deliver_due(days=1)
    assert await count_requests(harness) == before, "it is settled"
    await harness.send_card("one", title="Changed")
    titles = harness.message_titles if kind == "text" else harness.starter_titles
    assert await titles() == ["Changed"]


async def test_an_old_post_that_cannot_be_deleted_is_settled_and_holds_nothing_up(harness: WireHarness) -> None:
    await harness.subscribe_channel("text", SubscriptionOptions(keep_days=7))
    await harness.send_card("one")
    await harness.wire.add_fault("no_permission", "DELETE", "/messages/", times=ANY)
    await harness.deliver_due(days=8)
    before = await count_requests(harness)
    await harness.deliver_due(days=8)
    assert await count_requests(harness) == before
    assert not await harness.is_closed()
    await harness.send_card("two", publishedDateTime=harness.clock().isoformat())
    assert await harness.message_titles() == ["Title of one", "Title of two"]


async def test_a_deletion_that_fails_for_a_week_is_given_up(harness: WireHarness) -> None:
    await harness.subscribe_channel("text", SubscriptionOptions(keep_days=7))
    await harness.send_card("one")
    await harness.wire.add_fault("rate_limited", "DELETE", "/messages/", times=ANY, retry_after=3600.0)
    for days in (8, 7):
        await harness.deliver_due(days=days)
    before = await count_requests(harness)
    await harness.deliver_due(days=1)
    assert await count_requests(harness) == before


async def test_notes_stay_and_so_do_the_posts_of_a_subscription_that_ended(harness: WireHarness) -> None:
    options = SubscriptionOptions(keep_days=7, on_withdrawal=OnWithdrawal.MARK)
    made = await harness.subscribe_channel("text", options)
    await harness.send_card("one")
    await harness.send_card("one", removed="true")
    await harness.send_card("two")
    await harness.bot.store.subscriptions.remove_subscription(made.guild_id, made.id)
    await harness.deliver_due(days=30)
    assert len(await harness.list_messages()) == 2


async def test_what_is_changed_holds_for_the_posts_that_are_there(harness: WireHarness) -> None:
    made = await harness.subscribe_channel("text")
    await harness.send_card("one")
    await harness.deliver_due(days=30)
    assert await harness.message_titles() == ["Title of one"]
    changed = replace(made.options, keep_days=29)
    await harness.bot.store.subscriptions.change_options(made, changed, harness.clock())
    await harness.deliver_due()
    assert await harness.message_titles() == []


@pytest.mark.parametrize("kind", ["text", "announcement"])
@pytest.mark.parametrize("fault", ["", "lost", "500", "stall", "reset"])
async def test_each_post_gets_one_thread_that_is_named_like_its_card(
    harness: WireHarness, kind: str, fault: str
) -> None:
    await harness.subscribe_channel(kind, SubscriptionOptions(thread=True))
    if fault:
        more = {"seconds": 1.0, "after": True} if fault == "stall" else {}
        await harness.wire.add_fault(fault, "POST", "/threads", times=1, **more)
    await harness.send_card("one", title=f"'**Bold** {'long ' * 30}'")
    for _ in range(2):
        await harness.restart_bot()
        await harness.deliver_due(minutes=20)
    (message,) = await harness.list_messages()
    (thread,) = await harness.forum_posts()
    assert thread.id == message.id
    assert len(thread.name) <= 100
    assert thread.name.startswith("**Bold** long")


async def test_without_the_permission_posts_come_all_the_same(harness: WireHarness) -> None:
    await harness.subscribe_channel("text", SubscriptionOptions(thread=True))
    await harness.wire.change_channel(harness.channel, access="no_threads")
    await harness.send_card("one")
    before = await count_requests(harness)
    await harness.deliver_due(hours=1)
    assert await count_requests(harness) == before, "it is not asked for again"
    assert not await harness.is_closed()
    await harness.wire.change_channel(harness.channel, access="open")
    await harness.send_card("two")
    assert await harness.message_titles() == ["Title of one", "Title of two"]
    assert [each.name for each in await harness.forum_posts()] == ["Title of two"]


@pytest.mark.parametrize("talked", [False, True])
async def test_the_thread_of_a_withdrawn_card_goes_unless_people_talked(harness: WireHarness, talked: bool) -> None:
    options = SubscriptionOptions(thread=True)
    await harness.subscribe_channel("text", options, bot_permissions=manage_threads_permissions())
    await harness.send_card("one")
    (thread,) = await harness.forum_posts()
    if talked:
        await harness.wire.post_message(thread.id, "What do you think?")
    await harness.wire.add_fault("lost", "DELETE", "/channels/", times=1)
    harness.write_card("one", removed="true")
    await harness.deliver_due()
    await harness.restart_bot()
    await harness.deliver_due(hours=2)
    assert await harness.list_messages() == []
    assert [each.id for each in await harness.forum_posts()] == ([thread.id] if talked else [])


async def test_a_card_that_comes_back_gets_a_thread_again(harness: WireHarness) -> None:
    options = SubscriptionOptions(thread=True)
    await harness.subscribe_channel("text", options, bot_permissions=manage_threads_permissions())
    await harness.send_card("one")
    await harness.send_card("one", removed="true")
    await harness.send_card("one")
    (message,) = await harness.list_messages()
    assert [each.id for each in await harness.forum_posts()] == [message.id]


async def test_a_digest_of_several_messages_has_one_thread(harness: WireHarness) -> None:
    for number in range(25):
        harness.write_card(f"card-{number}", excerpt="'" + "long " * 300 + "'")
    await harness.deliver_due()
    daily = SubscriptionOptions(Frequency.DAILY, thread=True, max_cards=25, backfill=5)
    made = await subscribe(harness, daily)
    await harness.bot.pipeline.plan_and_deliver()
    await harness.bot.pipeline.send_digest_now(made)
    await harness.bot.pipeline.plan_and_deliver()
    assert len(await harness.list_messages()) > 2
    assert len(await harness.forum_posts()) == 2
