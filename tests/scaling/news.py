"""A day of news: how many cards come when, what they are about, and what there is to deliver because of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from tests.scaling.audience import Audience, Mix, TopicMix

MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
"""A Monday, the fullest day: weekly digests come on it unless they are set to another one."""
DAY = 86_400.0
_HOURS = (1, 1, 1, 1, 1, 2, 3, 5, 8, 10, 9, 8, 7, 8, 10, 11, 9, 7, 5, 4, 3, 2, 2, 1)
"""How the cards spread over the hours of the day in UTC: a morning's peak, an afternoon's, and a thin night."""
_BURST = 0.25
"""How likely a card is the last one of its burst: an editor, or a pull, brings four at a time on average."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Deliveries that become due together: a card's, or digests'. `at` is in seconds from the day's beginning."""

    at: float
    channels: Sequence[int]
    is_card: bool


def simulate_day(subscriptions: int, cards: int, mix: Mix, seed: int = 1) -> list[Wave]:
    """All that is to be delivered in a day, in order. The same seed gives the same day."""
    audience, random = Audience(subscriptions, mix, Random(seed)), Random(seed + 1)
    topics = TopicMix(random)
    waves = [Wave(at, audience.channels_for(topics.pick_some()), is_card=True) for at in card_moments(cards, random)]
    waves += [
        Wave(_seconds_of_day(at), channels, is_card=False)
        for at, channels in audience.due_digests(_just_before(MIDNIGHT))
    ]
    return sorted(waves, key=lambda wave: wave.at)


def card_moments(cards: int, random: Random) -> Iterator[float]:
    """When each card comes, those of a burst two seconds apart."""
    at, lasts = 0.0, True
    for _ in range(cards):
        at = _pick_moment(random) if lasts else at + 2
        yield at
        lasts = random.random() < _BURST


def _pick_moment(random: Random) -> float:
    hour = random.choices(range(24), _HOURS)[0]
    return (hour + random.random()) * 3600


def _seconds_of_day(at: datetime) -> float:
    return (at - MIDNIGHT).total_seconds()


def _just_before(moment: datetime) -> datetime:
    """A span does not include its own beginning, and digests are due at midnight as well."""
    return moment - timedelta(microseconds=1)
