"""What a channel asked for."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class When(enum.StrEnum):
    """When a subscription's cards come."""

    INSTANT = "instant"


@dataclass(frozen=True, slots=True)
class Subscription:
    """One channel's wish: which cards, and when. `topics` are display names, none of them means every topic.

    `min_quality` is on the producer's scale (0 to about 190); a card without a score counts as 0.
    """

    id: int
    guild_id: int
    channel_id: int
    created_by: int
    created_at: datetime
    when: When = When.INSTANT
    topics: tuple[str, ...] = ()
    min_quality: int = 0
