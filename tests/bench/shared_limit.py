"""Whether couriers that share Discord's limit stay below it together: answers of 429, with the limits switched on.

python -m tests.bench.shared_limit [COURIERS [CARDS [CHANNELS]]]

Twice: all posts fall due when each courier has its part of the limit, and when the last one has only begun.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

from tests.bench.couriers import plan_deliveries
from tests.crash.cluster import new_database
from tests.crash.process import BotProcess
from tests.support.polling import wait_until
from tests.support.postgres import PostgresServer, find_programs, run_server
from tests.support.stores import query_database
from tests.wire.client import WireDiscord

_LIMIT = 50


async def deliver_posts(
    wire: WireDiscord, server: PostgresServer, folder: Path, couriers: int, cards: int, channels: int, *, joining: bool
) -> str:
    """Deliver; return a line with what was counted."""
    await wire.reset_world()
    guild = await wire.add_guild(*["text"] * channels)
    with new_database(server) as url, ExitStack() as stack:
        bots = [
            stack.enter_context(
                BotProcess(
                    folder / f"courier-{number}", wire.address.api, url, "courier",
                    log_level="INFO", requests_per_second=str(_LIMIT),
                )
            )
            for number in range(couriers)
        ]  # fmt: skip
        await bots[0].prepare_store([channel.id for channel in guild.channels], guild.id, cards)
        await plan_deliveries(url, bots[0].cards)
        *first, last = bots
        for bot in first:
            bot.start()
        for bot in first:
            await wait_until(_logged(bot, f"Sending at most {_LIMIT // len(first)} "))
        last.start()
        await wait_until(_logged(last, "Sending at most 1 " if joining else f"Sending at most {_LIMIT // couriers} "))
        started = perf_counter()
        query_database(url, "UPDATE deliveries SET due_at = planned_at", "NOTIFY newsdesk")
        while sum((await wire.get_totals()).messages.values()) < cards * channels:
            await asyncio.sleep(0.05)
        seconds = perf_counter() - started
        totals = await wire.get_totals()
        for bot in bots:
            bot.terminate()
    return (
        f"{sum(totals.messages.values())} posts in {seconds:.1f} s; most requests within a second: "
        f"{totals.busiest_second}; answers of 429: {totals.by_status.get('429', 0)}"
    )


def _logged(bot: BotProcess, words: str) -> Callable[[], bool]:
    return lambda: words in bot.log


async def main(couriers: int = 2, cards: int = 12, channels: int = 50) -> None:
    bin_ = find_programs()
    if bin_ is None:
        raise SystemExit("There is no PostgreSQL on this machine (apt-get install postgresql)")
    with run_server(bin_) as server:
        async with WireDiscord() as wire:
            for joining in (False, True):
                with tempfile.TemporaryDirectory() as folder:
                    place = Path(folder)
                    counted = await deliver_posts(wire, server, place, couriers, cards, channels, joining=joining)
                when = "the last has just begun" if joining else "all at work"
                print(f"{couriers} couriers, {when}: {counted}", flush=True)


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
