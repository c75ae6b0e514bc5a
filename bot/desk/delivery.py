"""What is wanted in a channel against what is there, and how long to wait after a failure."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta


class Action(enum.Enum):
    """What makes a channel hold what is wanted."""

    POST = "post"
    EDIT = "edit"
    RETRACT = "retract"


class Progress(enum.StrEnum):
    """Where a delivery stands. Only `waiting` and `sending` can be due."""

    WAITING = "waiting"
    SENDING = "sending"
    SETTLED = "settled"
    QUARANTINED = "quarantined"
    """Discord refused the card's form: not tried again until the card changes."""
    REMOVED = "removed"
    """A moderator deleted the message: it stays deleted."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message that should exist in a channel. `wanted` and `actual` are revisions of its card, None for nothing."""

    id: int
    guild_id: int
    channel_id: int
    card_id: int
    wanted: str | None
    actual: str | None
    message_id: int | None
    attempts: int
    progress: Progress
    sent_at: datetime | None
    plain: bool


UNPUBLISHED = "unpublished"
"""The revision of a post whose card's file took its publication back: a note in the card's place, edited again when
the card is published again. Files do that for hours and often; only a withdrawal deletes the post."""


def action(wanted: str | None, message_id: int | None, actual: str | None) -> Action | None:
    """The one step towards what is wanted; None when the channel already holds it."""
    if wanted is None:
        return Action.RETRACT if message_id is not None else None
    if message_id is None:
        return Action.POST if wanted != UNPUBLISHED else None
    return Action.EDIT if wanted != actual else None


FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=15)


def wait_after(attempts: int, jitter: float) -> timedelta:
    """How long to wait after the given number of failures in a row (from 1). `jitter` in 0..1 spreads by ±25 %."""
    doubled: timedelta = FIRST_WAIT * 2 ** min(attempts - 1, 12)
    return min(doubled, LONGEST_WAIT) * (0.75 + 0.5 * jitter)


FIRST_PROBE = timedelta(minutes=1)
LONGEST_PROBE = timedelta(hours=1)


def probe_after(failures: int, jitter: float) -> timedelta:
    """How long a closed channel is left alone after the given number of failures in a row (from 1)."""
    doubled: timedelta = FIRST_PROBE * 2 ** min(failures - 1, 12)
    return min(doubled, LONGEST_PROBE) * (0.9 + 0.2 * jitter)


def nonce(instance: str, delivery_id: int) -> str:
    """The same for every try of one delivery. Discord takes at most 25 characters; `instance` holds 8."""
    return f"{instance}-{delivery_id:x}"
