"""What a tick with 95 due digests costs where each server follows five feeds, beside the same without feeds.

python -m tests.bench.followed_digests [HOURS]

Two stores have the same subscriptions and the same cards of everybody; in one of them the servers follow feeds as well.
Both live through the same hours, in turn: the ratio of what their ticks cost tells, however busy the machine is.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from bot.app import freeze_gc
from bot.cards.model import Card, ParseResult, Provider, SourceItem, SourceKind
from bot.domain.follows import Follow, FollowPolicy
from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.store.cards.import_batch import SourceBatch
from tests.bench.cards import make_card
from tests.bench.digests import make_options
from tests.bench.table import format_verdict, p50, print_table
from tests.support.worker import WorkerHarness, open_harness

DUE, CHANNELS = 95, 4
"""Digests of each hour; channels of each server."""
FEEDS, FOLLOWED = 500, 5
"""Feeds in all, and of each server."""
SHARED_AN_HOUR, ITEMS_A_DAY = 12, 2
"""Cards of everybody; items of each feed."""
BAR = 1.3
_HOUR, _DAY = timedelta(hours=1), 24


@dataclass(slots=True)
class Side:
    """A store, and what its ticks cost: milliseconds of the clock and of the processors, digests made."""

    harness: WorkerHarness
    database: Path
    feeds: list[int] = field(default_factory=list)
    """The sources of its feeds; empty without feeds."""
    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    made: int = 0

    async def import_cards(self, by_source: Mapping[int, Sequence[Card]]) -> None:
        parts = [
            SourceBatch(source_id, [(SourceItem(card.slug, "1"), ParseResult(card)) for card in cards], False)
            for source_id, cards in by_source.items()
        ]
        importer = self.harness.store.cards.importer
        await importer.import_batches(parts, self.harness.clock, withdraw=False)

    async def subscribe_channels(self, hours: int) -> None:
        """Subscribe digests of the hours after the first day."""
        for number in range(DUE * hours):
            at = self.harness.clock() + (_DAY + number % hours) * _HOUR
            options: SubscriptionOptions = replace(
                make_options(number), frequency=Frequency.DAILY, times=(time(at.hour),), timezone="UTC", days=()
            )
            await self.harness.store.subscriptions.add_subscription(
                guild_id=1 + number // CHANNELS,
                channel_id=1_000_000 + number,
                created_by=1,
                now=self.harness.clock(),
                options=options,
            )

    async def follow_feeds(self, hours: int) -> None:
        importer, follows = self.harness.store.cards.importer, self.harness.store.cards.follows
        for place in range(FEEDS):
            key = f"https://feed-{place}.example"
            self.feeds.append(await importer.ensure_source(SourceKind.FEED, key, is_shared=False))
        for guild_id in range(1, DUE * hours // CHANNELS + 1):
            for place in range(FOLLOWED):
                source_id = self.feeds[(guild_id * FOLLOWED + place) % FEEDS]
                follow = Follow(guild_id, source_id, FollowPolicy.PUBLISH, self.harness.clock(), 1)
                await follows.follow_source(follow)

    async def live_hour(self, hour: int) -> None:
        """Let news come in, and everything that waits be delivered."""
        moment = self.harness.clock()
        shared = await self.harness.store.cards.importer.ensure_source(SourceKind.FOLDER, "/cards")
        numbers = range(hour * SHARED_AN_HOUR, (hour + 1) * SHARED_AN_HOUR)
        items = {shared: [replace(make_card(n), published_at=moment) for n in numbers]}
        for place, source_id in enumerate(self.feeds):
            if (hour + place) % (_DAY // ITEMS_A_DAY) == 0:
                number = 10**6 + hour * FEEDS + place
                feed = Provider(f"Feed {place}", f"feed-{place}.example")
                items[source_id] = [replace(make_card(number), published_at=moment, provider=feed)]
        await self.import_cards(items)
        await self.harness.pipeline.plan_deliveries()
        with closing(sqlite3.connect(self.database)) as bare:
            bare.execute(_DELIVERED)
            bare.commit()

    async def run_tick(self) -> None:
        start, worked = perf_counter(), process_time()
        await self.harness.pipeline.plan_deliveries()
        self.cpu.append((process_time() - worked) * 1000)
        self.wall.append((perf_counter() - start) * 1000)
        with closing(sqlite3.connect(self.database)) as bare:
            (self.made,) = bare.execute("SELECT count(*) FROM deliveries WHERE slot IS NOT NULL").fetchone()
        await self.harness.store.health.checkpoint()


_DELIVERED = (
    "UPDATE deliveries SET message_id = id, delivered_hash = desired_hash, status = 'settled', due_at = NULL "
    "WHERE due_at IS NOT NULL"
)


async def _open_sides(stack: AsyncExitStack, folder: Path) -> list[Side]:
    sides = []
    for name in ("without feeds", "with feeds"):
        place = folder / name
        place.mkdir()
        sides.append(Side(await stack.enter_async_context(open_harness(place)), place / "test.db"))
    return sides


def _hours(sides: list[Side], count: int) -> Iterator[int]:
    """The hours, each with the clocks a little before it."""
    start = sides[0].harness.clock()
    for hour in range(count):
        for side in sides:
            side.harness.clock.now = start + hour * _HOUR - timedelta(minutes=5)
        yield hour


async def run_bench(hours: int) -> bool:
    with TemporaryDirectory() as folder:
        async with AsyncExitStack() as stack:
            sides = await _open_sides(stack, Path(folder))
            for side in sides:
                side.harness.clock.now = side.harness.clock().replace(minute=0, second=0, microsecond=0)
                await side.subscribe_channels(hours)
            await sides[1].follow_feeds(hours)
            freeze_gc()
            # The first day fills what the digests of the second one look back to.
            for hour in _hours(sides, _DAY + hours):
                for side in sides if hour % 2 else reversed(sides):
                    await side.live_hour(hour)
                    side.harness.clock.advance(minutes=5)
                    await side.run_tick()
            return _print_report(sides, hours)


def _print_report(sides: list[Side], hours: int) -> bool:
    cpu, wall = [p50(side.cpu[-hours:]) for side in sides], [p50(side.wall[-hours:]) for side in sides]
    rows = [
        [name, f"{wall[place]:.1f}", f"{cpu[place]:.1f}", f"{sides[place].made:,}"]
        for place, name in enumerate(("without feeds", f"{FOLLOWED} feeds each"))
    ]
    print(f"{DUE} digests due in each of {hours} hours\n")
    print_table(["milliseconds of a tick", "p50", "CPU p50", "digests in all"], rows)
    ratio = cpu[1] / cpu[0]
    print(f"\nwith feeds {ratio:.2f} x CPU, {wall[1] / wall[0]:.2f} x time; {format_verdict(ratio, BAR)}")
    return ratio <= BAR


if __name__ == "__main__":
    sys.exit(not asyncio.run(run_bench(int(sys.argv[1]) if len(sys.argv) > 1 else 8)))
