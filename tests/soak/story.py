"""One run: the bot starts, news and readers come, faults strike, and when all is quiet everything is counted."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.soak.count import MessageCount, count_messages
from tests.soak.crowd import Crowd, ReaderAction
from tests.soak.memory import MemorySamples
from tests.soak.news import NewsStream
from tests.soak.plan import Channel, Size, plan_channels
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
class SoakReport:
    """What came of a run."""

    size: Size
    count: MessageCount
    crowd: Crowd
    memory: MemorySamples
    spoiled_ids: set[int]
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
    def unspoiled_actions(self) -> list[ReaderAction]:
        """Interactions that no fault struck."""
        return [each for each in self.crowd.actions if each.outcome.id not in self.spoiled_ids]

    @property
    def unanswered(self) -> int:
        """How often there was no answer, although no fault struck."""
        return sum(not each.is_answered for each in self.unspoiled_actions)


async def run_soak(wire: WireDiscord, folder: Path, size: Size) -> SoakReport:
    """The folder is the bot's own; it must not exist."""
    await wire.reset_world(seed=size.seed)
    guilds = await wire.add_guilds(size.servers, ["text"] * size.channels_a_server)
    started = datetime.now(UTC)
    subscribed = plan_channels(size, {each.id: [channel.id for channel in each.channels] for each in guilds}, started)
    with SoakBot(folder, wire.address.api) as bot:
        await bot.prepare_run(subscribed, size)
        ready = await _start_bot(wire, bot, size)
        return await _run_load(wire, bot, size, subscribed, ready)


async def _start_bot(wire: WireDiscord, bot: SoakBot, size: Size) -> float:
    """Waits until the archive is filed too, so that only the run's cards are new."""
    began = time.monotonic()
    bot.run_with_ticks(size.tick)
    await wire.wait_for_sessions(within=60)
    ready = time.monotonic() - began
    async with asyncio.timeout(120):
        while bot.count_cards() < size.archive:
            await asyncio.sleep(0.2)
    return ready


async def _run_load(wire: WireDiscord, bot: SoakBot, size: Size, subscribed: list[Channel], ready: float) -> SoakReport:
    for fault in _FAULTS:
        await wire.add_fault(fault, times=ANY, probability=size.faults / len(_FAULTS))
    news, crowd, memory = NewsStream(bot.cards, size), Crowd(wire, subscribed, size), MemorySamples(bot.pid)
    began, clock, cpu = datetime.now(UTC), time.monotonic(), bot.cpu
    watching = asyncio.create_task(memory.sample_memory())
    async with asyncio.TaskGroup() as group:
        group.create_task(news.publish_news())
        group.create_task(crowd.run_readers())
    used = (bot.cpu - cpu) / (time.monotonic() - clock)
    quiet = await _wait_for_quiet(bot)
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching
    counted = await count_messages(wire, subscribed, news, began, datetime.now(UTC))
    spoiled = await crowd.find_spoiled()
    faults, totals = await wire.list_faults(), await wire.get_totals()
    await wire.clear_faults()
    bot.terminate()
    return SoakReport(size, counted, crowd, memory, spoiled, used, ready, quiet, bot.count_errors(), faults, totals)


async def _wait_for_quiet(bot: SoakBot) -> float | None:
    began, calm = time.monotonic(), 0
    while calm < _CALM:
        if time.monotonic() - began > _AFTERWARDS:
            return None
        await asyncio.sleep(1)
        calm = calm + 1 if bot.count_waiting()[1] == bot.missing() == 0 else 0
    return time.monotonic() - began - _CALM
