"""Desired and actual content of a delivery, and the action that reconciles them."""

from __future__ import annotations

import enum
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from bot.domain.subscription import Layout, SubscriptionOptions


class Action(enum.Enum):
    """The action that reconciles a channel with the desired state."""

    POST = "post"
    EDIT = "edit"
    RETRACT = "retract"


class DeliveryStatus(enum.StrEnum):
    """State of a delivery. Only `waiting` and `sending` can be due."""

    WAITING = "waiting"
    SENDING = "sending"
    SETTLED = "settled"
    QUARANTINED = "quarantined"
    """Discord rejected the message as invalid: not retried until one of its cards changes."""
    REMOVED = "removed"
    """A moderator deleted the message: it is not posted again."""


class CrosspostState(enum.StrEnum):
    """Crosspost state of a post in an announcement channel."""

    WANTED = "wanted"
    DONE = "done"
    DROPPED = "dropped"
    """The channel's crosspost budget went to better cards for too long, or Discord refused."""


UNPUBLISHED = "unpublished"
"""Desired content of a post whose card was unpublished by its file: a note, edited again once the card is republished.
Files often do that for some hours, so only a withdrawal deletes the post."""
WITHDRAWN = "withdrawn"
"""Desired content of a post whose card is withdrawn, in a channel that prefers a note to deletion."""
EMPTY = "empty"
"""Desired content of a digest without cards, in a channel that does not skip empty digests."""
_NOTES = (UNPUBLISHED, WITHDRAWN, EMPTY)


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message that should exist in a channel.

    `wanted` and `actual` list cards and their revisions in order (parsed by `parse_contents`), or are one of the notes
    above; None means no message. `heading` is shown above a digest's cards. `options` are those that its message needs,
    as they were when it was planned. In a `forum` the message opens a new post. `language` is that of the bot's own
    text. `user_id` is set for a personal digest. If the last call to post created a message, its id is greater than
    `after_id`.
    """

    id: int
    guild_id: int
    channel_id: int
    wanted: str | None
    actual: str | None
    message_id: int | None
    attempts: int
    progress: DeliveryStatus
    planned_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    plain: bool
    layout: Layout
    heading: str
    options: SubscriptionOptions
    forum: bool
    crosspost: CrosspostState | None
    language: str
    user_id: int | None = None
    after_id: int | None = None


REVISION_MARK = "~"
"""Separates a card's own revision from the suffix for what one server has changed about it."""


@dataclass(frozen=True, slots=True)
class CardRevision:
    """A card at a revision.

    After `REVISION_MARK`, the revision identifies what is specific to one server: overridden topics, or the review's
    state.
    """

    card_id: int
    revision: str

    @property
    def own_revision(self) -> str:
        """The card's own revision, common to all servers."""
        return self.revision.partition(REVISION_MARK)[0]


def format_contents(contents: Iterable[CardRevision]) -> str | None:
    """Serialize cards for `wanted`; None if there are none. `bot.store.outbox.planner` does the same in SQL."""
    return " ".join(f"{content.card_id}:{content.revision}" for content in contents) or None


@lru_cache(maxsize=1024)
def parse_contents(wanted: str | None) -> tuple[CardRevision, ...]:
    """Parse the cards in `wanted`, in order; empty for a note. Malformed tokens are skipped, so that one of them does
    not cost a digest its other cards."""
    if not wanted or wanted in _NOTES:
        return ()
    named = (token.partition(":") for token in wanted.split(" "))
    return tuple(CardRevision(int(card), revision) for card, _, revision in named if _IS_CARD.fullmatch(card))


_IS_CARD = re.compile(r"[0-9]{1,18}")


def is_readable(wanted: str | None) -> bool:
    """Whether `wanted` is valid: None, a note, or a list with at least one card."""
    return wanted is None or wanted in _NOTES or bool(parse_contents(wanted))


def next_action(wanted: str | None, message_id: int | None, actual: str | None) -> Action | None:
    """The action that brings a channel to the desired state; None if it already matches."""
    if wanted is None:
        return Action.RETRACT if message_id is not None else None
    if message_id is None:
        return Action.POST if wanted not in (UNPUBLISHED, WITHDRAWN) else None
    return Action.EDIT if wanted != actual else None


CATCH_UP_AFTER = timedelta(hours=1)
CATCH_UP_FROM = 3
"""Number of stories delayed by an outage (by `CATCH_UP_AFTER`) from which they are sent as one digest, not a flood."""


def should_catch_up(delivered: Delivery, waiting: int, now: datetime) -> bool:
    """Whether the stories still waiting for a channel should be sent as one digest.

    `delivered` is the delivery that just succeeded, as it was before: a late edit of an old post is no sign of an
    outage.
    """
    late = now - delivered.planned_at >= CATCH_UP_AFTER and delivered.message_id is None
    return late and delivered.layout is Layout.CARD and waiting >= CATCH_UP_FROM


def make_nonce(instance: str, delivery_id: int, retracted_at: datetime | None = None) -> str:
    """The nonce of a post, stable across retries. Discord allows 25 characters; `instance` takes 8.

    For some minutes Discord remembers that a nonce's message was deleted, so a message posted again needs a new one.
    """
    if retracted_at is None:
        return f"{instance}-{delivery_id:x}"
    again = f"{delivery_id} {retracted_at.timestamp()}".encode()
    return f"{instance}-{hashlib.blake2b(again, digest_size=8).hexdigest()}"
