"""Which cards a digest brings, in which order, and why not the others."""

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
"""Cards of one publisher in one digest: more would be that publisher's digest."""
_HOUR = timedelta(hours=1)
_SHORTEST_HALF_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A card that a digest may bring, as one server sees it. Topics and provider are folded names.

    `arrived_at` is when the server could first see it. `only` are the subscriptions that a moderator picked for it.
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
    """How a card came to be chosen: its place by points, heat and quality then, its age in hours."""

    place: int
    heat: int | None
    quality: int | None
    hours: int


@dataclass(frozen=True, slots=True)
class Chosen(Content):
    """A card of a digest."""

    why: Why | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A digest's cards, best first, and what became of each card that was looked at."""

    chosen: tuple[Chosen, ...]
    fates: Mapping[int, Fate]


def half_life(period: timedelta) -> timedelta:
    """In what time a card's points fade by half: a day, or half the time between two digests when that is longer."""
    return max(_SHORTEST_HALF_LIFE, period / 2)


def ranked(pool: Iterable[Candidate], at: datetime, period: timedelta) -> list[Candidate]:
    """Best first, by points that fade with age; what a moderator picked a subscription for comes before all others."""
    fading = half_life(period).total_seconds()

    def key(card: Candidate) -> tuple[bool, float, datetime, int]:
        age = max((at - card.published_at).total_seconds(), 0.0)
        # the logarithm orders alike and cannot run out of digits
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
    """Take from the top what the wish asks for: new since the last digest, one card a story, two a publisher.
    `left_out` says of a card that its words are not wanted. A card that a moderator picked the subscription for need
    not match. The fates of the cards that were not chosen are gathered only to `explain`.
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
    """What the wish has against a card, unless a moderator has picked where it goes."""
    if card.only is not None:
        return None if subscription_id in card.only else Fate.ELSEWHERE
    if topics and card.topics.isdisjoint(topics):
        return Fate.OTHER_TOPIC
    return Fate.WEAK if (card.quality or 0) < wish.min_quality else None


def _known(card: Candidate, since: datetime, pauses: Pauses, had: Had) -> Fate | None:
    """What keeps a card out because it is not new there."""
    if card.card_id in had.cards:
        return Fate.HAD
    if card.story_id in had.stories:
        return Fate.STORY_HAD
    return None if is_new(card.arrived_at, since, pauses) else Fate.OLD


def _spoken_against(card: Candidate, left_out: Callable[[int], bool] | None) -> Fate | None:
    """Its words come last: they have to be looked through."""
    return Fate.LEFT_OUT if left_out and card.only is None and left_out(card.card_id) else None


def _crowded(card: Candidate, told: Collection[int], of_provider: Mapping[str, int], full: bool) -> Fate:
    """What better cards leave of the room."""
    if card.story_id in told:
        return Fate.STORY_TOLD
    if full:
        return Fate.BEATEN
    enough = of_provider.get(card.provider, 0) >= PER_PROVIDER and card.only is None
    return Fate.PROVIDER_FULL if enough else Fate.CHOSEN


def _why(card: Candidate, place: int, at: datetime) -> Why:
    hours = max((at - card.published_at) // _HOUR, 0)
    return Why(place, card.heat, card.quality, hours)
