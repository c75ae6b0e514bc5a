"""A feed as one server has it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.domain.feed import Feed
from bot.domain.follows import Follow


@dataclass(frozen=True, slots=True)
class FollowedFeed:
    """A feed, what the server wants of it, and the number of its cards of the last seven days."""

    feed: Feed
    follow: Follow
    weekly_cards: int = 0

    @property
    def name(self) -> str:
        """What people know it by: its title, or its host as long as it has not been read."""
        return self.feed.title or self.feed.host
