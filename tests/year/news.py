"""A year's subscriptions and news, made up alike at every run: who wants what, and what arrives, changes and goes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from bot.cards.model import Card, CardState, Provider, RelatedArticle
from bot.domain.quiet_hours import QuietHours
from bot.domain.subscription import Frequency, Layout, SubscriptionOptions
from tests.bench.cards import PROVIDERS, WORDS

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Kolkata", "Australia/Lord_Howe",
    "America/Santiago", "Europe/London", "Asia/Tokyo", "Pacific/Chatham",
]  # fmt: skip
"""Some with summer time, in both hemispheres, by half an hour, at odd offsets; some without."""
TOPICS = ("Science", "Politics", "Sport", "Music", "Space")
_TIMES = [time(9), time(18, 30), time(2, 30), time(2), time(0), time(1, 45), time(3), time(23, 30)]
"""Some of them the clocks skip or repeat."""
_KINDS = [
    Frequency.INSTANT,
    Frequency.DAILY,
    Frequency.WEEKDAYS,
    Frequency.HOURLY,
    Frequency.DAILY,
    Frequency.WEEKLY,
    Frequency.INSTANT,
    Frequency.WEEKDAYS,
    Frequency.DAILY,
    Frequency.INSTANT,
]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A card as its file says from a moment on."""

    at: datetime
    card: Card


def make_options(number: int) -> list[tuple[int, SubscriptionOptions]]:
    """Channels with their options. Every tenth channel has two."""
    found = []
    for place in range(number):
        dice = random.Random(f"wish {place}")
        channel = place - 1 if place % 10 == 9 else place
        found.append((1000 + channel, _random_options(dice, _KINDS[place % len(_KINDS)])))
    return found


def _random_options(dice: random.Random, when: Frequency) -> SubscriptionOptions:
    digest = when is not Frequency.INSTANT
    times = tuple(dice.sample(_TIMES, dice.choice((1, 1, 2, 3)))) if digest and when is not Frequency.HOURLY else ()
    return SubscriptionOptions(
        frequency=when,
        times=times,
        days=tuple(dice.sample(range(7), dice.choice((1, 2)))) if when is Frequency.WEEKLY else (),
        timezone=dice.choice(ZONES),
        topics=tuple(dice.sample(TOPICS, 2)) if dice.random() < 0.4 else (),
        min_quality=60 if dice.random() < 0.3 else 0,
        max_cards=dice.choice((3, 10, 25)),
        layout=dice.choice((Layout.CARDS, Layout.LIST)),
        skip_empty=dice.random() < 0.7,
    )


def make_quiet_hours(channels: Sequence[int]) -> dict[int, QuietHours]:
    """Every fourth channel's."""
    found = {}
    for channel in channels[::4]:
        dice = random.Random(f"quiet {channel}")
        starts, ends = dice.choice(((time(22), time(7)), (time(1), time(2, 30)), (time(12), time(14))))
        found[channel] = QuietHours(starts, ends, dice.choice(ZONES), dice.choice((None, 180)))
    return found


def make_arrivals(number: int, start: datetime, span: timedelta) -> list[Arrival]:
    """Cards with their edits and withdrawals, in order. One of eight tells the story of an earlier one."""
    dice = random.Random(number)
    found: list[Arrival] = []
    firsts: list[Card] = []
    for place in range(number):
        earlier = dice.choice(firsts[-20:]) if firsts and dice.random() < 0.12 else None
        at = _pick_moment(dice, start + span * place / number, span / number, earlier)
        card = _make_card(dice, place, at - timedelta(minutes=dice.randrange(90)), earlier)
        if earlier is None:
            firsts.append(card)
        found += [Arrival(at, card), *_later_changes(dice, at, card)]
    return sorted(found, key=lambda each: (each.at, each.card.slug))


def _pick_moment(dice: random.Random, at: datetime, usual: timedelta, earlier: Card | None) -> datetime:
    """Whole minutes, some on the hour, where digests are due as well; a story's later cards within some days."""
    if earlier:
        at = max(at, earlier.published_at + timedelta(minutes=100))
        at = min(at, earlier.published_at + timedelta(days=3))
    at += usual * dice.random()
    return at.replace(minute=0 if dice.random() < 0.1 else at.minute, second=0, microsecond=0)


def _make_card(dice: random.Random, place: int, published_at: datetime, earlier: Card | None) -> Card:
    name = f"{dice.choice(WORDS)}{dice.choice(WORDS)}{place}"
    related = (RelatedArticle(earlier.title, earlier.url or "", "Another"),) if earlier else ()
    return Card(
        slug=f"card-{place}",
        title=f"{name.title()} {' '.join(dice.sample(WORDS, 6))}",
        published_at=published_at,
        excerpt=" ".join(dice.choices(WORDS, k=30)),
        url=f"https://news.example/2026/{place}/{name}-story",
        quality=dice.randrange(20, 120),
        heat=dice.randrange(70, 200),
        state=CardState.PUBLISHED,
        provider=Provider(dice.choice(PROVIDERS[:6])),
        topics=tuple(dice.sample(TOPICS, dice.choice((1, 1, 2)))),
        related=related,
        aliases=(f"news.example/2026/{place}/{name}-story",),
    )


def _later_changes(dice: random.Random, at: datetime, card: Card) -> list[Arrival]:
    """What becomes of a card later: mostly nothing."""
    later = at + timedelta(minutes=dice.randrange(1, 4000))
    kind = dice.random()
    if kind < 0.10:
        return [Arrival(later, replace(card, excerpt=f"Corrected: {card.excerpt}"))]
    return [Arrival(later, replace(card, state=CardState.WITHDRAWN))] if kind < 0.15 else []
