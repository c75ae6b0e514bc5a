"""The soak test: `python -m tests.soak [--minutes 15]`. Exit code 1 when something is lost, repeated or unanswered."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.soak.plan import Size
from tests.soak.story import soak
from tests.soak.table import tell
from tests.wire.client import WireDiscord


async def _soak(size: Size) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        async with WireDiscord() as wire:
            report = await soak(wire, Path(folder) / "run", size)
    tell(report)
    found = report.count
    return not (found.lost or found.repeated or found.disordered or report.silent or report.quiet is None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--servers", type=int, default=500)
    parser.add_argument("--subscriptions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    size = Size(chosen.minutes * 60, chosen.servers, chosen.subscriptions, seed=chosen.seed)
    return 0 if asyncio.run(_soak(size)) else 1


if __name__ == "__main__":
    sys.exit(main())
