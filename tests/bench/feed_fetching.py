"""What a look at a feed costs in CPU time, against aiohttp alone, with a server in a process of its own.

python -m tests.bench.feed_fetching [FEEDS]
"""

from __future__ import annotations

import asyncio
import multiprocessing
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from time import process_time
from unittest.mock import patch

import aiohttp

from bot.domain.fetch_result import FetchRequest, FetchStatus
from bot.sources.feeds import address_guard
from bot.sources.feeds.fetcher import MAX_CONCURRENT, Fetcher
from tests.bench.table import format_verdict, print_table

ROUNDS = 5
HOSTS = 50
BAR = 0.6
"""Milliseconds of CPU time for a look where nothing has changed, with everything else that belongs to it."""
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ETAG = '"1"'
BODY = b"<rss>" + b"<item><title>Harbour opens</title></item>" * 500 + b"</rss>"

_Look = Callable[[str, str], Awaitable[None]]


class _FeedServer(asyncio.Protocol):
    """Answers 304 to whoever knows the tag, and a feed to all others."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if b"if-none-match" in data.lower():
            head, body = f"HTTP/1.1 304 Not Modified\r\nETag: {ETAG}\r\n", b""
        else:
            head, body = f"HTTP/1.1 200 OK\r\nETag: {ETAG}\r\nContent-Length: {len(BODY)}\r\n", BODY
        date = "Date: Mon, 30 Nov 2026 12:00:00 GMT\r\nCache-Control: max-age=900\r\nServer: bench\r\n"
        self._transport.write(f"{head}{date}\r\n".encode() + body)


def _serve(port: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(_FeedServer, "0.0.0.0", 0)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


async def _measure_looks(look: _Look, urls: list[str], etag: str) -> float:
    """Milliseconds of CPU time a look, all at once."""
    start = process_time()
    await asyncio.gather(*(look(url, etag) for url in urls))
    return (process_time() - start) * 1000 / len(urls)


async def _measure(port: int, feeds: int) -> dict[str, list[float]]:
    # Each address of 127.0.0.0/8 is a host of its own on Linux.
    urls = [f"http://127.0.0.{number % HOSTS + 1}:{port}/feeds/{number}.xml" for number in range(feeds)]
    costs: dict[str, list[float]] = {"aiohttp, 304": [], "Newsdesk, 304": [], "aiohttp, 200": [], "Newsdesk, 200": []}
    slots = asyncio.Semaphore(MAX_CONCURRENT)
    async with aiohttp.ClientSession() as session, Fetcher(ports=[port]) as fetcher:

        async def look_plainly(url: str, etag: str) -> None:
            headers = {"If-None-Match": etag} if etag else {}
            async with slots, session.get(url, headers=headers) as response:
                await response.read()
                assert response.status == (304 if etag else 200)

        async def look(url: str, etag: str) -> None:
            result = await fetcher.fetch(FetchRequest(url, etag=etag), NOW)
            assert result.status is (FetchStatus.UNCHANGED if etag else FetchStatus.NEW), result

        for _ in range(ROUNDS):
            for etag, name in ((ETAG, "304"), ("", "200")):
                costs[f"aiohttp, {name}"].append(await _measure_looks(look_plainly, urls, etag))
                costs[f"Newsdesk, {name}"].append(await _measure_looks(look, urls, etag))
    return costs


def main(feeds: int) -> None:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    server.start()
    judge = address_guard.is_public_address
    try:
        # The server is let through, but judged as any other.
        with patch.object(address_guard, "is_public_address", lambda text: judge(text) or True):
            costs = asyncio.run(_measure(ours.recv(), feeds))
    finally:
        server.terminate()
    best = {name: min(times) for name, times in costs.items()}
    print(f"{feeds} feeds on {HOSTS} hosts, {MAX_CONCURRENT} at a time, best of {ROUNDS} rounds; CPU time a look in ms")
    print_table(
        ("", "ms", "of aiohttp", "bar", ""),
        [
            (
                name,
                f"{cost:.3f}",
                f"{cost / best['aiohttp' + name[name.index(',') :]]:.2f}",
                *((f"{BAR}", format_verdict(cost, BAR)) if name == "Newsdesk, 304" else ("", "")),
            )
            for name, cost in best.items()
        ],
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
