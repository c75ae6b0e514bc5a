"""What is wanted in a channel against what is there, and how long to wait after a failure."""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from bot.desk.subscription import Layout


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
    """Discord refused the message's form: not tried again until a card of it changes."""
    REMOVED = "removed"
    """A moderator deleted the message: it stays deleted."""


class Crosspost(enum.StrEnum):
    """Whether a post in an announcement channel goes on to the channels that follow it."""

    WANTED = "wanted"
    DONE = "done"
    DROPPED = "dropped"
    """Its channel's budget was spent on better cards for too long, or Discord refused."""


UNPUBLISHED = "unpublished"
"""Wanted of a post whose card's file took its publication back: a note in the card's place, edited again when the
card is published again. Files do that for hours and often; only a withdrawal deletes the post."""
WITHDRAWN = "withdrawn"
"""Wanted of a post whose card is withdrawn, in a channel that prefers a note to an empty place."""
EMPTY = "empty"
"""Wanted of a digest without cards, in a channel that wants to be told."""
_NOTES = (UNPUBLISHED, WITHDRAWN, EMPTY)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message that should exist in a channel.

    `wanted` and `actual` name the cards and their revisions in order (`contents` reads them), or are one of the notes
    above; None for nothing. `heading` stands above a digest's cards, `mention` is a role's id. In a `forum` the
    message opens a post of its own. `language` is the one that its own words are in. `user_id` is the member whose
    own digest it is. Whatever its last call to post has brought has a later id than `after_id`.
    """

    id: int
    guild_id: int
    channel_id: int
    wanted: str | None
    actual: str | None
    message_id: int | None
    attempts: int
    progress: Progress
    planned_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    plain: bool
    layout: Layout
    heading: str
    mention: int | None
    forum: bool
    crosspost: Crosspost | None
    language: str
    user_id: int | None = None
    after_id: int | None = None


SEEN_AS = "~"
"""Between a card's own revision and what makes it look different in one server."""


@dataclass(frozen=True, slots=True)
class Content:
    """A card at a revision.

    Behind `SEEN_AS` the revision names what one server has made of the card: other topics, or how a review stands.
    """

    card_id: int
    revision: str

    @property
    def own_revision(self) -> str:
        """The card's own, as every server has it."""
        return self.revision.partition(SEEN_AS)[0]


def written(contents: Iterable[Content]) -> str | None:
    """These cards as `wanted` names them; None for none. `bot.store.planning` writes the same in SQL."""
    return " ".join(f"{content.card_id}:{content.revision}" for content in contents) or None


@lru_cache(maxsize=1024)
def contents(wanted: str | None) -> tuple[Content, ...]:
    """The cards that `wanted` names, in order; none for a note. What names no card is passed over: a revision that
    cannot be one must not cost a digest its other cards."""
    if not wanted or wanted in _NOTES:
        return ()
    named = (token.partition(":") for token in wanted.split(" "))
    return tuple(Content(int(card), revision) for card, _, revision in named if _IS_CARD.fullmatch(card))


_IS_CARD = re.compile(r"[0-9]{1,18}")


def is_readable(wanted: str | None) -> bool:
    """Whether something can be done about what is wanted: nothing, a note, or cards."""
    return wanted is None or wanted in _NOTES or bool(contents(wanted))


def action(wanted: str | None, message_id: int | None, actual: str | None) -> Action | None:
    """The one step towards what is wanted; None when the channel already holds it."""
    if wanted is None:
        return Action.RETRACT if message_id is not None else None
    if message_id is None:
        return Action.POST if wanted not in (UNPUBLISHED, WITHDRAWN) else None
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


CATCH_UP_AFTER = timedelta(hours=1)
CATCH_UP_FROM = 3
"""Stories that waited that long, for an outage to pass: so many of them or more come as one digest, not as a flood."""


def catches_up(delivered: Delivery, waiting: int, now: datetime) -> bool:
    """Whether a channel that has just taken a story, with others waiting, should get those together.

    `delivered` as it was before: the edit of an old post says nothing of an outage.
    """
    late = now - delivered.planned_at >= CATCH_UP_AFTER and delivered.message_id is None
    return late and delivered.layout is Layout.CARD and waiting >= CATCH_UP_FROM


def nonce(instance: str, delivery_id: int, retracted_at: datetime | None = None) -> str:
    """The same for every try of one post. Discord takes at most 25 characters; `instance` holds 8.

    Discord remembers for minutes that the message of a nonce is deleted, so what is posted again gets another.
    """
    if retracted_at is None:
        return f"{instance}-{delivery_id:x}"
    again = f"{delivery_id} {retracted_at.timestamp()}".encode()
    return f"{instance}-{hashlib.blake2b(again, digest_size=8).hexdigest()}"
