"""Feeds that a server follows, as values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from bot.domain.feed import Feed, FeedOptions
from bot.domain.feed_schedule import FeedState
from bot.domain.followed_feed import FollowedFeed
from bot.domain.follows import Follow, FollowPolicy

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
URL = "https://paper.example/feed"


def make_follow(policy: FollowPolicy = FollowPolicy.PUBLISH, **fields: Any) -> Follow:
    usual: dict[str, Any] = {"guild_id": 1, "source_id": 7, "policy": policy, "followed_at": NOW, "created_by": 3}
    return Follow(**usual | fields)


def make_followed(state: FeedState | None = None, weekly: int = 5, paused: bool = False, **fields: Any) -> FollowedFeed:
    """A feed that is fine, with a look in ten minutes, apart from what is given."""
    usual: dict[str, Any] = {
        "source_id": 7,
        "key": URL,
        "url": URL,
        "host": "paper.example",
        "title": "The Paper",
        "site": "https://paper.example/",
        "language": "en",
        "options": FeedOptions(),
        "is_shared": False,
        "is_listed": False,
        "paused_at": None,
        "fetched_at": NOW,
        "read_at": NOW,
        "state": state or FeedState(next_fetch_at=NOW + timedelta(minutes=10)),
    }
    follow = fields.pop("follow", make_follow(paused=paused))
    return FollowedFeed(Feed(**usual | fields), follow, weekly)
