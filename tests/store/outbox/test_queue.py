"""What the courier sees: one channel's next step, and what each outcome leaves to do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.cards.model import CardState
from bot.domain.delivery import CardRevision, Delivery, DeliveryStatus
from bot.store import Store
from tests.store.outbox.test_planner import CHANNEL, add_subscription, plan_deliveries, post_due
from tests.support.cards import NOW, make_card, make_older, store_cards
from tests.support.deliveries import due_channels
from tests.support.deliveries import next_delivery as head_of

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
async def head(store: Store) -> Delivery:
    """The first of three waiting deliveries."""
    await add_subscription(store)
    await store_cards(
        store, make_card("new"), make_older(make_card("oldest"), hours=5), make_older(make_card("middle"), hours=2)
    )
    await plan_deliveries(store)
    return await first_delivery(store)


async def first_delivery(store: Store) -> Delivery:
    delivery = await head_of(store, CHANNEL, LATER)
    assert delivery
    return delivery


async def test_the_oldest_card_comes_first(store: Store, head: Delivery) -> None:
    assert await post_due(store) == ["oldest", "middle", "new"]
    assert (await due_channels(store, LATER), await store.outbox.queue.next_due_at(LATER)) == ([], None)


async def test_a_failed_head_holds_back_the_younger_cards_until_its_next_try(store: Store, head: Delivery) -> None:
    await store.outbox.queue.mark_sending(head, NOW)
    await store.outbox.queue.mark_failed(head, "503", LATER)
    assert await head_of(store, CHANNEL, LATER - timedelta(seconds=1)) is None
    again = await first_delivery(store)
    assert (again.id, again.attempts, again.status) == (head.id, 1, DeliveryStatus.SENDING)


@pytest.mark.parametrize("change", ["rewritten", "withdrawn"])
async def test_what_changed_during_the_post_stays_due(store: Store, head: Delivery, change: str) -> None:
    await store.outbox.queue.mark_sending(head, NOW)
    changed = make_card(
        "oldest", title="Rewritten", state=CardState.WITHDRAWN if change == "withdrawn" else CardState.PUBLISHED
    )
    await store_cards(store, make_older(changed, hours=5))
    await plan_deliveries(store)
    assert (await first_delivery(store)).status is DeliveryStatus.SENDING
    await store.outbox.queue.mark_posted(head, 77, NOW)
    again = await first_delivery(store)
    assert (again.id, again.message_id, again.delivered_hash, again.status) == (
        head.id,
        77,
        head.desired_hash,
        DeliveryStatus.WAITING,
    )
    assert again.desired_hash != again.delivered_hash
    assert (again.desired_kind is None) == (change == "withdrawn")


async def test_a_post_begins_with_the_content_of_that_moment(store: Store, head: Delivery) -> None:
    await store_cards(store, make_older(make_card("oldest", title="Rewritten"), hours=5))
    await plan_deliveries(store)
    current = await store.outbox.queue.mark_sending(head, NOW)
    stored = await store.cards.get_by_slug("oldest", 0)
    assert current
    assert stored
    assert current.cards == (CardRevision(stored.id, stored.revision),) != head.cards
    await store.outbox.queue.mark_posted(current, 77, NOW)
    assert (await first_delivery(store)).id != head.id


async def test_a_post_that_was_withdrawn_meanwhile_does_not_begin(store: Store, head: Delivery) -> None:
    await store_cards(store, make_older(make_card("oldest", state=CardState.WITHDRAWN), hours=5))
    await plan_deliveries(store)
    assert await store.outbox.queue.mark_sending(head, NOW) is None


async def test_an_adopted_message_is_edited_once(store: Store, head: Delivery) -> None:
    await store.outbox.queue.mark_adopted(head, 77)
    again = await first_delivery(store)
    assert (again.message_id, again.delivered_hash, again.status) == (77, None, DeliveryStatus.WAITING)
    await store.outbox.queue.mark_edited(again, NOW)
    assert (await first_delivery(store)).id != head.id


async def test_a_message_that_a_moderator_deleted_stays_deleted(store: Store, head: Delivery) -> None:
    await store.outbox.queue.mark_posted(head, 77, NOW)
    await store.outbox.queue.mark_removed(head, NOW)
    await store_cards(store, make_older(make_card("oldest", title="Rewritten"), hours=5))
    assert await plan_deliveries(store) == 0
    assert (await first_delivery(store)).id != head.id


async def test_a_refused_card_waits_for_a_change_and_lets_the_others_pass(store: Store, head: Delivery) -> None:
    await store.outbox.queue.mark_quarantined(head, "400")
    assert (await first_delivery(store)).id != head.id
    await store_cards(store, make_older(make_card("oldest", title="Rewritten"), hours=5))
    await plan_deliveries(store)
    again = await first_delivery(store)
    assert (again.id, again.status, again.attempts) == (head.id, DeliveryStatus.WAITING, 0)


async def test_the_next_due_moment_is_the_earliest_of_all_channels(store: Store, head: Delivery) -> None:
    assert await store.outbox.queue.next_due_at(NOW) == NOW
    assert await due_channels(store, NOW - timedelta(seconds=1)) == []
    assert await head_of(store, CHANNEL + 1, LATER) is None


async def test_a_card_that_changes_while_discord_refuses_it_is_tried_again(store: Store, head: Delivery) -> None:
    await store.outbox.queue.mark_sending(head, NOW)
    await store_cards(store, make_older(make_card("oldest", title="Mended"), hours=5))
    await plan_deliveries(store)
    await store.outbox.queue.mark_quarantined(head, "400")
    again = await first_delivery(store)
    assert (again.id, again.desired_hash != head.desired_hash) == (head.id, True)


async def test_a_closed_channel_does_not_make_forget_a_post_that_may_have_arrived(store: Store, head: Delivery) -> None:
    await store.outbox.queue.mark_sending(head, NOW)
    await store.outbox.queue.mark_failed(head, "the answer was lost", NOW)
    doubtful = await first_delivery(store)
    assert doubtful.status is DeliveryStatus.SENDING
    await store.outbox.queue.mark_refused(doubtful)
    assert (await first_delivery(store)).status is DeliveryStatus.SENDING
