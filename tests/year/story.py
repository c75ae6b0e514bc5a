"""Let a year pass: the clock leaps to the next moment at which something is due or arrives, as the schedule would."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.cards.model import ParseResult, SourceItem
from bot.delivery.sender import RetryLaterError
from bot.domain.delivery import Delivery
from bot.domain.quiet_hours import QuietHours
from bot.domain.subscription import Layout, Subscription
from bot.render.digest import render_digest
from bot.store.cards.rows import StoredCard
from tests.render.limits_check import assert_within_limits
from tests.support.cards import folder_id
from tests.support.worker import MemoryChannels, WorkerHarness, open_harness
from tests.year.calendar import Span
from tests.year.news import Arrival, make_arrivals, make_options, make_quiet_hours

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEXT = """
    SELECT min(moment) FROM (
        SELECT min(next_digest_at) AS moment FROM subscriptions
        UNION ALL SELECT min(changes_at) FROM quiet_hours
        UNION ALL SELECT min(due_at) FROM deliveries)
"""
_HELD = """
    SELECT d.id, d.subscription_id, d.channel_id, d.slot, d.part, d.planned_at, c.slug, c.story_id
    FROM deliveries d LEFT JOIN delivery_cards dc ON dc.delivery_id = d.id LEFT JOIN cards c ON c.id = dc.card_id
    ORDER BY d.id, dc.position
"""
_OPEN = """
    SELECT count(*) FROM deliveries WHERE due_at <= ? OR (due_at IS NULL AND desired_hash IS NOT delivered_hash)
"""
_REFUSED, _LOST = 97, 61
"""Every so many posts Discord is in trouble, or its answer is lost."""


@dataclass(frozen=True, slots=True)
class Post:
    """One message as it was posted."""

    at: datetime
    delivery: Delivery
    cards: tuple[StoredCard, ...]


class WatchedChannels(MemoryChannels):
    """Channels that note each post with its moment, and are in trouble now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.desk: WorkerHarness | None = None
        self.posts: list[Post] = []
        self.edits = self.retractions = 0

    async def post_message(self, delivery: Delivery, cards: Sequence[StoredCard], nonce: str) -> int:
        assert self.desk
        tries = len(self.calls)
        self.fail = [RetryLaterError("503")] if tries % _REFUSED == _REFUSED - 1 else []
        self.lose_answer = tries % _LOST == _LOST - 1
        self.calls.append("try")
        if not self.fail:
            message = render_digest(cards, delivery.layout, None, text=delivery.heading)
            assert_within_limits(message.embeds)
            self.posts.append(Post(self.desk.clock(), delivery, tuple(cards)))
        return await super().post_message(delivery, cards, nonce)

    async def edit_message(self, delivery: Delivery, cards: Sequence[StoredCard]) -> None:
        self.edits += 1
        await super().edit_message(delivery, cards)

    async def delete_message(self, delivery: Delivery) -> None:
        self.retractions += 1
        await super().delete_message(delivery)


@dataclass(frozen=True, slots=True)
class PlannedCard:
    """A card of a planned message, or a message without cards (`slug` and `story` are None)."""

    delivery_id: int
    subscription_id: int
    channel_id: int
    slot: str | None
    part: int
    planned_at: datetime
    slug: str | None
    story: int | None


@dataclass
class YearRecord:
    """All that happened."""

    start: datetime
    end: datetime
    away: list[Span]
    subscriptions: list[Subscription]
    quiet: dict[int, QuietHours]
    arrivals: list[Arrival]
    posts: list[Post] = field(default_factory=list)
    held: list[PlannedCard] = field(default_factory=list)
    ticks: int = 0
    edits: int = 0
    retractions: int = 0
    open: int = 0
    """Messages at the end of the year that are not as they should be."""


async def run_year(
    place: Path, *, start: datetime, days: int, subscriptions: int, cards: int, away: Iterable[Span] = ()
) -> YearRecord:
    """Subscribe, then let news arrive and the clock run. The bot does not run while it is `away`."""
    channels = WatchedChannels()
    span = timedelta(days=days)
    async with open_harness(place, channels) as harness:
        channels.desk = harness
        harness.clock.now = start
        year = YearRecord(start, start + span, list(away), [], {}, make_arrivals(cards, start, span))
        await _add_subscriptions(harness, year, subscriptions)
        with closing(sqlite3.connect(place / "test.db")) as connection:
            await _run_clock(harness, year, connection)
            year.held = [_planned_from_row(*row) for row in connection.execute(_HELD)]
            year.open = connection.execute(_OPEN, (_to_microseconds(year.end),)).fetchone()[0]
    year.posts, year.edits, year.retractions = channels.posts, channels.edits, channels.retractions
    return year


async def _add_subscriptions(harness: WorkerHarness, year: YearRecord, number: int) -> None:
    for channel, options in make_options(number):
        added = await harness.store.subscriptions.add_subscription(
            guild_id=1 + channel // 3, channel_id=channel, created_by=1, now=year.start, options=options
        )
        year.subscriptions.append(added)
    year.quiet = make_quiet_hours(sorted({each.channel_id for each in year.subscriptions}))
    for each in year.subscriptions:
        if each.channel_id in year.quiet:
            hours = year.quiet[each.channel_id]
            await harness.store.subscriptions.quiet_hours.set_hours(each.guild_id, each.channel_id, hours, year.start)


async def _run_clock(harness: WorkerHarness, year: YearRecord, connection: sqlite3.Connection) -> None:
    coming = [each for each in reversed(year.arrivals) if each.at <= year.end]
    while (moment := _next_moment(harness.clock(), connection, coming, year.away)) <= year.end:
        harness.clock.now = moment
        now = []
        while coming and coming[-1].at <= moment:
            now.append(coming.pop())
        await _store_arrivals(harness, now)
        await harness.pipeline.plan_and_deliver()
        year.ticks += 1


def _next_moment(
    now: datetime, connection: sqlite3.Connection, coming: Sequence[Arrival], away: Iterable[Span]
) -> datetime:
    due = connection.execute(_NEXT).fetchone()[0]
    moments = [_from_microseconds(due)] if due else []
    moments += [coming[-1].at] if coming else []
    # The schedule looks at what is overdue with its next run.
    moment = max(min(moments, default=datetime.max.replace(tzinfo=UTC)), now + timedelta(seconds=1))
    return next((end for start, end in away if start <= moment < end), moment)


async def _store_arrivals(harness: WorkerHarness, now: Sequence[Arrival]) -> None:
    """As a load does; of a card that changed while nobody looked, only the last form is ever seen."""
    last = {each.card.slug: each.card for each in now}
    if last:
        batch = [(SourceItem(f"{slug}.md", "1"), ParseResult(card)) for slug, card in last.items()]
        await harness.store.cards.importer.import_batch(
            await folder_id(harness.store), batch, vanished=(), now=harness.clock(), withdraw=True
        )


def _from_microseconds(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _planned_from_row(
    delivery: int, subscription: int, channel: int, slot: str | None, part: int, *rest: Any
) -> PlannedCard:
    planned_at, slug, story = rest
    return PlannedCard(delivery, subscription, channel, slot, part, _from_microseconds(planned_at), slug, story)


def _to_microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def is_single(delivery: Delivery) -> bool:
    return delivery.layout is Layout.CARD
