"""The long crash test: `python -m tests.crash [--kills 300] [--cards 200] [--channels 10]`. Exit code 1 on any loss."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.crash.story import CrashTally, run_crash
from tests.wire.client import WireDiscord

KILLS_A_RUN = 10


async def _run_many(kills: int, cards: int, channels: int) -> CrashTally:
    total = CrashTally()
    async with WireDiscord() as wire:
        while total.kills < kills:
            with tempfile.TemporaryDirectory() as folder:
                forgetful, troubled = total.runs % 2 == 1, total.runs % 3 == 1
                done = await run_crash(
                    wire,
                    Path(folder) / "run",
                    kills=KILLS_A_RUN,
                    cards=cards,
                    channels=channels,
                    seed=total.runs,
                    forgetful=forgetful,
                    troubled=troubled,
                )
            total.add_tally(done)
            kind = f"{'forgets nonces' if forgetful else 'remembers nonces'}{', edge in trouble' if troubled else ''}"
            print(f"{kind:32}  so far: {total}", flush=True)
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("kills", 300), ("cards", 200), ("channels", 10)):
        parser.add_argument(f"--{name}", type=int, default=default)
    total = asyncio.run(_run_many(**vars(parser.parse_args())))
    return 1 if total.lost or total.repeated or total.disordered else 0


if __name__ == "__main__":
    sys.exit(main())
