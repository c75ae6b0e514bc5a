"""What a server wants of a source that it follows."""

from __future__ import annotations

import enum


class FollowPolicy(enum.StrEnum):
    """What becomes of a card when it arrives in the server. A later change of the policy concerns later cards only."""

    REVIEW = "review"
    """It is held until a moderator decides."""
    PUBLISH = "publish"
    COVERED = "covered"
    """It is held until a second publisher has its story, in what this server sees."""
    ARCHIVE = "archive"
    """It is found and never posted."""
