"""The soak test: `python -m tests.soak [--minutes 15]`. Exit code 1 when something is lost, repeated or unanswered."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.soak.plan import Size
from tests.soak.story import run_soak
from tests.soak.table import print_report
from tests.wire.client import WireDiscord


async def _run_soak(size: Size) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        async with WireDiscord() as wire:
            report = await run_soak(wire, Path(folder) / "run", size)
    print_report(report)
    found = report.count
    return not (found.lost or found.repeated or found.disordered or report.unanswered or report.quiet is None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--servers", type=int, default=500)
    parser.add_argument("--subscriptions", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    selected = parser.parse_args()
    size = Size(selected.minutes * 60, selected.servers, selected.subscriptions, seed=selected.seed)
    return 0 if asyncio.run(_run_soak(size)) else 1


if __name__ == "__main__":
    sys.exit(main())
