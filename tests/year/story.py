"""Let a year pass: the clock leaps to the next moment at which something is due or arrives, as the schedule would."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot.cards.model import FileStat, Reading
from bot.delivery.poster import TryLaterError
from bot.desk.delivery import Delivery
from bot.desk.quiet import QuietHours
from bot.desk.subscription import Layout, Subscription
from bot.render.digest import digest_message
from bot.store.records import FiledCard
from tests.render.limits_check import assert_within_limits
from tests.support.desk import Channels, Desk, a_desk
from tests.year.calendar import Span
from tests.year.news import Arrival, arrivals, quiet_hours, wishes

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEXT = """
    SELECT min(moment) FROM (
        SELECT min(next_at) AS moment FROM subscriptions
        UNION ALL SELECT min(turns_at) FROM quiet_hours
        UNION ALL SELECT min(due_at) FROM deliveries)
"""
_HELD = """
    SELECT d.id, d.subscription_id, d.channel_id, d.slot, d.part, d.planned_at, c.slug, c.story_id
    FROM deliveries d LEFT JOIN delivery_cards dc ON dc.delivery_id = d.id LEFT JOIN cards c ON c.id = dc.card_id
    ORDER BY d.id, dc.place
"""
_OPEN = """
    SELECT count(*) FROM deliveries WHERE due_at <= ? OR (due_at IS NULL AND wanted IS NOT actual)
"""
_REFUSED, _LOST = 97, 61
"""Every so many posts Discord is in trouble, or its answer is lost."""


@dataclass(frozen=True, slots=True)
class Post:
    """One message as it was posted."""

    at: datetime
    delivery: Delivery
    cards: tuple[FiledCard, ...]


class Watched(Channels):
    """Channels that note each post with its moment, and are in trouble now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.desk: Desk | None = None
        self.posts: list[Post] = []
        self.edits = self.retractions = 0

    async def post(self, delivery: Delivery, cards: Sequence[FiledCard], nonce: str) -> int:
        assert self.desk
        tries = len(self.calls)
        self.fail = [TryLaterError("503")] if tries % _REFUSED == _REFUSED - 1 else []
        self.lose_answer = tries % _LOST == _LOST - 1
        self.calls.append("try")
        if not self.fail:
            message = digest_message(cards, delivery.layout, None, heading=delivery.heading)
            assert_within_limits(message.embeds)
            self.posts.append(Post(self.desk.clock(), delivery, tuple(cards)))
        return await super().post(delivery, cards, nonce)

    async def edit(self, delivery: Delivery, cards: Sequence[FiledCard]) -> None:
        self.edits += 1
        await super().edit(delivery, cards)

    async def retract(self, delivery: Delivery) -> None:
        self.retractions += 1
        await super().retract(delivery)


@dataclass(frozen=True, slots=True)
class Held:
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
class Year:
    """All that happened."""

    start: datetime
    end: datetime
    away: list[Span]
    subscriptions: list[Subscription]
    quiet: dict[int, QuietHours]
    arrivals: list[Arrival]
    posts: list[Post] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    ticks: int = 0
    edits: int = 0
    retractions: int = 0
    open: int = 0
    """Messages at the end of the year that are not as they should be."""


async def pass_by(
    place: Path, *, start: datetime, days: int, subscriptions: int, cards: int, away: Iterable[Span] = ()
) -> Year:
    """Subscribe, then let news arrive and the clock run. The bot does not run while it is `away`."""
    channels = Watched()
    span = timedelta(days=days)
    async with a_desk(place, channels) as desk:
        channels.desk = desk
        desk.clock.now = start
        year = Year(start, start + span, list(away), [], {}, arrivals(cards, start, span))
        await _subscribe(desk, year, subscriptions)
        with closing(sqlite3.connect(place / "test.db")) as asked:
            await _run(desk, year, asked)
            year.held = [_held(*row) for row in asked.execute(_HELD)]
            year.open = asked.execute(_OPEN, (_microseconds(year.end),)).fetchone()[0]
    year.posts, year.edits, year.retractions = channels.posts, channels.edits, channels.retractions
    return year


async def _subscribe(desk: Desk, year: Year, number: int) -> None:
    for channel, wish in wishes(number):
        added = await desk.store.subscriptions.add(
            guild_id=1 + channel // 3, channel_id=channel, created_by=1, now=year.start, wish=wish
        )
        year.subscriptions.append(added)
    year.quiet = quiet_hours(sorted({each.channel_id for each in year.subscriptions}))
    for each in year.subscriptions:
        if each.channel_id in year.quiet:
            hours = year.quiet[each.channel_id]
            await desk.store.quiet.set(each.guild_id, each.channel_id, hours, year.start)


async def _run(desk: Desk, year: Year, asked: sqlite3.Connection) -> None:
    coming = [each for each in reversed(year.arrivals) if each.at <= year.end]
    while (moment := _next(desk.clock(), asked, coming, year.away)) <= year.end:
        desk.clock.now = moment
        now = []
        while coming and coming[-1].at <= moment:
            now.append(coming.pop())
        await _file(desk, now)
        await desk.newsroom.tick()
        year.ticks += 1


def _next(now: datetime, asked: sqlite3.Connection, coming: Sequence[Arrival], away: Iterable[Span]) -> datetime:
    due = asked.execute(_NEXT).fetchone()[0]
    moments = [_moment(due)] if due else []
    moments += [coming[-1].at] if coming else []
    # The schedule looks at what is overdue with its next run.
    moment = max(min(moments, default=datetime.max.replace(tzinfo=UTC)), now + timedelta(seconds=1))
    return next((end for start, end in away if start <= moment < end), moment)


async def _file(desk: Desk, now: Sequence[Arrival]) -> None:
    """As a load does; of a card that changed while nobody looked, only the last form is ever seen."""
    last = {each.card.slug: each.card for each in now}
    if last:
        batch = [(FileStat(f"{slug}.md", 1, 1), Reading(card)) for slug, card in last.items()]
        await desk.store.cabinet.file("/cards", batch, vanished=(), now=desk.clock(), withdraw=True)


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def _held(delivery: int, subscription: int, channel: int, slot: str | None, part: int, *rest: Any) -> Held:
    planned_at, slug, story = rest
    return Held(delivery, subscription, channel, slot, part, _moment(planned_at), slug, story)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def is_single(delivery: Delivery) -> bool:
    return delivery.layout is Layout.CARD
