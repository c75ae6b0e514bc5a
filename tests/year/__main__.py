"""A whole year: `python -m tests.year [--subscriptions 100] [--cards 5000] [--days 365]`. Exit code 1 on any loss."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

from tests.bench.table import print_table
from tests.year.calendar import Span
from tests.year.reckoning import YearCheck
from tests.year.story import YearRecord, is_single, run_year

START = datetime(2026, 1, 1, tzinfo=UTC)


def plan_downtimes(days: int) -> list[Span]:
    """Nine nights, short and long, and one of three days; apart from each other in any month or more."""
    nights = [
        (START + timedelta(days=days * part / 11, hours=21), timedelta(hours=1 + part * 2)) for part in range(1, 10)
    ]
    nights.append((START + timedelta(days=days * 0.89), timedelta(days=3)))
    return [(start, start + span) for start, span in nights]


def print_report(year: YearRecord, complaints: dict[str, list[str]], seconds: float) -> None:
    layouts = Counter("single stories" if is_single(post.delivery) else "digests" for post in year.posts)
    figures = {
        "simulated days": (year.end - year.start).days,
        "subscriptions": len(year.subscriptions),
        "cards": len({each.card.slug for each in year.arrivals}),
        "later forms of them": len(year.arrivals) - len({each.card.slug for each in year.arrivals}),
        "downtimes": len(year.away),
        "ticks": year.ticks,
        "messages of single stories": layouts["single stories"],
        "messages of digests": layouts["digests"],
        "cards in them": sum(len(post.cards) for post in year.posts),
        "edits": year.edits,
        "retractions": year.retractions,
        "complaints": sum(map(len, complaints.values())),
        "seconds": round(seconds),
    }
    print_table(["a year", ""], [[name, f"{value:,}"] for name, value in figures.items()])
    for name, found in complaints.items():
        print(f"\n{name}: {len(found):,}", *found[:10], sep="\n")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("subscriptions", 100), ("cards", 5000), ("days", 365)):
        parser.add_argument(f"--{name}", type=int, default=default)
    sizes = vars(parser.parse_args())
    began = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        year = asyncio.run(run_year(Path(folder), start=START, away=plan_downtimes(sizes["days"]), **sizes))
    complaints = YearCheck(year).list_complaints()
    print_report(year, complaints, perf_counter() - began)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
