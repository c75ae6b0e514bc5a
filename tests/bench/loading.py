"""How long a load takes, against python-frontmatter's own parsing of the same files, and a load with nothing to do.

python -m tests.bench.loading [CARDS]
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import frontmatter

from bot.sources.folder_source import FolderSource
from bot.sources.loader import Loader, LoadReport
from bot.store import open_store
from tests.bench.cards import SPAN, START, make_file
from tests.bench.table import format_verdict, print_table

ROUNDS = 3
LOAD_BAR = 1.5
"""A whole load may take this many times the mere parsing of the files."""
SCAN_BAR, SCAN_FLOOR = 3.0, 0.1
"""A load with nothing to do may take this many times a bare walk over the folder, plus this many seconds."""


def main(cards: int) -> None:
    with TemporaryDirectory() as folder:
        root = Path(folder) / "cards"
        _write_cards(root, cards)
        parsed: list[float] = []
        loaded: list[float] = []
        again: list[float] = []
        walked: list[float] = []
        for place in range(ROUNDS):
            with _measure_time(parsed):
                for path in root.rglob("*.md"):
                    frontmatter.load(str(path))
            first, second = asyncio.run(_load_twice(root, Path(folder) / f"{place}.db"))
            assert (first.added, second.unchanged) == (cards, cards)
            loaded.append(first.seconds)
            again.append(second.seconds)
            with _measure_time(walked):
                assert _walk_folder(str(root)) == cards
        _print_report(cards, min(parsed), min(loaded), min(again), min(walked))


def _write_cards(root: Path, cards: int) -> None:
    for number in range(cards):
        path = root / str(number % 50) / f"card-{number}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make_file(number), encoding="utf-8")


@contextmanager
def _measure_time(times: list[float]) -> Iterator[None]:
    start = perf_counter()
    yield
    times.append(perf_counter() - start)


async def _load_twice(root: Path, database: Path) -> tuple[LoadReport, LoadReport]:
    async with open_store(f"sqlite+aiosqlite:///{database}") as store:
        loader = Loader(store.cards.importer, FolderSource(root))
        return await loader.load_cards(lambda: START + SPAN), await loader.load_cards(lambda: START + SPAN)


def _walk_folder(folder: str) -> int:
    found = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            info = entry.stat()
            found += _walk_folder(entry.path) if stat.S_ISDIR(info.st_mode) else 1
    return found


def _print_report(cards: int, parsed: float, loaded: float, again: float, walked: float) -> None:
    idle_bar = SCAN_BAR * walked + SCAN_FLOOR
    print_table(
        [f"{cards:,} cards", "seconds", "bar", "ratio", ""],
        [
            ["python-frontmatter parses them", f"{parsed:.3f}", "", "", ""],
            [
                "a load into a new store",
                f"{loaded:.3f}",
                f"{LOAD_BAR * parsed:.3f}",
                f"{loaded / parsed:.2f}",
                format_verdict(loaded, LOAD_BAR * parsed),
            ],
            ["a bare walk over the folder", f"{walked:.3f}", "", "", ""],
            [
                "a load with nothing to do",
                f"{again:.3f}",
                f"{idle_bar:.3f}",
                f"{again / walked:.2f}",
                format_verdict(again, idle_bar),
            ],
        ],
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
