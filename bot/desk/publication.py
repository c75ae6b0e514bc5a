"""Who sees a card: the one rule, in words of Python. `bot.store.visibility` says the same in SQL."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from bot.cards.model import HeldReason, State


class Verdict(enum.StrEnum):
    """What a server's moderators decided. The words are those of `State`, whose place a verdict takes."""

    PUBLISH = "published"
    WITHDRAW = "withdrawn"


@dataclass(frozen=True, slots=True)
class Decision:
    """A moderator's decision on one card; it binds the moderator's own server."""

    guild_id: int
    card_id: int
    verdict: Verdict
    decided_by: int
    decided_at: datetime
    reason: str = ""


def is_visible(state: State, verdict: Verdict | None) -> bool:
    """A take-down in the file binds everyone; then the server's verdict counts, then the file's own state."""
    if state is State.WITHDRAWN:
        return False
    return verdict is Verdict.PUBLISH if verdict else state is State.PUBLISHED


def standing(state: State, held_reason: HeldReason | None, verdict: Verdict | None) -> str:
    """A card's standing in a server, in words for a moderator."""
    if state is State.WITHDRAWN:
        return "Withdrawn by its file"
    if verdict is Verdict.PUBLISH:
        return "Published by a moderator"
    if verdict is Verdict.WITHDRAW:
        return "Withdrawn by a moderator"
    if state is State.PUBLISHED:
        return "Published"
    return f"Held: {held_reason.words}" if held_reason else "Held"
