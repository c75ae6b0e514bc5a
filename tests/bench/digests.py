"""What a tick costs with 10,000 digests subscribed, beside the bare question to SQLite which of them are due.

python -m tests.bench.digests [SUBSCRIPTIONS] [CARDS]

Two simulated days go by, the second one measured: cards arrive every hour; most digests are due at quarter hours, the
hourly ones at any minute. The bars are for a whole plan of the worker, from "is anything due?" to the messages
written; "CPU" is what it took of the processors in all threads, which other work on the machine changes less. The
database's own checkpoint comes after each plan, as in the bot, and is not in the times.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from bot.app import freeze_gc
from bot.cards.model import Card, ParseResult, SourceItem, SourceKind
from bot.domain.subscription import Frequency, Layout, SubscriptionOptions
from tests.bench.cards import WORDS, make_card, make_random, pick_topic
from tests.bench.table import format_verdict, print_table
from tests.support.worker import WorkerHarness, open_harness

BUSY_BAR, IDLE_BAR = 50.0, 2.0
"""Milliseconds of a plan with some hundred digests due, and of one with nothing to do."""
PAST = timedelta(days=14)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
CHANNELS = 4
"""Of each server."""
ZONES = [
    "Pacific/Auckland",
    "Australia/Sydney",
    "Asia/Tokyo",
    "Asia/Seoul",
    "Asia/Shanghai",
    "Asia/Singapore",
    "Asia/Jakarta",
    "Asia/Dhaka",
    "Asia/Kolkata",
    "Asia/Karachi",
    "Asia/Dubai",
    "Europe/Moscow",
    "Europe/Istanbul",
    "Africa/Johannesburg",
    "Europe/Berlin",
    "Europe/London",
    "UTC",
    "Atlantic/Azores",
    "America/Sao_Paulo",
    "America/Halifax",
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
]
_KINDS = [Frequency.HOURLY] * 5 + [Frequency.DAILY] * 50 + [Frequency.WEEKDAYS] * 30 + [Frequency.WEEKLY] * 15
"""Of a hundred subscriptions."""
_DUE = (
    "SELECT s.*, (SELECT group_concat(topic_id) FROM subscription_topics t WHERE t.subscription_id = s.id) "
    "FROM subscriptions s WHERE next_digest_at <= ? ORDER BY next_digest_at, id"
)
_ANYTHING = (
    "SELECT EXISTS (SELECT 1 FROM cards WHERE needs_planning = 1), "
    "EXISTS (SELECT 1 FROM quiet_hours WHERE changes_at <= ?1), "
    "EXISTS (SELECT 1 FROM subscriptions WHERE next_digest_at <= ?1)"
)
_DELIVERED = (
    "UPDATE deliveries SET message_id = id, delivered_hash = desired_hash, status = 'settled', due_at = NULL "
    "WHERE due_at IS NOT NULL"
)


@dataclass(slots=True)
class Times:
    """Milliseconds of one kind of tick, of the bare question, and how many digests were due."""

    ours: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)
    due: list[int] = field(default_factory=list)


def make_options(number: int) -> SubscriptionOptions:
    dice = make_random(number)
    when = dice.choice(_KINDS)
    minute = dice.randrange(60) if when is Frequency.HOURLY else dice.choice((0, 15, 30, 45))
    return SubscriptionOptions(
        frequency=when,
        times=(time(dice.randrange(24), minute),),
        days=(dice.randrange(7),) if when is Frequency.WEEKLY else (),
        timezone=dice.choice(ZONES),
        topics=tuple({pick_topic(dice) for _ in range(3)}) if dice.random() < 0.3 else (),
        excluded=(dice.choice(WORDS[:50]),) if dice.random() < 0.03 else (),
        min_quality=60 if dice.random() < 0.3 else 0,
        max_cards=dice.choice((5, 10, 10, 25)),
        layout=dice.choice((Layout.CARDS, Layout.LIST)),
    )


async def _add_subscriptions(harness: WorkerHarness, subscriptions: int) -> None:
    for number in range(subscriptions):
        await harness.store.subscriptions.add_subscription(
            guild_id=1 + number // CHANNELS,
            channel_id=1_000_000 + number,
            created_by=1,
            now=harness.clock(),
            options=make_options(number),
        )


async def _add_cards(harness: WorkerHarness, cards: list[Card]) -> None:
    """Cards that were published within the last hour, planned for those who want them at once: here nobody does."""
    moment = harness.clock()
    fresh = [replace(card, published_at=moment - place * MINUTE) for place, card in enumerate(cards)]
    batch = [(SourceItem(f"{card.slug}.md", "1"), ParseResult(card)) for card in fresh]
    importer = harness.store.cards.importer
    source_id = await importer.ensure_source(SourceKind.FOLDER, "/cards")
    await importer.import_batch(source_id, batch, vanished=(), now=moment, withdraw=False)
    await harness.pipeline.plan_deliveries()


def _split_by_hour(cards: int, hours: int) -> Iterator[list[Card]]:
    """All the cards, shared out over the hours."""
    for hour in range(hours):
        yield [make_card(number) for number in range(cards * hour // hours, cards * (hour + 1) // hours)]


async def _run_tick(harness: WorkerHarness, bare: sqlite3.Connection, question: str, times: Times) -> None:
    moment = (int(harness.clock().timestamp() * 1_000_000),)
    start = perf_counter()
    rows = bare.execute(question, moment).fetchall()
    queries, worked = perf_counter(), process_time()
    await harness.pipeline.plan_deliveries()
    times.cpu.append((process_time() - worked) * 1000)
    times.ours.append((perf_counter() - queries) * 1000)
    await harness.store.health.checkpoint()
    times.bare.append((queries - start) * 1000)
    times.due.append(len(rows) if question == _DUE else 0)


async def _run_first_day(harness: WorkerHarness, bare: sqlite3.Connection, arriving: Iterator[list[Card]]) -> None:
    """So that most channels already received something, and every digest looks back to its own last one."""
    for _ in range(24):
        harness.clock.now += HOUR
        await _add_cards(harness, next(arriving))
        _mark_all_delivered(bare)


def _mark_all_delivered(bare: sqlite3.Connection) -> None:
    bare.execute(_DELIVERED)
    bare.commit()


async def _run_day(
    harness: WorkerHarness, bare: sqlite3.Connection, arriving: Iterator[list[Card]]
) -> tuple[Times, Times, Times]:
    """Every minute of a day; beside the quarter hours the other minutes, and between them ticks with nothing to do."""
    busy, calm, idle = Times(), Times(), Times()
    for minute in range(24 * 60):
        await _run_tick(harness, bare, _DUE, calm if minute % 15 else busy)
        harness.clock.advance(seconds=30)
        await _run_tick(harness, bare, _ANYTHING, idle)
        if minute % 60 == 50:
            await _add_cards(harness, next(arriving))
            _mark_all_delivered(bare)
        harness.clock.advance(seconds=30)
    return busy, calm, idle


async def main(subscriptions: int = 10_000, cards: int = 4_000) -> None:
    with TemporaryDirectory() as folder:
        async with open_harness(Path(folder)) as harness:
            freeze_gc()
            now: datetime = harness.clock.now.replace(minute=0)
            hours = PAST // HOUR
            arriving = _split_by_hour(cards, hours + 2 * 24)
            harness.clock.now = now - PAST
            for _ in range(hours):
                harness.clock.now += HOUR
                await _add_cards(harness, next(arriving))
            await _add_subscriptions(harness, subscriptions)
            with closing(sqlite3.connect(Path(folder) / "test.db")) as bare:
                await _run_first_day(harness, bare, arriving)
                _print_report(subscriptions, cards, *await _run_day(harness, bare, arriving))


def _print_report(subscriptions: int, cards: int, busy: Times, calm: Times, idle: Times) -> None:
    print(f"{subscriptions:,} digests in {len(ZONES)} time zones, {cards:,} cards; a day, minute by minute\n")
    print_table(
        ["milliseconds", "ticks", "due (most)", "p50", "p99", "CPU p50", "bare p50", "x bare", "bar", ""],
        [
            _format_row("a quarter hour", busy, BUSY_BAR),
            _format_row("any other minute", calm, None),
            _format_row("nothing due", idle, IDLE_BAR),
        ],
    )


def _format_row(name: str, times: Times, bar: float | None) -> list[str]:
    middle, worst, bare = _percentile(times.ours, 0.5), _percentile(times.ours, 0.99), _percentile(times.bare, 0.5)
    due = f"{sorted(times.due)[len(times.due) // 2]} ({max(times.due)})"
    cpu = _percentile(times.cpu, 0.5)
    figures = [f"{middle:.2f}", f"{worst:.2f}", f"{cpu:.2f}", f"{bare:.3f}", f"{middle / bare:.0f}"]
    barred = [f"{bar:.0f}", format_verdict(worst, bar)] if bar else ["", ""]
    return [name, str(len(times.ours)), due, *figures, *barred]


def _percentile(times: list[float], share: float) -> float:
    return sorted(times)[min(int(len(times) * share), len(times) - 1)]


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:3])))
