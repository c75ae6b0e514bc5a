"""A web server for benchmarks, in a process of its own: many feeds on many hosts of this machine, new items on command.

It needs far less time than what asks it. Each address of 127.0.0.0/8 is a host of its own on Linux.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import c_double, c_int
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from time import monotonic
from typing import Any

from tests.sources.feeds.documents import element, rss, rss_item

ITEMS = 20
DAY = "Mon, 30 Nov 2026"
_WORDS = (
    "sea",
    "wind",
    "harbour",
    "boat",
    "light",
    "storm",
    "tide",
    "crew",
    "sail",
    "coast",
    "island",
    "chart",
    "anchor",
)
_REQUEST = re.compile(rb"GET /(\d+)\S* HTTP")
_TAG = re.compile(rb'if-none-match: ?"(\d+)"', re.IGNORECASE)
_HEAD = (
    "Date: Mon, 30 Nov 2026 12:00:00 GMT\r\nServer: bench\r\nCache-Control: max-age=900\r\n"
    "Last-Modified: Mon, 30 Nov 2026 11:00:00 GMT\r\nContent-Type: application/rss+xml; charset=utf-8\r\n"
)


@dataclass(frozen=True, slots=True)
class FeedSite:
    """The running server. Feed n has got a new item whenever `editions` of its group, n modulo their number, grew."""

    port: int
    hosts: int
    editions: Any
    asked_at: Any
    """When the first request since `publish_items` came, in seconds of the monotonic clock; 0 before it."""

    def url_of(self, number: int) -> str:
        return f"http://{self.host_of(number)}:{self.port}/{number}.xml"

    def host_of(self, number: int) -> str:
        place = number % self.hosts
        return f"127.0.{place // 200}.{place % 200 + 1}"

    def publish_items(self, group: int | None = None) -> None:
        """Give each feed of a group a new item; of all groups if None is given."""
        self.asked_at.value = 0.0
        for each in range(len(self.editions)) if group is None else (group,):
            self.editions[each] += 1


@contextmanager
def serve_site(hosts: int, groups: int = 1, day: str = DAY) -> Iterator[FeedSite]:
    """Serve while the context is open, with items of a day that is written as in RFC 822."""
    context: SpawnContext = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    editions = context.Array(c_int, groups, lock=False)
    asked_at = context.Value(c_double, 0.0, lock=False)
    process = context.Process(target=_run_server, args=(theirs, editions, asked_at, day), daemon=True)
    process.start()
    try:
        yield FeedSite(ours.recv(), hosts, editions, asked_at)
    finally:
        process.terminate()
        process.join()


def _run_server(port: Connection, editions: Any, asked_at: Any, day: str) -> None:
    async def run() -> None:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Connection(editions, asked_at, day), "0.0.0.0", 0, backlog=1000)
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


class _Connection(asyncio.Protocol):
    """Answers 304 to whoever knows the edition, and the whole feed to all others."""

    def __init__(self, editions: Any, asked_at: Any, day: str) -> None:
        self._editions = editions
        self._asked_at = asked_at
        self._day = day

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        request, tag = _REQUEST.match(data), _TAG.search(data)
        assert request
        if not self._asked_at.value:
            self._asked_at.value = monotonic()
        number = int(request[1])
        edition = self._editions[number % len(self._editions)]
        if tag and int(tag[1]) == edition:
            head, body = "304 Not Modified", b""
        else:
            body = write_feed(number, edition, day=self._day)
            head = f"200 OK\r\nContent-Length: {len(body)}"
        self._transport.write(f'HTTP/1.1 {head}\r\n{_HEAD}ETag: "{edition}"\r\n\r\n'.encode() + body)


def write_feed(number: int, edition: int, paragraphs: int = 0, day: str = DAY) -> bytes:
    """Write a feed of `ITEMS` items, the newest first; each edition has one that the last had not."""
    newest = edition + ITEMS
    items = [write_item(number, each, paragraphs, day) for each in range(newest, newest - ITEMS, -1)]
    head = f"<title>Paper {number}</title><link>https://paper-{number}.example/</link>"
    return rss(*items, head=head).encode()


@lru_cache(maxsize=250_000)
def write_item(number: int, item: int, paragraphs: int = 0, day: str = DAY) -> str:
    """Write an item with a teaser and a picture, or with so many paragraphs of text."""
    chance = random.Random(number * 1_000_003 + item)

    def write_text(words: int) -> str:
        return " ".join(chance.choices(_WORDS, k=words)).capitalize() + "."

    text = "".join(f"<p>{write_text(60)} <a href='/x'>{write_text(3)}</a></p>" for _ in range(paragraphs))
    picture = f'<media:thumbnail url="https://img.example/{item}.jpg" width="480" height="270"/>'
    more = element("content:encoded", f"{text}<img src='/{item}.jpg' width='600'>") if paragraphs else picture
    return rss_item(
        more,
        title=f"{write_text(8)} {number}-{item}",
        link=f"https://paper-{number}.example/{item}?utm_source=rss",
        guid=f"{number}-{item}",
        date=f"{day} {item // 60 % 24:02}:{item % 60:02}:00 GMT",
        description=f"<p>{write_text(40)}</p>",
    )
