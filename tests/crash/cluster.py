"""Several couriers on one PostgreSQL: each killed again and again, the server restarted in between; then count.

`python -m tests.crash.cluster [--kills 300] [--cards 500] [--channels 50] [--couriers 3] [--restarts 5]`. Exit code 1
on any loss.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.crash.process import BotProcess
from tests.crash.story import CrashTally, count_messages, is_quiet
from tests.support.postgres import PostgresServer, find_programs, run_server
from tests.support.stores import query_database
from tests.wire.client import WireDiscord

_LIFE = (0.5, 3.5)
"""Seconds between two kills, of any of them."""
_DATABASE = "cluster"


async def crash_cluster(
    wire: WireDiscord, server: PostgresServer, folder: Path, *, couriers: int, kills: int, restarts: int, cards: int,
    channels: int, seed: int,
) -> CrashTally:  # fmt: skip
    """A run with up to `kills` kills; it has fewer when all is delivered before."""
    await wire.reset_world(limits=False)
    guild = await wire.add_guild(*["text"] * channels)
    ids = [channel.id for channel in guild.channels]
    with new_database(server) as url, ExitStack() as stack:
        each = [folder / f"courier-{number}" for number in range(couriers)]
        bots = [stack.enter_context(BotProcess(place, wire.address.api, url, only="courier")) for place in each]
        await bots[0].prepare_store(ids, guild.id, cards)
        done = await _kill_at_random(server, bots, cards * channels, kills, restarts, random.Random(seed))
        for bot in bots:
            # One may have ended by itself while the server was away, another not have come to mind signals yet.
            assert not bot.running or bot.terminate() in (0, -signal.SIGTERM), bot.log
    return await count_messages(wire, ids, cards, done)


@contextmanager
def new_database(server: PostgresServer) -> Iterator[str]:
    """A new one."""
    query_database(server.url, f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)", f"CREATE DATABASE {_DATABASE}")
    yield f"{server.url.rpartition('/')[0]}/{_DATABASE}"


async def _kill_at_random(
    server: PostgresServer, bots: Sequence[BotProcess], expected: int, kills: int, restarts: int, chance: random.Random
) -> int:
    """Ends when everything is quiet, with all of them at work; gives the number of kills."""
    done = 0
    blows = {round((number + 1) * kills / (restarts + 1)) for number in range(restarts)}
    for bot in bots:
        bot.start()
    while done < kills and not is_quiet(bots[0], expected):
        await asyncio.sleep(chance.uniform(*_LIFE) / len(bots))
        if done in blows:
            await _restart_server(server, chance)
            blows.remove(done)
        victim = chance.choice(bots)
        if victim.running:
            victim.kill()
            done += 1
        _start_bots(bots)
    async with asyncio.timeout(600):
        while not is_quiet(bots[0], expected):
            _start_bots(bots)
            await asyncio.sleep(0.5)
    return done


async def _restart_server(server: PostgresServer, chance: random.Random) -> None:
    """In order or not, and away for some seconds; couriers that start meanwhile end at once, and are started again."""
    await asyncio.to_thread(server.stop_server, chance.choice(("fast", "immediate")))
    await asyncio.sleep(chance.uniform(0, 3))
    await asyncio.to_thread(server.start_server)


def _start_bots(bots: Sequence[BotProcess]) -> None:
    for bot in bots:
        if not bot.running:
            bot.start()


async def _run_many(kills: int, restarts: int, couriers: int, cards: int, channels: int) -> CrashTally:
    total = CrashTally()
    bin_ = find_programs()
    if bin_ is None:
        raise SystemExit("There is no PostgreSQL on this machine (apt-get install postgresql)")
    with run_server(bin_) as server:
        async with WireDiscord() as wire:
            while total.kills < kills:
                with tempfile.TemporaryDirectory() as folder:
                    done = await crash_cluster(
                        wire, server, Path(folder), couriers=couriers, kills=kills - total.kills, restarts=restarts,
                        cards=cards, channels=channels, seed=total.runs,
                    )  # fmt: skip
                total.add_tally(done)
                print(f"so far: {total}", flush=True)
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    usual = {"kills": 300, "restarts": 5, "couriers": 3, "cards": 500, "channels": 50}
    for name, default in usual.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    total = asyncio.run(_run_many(**vars(parser.parse_args())))
    return 1 if total.lost or total.repeated or total.disordered else 0


if __name__ == "__main__":
    sys.exit(main())
