"""What somebody missed since they last read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.desk.digest import Candidate, ranked

FIRST = timedelta(days=7)
"""How far back somebody looks who has read nothing yet."""
MOST = 10
"""Stories that one can catch up with at a sitting."""


@dataclass(frozen=True, slots=True)
class Missed:
    """The best of what was missed, one card a story, and how many stories there were in all."""

    best: tuple[Candidate, ...]
    stories: int


def missed(pool: Iterable[Candidate], since: datetime, until: datetime, *, most: int = MOST) -> Missed:
    """What arrived after `since`, up to `until`, as it stood then: the same question has the same answer later.

    For which channels a moderator picked a card is of no account to a reader.
    """
    arrived = [replace(card, only=None) for card in pool if since < card.arrived_at <= until]
    best: dict[int, Candidate] = {}
    for card in ranked(arrived, until, until - since):
        best.setdefault(card.story_id, card)
    return Missed(tuple(best.values())[:most], len(best))
