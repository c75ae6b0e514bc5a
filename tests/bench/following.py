"""What followed sources cost: readers of a server that follows a few of many, an item that a thousand servers get.

python -m tests.bench.following [CARDS [SOURCES [FOLDER]]]

Each question is also asked for a server that follows nothing, in turn: the ratio is what following costs. Questions are
timed by what they take of a processor, in all threads of the process: how busy the machine is changes little of that. A
store in FOLDER is kept, and taken as it is when it is there already.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from bot.cards.model import ParseResult, SourceItem, SourceKind
from bot.domain.follows import Follow, FollowPolicy
from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.store import Store, open_store
from bot.store.cards.importer import BATCH
from bot.store.cards.repository import CardRepository
from bot.store.cards.spell_suggestions import SpellingSuggester
from bot.store.database import Database, open_database
from tests.bench.cards import SPAN, START, make_card
from tests.bench.large_store import FIFTY, FIVE, NOBODY, fill_store
from tests.bench.questions import BenchQuery, card_queries, name_queries, spelling_queries
from tests.bench.table import format_verdict, p50, p99, print_table

CALLS, FOLLOWERS = 100, 1000
MANY = 1_000_000
"""The first of the servers that follow one feed together."""
BAR, ITEM_BAR = 20.0, 1.0
"""Milliseconds of a processor that an answer may take in all but one call of a hundred; seconds that an item may keep
the writer."""
_NOW = START + SPAN


async def _time_readers(database: Database, guilds: Sequence[int]) -> bool:
    archive = CardRepository(database)
    speller = SpellingSuggester(database, archive)
    by_guild = [[*card_queries(each), *name_queries(each), *spelling_queries(speller, each)] for each in guilds]
    rows, kept = [], True
    for questions in zip(*by_guild, strict=True):
        times = await _time_in_turn(archive, questions)
        alone = p50(times[0])
        figures = [figure for each in times for figure in (f"{p50(each):.2f}", f"{p99(each):.2f}")]
        ratios = [f"{p50(each) / alone:.2f}" for each in times[1:]]
        worst = max(p99(each) for each in times) if questions[0].barred else 0.0
        kept &= worst <= BAR
        rows.append([questions[0].name, *figures, *ratios, format_verdict(worst, BAR) if worst else ""])
    head = [text for count in (0, 5, 50) for text in (f"{count} p50", "p99")]
    print_table(["processor milliseconds, by sources followed", *head, "5 : 0", "50 : 0", ""], rows)
    return kept


async def _time_in_turn(archive: CardRepository, questions: Sequence[BenchQuery]) -> list[list[float]]:
    """Ask for one server after the other, so that what else the machine does is shared out evenly."""
    times: list[list[float]] = [[] for _ in questions]
    for n in range(CALLS):
        for place in range(len(questions)):
            # Another one begins each time: the first one finds the pages of the file unread.
            turn = (n + place) % len(questions)
            begun = process_time()
            await questions[turn].run_query(archive, n)
            times[turn].append((process_time() - begun) * 1000)
    return times


async def _time_item(store: Store, number: int) -> tuple[float, float]:
    """Seconds to store an item that many servers follow, and to plan it."""
    importer = store.cards.importer
    source_id = await importer.ensure_source(SourceKind.FEED, f"https://popular-{number}.example", is_shared=False)
    for guild_id in range(MANY, MANY + FOLLOWERS):
        await store.cards.follows.follow_source(Follow(guild_id, source_id, FollowPolicy.PUBLISH, START, 1))
    start = perf_counter()
    batch = [(SourceItem(str(number), "1"), ParseResult(make_card(10**8 + number)))]
    assert len(batch) <= BATCH
    await importer.import_batch(source_id, batch, vanished=(), now=_NOW, withdraw=True)
    stored = perf_counter()
    await store.outbox.planner.plan_deliveries(_NOW, SPAN)
    return stored - start, perf_counter() - stored


async def _subscribe_followers(store: Store) -> None:
    options = SubscriptionOptions(frequency=Frequency.INSTANT)
    for guild_id in range(MANY, MANY + FOLLOWERS):
        await store.subscriptions.add_subscription(
            guild_id=guild_id, channel_id=10 * guild_id, created_by=1, now=START, options=options
        )


async def _time_items(folder: Path) -> bool:
    """In a store of its own: what an item costs does not depend on the others."""
    kept = True
    async with open_store(f"sqlite+aiosqlite:///{folder / 'items.db'}") as store:
        await _subscribe_followers(store)
        for number in range(3):
            storing, planning = await _time_item(store, number)
            kept &= storing + planning <= ITEM_BAR
            print(f"an item of {FOLLOWERS:,} followers: stored in {storing:.3f} s, planned in {planning:.3f} s")
    return kept


@contextmanager
def _choose_folder(kept: str) -> Iterator[Path]:
    with TemporaryDirectory() as passing:
        yield Path(kept or passing)


async def run_bench(cards: int, sources: int, kept_in: str) -> bool:
    with _choose_folder(kept_in) as folder, TemporaryDirectory() as passing:
        path = folder / "newsdesk.db"
        url, is_there = f"sqlite+aiosqlite:///{path}", path.exists()
        async with open_store(url):
            pass
        async with open_database(url) as database:
            if not is_there:
                start = perf_counter()
                await fill_store(database, cards, sources)
                print(f"{cards:,} cards of {sources:,} sources stored in {perf_counter() - start:.0f} s")
            kept = await _time_readers(database, (NOBODY, FIVE, FIFTY))
        return await _time_items(Path(passing)) and kept


if __name__ == "__main__":
    CARDS, SOURCES, FOLDER = [*sys.argv[1:], *["1000000", "10000", ""][len(sys.argv) - 1 :]]
    sys.exit(not asyncio.run(run_bench(int(CARDS), int(SOURCES), FOLDER)))
