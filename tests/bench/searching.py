"""How long readers wait with 100,000 cards, each question also asked of bare sqlite3.

python -m tests.bench.searching [CARDS [FOLDER]]

A store in FOLDER is kept, and taken as it is when it is there already: a million cards take long to make.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from bot.cards.model import Card, FileStat, HeldReason, Provider, Reading, Related, State
from bot.store import Store, open_store
from bot.store.filing import BATCH
from bot.store.reading import Archive, Order, Query
from bot.store.search.sqlite import Fts5
from bot.store.spelling import Speller
from tests.bench.cards import (
    COMMON,
    HELD_SHARE,
    PROVIDERS,
    RARE_TOPIC,
    RARE_WORD,
    SPAN,
    START,
    TOPICS,
    WORDS,
    chance,
    moment_of,
    sentence,
    topic_of,
)
from tests.bench.table import show, verdict

_BM25 = "bm25(card_search, 10.0, 4.0, 3.0, 1.0, 0.0)"
CALLS = 300
BAR = 20.0
"""Milliseconds that a search or a choice of topics may take in all but one call of a hundred."""
GUILD, LIMIT = 1, 10


@dataclass(frozen=True, slots=True)
class Question:
    """One way to ask the archive, and what bare SQL would ask. `barred` ones have to keep the bar."""

    name: str
    ask: Callable[[Archive, int], Awaitable[Any]]
    sql: str
    values: Callable[[int], tuple[Any, ...]]
    barred: bool = True


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


_SEEN = "coalesce((SELECT verdict FROM decisions d WHERE d.guild_id = 1 AND d.card_id = c.id), c.state) = 'published'"
_MATCH = f"SELECT c.* FROM card_search s JOIN cards c ON c.timeline = s.rowid WHERE card_search MATCH ? AND {_SEEN}"
_NEWEST = f"{_MATCH} ORDER BY s.rowid DESC LIMIT 11"
_LATEST = f"SELECT c.* FROM cards c WHERE {_SEEN} ORDER BY c.timeline DESC LIMIT 11"
_OF_TOPIC = (
    "SELECT c.* FROM card_topics t JOIN cards c ON c.id = t.card_id WHERE t.topic_id = "
    f"(SELECT id FROM topics WHERE key = ?) AND {_SEEN} ORDER BY t.timeline DESC LIMIT 11"
)
_TOPICS = "SELECT name, published FROM topics WHERE key LIKE ? OR key LIKE ? ORDER BY published DESC LIMIT 25"
RANKED = {
    Order.NEWEST: _NEWEST,
    Order.BEST: f"SELECT * FROM (SELECT c.*, {_BM25} r FROM card_search s JOIN cards c ON c.timeline = s.rowid "
    f"WHERE card_search MATCH ? AND {_SEEN} ORDER BY s.rowid DESC LIMIT 500) ORDER BY r LIMIT 11",
    Order.HOTTEST: f"SELECT * FROM ({_MATCH} ORDER BY s.rowid DESC LIMIT 500) ORDER BY heat DESC LIMIT 11",
}


def common(n: int) -> str:
    return COMMON[n % len(COMMON)]


def searching(name: str, order: Order, query: Callable[[int], Query]) -> Question:
    def match(n: int) -> tuple[Any, ...]:
        asked = query(n)
        return (Fts5().question(asked.words, asked.tags),)

    def ask(archive: Archive, n: int) -> Awaitable[Any]:
        return archive.search(query(n), GUILD, limit=LIMIT)

    return Question(f"search, {order}: {name}", ask, RANKED[order], match)


KNOWN_WORDS = 300_000
"""About as many different words as the titles of a million real cards have; the made-up ones have some hundreds."""
_NEAR = "SELECT word FROM spellings WHERE initial = ? AND length BETWEEN ? - 2 AND ? + 2 LIMIT 5000"


def know_more_words(connection: sqlite3.Connection) -> None:
    dice, letters = chance(0), "eeettaaooiinnsshhrrddlluucmfwypvbgk"
    words = {"".join(dice.choices(letters, k=dice.randrange(4, 12))) for _ in range(KNOWN_WORDS)}
    rows = [(word[0], len(word), word) for word in sorted(words)]
    connection.executemany("INSERT OR IGNORE INTO spellings (initial, length, word) VALUES (?, ?, ?)", rows)
    connection.commit()


def misspelled(n: int) -> str:
    """A word that no card has: two letters in its middle are swapped."""
    word = WORDS[n % len(WORDS)]
    return word[:3] + word[4] + word[3] + word[5:]


def spelling(speller: Speller) -> list[Question]:
    def near(n: int) -> tuple[Any, ...]:
        return (misspelled(n)[0], len(misspelled(n)), len(misspelled(n)))

    def one(_: Archive, n: int) -> Awaitable[Any]:
        return speller.meant(Query(misspelled(n)), GUILD)

    def two(_: Archive, n: int) -> Awaitable[Any]:
        return speller.meant(Query(f"{misspelled(n)} {common(n)} {misspelled(n + 7)}"), GUILD)

    return [
        Question("did you mean: a misspelled word", one, _NEAR, near, barred=False),
        Question("did you mean: two, and a common word", two, _NEAR, near, barred=False),
    ]


def questions() -> list[Question]:
    found = []
    recent = START + SPAN - timedelta(days=30)
    for order in Order:
        for name, query in {
            "a rare word": lambda n, o=order: Query(WORDS[-1 - n % 40], order=o),
            "a common word": lambda n, o=order: Query(common(n), order=o),
            "two words": lambda n, o=order: Query(f"{common(n)} {WORDS[n % 30]}", order=o),
            "two letters": lambda n, o=order: Query(common(n)[:2], order=o),
            "a topic": lambda n, o=order: Query(topic=TOPICS[n % 60], order=o),
            "a word in a topic": lambda n, o=order: Query(common(n), topic=TOPICS[n % 60], order=o),
            "common in a rare topic": lambda n, o=order: Query(common(n), topic=RARE_TOPIC, order=o),
            "a word of a provider": lambda n, o=order: Query(common(n), provider=PROVIDERS[n % 90], order=o),
            "a word since a month": lambda n, o=order: Query(common(n), since=recent, order=o),
            "a word in videos": lambda n, o=order: Query(common(n), kind="video", order=o),
            "a word until a month ago": lambda n, o=order: Query(common(n), until=recent, order=o),
        }.items():
            found.append(searching(name, order, query))
    return [
        *found,
        Question("topics by their beginning", lambda a, n: a.topics(GUILD, TOPICS[n % 300][: 1 + n % 4], limit=25),
                 _TOPICS, lambda n: (TOPICS[n % 300][: 1 + n % 4] + "%", f"% {TOPICS[n % 300][: 1 + n % 4]}%")),
        Question("topics, the largest", lambda a, _: a.topics(GUILD, limit=25), _TOPICS, lambda _: ("%", "%")),
        Question("providers by their beginning", lambda a, n: a.providers(GUILD, PROVIDERS[n % 90][:2], limit=25),
                 _TOPICS.replace("topics", "providers"), lambda n: (PROVIDERS[n % 90][:2] + "%", "")),
        Question("latest", lambda a, _: a.latest(GUILD, limit=LIMIT), _LATEST, lambda _: (), False),
        Question("latest of a topic", lambda a, n: a.latest(GUILD, topic=TOPICS[n % 60], limit=LIMIT),
                 _OF_TOPIC, lambda n: (TOPICS[n % 60].casefold(),), False),
        Question("latest of a rare topic", lambda a, _: a.latest(GUILD, topic=RARE_TOPIC, limit=LIMIT),
                 _OF_TOPIC, lambda _: (RARE_TOPIC.casefold(),), False),
        Question("cards to complete", lambda a, n: a.complete_cards(common(n)[:3], GUILD, limit=25),
                 _NEWEST.replace("11", "25"), lambda n: (f'"{common(n)[:3]}"*',), False),
    ]  # fmt: skip


async def _asked(archive: Archive, question: Question) -> list[float]:
    times = []
    for n in range(CALLS):
        started = perf_counter()
        await question.ask(archive, n)
        times.append((perf_counter() - started) * 1000)
    return sorted(times)


def _bare(connection: sqlite3.Connection, question: Question) -> list[float]:
    times = []
    for n in range(CALLS):
        values = question.values(n)
        started = perf_counter()
        connection.execute(question.sql, values).fetchall()
        times.append((perf_counter() - started) * 1000)
    return sorted(times)


async def main(cards: int, kept: str) -> None:
    with TemporaryDirectory() as passing:
        path = Path(kept or passing) / "newsdesk.db"
        is_there = path.exists()
        async with open_store(f"sqlite+aiosqlite:///{path}") as store:
            if not is_there:
                started = perf_counter()
                await fill(store, cards)
                print(f"{cards:,} cards made and filed in {perf_counter() - started:.1f} s\n")
            rows = []
            with closing(sqlite3.connect(path)) as connection:
                know_more_words(connection)
                for question in [*questions(), *spelling(store.speller)]:
                    ours, bare = await _asked(store.archive, question), _bare(connection, question)
                    said = verdict(_p99(ours), BAR) if question.barred else ""
                    figures = [_p50(ours), _p99(ours), _p50(bare), _p99(bare)]
                    rows.append([question.name, *(f"{figure:.2f}" for figure in figures), said])
        show(["milliseconds", "p50", "p99", "bare p50", "bare p99", ""], rows)


def _p50(times: list[float]) -> float:
    return times[len(times) // 2]


def _p99(times: list[float]) -> float:
    return times[int(len(times) * 0.99) - 1]


if __name__ == "__main__":
    number, folder = [*sys.argv[1:], "", ""][:2]
    asyncio.run(main(int(number or 100_000), folder))
