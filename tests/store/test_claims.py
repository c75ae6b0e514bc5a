"""Several couriers on one store: no channel is ever served by two, and none is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from bot.errors import ClaimLostError
from bot.store import Store, open_store
from bot.store.claims import LEASE
from tests.store.test_planning import subscribe
from tests.support.cards import NOW, card, file_cards
from tests.support.stores import ask

pytestmark = pytest.mark.postgresql
CHANNELS = tuple(range(100, 140))


@pytest.fixture
async def couriers(store: Store, database_url: str) -> AsyncIterator[list[Store]]:
    """Three that know nothing of each other, as in three processes, and a post for each of many channels."""
    for channel in CHANNELS:
        await subscribe(store, channel_id=channel)
    await file_cards(store, card())
    await store.deliveries.plan(NOW, timedelta(days=14))
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_store(database_url)) for _ in range(3)]


async def taken(store: Store) -> set[int]:
    """All channels that a courier can get, look by look."""
    found: set[int] = set()
    more = True
    while more:
        work, more = await store.deliveries.work(NOW, found)
        found |= set(work)
    return found


async def test_at_once_each_gets_channels_of_its_own_and_together_they_get_all(couriers: list[Store]) -> None:
    first = [set(work) for work, _ in await asyncio.gather(*(store.deliveries.work(NOW) for store in couriers))]
    assert sum(map(len, first)) == len(set().union(*first)) <= len(CHANNELS)
    others = [await taken(store) for store in couriers]
    assert sum(map(len, others)) == len(set().union(*others)) == len(CHANNELS)
    assert all(mine <= later for mine, later in zip(first, others, strict=True))


async def test_a_channel_that_is_left_is_the_next_ones(couriers: list[Store]) -> None:
    one, other, _ = couriers
    assert await taken(one) == set(CHANNELS)
    assert await taken(other) == set()
    assert await other.deliveries.work_of(CHANNELS[0], NOW) == []
    await one.deliveries.leave(CHANNELS[0])
    assert await taken(other) == {CHANNELS[0]}
    await one.deliveries.leave_all()
    assert await taken(other) == set(CHANNELS)


async def test_the_claims_of_one_that_is_gone_run_out_and_holding_on_keeps_them(
    couriers: list[Store], database_url: str
) -> None:
    one, other, _ = couriers
    assert await taken(one) == set(CHANNELS)
    await one.deliveries.hold(CHANNELS)
    ((until,),) = ask(database_url, "SELECT min(until) FROM channel_claims")
    rest = datetime.fromtimestamp(until / 1_000_000, UTC) - datetime.now(UTC)
    assert timedelta(0) < rest <= LEASE
    assert await other.deliveries.next_due(NOW) == datetime.fromtimestamp(until / 1_000_000, UTC)
    await one.deliveries.hold(CHANNELS[:5])
    ask(database_url, f"UPDATE channel_claims SET until = 1 WHERE until = {until}")
    await one.deliveries.hold(CHANNELS)  # too late for the others
    assert await taken(other) == set(CHANNELS[5:])


async def test_whoever_has_lost_a_channel_begins_and_notes_nothing_more(
    couriers: list[Store], database_url: str
) -> None:
    one, other, _ = couriers
    (delivery,) = await one.deliveries.work_of(CHANNELS[0], NOW)
    ask(database_url, "UPDATE channel_claims SET until = 1")
    with pytest.raises(ClaimLostError):
        await one.deliveries.sending(delivery, NOW)
    assert await other.deliveries.work_of(CHANNELS[0], NOW) == [delivery]
    assert await other.deliveries.sending(delivery, NOW) == delivery
    await other.deliveries.posted(delivery, 7, NOW)
    with pytest.raises(ClaimLostError):
        await one.deliveries.failed(delivery, "too late", NOW)
    row = f"SELECT message_id, progress, last_error FROM deliveries WHERE id = {delivery.id}"
    assert ask(database_url, row) == [(7, "settled", None)]


async def test_one_courier_takes_no_more_than_it_has_hands(
    couriers: list[Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.store.deliveries.HANDS", 30)
    one, other, _ = couriers
    mine = await taken(one)
    assert len(mine) == 30
    assert await one.deliveries.work(NOW, mine) == ({}, False)
    assert await one.deliveries.next_due(NOW, mine) is None
    assert len(await taken(other)) == 10


async def test_what_only_waits_for_its_next_try_is_claimed_by_nobody(couriers: list[Store], database_url: str) -> None:
    one, _, _ = couriers
    (delivery,) = await one.deliveries.work_of(CHANNELS[0], NOW)
    await one.deliveries.failed(delivery, "a try", NOW + timedelta(minutes=1))
    await one.deliveries.leave_all()
    assert await taken(one) == set(CHANNELS[1:])
    assert ask(database_url, f"SELECT count(*) FROM channel_claims WHERE channel_id = {CHANNELS[0]}") == [(0,)]
