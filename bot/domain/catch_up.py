"""The best stories since a member last read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain.digest_selection import Candidate, rank_candidates

DEFAULT_LOOK_BACK = timedelta(days=7)
"""How far back to look for a member who has not read anything yet."""
MAX_CARDS = 10
"""Default number of stories to show."""


@dataclass(frozen=True, slots=True)
class MissedNews:
    """The best missed cards, one per story, and the total number of stories."""

    best: tuple[Candidate, ...]
    stories: int


def select_missed(
    candidates: Iterable[Candidate], since: datetime, until: datetime, *, most: int = MAX_CARDS
) -> MissedNews:
    """Rank the cards that arrived in (`since`, `until`], as of `until`, so that the result is reproducible.

    Subscriptions selected by a moderator are ignored; they only matter for posting.
    """
    arrived = [replace(card, picked_for=None) for card in candidates if since < card.arrived_at <= until]
    best: dict[int, Candidate] = {}
    for _, card in rank_candidates(arrived, until, until - since):
        best.setdefault(card.story_id, card)
    return MissedNews(tuple(best.values())[:most], len(best))
