"""One run: the bot starts, news and readers come, faults strike, and when all is quiet everything is counted."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.soak.count import Count, count
from tests.soak.crowd import Asked, Crowd
from tests.soak.memory import Memory
from tests.soak.news import News
from tests.soak.plan import Channel, Size, channels
from tests.soak.process import SoakBot
from tests.wire.client import ANY, WireDiscord
from tests.wire.errors import Json
from tests.wire.results import Totals

_FAULTS = ("500", "lost", "reset", "rate_limited")
_CALM = 4
"""Looks, a second apart, at which nothing is due and no file missing before the bot counts as quiet."""
_AFTERWARDS = 300.0
"""Seconds after the last card within which all must be delivered."""


@dataclass(slots=True)
class Report:
    """What came of a run."""

    size: Size
    count: Count
    crowd: Crowd
    memory: Memory
    spoiled: set[int]
    """Interactions of which a fault struck a request of the answer."""
    cpu: float
    """The bot's, as a share of one core over the run."""
    ready: float
    """Seconds from the start to the first connection."""
    quiet: float | None
    """Seconds from the last card until nothing was due; None: never."""
    errors: Counter[str]
    faults: list[Json]
    totals: Totals

    @property
    def unspoiled(self) -> list[Asked]:
        """What was asked and no fault struck."""
        return [each for each in self.crowd.asked if each.outcome.id not in self.spoiled]

    @property
    def silent(self) -> int:
        """How often there was no answer, although no fault struck."""
        return sum(not each.answered for each in self.unspoiled)


async def soak(wire: WireDiscord, folder: Path, size: Size) -> Report:
    """The folder is the bot's own; it must not exist."""
    await wire.reset(seed=size.seed)
    guilds = await wire.add_guilds(size.servers, ["text"] * size.channels_a_server)
    started = datetime.now(UTC)
    subscribed = channels(size, {each.id: [channel.id for channel in each.channels] for each in guilds}, started)
    with SoakBot(folder, wire.address.api) as bot:
        await bot.furnish(subscribed, size)
        ready = await _started(wire, bot, size)
        return await _run(wire, bot, size, subscribed, ready)


async def _started(wire: WireDiscord, bot: SoakBot, size: Size) -> float:
    """Waits until the archive is filed too, so that only the run's cards are new."""
    began = time.monotonic()
    bot.run(size.tick)
    await wire.connected(within=60)
    ready = time.monotonic() - began
    async with asyncio.timeout(120):
        while bot.filed() < size.archive:
            await asyncio.sleep(0.2)
    return ready


async def _run(wire: WireDiscord, bot: SoakBot, size: Size, subscribed: list[Channel], ready: float) -> Report:
    for fault in _FAULTS:
        await wire.fault(fault, times=ANY, probability=size.faults / len(_FAULTS))
    news, crowd, memory = News(bot.cards, size), Crowd(wire, subscribed, size), Memory(bot.pid)
    began, clock, cpu = datetime.now(UTC), time.monotonic(), bot.cpu
    watching = asyncio.create_task(memory.watch())
    async with asyncio.TaskGroup() as group:
        group.create_task(news.flow())
        group.create_task(crowd.flow())
    used = (bot.cpu - cpu) / (time.monotonic() - clock)
    quiet = await _quiet(bot)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    counted = await count(wire, subscribed, news, began, datetime.now(UTC))
    spoiled = await crowd.spoiled()
    faults, totals = await wire.faults(), await wire.totals()
    await wire.clear_faults()
    bot.terminate()
    return Report(size, counted, crowd, memory, spoiled, used, ready, quiet, bot.errors(), faults, totals)


async def _quiet(bot: SoakBot) -> float | None:
    began, calm = time.monotonic(), 0
    while calm < _CALM:
        if time.monotonic() - began > _AFTERWARDS:
            return None
        await asyncio.sleep(1)
        calm = calm + 1 if bot.waiting()[1] == bot.missing() == 0 else 0
    return time.monotonic() - began - _CALM
