"""Several couriers on one store: no channel is ever served by two, and none is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import LeaseLostError
from bot.store import Store, open_store
from bot.store.outbox.channel_leases import LEASE_DURATION
from tests.store.outbox.test_planner import add_subscription
from tests.support.cards import NOW, make_card, store_cards
from tests.support.stores import query_database

pytestmark = pytest.mark.postgresql
CHANNELS = tuple(range(100, 140))


@pytest.fixture
async def stores(store: Store, database_url: str) -> AsyncIterator[list[Store]]:
    """Three that know nothing of each other, as in three processes, and a post for each of many channels."""
    for channel in CHANNELS:
        await add_subscription(store, channel_id=channel)
    await store_cards(store, make_card())
    await store.outbox.planner.plan_deliveries(NOW, timedelta(days=14))
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_store(database_url)) for _ in range(3)]


async def acquire_all(store: Store) -> set[int]:
    """All channels that a courier can get, look by look."""
    found: set[int] = set()
    more = True
    while more:
        work, more = await store.outbox.queue.fetch_due(NOW, found)
        found |= set(work)
    return found


async def test_at_once_each_gets_channels_of_its_own_and_together_they_get_all(stores: list[Store]) -> None:
    first = [set(work) for work, _ in await asyncio.gather(*(store.outbox.queue.fetch_due(NOW) for store in stores))]
    assert sum(map(len, first)) == len(set().union(*first)) <= len(CHANNELS)
    others = [await acquire_all(store) for store in stores]
    assert sum(map(len, others)) == len(set().union(*others)) == len(CHANNELS)
    assert all(own <= later for own, later in zip(first, others, strict=True))


async def test_a_channel_that_is_left_is_the_next_ones(stores: list[Store]) -> None:
    one, other, _ = stores
    assert await acquire_all(one) == set(CHANNELS)
    assert await acquire_all(other) == set()
    assert await other.outbox.queue.fetch_due_for(CHANNELS[0], NOW) == []
    await one.outbox.queue.release_lease(CHANNELS[0])
    assert await acquire_all(other) == {CHANNELS[0]}
    await one.outbox.queue.release_all()
    assert await acquire_all(other) == set(CHANNELS)


async def test_the_claims_of_one_that_is_gone_run_out_and_holding_on_keeps_them(
    stores: list[Store], database_url: str
) -> None:
    one, other, _ = stores
    assert await acquire_all(one) == set(CHANNELS)
    await one.outbox.queue.renew_leases(CHANNELS)
    ((until,),) = query_database(database_url, "SELECT min(expires_at) FROM channel_leases")
    rest = datetime.fromtimestamp(until / 1_000_000, UTC) - datetime.now(UTC)
    assert timedelta(0) < rest <= LEASE_DURATION
    assert await other.outbox.queue.next_due_at(NOW) == datetime.fromtimestamp(until / 1_000_000, UTC)
    await one.outbox.queue.renew_leases(CHANNELS[:5])
    query_database(database_url, f"UPDATE channel_leases SET expires_at = 1 WHERE expires_at = {until}")
    await one.outbox.queue.renew_leases(CHANNELS)  # too late for the others
    assert await acquire_all(other) == set(CHANNELS[5:])


async def test_whoever_has_lost_a_channel_begins_and_notes_nothing_more(stores: list[Store], database_url: str) -> None:
    one, other, _ = stores
    (delivery,) = await one.outbox.queue.fetch_due_for(CHANNELS[0], NOW)
    query_database(database_url, "UPDATE channel_leases SET expires_at = 1")
    with pytest.raises(LeaseLostError):
        await one.outbox.queue.mark_sending(delivery, NOW)
    assert await other.outbox.queue.fetch_due_for(CHANNELS[0], NOW) == [delivery]
    assert await other.outbox.queue.mark_sending(delivery, NOW) == delivery
    await other.outbox.queue.mark_posted(delivery, 7, NOW)
    with pytest.raises(LeaseLostError):
        await one.outbox.queue.mark_failed(delivery, "too late", NOW)
    row = f"SELECT message_id, status, last_error FROM deliveries WHERE id = {delivery.id}"
    assert query_database(database_url, row) == [(7, "settled", None)]


async def test_one_courier_takes_no_more_than_it_has_hands(
    stores: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.outbox.queue.MAX_CHANNELS", 30)
    one, other, _ = stores
    own = await acquire_all(one)
    assert len(own) == 30
    assert await one.outbox.queue.fetch_due(NOW, own) == ({}, False)
    assert await one.outbox.queue.next_due_at(NOW, own) is None
    assert len(await acquire_all(other)) == 10


async def test_what_only_waits_for_its_next_try_is_claimed_by_nobody(stores: list[Store], database_url: str) -> None:
    one, _, _ = stores
    (delivery,) = await one.outbox.queue.fetch_due_for(CHANNELS[0], NOW)
    await one.outbox.queue.mark_failed(delivery, "a try", NOW + timedelta(minutes=1))
    await one.outbox.queue.release_all()
    assert await acquire_all(one) == set(CHANNELS[1:])
    assert query_database(database_url, f"SELECT count(*) FROM channel_leases WHERE channel_id = {CHANNELS[0]}") == [
        (0,)
    ]
