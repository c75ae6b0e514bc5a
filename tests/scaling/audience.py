"""Who wants what: subscriptions in a stated mix, and when their digests are due, by the bot's own timetable."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from random import Random
from typing import TypeVar

from bot.domain.digest_schedule import schedule_for
from bot.domain.subscription import Frequency, SubscriptionOptions

_T = TypeVar("_T")
TOPICS = 200
ZONES = {
    "America/New_York": 22, "Europe/Berlin": 16, "Europe/London": 12, "America/Los_Angeles": 11, "America/Chicago": 9,
    "America/Sao_Paulo": 7, "Asia/Kolkata": 7, "UTC": 6, "Asia/Tokyo": 4, "Australia/Sydney": 3, "Europe/Istanbul": 3,
}  # fmt: skip
"""Where servers are, in per cent: the zone that their digests keep."""
CLOCKS = {(): 40, (time(8),): 15, (time(18),): 15, (time(12),): 10, (time(7, 30),): 10, (time(20),): 10}
"""When daily and weekly digests come, in per cent. Most leave it open, which is nine o'clock."""
RHYTHMS = {Frequency.HOURLY: 5, Frequency.DAILY: 60, Frequency.WEEKDAYS: 15, Frequency.WEEKLY: 20}
"""How often digests come, in per cent."""


@dataclass(frozen=True, slots=True)
class Mix:
    """What the subscriptions are, as parts of one; the others are digests. `everything`: instant without topics."""

    instant: float = 0.2
    everything: float = 0.1


class TopicMix:
    """Topics by number, the first the most popular: the n-th is wanted, and written about, 1/n as often (Zipf)."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._weights = list(itertools.accumulate(1 / rank for rank in range(1, TOPICS + 1)))

    def pick_some(self) -> set[int]:
        """One to three of them."""
        count = self._random.choice((1, 1, 2, 3))
        return set(self._random.choices(range(TOPICS), cum_weights=self._weights, k=count))


class Audience:
    """`subscriptions` channels, one subscription each."""

    def __init__(self, subscriptions: int, mix: Mix, random: Random) -> None:
        instant = round(subscriptions * mix.instant)
        self.digests = range(instant, subscriptions)
        everything = round(instant * mix.everything)
        self._everything = range(everything)
        self._of_topic: list[list[int]] = [[] for _ in range(TOPICS)]
        self._random = random
        topics = TopicMix(random)
        for channel in range(everything, instant):
            for topic in topics.pick_some():
                self._of_topic[topic].append(channel)

    def channels_for(self, topics: set[int]) -> list[int]:
        """The channels that a card with these topics goes to at once, in any order."""
        channels = set(self._everything).union(*(self._of_topic[topic] for topic in topics))
        return sorted(channels, key=lambda _channel: self._random.random())

    def due_digests(self, start: datetime) -> Iterator[tuple[datetime, list[int]]]:
        """The day's digests: each instant at which some are due, and their channels. All are taken to have news."""
        kinds = itertools.groupby(sorted(self._pick_schedules()), key=lambda pair: pair[0])
        for (when, clocks, zone), pairs in kinds:
            table = schedule_for(SubscriptionOptions(frequency=Frequency(when), times=clocks, timezone=zone))
            assert table
            channels = [channel for _, channel in pairs]
            for slot in table.slots_between(start, start + timedelta(days=1)):
                yield slot.at, channels

    def _pick_schedules(self) -> Iterator[tuple[tuple[str, tuple[time, ...], str], int]]:
        for channel in self.digests:
            when = self._pick_share(RHYTHMS)
            yield (when, () if when is Frequency.HOURLY else self._pick_share(CLOCKS), self._pick_share(ZONES)), channel

    def _pick_share(self, shares: dict[_T, int]) -> _T:
        return self._random.choices(list(shares), list(shares.values()))[0]
