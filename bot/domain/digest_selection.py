"""Choose and rank the cards of a digest, and explain why others were not chosen."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.cards.text import normalize_name
from bot.domain.delivery import CardRevision
from bot.domain.subscription import Pauses, SubscriptionOptions, is_new

MAX_PER_PROVIDER = 2
"""Maximum number of cards per publisher in one digest."""
_HOUR = timedelta(hours=1)
_SHORTEST_HALF_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A card eligible for a digest, as one server sees it. Topics and provider are case-folded names.

    `arrived_at` is when it became visible in the server. `picked_for` are the subscriptions a moderator selected for
    it.
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
    picked_for: frozenset[int] | None = None

    @property
    def score(self) -> int:
        """Heat (the story's score) plus quality (the article's score)."""
        return max(self.heat or 0, 0) + max(self.quality or 0, 0)


@dataclass(frozen=True, slots=True)
class AlreadyDelivered:
    """Cards and stories already posted in a channel."""

    cards: Collection[int] = ()
    stories: Collection[int] = ()


class SelectionOutcome(enum.StrEnum):
    """Outcome for a card considered for a digest."""

    SELECTED = enum.auto()
    OTHER_TOPIC = enum.auto()
    EXCLUDED = enum.auto()
    PICKED_ELSEWHERE = enum.auto()
    LOW_QUALITY = enum.auto()
    NOT_NEW = enum.auto()
    CARD_DELIVERED = enum.auto()
    STORY_DELIVERED = enum.auto()
    STORY_SELECTED = enum.auto()
    PROVIDER_LIMIT = enum.auto()
    OUTRANKED = enum.auto()


@dataclass(frozen=True, slots=True)
class SelectionReason:
    """Why a card was chosen: its rank by points, its heat and quality at that time, its age in hours."""

    rank: int
    heat: int | None
    quality: int | None
    hours: int


@dataclass(frozen=True, slots=True)
class SelectedCard(CardRevision):
    """A card chosen for a digest."""

    reason: SelectionReason | None = None


@dataclass(frozen=True, slots=True)
class Selection:
    """The cards of a digest, best first, and the outcome for every card considered."""

    cards: tuple[SelectedCard, ...]
    outcomes: Mapping[int, SelectionOutcome]


def score_half_life(period: timedelta) -> timedelta:
    """Half-life of a card's points: one day, or half the time between two digests if that is longer."""
    return max(_SHORTEST_HALF_LIFE, period / 2)


def rank_candidates(candidates: Iterable[Candidate], at: datetime, period: timedelta) -> list[Candidate]:
    """Rank cards by points that decay with age; cards for which a moderator selected subscriptions come first."""
    half_life = score_half_life(period).total_seconds()

    def key(card: Candidate) -> tuple[bool, float, datetime, int]:
        age = max((at - card.published_at).total_seconds(), 0.0)
        # The logarithm preserves the order and cannot underflow.
        score = math.log2(card.score + 1) - age / half_life
        return (card.picked_for is not None, score, card.published_at, card.card_id)

    return sorted(candidates, key=key, reverse=True)


def select_cards(
    ranking: Sequence[Candidate],
    options: SubscriptionOptions,
    at: datetime,
    since: datetime,
    already_delivered: AlreadyDelivered = AlreadyDelivered(),
    is_excluded: Callable[[int], bool] | None = None,
    *,
    subscription_id: int = 0,
    pauses: Pauses = (),
    explain: bool = False,
) -> Selection:
    """Choose the best matching cards: new since the last digest, one per story, at most two per publisher.

    `is_excluded` tells whether a card is excluded by its text. A card for which a moderator selected the subscription
    need not match. `outcomes` is filled only if `explain` is set.
    """
    topics = {normalize_name(topic) for topic in options.topics}
    chosen: list[Candidate] = []
    outcomes: dict[int, SelectionOutcome] = {}
    selected_stories: set[int] = set()
    provider_counts: dict[str, int] = {}
    for card in ranking:
        # Without `explain` the loop ends with the last card that fits: the rest may be thousands of cards.
        is_full = len(chosen) >= options.max_cards
        if is_full and not explain:
            break
        outcome = _mismatch(card, options, topics, subscription_id) or _previous_delivery(
            card, since, pauses, already_delivered
        )
        outcome = (
            outcome or _exclusion(card, is_excluded) or _displacement(card, selected_stories, provider_counts, is_full)
        )
        if outcome is SelectionOutcome.SELECTED:
            chosen.append(card)
            selected_stories.add(card.story_id)
            if card.provider:
                provider_counts[card.provider] = provider_counts.get(card.provider, 0) + 1
        if explain:
            outcomes[card.card_id] = outcome
    selected = tuple(
        SelectedCard(card.card_id, card.revision, _selection_reason(card, place, at))
        for place, card in enumerate(chosen, 1)
    )
    return Selection(selected, outcomes)


def _mismatch(
    card: Candidate, options: SubscriptionOptions, topics: Collection[str], subscription_id: int
) -> SelectionOutcome | None:
    """Why a card does not match the options, unless a moderator selected its subscriptions."""
    if card.picked_for is not None:
        # The choice of a moderator replaces the filters, in both directions.
        return None if subscription_id in card.picked_for else SelectionOutcome.PICKED_ELSEWHERE
    if topics and card.topics.isdisjoint(topics):
        return SelectionOutcome.OTHER_TOPIC
    return SelectionOutcome.LOW_QUALITY if (card.quality or 0) < options.min_quality else None


def _previous_delivery(
    card: Candidate, since: datetime, pauses: Pauses, already_delivered: AlreadyDelivered
) -> SelectionOutcome | None:
    """Why a card is not new to the channel; None if it is."""
    if card.card_id in already_delivered.cards:
        return SelectionOutcome.CARD_DELIVERED
    if card.story_id in already_delivered.stories:
        return SelectionOutcome.STORY_DELIVERED
    return None if is_new(card.arrived_at, since, pauses) else SelectionOutcome.NOT_NEW


def _exclusion(card: Candidate, is_excluded: Callable[[int], bool] | None) -> SelectionOutcome | None:
    """Whether a card is excluded by its text. Checked last because it is expensive."""
    return SelectionOutcome.EXCLUDED if is_excluded and card.picked_for is None and is_excluded(card.card_id) else None


def _displacement(
    card: Candidate, selected_stories: Collection[int], provider_counts: Mapping[str, int], is_full: bool
) -> SelectionOutcome:
    """Whether better cards leave room for this one."""
    # Checked before `full`: "another card of the story was chosen" explains more than "no room".
    if card.story_id in selected_stories:
        return SelectionOutcome.STORY_SELECTED
    if is_full:
        return SelectionOutcome.OUTRANKED
    enough = provider_counts.get(card.provider, 0) >= MAX_PER_PROVIDER and card.picked_for is None
    return SelectionOutcome.PROVIDER_LIMIT if enough else SelectionOutcome.SELECTED


def _selection_reason(card: Candidate, place: int, at: datetime) -> SelectionReason:
    hours = max((at - card.published_at) // _HOUR, 0)
    return SelectionReason(place, card.heat, card.quality, hours)
