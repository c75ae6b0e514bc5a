"""Commands while the poller reads hostile bodies: `python -m tests.bench.hostile [--seconds 5]`.

A process follows a feed of each body (`tests.support.hostile_bodies`). For one after the other, then for all at a time,
`/latest` is run again and again until the look has been noted, but at least for so many seconds; the first row is the
same with a feed as it should be. The clock is the wire Discord's, from an interaction to its acknowledgement.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

from tests.bench.table import p50, print_table
from tests.soak.process import resident_memory
from tests.support.hostile_bodies import BODIES
from tests.support.hostile_sites import GOOD, HostileWeb, open_hostile_web
from tests.support.polling import wait_until
from tests.support.stores import query_database
from tests.wire.client import WireDiscord

_PATIENCE = 600.0
_PAUSE = 0.1
"""Seconds between an acknowledgement and the next command."""


async def _measure_look(web: HostileWeb, names: Sequence[str], seconds: float) -> list[str]:
    """Run commands during a look at these feeds. Returns the cells of a row after the first."""
    due_at = web.make_due(*names)
    began, times, lost, memory = monotonic(), [], 0, 0.0
    looking = 0.0
    while looking == 0.0 or monotonic() - began < seconds:
        outcome = await web.wire.run_slash(web.channel_id, "latest", until="ack", within=10)
        times.append(outcome.ack_ms or 0.0)
        lost += not outcome.acknowledged
        memory = max(memory, resident_memory(web.bot.pid))
        if not looking and _is_noted(web, names, due_at):
            looking = monotonic() - began
        await asyncio.sleep(_PAUSE)
    came_to = (web.list_problems()[names[0]] or "read") if len(names) == 1 else ""
    cells = f"{looking:.1f}", len(times), f"{p50(times):.0f}", f"{max(times):.0f}", lost, f"{memory:.0f}", came_to
    return [str(cell) for cell in cells]


def _is_noted(web: HostileWeb, names: Sequence[str], due_at: int) -> bool:
    ids = ", ".join(str(web.source_ids[name]) for name in names)
    query = f"SELECT count(*) FROM feeds WHERE source_id IN ({ids}) AND fetched_at < {due_at}"
    ((waiting,),) = query_database(web.bot.url, query)
    return not waiting


async def measure_all(seconds: float) -> None:
    """Print a row for each body."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        async with WireDiscord() as wire, open_hostile_web(wire, Path(folder) / "run") as web:
            web.bot.start()
            await wire.wait_for_sessions(within=_PATIENCE)
            await wait_until(lambda: len(web.list_problems()) == len(web.source_ids), within=_PATIENCE)
            rows.append(["(a feed as it should be)", *await _measure_look(web, [GOOD], seconds)])
            for name in BODIES:
                rows.append([name, *await _measure_look(web, [name], seconds)])
            rows.append(["all at a time", *await _measure_look(web, list(BODIES), seconds)])
            print(f"exit code {web.bot.terminate()}, log: {web.bot.log or 'empty'}")
    print_table(["body", "look s", "clicks", "p50 ms", "max ms", "lost", "MB", "came to"], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    asyncio.run(measure_all(parser.parse_args().seconds))
