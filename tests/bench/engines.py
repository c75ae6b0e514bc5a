"""How long readers wait on SQLite and on PostgreSQL, each query on both in turn.

python -m tests.bench.engines SQLITE_URL POSTGRESQL_URL [CALLS]

The stores are alike: one of `tests.bench.searching CARDS FOLDER`, and what `newsdesk migrate` made of it.
"""

from __future__ import annotations

import asyncio
import sys
from time import perf_counter

from bot.store.cards.repository import CardRepository
from bot.store.database import open_database
from tests.bench.questions import BenchQuery, card_queries, name_queries
from tests.bench.table import p50, p99, print_table

_HEAD = ["milliseconds", "SQLite p50", "p99", "PostgreSQL p50", "p99", "ratio of p50"]


async def _format_row(one: CardRepository, other: CardRepository, question: BenchQuery, calls: int) -> list[str]:
    times: tuple[list[float], list[float]] = ([], [])
    for n in range(calls):
        for archive, taken in zip((one, other), times, strict=True):
            start = perf_counter()
            await question.run_query(archive, n)
            taken.append((perf_counter() - start) * 1000)
    figures = [f"{figure(taken):.2f}" for taken in times for figure in (p50, p99)]
    return [question.name, *figures, f"{p50(times[1]) / p50(times[0]):.2f}"]


async def main(sqlite: str, postgresql: str, calls: int) -> None:
    async with open_database(sqlite) as one, open_database(postgresql) as other:
        archives = CardRepository(one), CardRepository(other)
        print_table(
            _HEAD, [await _format_row(*archives, question, calls) for question in (*card_queries(), *name_queries())]
        )


if __name__ == "__main__":
    file, server, number = [*sys.argv[1:], ""][:3]
    asyncio.run(main(file, server, int(number or 200)))
