"""What a server wants of a source that it follows."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

DEFAULT_QUALITY = 50
BACKLOG_DAYS = timedelta(days=90)
"""How far back a server that begins to follow a source finds its cards."""


class FollowPolicy(enum.StrEnum):
    """What becomes of a card when it arrives in the server. A later change of the policy concerns later cards only."""

    REVIEW = "review"
    """It is held until a moderator decides."""
    PUBLISH = "publish"
    COVERED = "covered"
    """It is held until a second publisher has its story, in what this server sees."""
    ARCHIVE = "archive"
    """It is found and never posted."""


@dataclass(frozen=True, slots=True)
class Follow:
    """A server's follow of a source.

    `quality` is that of its cards in this server. `topics` are added to those of the cards. While it is `paused`, cards
    arrive as backlog: they can be found, and are not posted.
    """

    guild_id: int
    source_id: int
    policy: FollowPolicy
    followed_at: datetime
    created_by: int
    quality: int = DEFAULT_QUALITY
    topics: tuple[str, ...] = ()
    paused: bool = False
