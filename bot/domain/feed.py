"""A feed as the store keeps it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from bot.domain.feed_schedule import FeedState
from bot.domain.follows import FollowPolicy

DEFAULT_QUALITY = 50


@dataclass(frozen=True, slots=True)
class FeedOptions:
    """What the operator wants of a feed: its cards' state, topics besides their own, and quality."""

    policy: FollowPolicy = FollowPolicy.PUBLISH
    topics: tuple[str, ...] = ()
    quality: int = DEFAULT_QUALITY


@dataclass(frozen=True, slots=True)
class NewFeed:
    """A feed to add. `url` identifies it, also after it moves, and may hold credentials. `title` is a first name."""

    url: str = field(repr=False)
    title: str = ""
    options: FeedOptions = FeedOptions()


@dataclass(frozen=True, slots=True)
class Feed:
    """A feed.

    `key` is the address under which it was added, `url` where it is now; both may hold credentials. `read_at` is when
    it was first read since it was added or resumed: what it holds then is its backlog, which is not posted.
    """

    source_id: int
    key: str = field(repr=False)
    url: str = field(repr=False)
    host: str
    title: str
    site: str
    language: str
    options: FeedOptions
    is_shared: bool
    """Whether its cards are everybody's, and not only of the servers that follow it."""
    is_listed: bool
    """Whether it comes from the operator's file."""
    paused_at: datetime | None
    fetched_at: datetime | None
    read_at: datetime | None
    state: FeedState

    @property
    def is_stopped(self) -> bool:
        """Whether it is not fetched any more because the site says that it is gone."""
        return self.state.next_fetch_at is None and self.paused_at is None

    @property
    def name(self) -> str:
        """Its part of its cards' slugs: the same in every store."""
        return feed_name(self.key)


def feed_name(key: str) -> str:
    """Name a feed in the slugs of its cards. A hash, because an address may hold credentials."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def parse_host(url: str) -> str:
    """The host of a feed's address, in lower case; empty if it has none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""
