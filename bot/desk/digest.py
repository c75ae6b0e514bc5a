"""Choose and rank the cards of a digest, and explain why others were not chosen."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.cards.text import folded
from bot.desk.delivery import Content
from bot.desk.subscription import Pauses, Wish, is_new

PER_PROVIDER = 2
"""Maximum number of cards per publisher in one digest."""
_HOUR = timedelta(hours=1)
_SHORTEST_HALF_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A card eligible for a digest, as one server sees it. Topics and provider are case-folded names.

    `arrived_at` is when it became visible in the server. `only` are the subscriptions a moderator selected for it.
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
    only: frozenset[int] | None = None

    @property
    def points(self) -> int:
        """Heat (the story's score) plus quality (the article's score)."""
        return max(self.heat or 0, 0) + max(self.quality or 0, 0)


@dataclass(frozen=True, slots=True)
class Had:
    """Cards and stories already posted in a channel."""

    cards: Collection[int] = ()
    stories: Collection[int] = ()


class Fate(enum.StrEnum):
    """Outcome for a card considered for a digest."""

    CHOSEN = "chosen"
    OTHER_TOPIC = "other_topic"
    LEFT_OUT = "left_out"
    ELSEWHERE = "elsewhere"
    WEAK = "weak"
    OLD = "old"
    HAD = "had"
    STORY_HAD = "story_had"
    STORY_TOLD = "story_told"
    PROVIDER_FULL = "provider_full"
    BEATEN = "beaten"


@dataclass(frozen=True, slots=True)
class Why:
    """Why a card was chosen: its rank by points, its heat and quality at that time, its age in hours."""

    place: int
    heat: int | None
    quality: int | None
    hours: int


@dataclass(frozen=True, slots=True)
class Chosen(Content):
    """A card chosen for a digest."""

    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The cards of a digest, best first, and the outcome for every card considered."""

    chosen: tuple[Chosen, ...]
    fates: Mapping[int, Fate]


def half_life(period: timedelta) -> timedelta:
    """Half-life of a card's points: one day, or half the time between two digests if that is longer."""
    return max(_SHORTEST_HALF_LIFE, period / 2)


def ranked(pool: Iterable[Candidate], at: datetime, period: timedelta) -> list[Candidate]:
    """Rank cards by points that decay with age; cards for which a moderator selected subscriptions come first."""
    fading = half_life(period).total_seconds()

    def key(card: Candidate) -> tuple[bool, float, datetime, int]:
        age = max((at - card.published_at).total_seconds(), 0.0)
        # The logarithm preserves the order and cannot underflow.
        score = math.log2(card.points + 1) - age / fading
        return (card.only is not None, score, card.published_at, card.card_id)

    return sorted(pool, key=key, reverse=True)


def choose(
    ranking: Sequence[Candidate],
    wish: Wish,
    at: datetime,
    since: datetime,
    had: Had = Had(),
    left_out: Callable[[int], bool] | None = None,
    *,
    subscription_id: int = 0,
    pauses: Pauses = (),
    explain: bool = False,
) -> Choice:
    """Choose the best matching cards: new since the last digest, one per story, at most two per publisher.

    `left_out` tells whether a card is excluded by its text. A card for which a moderator selected the subscription
    need not match. `fates` is filled only if `explain` is set.
    """
    topics = {folded(topic) for topic in wish.topics}
    taken: list[Candidate] = []
    fates: dict[int, Fate] = {}
    told: set[int] = set()
    of_provider: dict[str, int] = {}
    for card in ranking:
        full = len(taken) >= wish.max_cards
        if full and not explain:
            break
        fate = _unfit(card, wish, topics, subscription_id) or _known(card, since, pauses, had)
        fate = fate or _spoken_against(card, left_out) or _crowded(card, told, of_provider, full)
        if fate is Fate.CHOSEN:
            taken.append(card)
            told.add(card.story_id)
            if card.provider:
                of_provider[card.provider] = of_provider.get(card.provider, 0) + 1
        if explain:
            fates[card.card_id] = fate
    chosen = tuple(Chosen(card.card_id, card.revision, _why(card, place, at)) for place, card in enumerate(taken, 1))
    return Choice(chosen, fates)


def _unfit(card: Candidate, wish: Wish, topics: Collection[str], subscription_id: int) -> Fate | None:
    """Why a card does not match the options, unless a moderator selected its subscriptions."""
    if card.only is not None:
        return None if subscription_id in card.only else Fate.ELSEWHERE
    if topics and card.topics.isdisjoint(topics):
        return Fate.OTHER_TOPIC
    return Fate.WEAK if (card.quality or 0) < wish.min_quality else None


def _known(card: Candidate, since: datetime, pauses: Pauses, had: Had) -> Fate | None:
    """Why a card is not new to the channel; None if it is."""
    if card.card_id in had.cards:
        return Fate.HAD
    if card.story_id in had.stories:
        return Fate.STORY_HAD
    return None if is_new(card.arrived_at, since, pauses) else Fate.OLD


def _spoken_against(card: Candidate, left_out: Callable[[int], bool] | None) -> Fate | None:
    """Whether a card is excluded by its text. Checked last because it is expensive."""
    return Fate.LEFT_OUT if left_out and card.only is None and left_out(card.card_id) else None


def _crowded(card: Candidate, told: Collection[int], of_provider: Mapping[str, int], full: bool) -> Fate:
    """Whether better cards leave room for this one."""
    if card.story_id in told:
        return Fate.STORY_TOLD
    if full:
        return Fate.BEATEN
    enough = of_provider.get(card.provider, 0) >= PER_PROVIDER and card.only is None
    return Fate.PROVIDER_FULL if enough else Fate.CHOSEN


def _why(card: Candidate, place: int, at: datetime) -> Why:
    hours = max((at - card.published_at) // _HOUR, 0)
    return Why(place, card.heat, card.quality, hours)
