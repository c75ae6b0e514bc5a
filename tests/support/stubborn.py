"""`newsdesk run` with something in it that hangs; it says "reached": `python -m tests.support.stubborn WHAT WITHIN`."""

from __future__ import annotations

import asyncio
import socket
import sys
import time
from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

import bot.shutdown
from bot.__main__ import main
from bot.client.bot import NewsBot
from bot.domain.feed import Feed
from bot.sources.feeds.fetcher import Fetcher
from bot.sources.loader import Loader
from bot.store.health import HealthChecks
from bot.store.outbox.queue import DeliveryQueue
from bot.store.sources.feeds import FeedStore
from bot.worker.pipeline import Pipeline
from bot.worker.worker import Worker
from tests.support.followed_feeds import make_followed


def _reached() -> None:
    sys.stdout.write("reached\n")
    sys.stdout.flush()


async def _blocks_loop(*_: object, **__: object) -> None:
    _reached()
    time.sleep(600)


async def _spins(*_: object, **__: object) -> None:
    _reached()
    while True:
        pass


async def _blocks_thread(*_: object, **__: object) -> None:
    _reached()
    await asyncio.to_thread(time.sleep, 600)


async def _hangs(*_: object, **__: object) -> None:
    _reached()
    await asyncio.Event().wait()


async def _ignores(*_: object, **__: object) -> None:
    _reached()
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


def _patched(place: Any, name: str, instead: Callable[..., Any]) -> Callable[[], None]:
    return lambda: setattr(place, name, instead)


def _closing(place: Any, name: str, instead: Callable[..., Any]) -> Callable[[], None]:
    def patch() -> None:
        setattr(place, name, instead)
        setup = NewsBot.setup_hook

        async def hook(self: NewsBot) -> None:
            await setup(self)
            _reached()

        NewsBot.setup_hook = hook  # type: ignore[method-assign]

    return patch


async def _one_feed(_store: FeedStore, _now: datetime, _limit: int, busy: Collection[str] = ()) -> list[Feed]:
    feed = make_followed().feed
    return [] if feed.host in busy else [feed]


def _looking(place: Any, name: str, instead: Callable[..., Any]) -> Callable[[], None]:
    def patch() -> None:
        FeedStore.fetch_due = _one_feed  # type: ignore[method-assign,assignment]
        setattr(place, name, instead)

    return patch


_look_up = socket.getaddrinfo


def _looks_up_for_ever(host: Any, *rest: Any, **more: Any) -> Any:
    if host != make_followed().feed.host:
        return _look_up(host, *rest, **more)
    _reached()
    time.sleep(600)
    return []


WHAT: dict[str, Callable[[], None]] = {
    "load blocks the loop": _patched(Loader, "load_cards", _blocks_loop),
    "load spins": _patched(Loader, "load_cards", _spins),
    "load blocks a thread": _patched(Loader, "load_cards", _blocks_thread),
    "load hangs": _patched(Loader, "load_cards", _hangs),
    "load ignores": _patched(Loader, "load_cards", _ignores),
    "look at a feed hangs": _looking(Fetcher, "fetch", _hangs),
    "name of a feed is looked up for ever": _looking(socket, "getaddrinfo", _looks_up_for_ever),
    "plan hangs": _patched(Pipeline, "plan_deliveries", _hangs),
    "courier ignores": _patched(DeliveryQueue, "fetch_due", _ignores),
    "courier blocks a thread": _patched(DeliveryQueue, "fetch_due", _blocks_thread),
    "login hangs": _patched(NewsBot, "login", _hangs),
    "login ignores": _patched(NewsBot, "login", _ignores),
    "closing gateway hangs": _closing(NewsBot, "close", _hangs),
    "closing gateway blocks the loop": _closing(NewsBot, "close", _blocks_loop),
    "closing work hangs": _closing(Worker, "stop", _hangs),
    "letting go hangs": _closing(DeliveryQueue, "release_all", _hangs),
    "letting go ignores": _closing(DeliveryQueue, "release_all", _ignores),
    "last note hangs": _closing(HealthChecks, "delete_heartbeat", _hangs),
    "nothing": _closing(HealthChecks, "delete_heartbeat", HealthChecks.delete_heartbeat),
}

if __name__ == "__main__":
    WHAT[sys.argv[1]]()
    bot.shutdown.WITHIN = float(sys.argv[2])
    sys.argv[1:] = ["run"]
    main()
