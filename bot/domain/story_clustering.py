"""Group cards into stories. A channel gets one post per story: a wrong merge hides news, a missed one repeats it.

Cards are matched by the keys of `bot.domain.story_keys`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from bot.domain.story_keys import ALIKE, OWN, RELATED, TITLE

WITHIN = timedelta(days=7)
"""Maximum time between two cards matched by a listed article."""
TITLES_WITHIN = timedelta(days=3)
"""Maximum time between two cards matched by title; shorter, since titles recur ("the week in review")."""
SPAN = timedelta(days=7)
"""Maximum duration of a story: later cards start a new one even if they link back."""


@dataclass(frozen=True, slots=True)
class ClusterMember:
    """A card to be clustered; `story_id` if it already belongs to a story."""

    card_id: int
    published_at: datetime
    keys: frozenset[str]
    story_id: int | None = None


def assign_stories(members: Iterable[ClusterMember]) -> dict[int, int]:
    """Cluster cards into stories: card id to story id, the smallest existing story id or else the smallest card id."""
    cards = sorted(members, key=lambda card: (card.published_at, card.card_id))
    # Filled in order of publication: the pairing below relies on each group being sorted.
    by_key: dict[str, list[ClusterMember]] = defaultdict(list)
    for card in cards:
        for key in card.keys:
            by_key[key].append(card)
    groups = _DisjointSets(cards, [group for key, group in by_key.items() if key.startswith(OWN)])
    for pairs in _find_pairs(by_key):
        for one, other, merges in pairs:
            groups.merge_cards(one, other, merges=merges)
    return groups.to_stories()


_Pairs = Iterator[tuple[ClusterMember, ClusterMember, bool]]
"""Pairs of cards that may tell one story, and whether the match may merge two existing stories."""


def _find_pairs(by_key: dict[str, list[ClusterMember]]) -> Iterator[_Pairs]:
    """Candidate pairs, strongest evidence first. Chaining neighbours is equivalent to all pairs, in fewer steps."""
    # Merges are greedy, since the span limit can refuse one. Sorted keys make the result independent of input order.
    shared = sorted(by_key)
    yield from (_pair_listings(by_key[RELATED + key[2:]], by_key[key]) for key in shared if _is_listed(key, by_key))
    yield from (_chain_pairs(by_key[key], WITHIN) for key in shared if key.startswith(ALIKE))
    yield from (_chain_pairs(by_key[key], TITLES_WITHIN) for key in shared if key.startswith(TITLE))


def _is_listed(key: str, by_key: dict[str, list[ClusterMember]]) -> bool:
    return key.startswith(OWN) and RELATED + key[2:] in by_key


def _pair_listings(listing: Iterable[ClusterMember], own: Sequence[ClusterMember]) -> _Pairs:
    """Pair each card that lists an article with that article's card, or with the nearest ones if it has several."""
    moments = [card.published_at for card in own]
    for card in listing:
        # Only the two publications around the card: all of them would be quadratic for an article many cards list.
        place = bisect_left(moments, card.published_at)
        for other in own[max(place - 1, 0) : place + 1]:
            if abs(other.published_at - card.published_at) <= WITHIN:
                yield other, card, True


def _chain_pairs(group: Sequence[ClusterMember], within: timedelta) -> _Pairs:
    for one, other in pairwise(group):
        if other.published_at - one.published_at <= within:
            yield one, other, False


class _DisjointSets:
    """Union-find over cards, with each set's existing story and its first and last publication time."""

    def __init__(self, cards: Sequence[ClusterMember], same_article: Iterable[Sequence[ClusterMember]]) -> None:
        self._leader = {card.card_id: card.card_id for card in cards}
        self._story = {card.card_id: card.story_id for card in cards}
        by_story: dict[int, ClusterMember] = {}
        for card in cards:
            if card.story_id is not None:
                self._merge_roots(by_story.setdefault(card.story_id, card).card_id, card.card_id)
        for group in same_article:
            for one, other in pairwise(group):
                self._merge_roots(one.card_id, other.card_id)
        self._first: dict[int, datetime] = {}
        self._last: dict[int, datetime] = {}
        for card in cards:
            leader = self._find_root(card.card_id)
            first = self._first.setdefault(leader, card.published_at)
            # A card beyond the span belongs by its own URL, and must not keep others out.
            if card.published_at - first <= SPAN:
                self._last[leader] = card.published_at

    def merge_cards(self, one: ClusterMember, other: ClusterMember, *, merges: bool) -> None:
        a, b = self._find_root(one.card_id), self._find_root(other.card_id)
        # Both may already have been posted: merging them on weak evidence would hide later cards of one of them.
        both_have_stories = self._story[a] is not None and self._story[b] is not None
        first, last = min(self._first[a], self._first[b]), max(self._last[a], self._last[b])
        if a != b and (merges or not both_have_stories) and last - first <= SPAN:
            leader = self._merge_roots(a, b)
            self._first[leader], self._last[leader] = first, last

    def _find_root(self, card_id: int) -> int:
        while self._leader[card_id] != card_id:
            # Path halving: point to the grandparent on the way up, which keeps later lookups short.
            self._leader[card_id] = self._leader[self._leader[card_id]]
            card_id = self._leader[card_id]
        return card_id

    def _merge_roots(self, one: int, other: int) -> int:
        # The smaller id leads, not the larger set: it becomes the story's id, whatever order the cards came in.
        leader, follower = sorted((self._find_root(one), self._find_root(other)))
        self._leader[follower] = leader
        stories = [story for story in (self._story[leader], self._story[follower]) if story is not None]
        self._story[leader] = min(stories, default=None)
        return leader

    def to_stories(self) -> dict[int, int]:
        result: dict[int, int] = {}
        for card_id in self._leader:
            leader = self._find_root(card_id)
            story = self._story[leader]
            result[card_id] = leader if story is None else story
        return result
