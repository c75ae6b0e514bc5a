"""How long readers wait with 100,000 cards, each query also on bare sqlite3.

python -m tests.bench.searching [CARDS [FOLDER]]

What an answer takes of a processor, in all threads, changes little with how busy the machine is. A store in FOLDER is
kept, and taken as it is when it is there already: a million cards take long to make.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from bot.store import open_store
from bot.store.cards.repository import CardRepository
from bot.store.cards.spell_suggestions import SpellingSuggester
from bot.store.database import Database, open_database
from tests.bench.cards import make_random
from tests.bench.large_store import fill_store
from tests.bench.questions import BenchQuery, card_queries, name_queries, spelling_queries
from tests.bench.table import format_verdict, p50, p99, print_table
from tests.support.plans import plan_faults, record_queries

CALLS, BARE_CALLS = 300, 100
ROUNDS, AT_ONCE = 6, 50
BAR, BAR_AT_ONCE = 20.0, 100.0
"""Milliseconds that an answer may take in all but one call of a hundred: alone, and with so many at once."""


KNOWN_WORDS = 300_000
"""About as many different words as the titles of a million real cards have; the made-up ones have some hundreds."""


def add_known_words(connection: sqlite3.Connection) -> None:
    dice, letters = make_random(0), "eeettaaooiinnsshhrrddlluucmfwypvbgk"
    words = {"".join(dice.choices(letters, k=dice.randrange(4, 12))) for _ in range(KNOWN_WORDS)}
    rows = [(word[0], len(word), word) for word in sorted(words)]
    connection.executemany("INSERT OR IGNORE INTO known_words (initial, length, word) VALUES (?, ?, ?)", rows)
    connection.commit()


async def _time_query(archive: CardRepository, question: BenchQuery) -> tuple[list[float], list[float]]:
    """How long each of many calls takes, and what it takes of a processor."""
    times, processor = [], []
    for n in range(CALLS):
        begun = process_time()
        times.append(await _time_one(archive, question, n))
        processor.append((process_time() - begun) * 1000)
    return times, processor


async def _time_at_once(archive: CardRepository, queries: Sequence[BenchQuery]) -> list[float]:
    """How long each of many readers waits who ask at the same moment."""
    times: list[float] = []
    for start in range(0, ROUNDS * AT_ONCE, AT_ONCE):
        numbers = range(start, start + AT_ONCE)
        times += await asyncio.gather(*(_time_one(archive, queries[n % len(queries)], n) for n in numbers))
    return times


async def _time_one(archive: CardRepository, question: BenchQuery, n: int) -> float:
    start = perf_counter()
    await question.run_query(archive, n)
    return (perf_counter() - start) * 1000


def _time_bare(connection: sqlite3.Connection, question: BenchQuery) -> list[float]:
    times = []
    for n in range(BARE_CALLS):
        values = question.values(n)
        start = perf_counter()
        connection.execute(question.sql, values).fetchall()
        times.append((perf_counter() - start) * 1000)
    return times


async def _format_row(archive: CardRepository, connection: sqlite3.Connection, question: BenchQuery) -> list[str]:
    (ours, processor), bare = await _time_query(archive, question), _time_bare(connection, question)
    figures = [figure for times in (ours, processor, bare) for figure in _format_figures(times)]
    row = [question.name, *figures, f"{p50(ours) / p50(bare):.2f}"]
    return (
        [*row, *_format_verdicts(ours, await _time_at_once(archive, [question]))] if question.barred else row + [""] * 3
    )


def _format_verdicts(alone: Sequence[float], crowd: Sequence[float]) -> list[str]:
    text = dict.fromkeys((format_verdict(p99(alone), BAR), format_verdict(p99(crowd), BAR_AT_ONCE)))
    return [*_format_figures(crowd), ", ".join(text)]


def _format_figures(times: Sequence[float]) -> list[str]:
    return [f"{p50(times):.2f}", f"{p99(times):.2f}"]


async def _print_plan_faults(database: Database, archive: CardRepository, queries: Sequence[BenchQuery]) -> None:
    """Say what SQLite does that grows with the store."""
    with record_queries(database.engine) as events:
        for question in queries:
            await question.run_query(archive, 0)
    async with database.begin_autocommit() as connection:
        found = {
            (each.statement, fault) for each in events for fault in plan_faults(await each.explain_plan(connection))
        }
    print(f"\n{len({each.statement for each in events})} different statements, {len(found)} faults in their plans")
    for statement, fault in sorted(found):
        print(f"{fault}\n  {statement}")


async def main(cards: int, kept: str) -> None:
    with TemporaryDirectory() as passing:
        path = Path(kept or passing) / "newsdesk.db"
        url = f"sqlite+aiosqlite:///{path}"
        await _ensure_store(url, path, cards)
        async with open_database(url) as database:
            archive = CardRepository(database)
            queries = [*card_queries(), *name_queries(), *spelling_queries(SpellingSuggester(database, archive))]
            with closing(sqlite3.connect(path)) as connection:
                add_known_words(connection)
                rows = [await _format_row(archive, connection, question) for question in queries]
            crowd = await _time_at_once(archive, [question for question in queries if question.barred])
            mixed = ["all of these, mixed", *[""] * 7, *_format_figures(crowd), format_verdict(p99(crowd), BAR_AT_ONCE)]
            print_table(_HEAD, [*rows, mixed])
            await _print_plan_faults(database, archive, card_queries())


_HEAD = [
    "milliseconds",
    "p50",
    "p99",
    "processor p50",
    "p99",
    "bare p50",
    "bare p99",
    "ratio",
    f"{AT_ONCE} at once p50",
    "p99",
    "",
]


async def _ensure_store(url: str, path: Path, cards: int) -> None:
    is_there = path.exists()
    async with open_store(url):
        pass
    if not is_there:
        async with open_database(url) as database:
            start = perf_counter()
            await fill_store(database, cards)
            print(f"{cards:,} cards stored in {perf_counter() - start:.1f} s\n")


if __name__ == "__main__":
    number, folder = [*sys.argv[1:], "", ""][:2]
    asyncio.run(main(int(number or 100_000), folder))
