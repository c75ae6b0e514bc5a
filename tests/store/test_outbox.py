"""What the courier sees: one channel's next step, and what each outcome leaves to do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.cards.model import State
from bot.desk.delivery import Delivery, Progress
from bot.store import Store
from tests.store.test_planning import CHANNEL, plan, subscribe, waiting
from tests.support.cards import NOW, card, file_cards, older
from tests.support.deliveries import due
from tests.support.deliveries import head as head_of

LATER = NOW + timedelta(minutes=5)


@pytest.fixture
async def head(store: Store) -> Delivery:
    """The first of three waiting deliveries."""
    await subscribe(store)
    await file_cards(store, card("new"), older(card("oldest"), hours=5), older(card("middle"), hours=2))
    await plan(store)
    return await first(store)


async def first(store: Store) -> Delivery:
    delivery = await head_of(store, CHANNEL, LATER)
    assert delivery
    return delivery


async def test_the_oldest_card_comes_first(store: Store, head: Delivery) -> None:
    assert await waiting(store) == ["oldest", "middle", "new"]
    assert (await due(store, LATER), await store.deliveries.next_due(LATER)) == ([], None)


async def test_a_failed_head_holds_back_the_younger_cards_until_its_next_try(store: Store, head: Delivery) -> None:
    await store.deliveries.sending(head, NOW)
    await store.deliveries.failed(head, "503", LATER)
    assert await head_of(store, CHANNEL, LATER - timedelta(seconds=1)) is None
    again = await first(store)
    assert (again.id, again.attempts, again.progress) == (head.id, 1, Progress.SENDING)


@pytest.mark.parametrize("change", ["rewritten", "withdrawn"])
async def test_what_changed_during_the_post_stays_due(store: Store, head: Delivery, change: str) -> None:
    await store.deliveries.sending(head, NOW)
    changed = card("oldest", title="Rewritten", state=State.WITHDRAWN if change == "withdrawn" else State.PUBLISHED)
    await file_cards(store, older(changed, hours=5))
    await plan(store)
    assert (await first(store)).progress is Progress.SENDING
    await store.deliveries.posted(head, 77, NOW)
    again = await first(store)
    assert (again.id, again.message_id, again.actual, again.progress) == (head.id, 77, head.wanted, Progress.WAITING)
    assert again.wanted != again.actual
    assert (again.wanted is None) == (change == "withdrawn")


async def test_an_adopted_message_is_edited_once(store: Store, head: Delivery) -> None:
    await store.deliveries.adopted(head, 77)
    again = await first(store)
    assert (again.message_id, again.actual, again.progress) == (77, "", Progress.WAITING)
    await store.deliveries.edited(again, NOW)
    assert (await first(store)).id != head.id


async def test_a_message_that_a_moderator_deleted_stays_deleted(store: Store, head: Delivery) -> None:
    await store.deliveries.posted(head, 77, NOW)
    await store.deliveries.removed(head, NOW)
    await file_cards(store, older(card("oldest", title="Rewritten"), hours=5))
    assert await plan(store) == 0
    assert (await first(store)).id != head.id


async def test_a_refused_card_waits_for_a_change_and_lets_the_others_pass(store: Store, head: Delivery) -> None:
    await store.deliveries.quarantined(head, "400")
    assert (await first(store)).id != head.id
    await file_cards(store, older(card("oldest", title="Rewritten"), hours=5))
    await plan(store)
    again = await first(store)
    assert (again.id, again.progress, again.attempts) == (head.id, Progress.WAITING, 0)


async def test_the_next_due_moment_is_the_earliest_of_all_channels(store: Store, head: Delivery) -> None:
    assert await store.deliveries.next_due(NOW) == NOW
    assert await due(store, NOW - timedelta(seconds=1)) == []
    assert await head_of(store, CHANNEL + 1, LATER) is None


async def test_a_card_that_changes_while_discord_refuses_it_is_tried_again(store: Store, head: Delivery) -> None:
    await store.deliveries.sending(head, NOW)
    await file_cards(store, older(card("oldest", title="Mended"), hours=5))
    await plan(store)
    await store.deliveries.quarantined(head, "400")
    again = await first(store)
    assert (again.id, again.wanted != head.wanted) == (head.id, True)


async def test_a_closed_channel_does_not_make_forget_a_post_that_may_have_arrived(store: Store, head: Delivery) -> None:
    await store.deliveries.sending(head, NOW)
    await store.deliveries.failed(head, "the answer was lost", NOW)
    doubtful = await first(store)
    assert doubtful.progress is Progress.SENDING
    await store.deliveries.refused(doubtful)
    assert (await first(store)).progress is Progress.SENDING
