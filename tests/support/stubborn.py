"""`newsdesk run` with something in it that hangs, and that says "reached": `python -m tests.support.stubborn WHAT`."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

import bot.shutdown
from bot.__main__ import main
from bot.client.bot import NewsBot
from bot.sources.loader import Loader
from bot.store.health import HealthChecks
from bot.store.outbox.queue import DeliveryQueue
from bot.worker.pipeline import Pipeline
from bot.worker.worker import Worker


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


WHAT: dict[str, Callable[[], None]] = {
    "load blocks the loop": _patched(Loader, "load_cards", _blocks_loop),
    "load spins": _patched(Loader, "load_cards", _spins),
    "load blocks a thread": _patched(Loader, "load_cards", _blocks_thread),
    "load hangs": _patched(Loader, "load_cards", _hangs),
    "load ignores": _patched(Loader, "load_cards", _ignores),
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
    bot.shutdown.WITHIN = 2.0
    sys.argv[1:] = ["run"]
    main()
