"""The best stories since a member last read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.desk.digest import Candidate, ranked

FIRST = timedelta(days=7)
"""How far back to look for a member who has not read anything yet."""
MOST = 10
"""Default number of stories to show."""


@dataclass(frozen=True, slots=True)
class Missed:
    """The best missed cards, one per story, and the total number of stories."""

    best: tuple[Candidate, ...]
    stories: int


def missed(pool: Iterable[Candidate], since: datetime, until: datetime, *, most: int = MOST) -> Missed:
    """Rank the cards that arrived in (`since`, `until`], as of `until`, so that the result is reproducible.

    Subscriptions selected by a moderator are ignored; they only matter for posting.
    """
    arrived = [replace(card, only=None) for card in pool if since < card.arrived_at <= until]
    best: dict[int, Candidate] = {}
    for card in ranked(arrived, until, until - since):
        best.setdefault(card.story_id, card)
    return Missed(tuple(best.values())[:most], len(best))
