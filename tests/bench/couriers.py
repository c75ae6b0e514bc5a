"""How much more several couriers deliver from one PostgreSQL, Discord's limits switched off.

python -m tests.bench.couriers [CARDS [CHANNELS]]

Everything is planned, and due at one moment, when all couriers are at work; the time is from then to the last post.
Beside each rate stands its ratio to that of one courier in the same run.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from bot.sources.folder_source import FolderSource
from bot.sources.loader import Loader
from bot.store import open_store
from tests.crash.cluster import new_database
from tests.crash.process import BotProcess
from tests.support.postgres import PostgresServer, find_programs, run_server
from tests.support.stores import query_database
from tests.wire.client import WireDiscord

COURIERS = (1, 2, 4)
_NOT_YET = datetime(2100, 1, 1, tzinfo=UTC)


async def measure_rate(
    wire: WireDiscord, server: PostgresServer, folder: Path, couriers: int, cards: int, channels: int
) -> float:
    """Posts a second."""
    await wire.reset_world(limits=False)
    guild = await wire.add_guild(*["text"] * channels)
    with new_database(server) as url, ExitStack() as stack:
        each = [folder / f"{couriers}" / f"courier-{number}" for number in range(couriers)]
        bots = [
            stack.enter_context(BotProcess(place, wire.address.api, url, "courier", log_level="INFO")) for place in each
        ]
        await bots[0].prepare_store([channel.id for channel in guild.channels], guild.id, cards)
        await plan_deliveries(url, bots[0].cards)
        for bot in bots:
            bot.start()
        await _wait_for_all(bots)
        started = perf_counter()
        query_database(url, "UPDATE deliveries SET due_at = planned_at", "NOTIFY newsdesk")
        while sum((await wire.get_totals()).messages.values()) < cards * channels:
            await asyncio.sleep(0.05)
        taken = perf_counter() - started
        for bot in bots:
            bot.terminate()
    return cards * channels / taken


async def plan_deliveries(url: str, cards: Path) -> None:
    """As a courier would, but not yet due."""
    now = datetime.now(UTC)
    async with open_store(url) as store:
        await Loader(store.cards.importer, FolderSource(cards)).load_cards(lambda: now)
        await store.outbox.planner.plan_deliveries(now, timedelta(days=14))
    query_database(url, f"UPDATE deliveries SET due_at = {round(_NOT_YET.timestamp() * 1_000_000)}")


async def _wait_for_all(bots: Sequence[BotProcess]) -> None:
    while not all("leader" in bot.log for bot in bots):
        await asyncio.sleep(0.1)
    await asyncio.sleep(2)


async def main(cards: int = 100, channels: int = 50) -> None:
    bin_ = find_programs()
    if bin_ is None:
        raise SystemExit("There is no PostgreSQL on this machine (apt-get install postgresql)")
    print(f"{cards} cards to {channels} channels; {os.cpu_count()} cores for couriers, PostgreSQL and Discord together")
    with run_server(bin_) as server, tempfile.TemporaryDirectory() as folder:
        async with WireDiscord() as wire:
            alone = 0.0
            for couriers in COURIERS:
                reached = await measure_rate(wire, server, Path(folder), couriers, cards, channels)
                alone = alone or reached
                print(f"{couriers} couriers: {reached:6.0f} posts a second, {reached / alone:.2f} ×", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
