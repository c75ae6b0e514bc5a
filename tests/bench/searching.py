"""How long readers wait with 100,000 cards, each question also asked of bare sqlite3.

python -m tests.bench.searching [CARDS [FOLDER]]

A store in FOLDER is kept, and taken as it is when it is there already: a million cards take long to make.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bot.cards.model import Card, FileStat, HeldReason, Provider, Reading, Related, State
from bot.store import Store, open_store
from bot.store.database import Database, open_database
from bot.store.filing import BATCH
from bot.store.reading import Archive
from bot.store.spelling import Speller
from tests.bench.cards import (
    HELD_SHARE,
    PROVIDERS,
    RARE_TOPIC,
    RARE_WORD,
    START,
    chance,
    moment_of,
    sentence,
    topic_of,
)
from tests.bench.questions import Question, of_cards, of_names, spelling
from tests.bench.table import p50, p99, show, verdict
from tests.support.plans import faults, overheard

CALLS, BARE_CALLS = 300, 100
ROUNDS, AT_ONCE = 6, 50
BAR, BAR_AT_ONCE = 20.0, 100.0
"""Milliseconds that an answer may take in all but one call of a hundred: alone, and when so many are asked at once."""


def card_of(number: int) -> Card:
    dice = chance(number)
    rare = number % 20_000 == 7
    held = dice.random() < HELD_SHARE
    return Card(
        slug=f"{number % 100}/card-{number}",
        title=sentence(dice, 10) + (f" {RARE_WORD}" if rare else ""),
        published_at=moment_of(dice),
        excerpt=sentence(dice, 30),
        url=f"https://news.example/{number}",
        quality=dice.randrange(20, 120),
        heat=dice.randrange(20, 200),
        state=State.HELD if held else State.PUBLISHED,
        held_reason=HeldReason.BELOW_BAR if held else None,
        type="video" if number % 20 == 0 else "article",
        provider=Provider(dice.choice(PROVIDERS), "news.example"),
        topics=(*{topic_of(dice) for _ in range(2)}, *((RARE_TOPIC,) if rare else ())),
        related=tuple(Related(sentence(dice, 9), f"https://b.example/{number}/{n}", "B") for n in range(3)),
        aliases=(f"news.example/{number}",),
    )


async def fill(store: Store, cards: int) -> None:
    for start in range(0, cards, BATCH):
        batch = [(FileStat(f"{n}.md", 1, 1), Reading(card_of(n))) for n in range(start, min(start + BATCH, cards))]
        await store.cabinet.file("/cards", batch, vanished=(), now=START, withdraw=False)
    await store.cabinet.recount()


KNOWN_WORDS = 300_000
"""About as many different words as the titles of a million real cards have; the made-up ones have some hundreds."""


def know_more_words(connection: sqlite3.Connection) -> None:
    dice, letters = chance(0), "eeettaaooiinnsshhrrddlluucmfwypvbgk"
    words = {"".join(dice.choices(letters, k=dice.randrange(4, 12))) for _ in range(KNOWN_WORDS)}
    rows = [(word[0], len(word), word) for word in sorted(words)]
    connection.executemany("INSERT OR IGNORE INTO spellings (initial, length, word) VALUES (?, ?, ?)", rows)
    connection.commit()


async def _asked(archive: Archive, question: Question) -> list[float]:
    return [await _one(archive, question, n) for n in range(CALLS)]


async def _asked_at_once(archive: Archive, asked: Sequence[Question]) -> list[float]:
    """How long each of many readers waits who ask at the same moment."""
    times: list[float] = []
    for start in range(0, ROUNDS * AT_ONCE, AT_ONCE):
        numbers = range(start, start + AT_ONCE)
        times += await asyncio.gather(*(_one(archive, asked[n % len(asked)], n) for n in numbers))
    return times


async def _one(archive: Archive, question: Question, n: int) -> float:
    started = perf_counter()
    await question.ask(archive, n)
    return (perf_counter() - started) * 1000


def _bare(connection: sqlite3.Connection, question: Question) -> list[float]:
    times = []
    for n in range(BARE_CALLS):
        values = question.values(n)
        started = perf_counter()
        connection.execute(question.sql, values).fetchall()
        times.append((perf_counter() - started) * 1000)
    return times


async def _row(archive: Archive, connection: sqlite3.Connection, question: Question) -> list[str]:
    ours, bare = await _asked(archive, question), _bare(connection, question)
    row = [question.name, *_figures(ours), *_figures(bare), f"{p50(ours) / p50(bare):.2f}"]
    return [*row, *_judged(ours, await _asked_at_once(archive, [question]))] if question.barred else row + [""] * 3


def _judged(alone: Sequence[float], crowd: Sequence[float]) -> list[str]:
    said = dict.fromkeys((verdict(p99(alone), BAR), verdict(p99(crowd), BAR_AT_ONCE)))
    return [*_figures(crowd), ", ".join(said)]


def _figures(times: Sequence[float]) -> list[str]:
    return [f"{p50(times):.2f}", f"{p99(times):.2f}"]


async def _plans(database: Database, archive: Archive, asked: Sequence[Question]) -> None:
    """Say what SQLite does that grows with the store."""
    with overheard(database.engine) as heard:
        for question in asked:
            await question.ask(archive, 0)
    async with database.glance() as connection:
        found = {(each.statement, fault) for each in heard for fault in faults(await each.plan(connection))}
    print(f"\n{len({each.statement for each in heard})} different statements, {len(found)} faults in their plans")
    for statement, fault in sorted(found):
        print(f"{fault}\n  {statement}")


async def main(cards: int, kept: str) -> None:
    with TemporaryDirectory() as passing:
        path = Path(kept or passing) / "newsdesk.db"
        url = f"sqlite+aiosqlite:///{path}"
        await _there(url, path, cards)
        async with open_database(url) as database:
            archive = Archive(database)
            asked = [*of_cards(), *of_names(), *spelling(Speller(database, archive))]
            with closing(sqlite3.connect(path)) as connection:
                know_more_words(connection)
                rows = [await _row(archive, connection, question) for question in asked]
            crowd = await _asked_at_once(archive, [question for question in asked if question.barred])
            mixed = ["all of these, mixed", *[""] * 5, *_figures(crowd), verdict(p99(crowd), BAR_AT_ONCE)]
            show(_HEAD, [*rows, mixed])
            await _plans(database, archive, of_cards())


_HEAD = ["milliseconds", "p50", "p99", "bare p50", "bare p99", "ratio", f"{AT_ONCE} at once p50", "p99", ""]


async def _there(url: str, path: Path, cards: int) -> None:
    is_there = path.exists()
    async with open_store(url) as store:
        if not is_there:
            started = perf_counter()
            await fill(store, cards)
            print(f"{cards:,} cards made and filed in {perf_counter() - started:.1f} s\n")


if __name__ == "__main__":
    number, folder = [*sys.argv[1:], "", ""][:2]
    asyncio.run(main(int(number or 100_000), folder))
