"""Requests between processes: done once noted, again when the process at it died, and not for ever."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.store import Store, open_store
from bot.store.worker_requests import MAX_AGE, RETENTION, RequestState
from tests.support.cards import NOW

PAYLOADS = [{}, {"card_id": 7, "published": True}, {"words": "größe \U0001f5de 'quoted'", "deep": [1, None, {"a": 2}]}]


@pytest.mark.parametrize("payload", PAYLOADS)
async def test_another_process_reads_what_was_asked_and_notes_what_came_of_it(
    store: Store, database_url: str, payload: dict[str, object]
) -> None:
    request_id = await store.requests.add_request("write_back", payload, 5, NOW)
    async with open_store(database_url) as other:
        found = await other.requests.fetch_next(NOW)
        assert found
        assert (found.id, found.kind, found.payload, found.requested_by) == (request_id, "write_back", payload, 5)
        await other.requests.finish_request(found.id, RequestState.REFUSED, {"reason": "no"})
        assert await other.requests.fetch_next(NOW) is None
    answered = await store.requests.get_request(request_id)
    assert answered
    assert (answered.state, answered.result) == (RequestState.REFUSED, {"reason": "no"})


async def test_requests_are_taken_in_order_and_one_whose_result_was_not_noted_comes_again(store: Store) -> None:
    first, second = [await store.requests.add_request("a", {}, 1, NOW) for _ in range(2)]
    for _ in range(2):
        found = await store.requests.fetch_next(NOW)
        assert found
        assert found.id == first
    await store.requests.finish_request(first, RequestState.DONE, {})
    found = await store.requests.fetch_next(NOW)
    assert found
    assert found.id == second


async def test_what_was_noted_first_stays(store: Store) -> None:
    request_id = await store.requests.add_request("a", {}, 1, NOW)
    await store.requests.finish_request(request_id, RequestState.DONE, {"n": 1})
    await store.requests.finish_request(request_id, RequestState.FAILED, {"n": 2})
    found = await store.requests.get_request(request_id)
    assert found
    assert (found.state, found.result) == (RequestState.DONE, {"n": 1})


async def test_a_request_that_nobody_waits_for_any_more_is_left_alone_and_then_forgotten(store: Store) -> None:
    request_id = await store.requests.add_request("a", {}, 1, NOW)
    assert await store.requests.fetch_next(NOW + MAX_AGE - timedelta(seconds=1))
    assert await store.requests.fetch_next(NOW + MAX_AGE) is None
    await store.requests.delete_old(NOW + RETENTION)
    assert await store.requests.get_request(request_id)
    await store.requests.delete_old(NOW + RETENTION + timedelta(seconds=1))
    assert await store.requests.get_request(request_id) is None
