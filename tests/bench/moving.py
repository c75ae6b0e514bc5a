"""How long a store of made-up cards takes to move to PostgreSQL and back, on a server of its own on this machine.

python -m tests.bench.moving [CARDS [FOLDER]]

The store is made as `tests.bench.searching` makes it, which takes longest, and in FOLDER it is kept for the next time.
Without PostgreSQL on this machine it moves to another file.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bot.store import move_store, open_store
from bot.store.database import open_database
from tests.bench.large_store import fill_store
from tests.bench.table import print_table
from tests.support.postgres import find_programs, run_server


async def main(cards: int, kept: str) -> None:
    with TemporaryDirectory() as passing, _other_engine(Path(passing)) as middle:
        source, back = (Path(kept or passing) / "newsdesk.db"), Path(passing) / "back.db"
        urls = [f"sqlite+aiosqlite:///{source}", middle, f"sqlite+aiosqlite:///{back}"]
        if not source.exists():
            async with open_store(urls[0]):
                pass
            async with open_database(urls[0]) as database:
                await fill_store(database, cards)
        print_table(
            ["from", "to", "rows", "seconds", "rows a second"],
            [await _measure_move(*urls[:2]), await _measure_move(*urls[1:])],
        )
        before, after = (path.stat().st_size / 1e6 for path in (source, back))
        print(f"the file before {before:,.0f} MB, after {after:,.0f} MB")
        print(f"memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


async def _measure_move(source: str, target: str) -> list[str]:
    start = perf_counter()
    compared = await move_store(source, target, lambda _notes: False, lambda _done, _of: None)
    seconds = perf_counter() - start
    assert all(each.is_same for each in compared)
    rows = sum(each.source.rows for each in compared)
    engines = [url.partition("+")[0] for url in (source, target)]
    return [*engines, f"{rows:,}", f"{seconds:,.1f}", f"{rows / seconds:,.0f}"]


@contextmanager
def _other_engine(folder: Path) -> Iterator[str]:
    if bin_ := find_programs():
        with run_server(bin_) as server:
            yield server.url
    else:
        yield f"sqlite+aiosqlite:///{folder / 'other.db'}"


if __name__ == "__main__":
    number, folder = [*sys.argv[1:], "", ""][:2]
    asyncio.run(main(int(number or 100_000), folder))
