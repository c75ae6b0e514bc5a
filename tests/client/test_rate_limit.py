"""No second holds more requests than Discord allows, and replies to people never wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import aiohttp
from aiohttp import web

from bot.client.rate_limit import RequestLimiter
from tests.support.polling import PATIENCE


@asynccontextmanager
async def _run_server(arrivals: list[tuple[str, float]]) -> AsyncIterator[str]:
    async def answer(request: web.Request) -> web.Response:
        arrivals.append((request.path, asyncio.get_running_loop().time()))
        again = request.path.endswith("/once") and [path for path, _ in arrivals].count(request.path) > 1
        if request.path.endswith(("/broken", "/once")) and request.transport and not again:
            request.transport.abort()
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_no_window_holds_more_requests_than_slots() -> None:
    arrivals: list[tuple[str, float]] = []
    async with (
        _run_server(arrivals) as host,
        aiohttp.ClientSession(trace_configs=[RequestLimiter(5, 0.2).trace_config()]) as session,
    ):
        await asyncio.gather(*(session.get(f"{host}/channels/1/messages") for _ in range(15)))
    times = [moment for _, moment in arrivals]
    assert len(times) == 15
    # each slot is free again a whole window after its answer, so the sixth arrival after any is a window later
    assert all(later - earlier >= 0.19 for earlier, later in zip(times, times[5:], strict=False))


async def test_slots_are_withdrawn_at_once_and_given_back() -> None:
    arrivals: list[tuple[str, float]] = []
    limiter = RequestLimiter(10, 30)
    async with _run_server(arrivals) as host, aiohttp.ClientSession(trace_configs=[limiter.trace_config()]) as session:
        url = f"{host}/channels/1/messages"
        await session.get(url)
        await limiter.set_slots(3)
        waiting = [asyncio.create_task(session.get(url)) for _ in range(4)]
        async with asyncio.timeout(PATIENCE):
            while len(arrivals) < 3:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert len(arrivals) == 3, "one before, and two more"
        await limiter.set_slots(5)
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*waiting)
        assert len(arrivals) == 5


async def test_slots_in_use_are_withdrawn_when_they_are_free() -> None:
    arrivals: list[tuple[str, float]] = []
    limiter = RequestLimiter(4, 0.2)
    async with _run_server(arrivals) as host, aiohttp.ClientSession(trace_configs=[limiter.trace_config()]) as session:
        url = f"{host}/channels/1/messages"
        await asyncio.gather(*(session.get(url) for _ in range(4)))
        await limiter.set_slots(1)
        await asyncio.gather(*(session.get(url) for _ in range(3)))
    times = [moment for _, moment in arrivals][4:]
    assert all(later - earlier >= 0.19 for earlier, later in pairwise(times))


async def test_replies_to_people_do_not_wait() -> None:
    arrivals: list[tuple[str, float]] = []
    async with (
        _run_server(arrivals) as host,
        aiohttp.ClientSession(trace_configs=[RequestLimiter(1, 30).trace_config()]) as session,
    ):
        await session.get(f"{host}/channels/1/messages")
        async with asyncio.timeout(PATIENCE):
            for number in range(5):
                await session.post(f"{host}/interactions/{number}/token/callback")
    assert len(arrivals) == 6


async def test_a_broken_request_frees_its_slot() -> None:
    arrivals: list[tuple[str, float]] = []
    async with (
        _run_server(arrivals) as host,
        aiohttp.ClientSession(trace_configs=[RequestLimiter(1, 0).trace_config()]) as session,
    ):
        for _ in range(3):
            try:
                async with asyncio.timeout(PATIENCE):
                    await session.post(f"{host}/broken")
            except aiohttp.ClientError:
                continue
    assert len(arrivals) == 3


async def test_what_aiohttp_sends_again_by_itself_takes_a_slot_of_its_own_and_nothing_waits_for_ever() -> None:
    arrivals: list[tuple[str, float]] = []
    async with (
        _run_server(arrivals) as host,
        aiohttp.ClientSession(trace_configs=[RequestLimiter(3, 0.2).trace_config()]) as session,
    ):
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(session.delete(f"{host}/messages/{number}/once") for number in range(6)))
    times = [moment for _, moment in arrivals]
    assert len(times) == 12
    assert all(later - earlier >= 0.19 for earlier, later in zip(times, times[3:], strict=False))
