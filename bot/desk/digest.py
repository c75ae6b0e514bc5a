"""Which cards a digest brings, in which order, and why not the others."""

from __future__ import annotations

import enum
import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from bot.cards.text import folded
from bot.desk.subscription import Wish

PER_PROVIDER = 2
"""Cards of one publisher in one digest: more would be that publisher's digest."""
_SHORTEST_HALF_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A card that a digest may bring, as one server sees it. Topics and provider are folded names.

    `arrived_at` is when the server could first see it.
    """

    card_id: int
    story_id: int
    revision: str
    published_at: datetime
    arrived_at: datetime
    topics: frozenset[str]
    provider: str
    quality: int | None
    heat: int | None

    @property
    def points(self) -> int:
        """Heat and quality together; heat is the story's score, quality the article's."""
        return max(self.heat or 0, 0) + max(self.quality or 0, 0)


@dataclass(frozen=True, slots=True)
class Had:
    """What a channel has had already."""

    cards: Collection[int] = ()
    stories: Collection[int] = ()


class Fate(enum.StrEnum):
    """What became of a card when a digest was put together."""

    CHOSEN = "chosen"
    OTHER_TOPIC = "other_topic"
    LEFT_OUT = "left_out"
    WEAK = "weak"
    OLD = "old"
    HAD = "had"
    STORY_HAD = "story_had"
    STORY_TOLD = "story_told"
    PROVIDER_FULL = "provider_full"
    BEATEN = "beaten"


@dataclass(frozen=True, slots=True)
class Why:
    """How a card came to be chosen: its place by points, heat and quality then, its age in hours."""

    place: int
    heat: int | None
    quality: int | None
    hours: int

    def as_row(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> Self:
        return cls(**row)


@dataclass(frozen=True, slots=True)
class Chosen:
    """A card of a digest."""

    card_id: int
    revision: str
    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A digest's cards, best first, and what became of each card that was looked at."""

    chosen: tuple[Chosen, ...]
    fates: Mapping[int, Fate]


def ranked(pool: Iterable[Candidate], at: datetime, period: timedelta) -> list[Candidate]:
    """Best first: points that fade by half in a day, or in half the time between two digests when that is longer."""
    half_life = max(_SHORTEST_HALF_LIFE, period / 2).total_seconds()

    def key(card: Candidate) -> tuple[float, datetime, int]:
        age = max((at - card.published_at).total_seconds(), 0.0)
        # the logarithm orders alike and cannot run out of digits
        score = math.log2(card.points + 1) - age / half_life
        return (score, card.published_at, card.card_id)

    return sorted(pool, key=key, reverse=True)


def choose(
    ranking: Sequence[Candidate],
    wish: Wish,
    at: datetime,
    since: datetime,
    had: Had = Had(),
    left_out: Callable[[int], bool] | None = None,
    *,
    explain: bool = False,
) -> Choice:
    """Take from the top what the wish asks for: new since the last digest, one card a story, two a publisher.

    `left_out` says of a card that its words are not wanted. The fates of the cards
    that were not chosen are gathered only to `explain`.
    """
    topics = {folded(topic) for topic in wish.topics}
    taken: list[Candidate] = []
    fates: dict[int, Fate] = {}
    told: set[int] = set()
    of_provider: Counter[str] = Counter()
    for card in ranking:
        full = len(taken) >= wish.max_cards
        if full and not explain:
            break
        fate = _unfit(card, wish, topics, since, had, left_out) or _crowded(card, told, of_provider, full)
        if fate is Fate.CHOSEN:
            taken.append(card)
            told.add(card.story_id)
            of_provider[card.provider] += bool(card.provider)
        if explain:
            fates[card.card_id] = fate
    chosen = tuple(Chosen(card.card_id, card.revision, _why(card, place, at)) for place, card in enumerate(taken, 1))
    return Choice(chosen, fates)


def _unfit(
    card: Candidate,
    wish: Wish,
    topics: Collection[str],
    since: datetime,
    had: Had,
    left_out: Callable[[int], bool] | None,
) -> Fate | None:
    """What keeps a card out whatever else there is."""
    if topics and card.topics.isdisjoint(topics):
        return Fate.OTHER_TOPIC
    if (card.quality or 0) < wish.min_quality:
        return Fate.WEAK
    if card.card_id in had.cards:
        return Fate.HAD
    if card.story_id in had.stories:
        return Fate.STORY_HAD
    if card.arrived_at <= since:
        return Fate.OLD
    return Fate.LEFT_OUT if left_out and left_out(card.card_id) else None


def _crowded(card: Candidate, told: Collection[int], of_provider: Counter[str], full: bool) -> Fate:
    """What better cards leave of the room."""
    if card.story_id in told:
        return Fate.STORY_TOLD
    if full:
        return Fate.BEATEN
    return Fate.PROVIDER_FULL if of_provider[card.provider] >= PER_PROVIDER else Fate.CHOSEN


def _why(card: Candidate, place: int, at: datetime) -> Why:
    hours = max(int((at - card.published_at) / timedelta(hours=1)), 0)
    return Why(place, card.heat, card.quality, hours)
