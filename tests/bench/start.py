"""Start and steady state beside a bare discord.py client: `python -m tests.bench.start [--servers 0 1000 10000]`.

Both run as processes of their own against the same wire Discord, in turn: the bot with its store, its commands and the
repository's cards, all of which an earlier start has stored and posted; and a `discord.Client` with the same intents
that does nothing. Counted are seconds from the start of the process to READY with all servers there, in which
discord.py waits 2 s for further servers, and the resident memory some seconds later. The median of some rounds is
shown.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import discord

from tests.bench.table import print_table
from tests.crash.process import ROOT
from tests.soak.process import resident_memory
from tests.wire.client import WireDiscord
from tests.wire.process import Address, point_discord_at

READY = b"Ready as"
IDLE = 5.0
"""Seconds after READY until memory is read."""
CHANNELS = ["text"] * 10
ROLES = [f"role {number}" for number in range(5)]
_AT_ONCE = 250
_INTENTS = discord.Intents(guilds=True)


@dataclass(frozen=True, slots=True)
class StartMeasurement:
    """One start: seconds to READY and MB when idle."""

    ready: float
    memory: float


class BareClient(discord.Client):
    """discord.py as it comes."""

    async def on_ready(self) -> None:
        print(READY.decode(), self.user, len(self.guilds), file=sys.stderr, flush=True)


def run_bare(api: str, gateway: str) -> None:
    with point_discord_at(Address(0, api, gateway, "")):
        BareClient(intents=_INTENTS).run("a.test.token", log_handler=None)


async def measure_start(command: Sequence[str], environment: Mapping[str, str], servers: int) -> StartMeasurement:
    """Starts it, waits, measures, and ends it."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, env=environment, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(300):
            while READY not in (line := await process.stderr.readline()):
                if not line:
                    raise RuntimeError(f"{' '.join(command)} ended before it was ready")
        ready = time.monotonic() - began
        if str(servers).encode() not in line.split():
            raise RuntimeError(f"not all of {servers} servers are there: {line.decode().strip()}")
        await asyncio.sleep(IDLE)
        return StartMeasurement(ready, resident_memory(process.pid))
    finally:
        process.terminate()
        await process.communicate()


def _make_environment(folder: Path, api: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("NEWSDESK_")}
    return plain | {
        "NEWSDESK_TOKEN": "a.test.token",
        "NEWSDESK_DISCORD_API": api,
        "NEWSDESK_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'start.db'}",
        "NEWSDESK_CARDS": str(ROOT / "data" / "cards"),
        "NEWSDESK_LOG_LEVEL": "INFO",
        "NEWSDESK_LOG_FORMAT": "human",
    }


async def compare_starts(wire: WireDiscord, folder: Path, servers: int, rounds: int) -> list[tuple[str, ...]]:
    await wire.reset_world(resume_buffer=servers + 1000)
    for made in range(0, servers, _AT_ONCE):
        await wire.add_guilds(min(_AT_ONCE, servers - made), CHANNELS, roles=ROLES)
    environment = _make_environment(folder, wire.address.api)
    commands = {
        "discord.py": ["-m", "tests.bench.start", "--bare", wire.address.api, wire.address.gateway],
        "newsdesk": ["-m", "bot", "run"],
    }
    taken: dict[str, list[StartMeasurement]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            taken[name].append(await measure_start(command, environment, servers))
    middle = {
        name: StartMeasurement(
            statistics.median(each.ready for each in starts), statistics.median(each.memory for each in starts)
        )
        for name, starts in taken.items()
    }
    return [_format_row(servers, name, middle[name], middle["discord.py"]) for name in commands]


def _format_row(servers: int, name: str, one: StartMeasurement, bare: StartMeasurement) -> tuple[str, ...]:
    ready, memory = one.ready / bare.ready, one.memory / bare.memory
    return f"{servers:,}", name, f"{one.ready:.2f} s", f"{ready:.2f}", f"{one.memory:.0f} MB", f"{memory:.2f}"


async def main(servers: Sequence[int], rounds: int) -> None:
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as name:
        async with WireDiscord() as wire:
            environment = _make_environment(Path(name), wire.address.api)
            await measure_start(["-m", "bot", "run"], environment, 0)  # files the cards, tells the commands
            for count in servers:
                rows += await compare_starts(wire, Path(name), count, rounds)
    print_table(("servers", "client", "to ready", "x bare", "idle memory", "x bare"), rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--servers", type=int, nargs="*", default=[0, 1000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bare", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.bare:
        run_bare(*chosen.bare)
    else:
        asyncio.run(main(chosen.servers, chosen.rounds))
