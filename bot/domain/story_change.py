"""A moderator's change of a story in a server, as the audit log keeps it."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from typing import Self


class StoryAct(enum.StrEnum):
    """What was done."""

    SPLIT = "split"
    """The card was taken out of its story, and tells one of its own."""
    JOIN = "join"
    """The card's story became one with another."""


class StoryRefusal(enum.Enum):
    """Why nothing was done."""

    GONE = enum.auto()
    """The card, or the other one, is not in the server."""
    WITHDRAWN = enum.auto()
    ALONE = enum.auto()
    """No other card tells the story of the card that is to be split."""
    SAME = enum.auto()
    """Both cards tell one story already."""
    TOO_LARGE = enum.auto()
    """The stories have too many cards together."""


@dataclass(frozen=True, slots=True)
class StoryChange:
    """What was done, and with which story: `title` is that of the other card, as the server saw it."""

    act: StoryAct
    title: str = ""

    def to_json(self) -> str:
        """Return this as JSON text."""
        return json.dumps({"act": self.act, "title": self.title}, ensure_ascii=False)

    @classmethod
    def from_json(cls, written: str | None) -> Self | None:
        """Parse what `to_json` returned; None for anything else."""
        try:
            stored = json.loads(written) if written else None
            return cls(StoryAct(stored["act"]), str(stored["title"])) if stored else None
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
