"""Choose and rank the cards of a digest, and explain why others were not chosen."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import chain
from operator import itemgetter
from typing import Any

from bot.cards.text import normalize_name
from bot.domain.delivery import CardRevision
from bot.domain.heat import coverage_step
from bot.domain.subscription import Pauses, SubscriptionOptions, is_new

MIN_PROVIDER_LIMIT = 2
"""Cards that a publisher may have in a digest, however many publishers there are."""
_HOUR = timedelta(hours=1)
_SHORTEST_HALF_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A card eligible for a digest, as one server sees it. Topics and provider are case-folded names.

    `arrived_at` is when it became visible in the server. `picked_for` are the subscriptions a moderator selected for
    it, `publishers` those of its story.
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
    publishers: int = 1

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
    OTHER_PROVIDER = enum.auto()
    OTHER_WORDS = enum.auto()
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


TextJudge = Callable[[Candidate], SelectionOutcome | None]
"""Tells why a card's text does not match a subscription; None if it does."""
RankedCandidate = tuple[tuple[bool, float, datetime, int], Candidate]
"""A card after what it is ranked by, which no two cards of a server share."""


def rank_candidates(candidates: Iterable[Candidate], at: datetime, period: timedelta) -> list[RankedCandidate]:
    """Rank cards by points that decay with age; cards for which a moderator selected subscriptions come first."""
    half_life = score_half_life(period).total_seconds()

    def key(card: Candidate) -> tuple[bool, float, datetime, int]:
        age = max((at - card.published_at).total_seconds(), 0.0)
        # The logarithm preserves the order and cannot underflow.
        score = math.log2(card.score + 1) - age / half_life
        return (card.picked_for is not None, score, card.published_at, card.card_id)

    return sorted(((key(card), card) for card in candidates), key=itemgetter(0), reverse=True)


def merge_rankings(one: Sequence[RankedCandidate], other: Sequence[RankedCandidate]) -> list[RankedCandidate]:
    """Return the ranking of all cards of two rankings."""
    # Sorting finds the two runs and only merges them: much cheaper than to rank all cards again.
    return sorted([*one, *other], key=itemgetter(0), reverse=True)


def select_cards(
    ranking: Sequence[RankedCandidate],
    options: SubscriptionOptions,
    at: datetime,
    since: datetime,
    already_delivered: AlreadyDelivered = AlreadyDelivered(),
    judge_text: TextJudge | None = None,
    *,
    subscription_id: int = 0,
    pauses: Pauses = (),
    explain: bool = False,
) -> Selection:
    """Choose the best matching cards: new since the last digest, one per story, no more of a publisher than its limit.

    A card for which a moderator selected the subscription need not match. `outcomes` is filled only if `explain` is
    set.
    """
    topics = {normalize_name(topic) for topic in options.topics}
    providers = {normalize_name(name) for name in options.providers}
    chosen: list[Candidate] = []
    outcomes: dict[int, SelectionOutcome] = {}
    selected_stories: set[int] = set()
    provider_counts: dict[str, int] = {}
    judged = (
        (
            card,
            _mismatch(card, options, topics, providers, subscription_id)
            or _previous_delivery(card, since, pauses, already_delivered)
            or _text_mismatch(card, judge_text),
        )
        for _, card in ranking
    )
    ahead, limit = _find_provider_limit(judged, options.max_cards)
    for card, unfit in chain(ahead, judged):
        # Without `explain` the loop ends with the last card that fits: the rest may be thousands of cards.
        is_full = len(chosen) >= options.max_cards
        if is_full and not explain:
            break
        outcome = unfit or _displacement(card, selected_stories, provider_counts, limit, is_full=is_full)
        if outcome is SelectionOutcome.SELECTED:
            chosen.append(card)
            selected_stories.add(card.story_id)
            if card.provider:
                provider_counts[card.provider] = provider_counts.get(card.provider, 0) + 1
        if explain:
            outcomes[card.card_id] = outcome
    selected = tuple(
        SelectedCard(card.card_id, card.revision, coverage_step(card.publishers), _selection_reason(card, place, at))
        for place, card in enumerate(chosen, 1)
    )
    return Selection(selected, outcomes)


def compute_provider_limit(max_cards: int, providers: int) -> int:
    """Return how many cards of one publisher fit in a digest: two, or an even share if there are few publishers."""
    return max(MIN_PROVIDER_LIMIT, math.ceil(max_cards / max(providers, 1)))


_Judged = tuple[Candidate, SelectionOutcome | None]
"""A card, and why it does not fit the subscription; None if it does."""


def _find_provider_limit(judged: Iterator[_Judged], max_cards: int) -> tuple[list[_Judged], int]:
    """Return the limit by the publishers of the cards that fit, and the cards that were read for it."""
    ahead: list[_Judged] = []
    providers: set[str] = set()
    for card, unfit in judged:
        ahead.append((card, unfit))
        if unfit is None and card.provider:
            providers.add(card.provider)
            # More publishers cannot lower the limit any further: mostly a few cards tell.
            if len(providers) * MIN_PROVIDER_LIMIT >= max_cards:
                break
    return ahead, compute_provider_limit(max_cards, len(providers))


def _mismatch(
    card: Candidate,
    options: SubscriptionOptions,
    topics: Collection[str],
    providers: Collection[str],
    subscription_id: int,
) -> SelectionOutcome | None:
    """Why a card does not match the options, unless a moderator selected its subscriptions."""
    if card.picked_for is not None:
        # The choice of a moderator replaces the filters, in both directions.
        return None if subscription_id in card.picked_for else SelectionOutcome.PICKED_ELSEWHERE
    if topics and card.topics.isdisjoint(topics):
        return SelectionOutcome.OTHER_TOPIC
    if providers and card.provider not in providers:
        return SelectionOutcome.OTHER_PROVIDER
    return SelectionOutcome.LOW_QUALITY if (card.quality or 0) < options.min_quality else None


_WITHOUT: Mapping[SelectionOutcome, Mapping[str, Any]] = {
    SelectionOutcome.OTHER_TOPIC: {"topics": ()},
    SelectionOutcome.OTHER_PROVIDER: {"providers": ()},
    SelectionOutcome.LOW_QUALITY: {"min_quality": 0},
}
"""What to change in the options to see past a mismatch."""


def list_mismatches(
    card: Candidate, options: SubscriptionOptions, judge_text: TextJudge | None = None
) -> list[SelectionOutcome]:
    """Return each filter that a card does not match, topics first."""
    found: list[SelectionOutcome] = []
    # It tells the first mismatch only: take away what it names, and ask again.
    while unfit := _mismatch(
        card,
        options,
        {normalize_name(topic) for topic in options.topics},
        {normalize_name(name) for name in options.providers},
        0,
    ):
        found.append(unfit)
        options = replace(options, **_WITHOUT[unfit])
    unfit = _text_mismatch(card, judge_text)
    return [*found, unfit] if unfit else found


def _previous_delivery(
    card: Candidate, since: datetime, pauses: Pauses, already_delivered: AlreadyDelivered
) -> SelectionOutcome | None:
    """Why a card is not new to the channel; None if it is."""
    if card.card_id in already_delivered.cards:
        return SelectionOutcome.CARD_DELIVERED
    if card.story_id in already_delivered.stories:
        return SelectionOutcome.STORY_DELIVERED
    return None if is_new(card.arrived_at, since, pauses) else SelectionOutcome.NOT_NEW


def _text_mismatch(card: Candidate, judge_text: TextJudge | None) -> SelectionOutcome | None:
    """Why a card's text does not match. Checked last because it is expensive."""
    return judge_text(card) if judge_text and card.picked_for is None else None


def _displacement(
    card: Candidate,
    selected_stories: Collection[int],
    provider_counts: Mapping[str, int],
    limit: int,
    *,
    is_full: bool,
) -> SelectionOutcome:
    """Whether better cards leave room for this one."""
    # Checked before `full`: "another card of the story was chosen" explains more than "no room".
    if card.story_id in selected_stories:
        return SelectionOutcome.STORY_SELECTED
    if is_full:
        return SelectionOutcome.OUTRANKED
    enough = provider_counts.get(card.provider, 0) >= limit and card.picked_for is None
    return SelectionOutcome.PROVIDER_LIMIT if enough else SelectionOutcome.SELECTED


def _selection_reason(card: Candidate, place: int, at: datetime) -> SelectionReason:
    hours = max((at - card.published_at) // _HOUR, 0)
    return SelectionReason(place, card.heat, card.quality, hours)
