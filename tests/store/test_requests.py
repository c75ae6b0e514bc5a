"""Requests between processes: done once noted, again when whoever was at it died, and not for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.store import Store, open_store
from bot.store.requests import FRESH, KEPT, RequestState
from tests.support.cards import NOW

PAYLOADS = [{}, {"card_id": 7, "published": True}, {"words": "größe \U0001f5de 'quoted'", "deep": [1, None, {"a": 2}]}]


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_another_process_reads_what_was_asked_and_notes_what_came_of_it(
    store: Store, database_url: str, payload: dict[str, object]
) -> None:
    request_id = await store.requests.add("write_back", payload, 5, NOW)
    async with open_store(database_url) as other:
        found = await other.requests.next_waiting(NOW)
        assert found
        assert (found.id, found.kind, found.payload, found.requested_by) == (request_id, "write_back", payload, 5)
        await other.requests.finish(found.id, RequestState.REFUSED, {"reason": "no"})
        assert await other.requests.next_waiting(NOW) is None
    answered = await store.requests.get(request_id)
    assert answered
    assert (answered.state, answered.result) == (RequestState.REFUSED, {"reason": "no"})


async def test_requests_are_taken_in_order_and_one_whose_result_was_not_noted_comes_again(store: Store) -> None:
    first, second = [await store.requests.add("a", {}, 1, NOW) for _ in range(2)]
    for _ in range(2):
        found = await store.requests.next_waiting(NOW)
        assert found
        assert found.id == first
    await store.requests.finish(first, RequestState.DONE, {})
    found = await store.requests.next_waiting(NOW)
    assert found
    assert found.id == second


async def test_what_was_noted_first_stays(store: Store) -> None:
    request_id = await store.requests.add("a", {}, 1, NOW)
    await store.requests.finish(request_id, RequestState.DONE, {"n": 1})
    await store.requests.finish(request_id, RequestState.FAILED, {"n": 2})
    found = await store.requests.get(request_id)
    assert found
    assert (found.state, found.result) == (RequestState.DONE, {"n": 1})


async def test_a_request_that_nobody_waits_for_any_more_is_left_alone_and_then_forgotten(store: Store) -> None:
    request_id = await store.requests.add("a", {}, 1, NOW)
    assert await store.requests.next_waiting(NOW + FRESH - timedelta(seconds=1))
    assert await store.requests.next_waiting(NOW + FRESH) is None
    await store.requests.forget_old(NOW + KEPT)
    assert await store.requests.get(request_id)
    await store.requests.forget_old(NOW + KEPT + timedelta(seconds=1))
    assert await store.requests.get(request_id) is None
