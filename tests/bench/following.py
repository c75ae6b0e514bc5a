"""What followed sources cost: readers of a server that follows a few of many, an item that a thousand servers get.

python -m tests.bench.following [CARDS [SOURCES]]
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bot.cards.model import Card, CardState, ParseResult, Provider, SourceItem, SourceKind
from bot.domain.follows import Follow, FollowPolicy
from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.store import Store, open_store
from bot.store.cards.importer import BATCH
from bot.store.cards.repository import CardQuery, SearchOrder, TimelineCursor
from bot.store.cards.rows import compute_sort_key
from tests.bench.cards import START, make_random, make_sentence, pick_topic
from tests.bench.table import format_verdict, p50, p99, print_table

CALLS, FOLLOWERS = 300, 1000
GUILD, MANY = 1, 10_000
FOLLOWED = 5
SPAN = timedelta(days=80)
SHARED_SHARE = 10
"""One card of so many is everybody's."""
BAR, ITEM_BAR = 20.0, 1.0
"""Milliseconds that an answer may take in all but one call of a hundred; seconds that an item may keep the writer."""


def make_item(number: int) -> Card:
    dice = make_random(number)
    return Card(
        slug=f"feeds/{number}",
        title=make_sentence(dice, 10),
        excerpt=make_sentence(dice, 20),
        published_at=START - SPAN * dice.random(),
        url=f"https://feed.example/{number}",
        state=CardState.PUBLISHED,
        provider=Provider(f"Feed {number % 997}", "feed.example"),
        topics=(pick_topic(dice),),
        aliases=(f"feed.example/{number}",),
    )


async def add_source(store: Store, name: str, *, is_shared: bool = False) -> int:
    return await store.cards.importer.ensure_source(SourceKind.FEED, f"https://{name}.example", is_shared=is_shared)


async def store_items(store: Store, source_id: int, numbers: Sequence[int]) -> None:
    for start in range(0, len(numbers), BATCH):
        items = [(SourceItem(str(n), "1"), ParseResult(make_item(n))) for n in numbers[start : start + BATCH]]
        await store.cards.importer.import_batch(source_id, items, vanished=(), now=START, withdraw=True)


async def fill_store(store: Store, cards: int, sources: int) -> None:
    """One card in ten is everybody's, the others are shared out over the sources."""
    numbers = range(cards)
    await store_items(store, await add_source(store, "shared", is_shared=True), numbers[::SHARED_SHARE])
    followed = [number for number in numbers if number % SHARED_SHARE]
    for place in range(sources):
        source_id = await add_source(store, f"feed-{place}")
        guilds = [MANY + place, *([GUILD] if place < FOLLOWED else [])]
        for guild_id in guilds:
            follow = Follow(guild_id, source_id, FollowPolicy.PUBLISH, START - SPAN, 1)
            await store.cards.follows.follow_source(follow)
        await store_items(store, source_id, followed[place::sources])
    await store.cards.importer.recount_names()
    await store.outbox.planner.plan_deliveries(START, SPAN)


def make_queries(store: Store) -> dict[str, Callable[[int], Awaitable[object]]]:
    archive = store.cards

    def cursor(n: int, *, newer: bool) -> TimelineCursor:
        return TimelineCursor(compute_sort_key(START - SPAN * (n % 97) / 97, n), newer)

    def word(n: int) -> str:
        return make_sentence(make_random(n), 1).split()[0]

    def topic(n: int) -> str:
        return pick_topic(make_random(n))

    return {
        "latest": lambda _: archive.list_latest(GUILD, limit=10),
        "latest, older": lambda n: archive.list_latest(GUILD, limit=10, cursor=cursor(n, newer=False)),
        "latest, newer": lambda n: archive.list_latest(GUILD, limit=10, cursor=cursor(n, newer=True)),
        "latest of a topic": lambda n: archive.list_latest(GUILD, topic=topic(n), limit=10),
        **{
            f"search, {order}": lambda n, order=order: archive.search_cards(  # type: ignore[misc]
                CardQuery(word(n), order=order), GUILD, limit=10
            )
            for order in SearchOrder
        },
        "search in a topic": lambda n: archive.search_cards(CardQuery(word(n), topic=topic(n)), GUILD, limit=10),
        "completion": lambda n: archive.complete_cards(word(n)[:4], GUILD, limit=25),
        "topics": lambda _: archive.list_topics(GUILD, limit=25),
        "providers": lambda _: archive.list_providers(GUILD, limit=25),
    }


async def time_item(store: Store, number: int) -> tuple[float, float]:
    """Seconds to store an item that many servers follow, and to plan it."""
    source_id = await add_source(store, f"popular-{number}")
    for guild_id in range(FOLLOWERS):
        follow = Follow(MANY * 10 + guild_id, source_id, FollowPolicy.PUBLISH, START - SPAN, 1)
        await store.cards.follows.follow_source(follow)
    start = perf_counter()
    await store_items(store, source_id, [10**8 + number])
    stored = perf_counter()
    await store.outbox.planner.plan_deliveries(START, SPAN)
    return stored - start, perf_counter() - stored


async def subscribe_followers(store: Store) -> None:
    for guild_id in range(FOLLOWERS):
        await store.subscriptions.add_subscription(
            guild_id=MANY * 10 + guild_id,
            channel_id=10**6 + guild_id,
            created_by=1,
            now=START - SPAN,
            options=SubscriptionOptions(frequency=Frequency.INSTANT),
        )


async def run_bench(cards: int, sources: int) -> bool:
    with TemporaryDirectory() as folder:
        async with open_store(f"sqlite+aiosqlite:///{Path(folder, 'newsdesk.db')}") as store:
            start = perf_counter()
            await fill_store(store, cards, sources)
            print(f"{cards:,} cards of {sources:,} sources stored in {perf_counter() - start:.0f} s")
            rows, kept = [], True
            for name, ask in make_queries(store).items():
                times = []
                for n in range(CALLS):
                    begun = perf_counter()
                    await ask(n)
                    times.append((perf_counter() - begun) * 1000)
                kept &= p99(times) <= BAR
                rows.append([name, f"{p50(times):.2f}", f"{p99(times):.2f}", format_verdict(p99(times), BAR)])
            print_table(["question", "p50 ms", "p99 ms", ""], rows)
            await subscribe_followers(store)
            for number in range(3):
                storing, planning = await time_item(store, number)
                kept &= storing + planning <= ITEM_BAR
                print(f"an item of {FOLLOWERS:,} followers: stored in {storing:.3f} s, planned in {planning:.3f} s")
    return kept


if __name__ == "__main__":
    CARDS, SOURCES = (int(each) for each in (sys.argv[1:] + ["1000000", "10000"][len(sys.argv) - 1 :])[:2])
    sys.exit(not asyncio.run(run_bench(CARDS, SOURCES)))
