"""Desired and actual content of a delivery, and the action that reconciles them."""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

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


class ThreadState(enum.StrEnum):
    """State of the discussion thread under a post."""

    WANTED = "wanted"
    DONE = "done"
    DROPPED = "dropped"
    """Discord refused it."""


class ContentKind(enum.StrEnum):
    """What a message shows."""

    CARDS = "cards"
    UNPUBLISHED = "unpublished"
    """A note in place of a card that its file unpublished; edited again once the card is republished. Files often do
    that for some hours, so only a withdrawal deletes the post."""
    WITHDRAWN = "withdrawn"
    """A note in place of a withdrawn card, in a channel that prefers that to deletion."""
    EMPTY = "empty"
    """A digest without cards, in a channel that does not skip empty digests."""


POSTED_KINDS = (ContentKind.CARDS, ContentKind.EMPTY)
"""What is posted as a new message. The notes only replace cards in a message that is there already."""

UNPUBLISHED_REVISION = "unpublished"
"""Stands for the revision of a card that its file unpublished."""
REVISION_MARK = "~"
"""Separates a card's own revision from the suffix for what one server has changed about it."""


@dataclass(frozen=True, slots=True)
class CardRevision:
    """A card at a revision.

    Equal revisions look the same. After `REVISION_MARK` comes the state of a review, which is of one server.
    `coverage` is the number of publishers that the message names, a step (`bot.domain.heat.coverage_step`).
    """

    card_id: int
    revision: str
    coverage: int = 0

    @property
    def own_revision(self) -> str:
        """The revision of the card that is shown."""
        return self.revision.partition(REVISION_MARK)[0]


class AttachedCard(NamedTuple):
    """A card attached to a message: `revision` is null once it is removed, `shown` false if it is suppressed.

    One that is only `listed` is not what the message is there for: the channel has it in another one, or not at all.
    """

    card_id: int
    revision: str | None
    shown: bool
    coverage: int = 0
    listed: bool = False


def select_shown(attached: Sequence[AttachedCard]) -> tuple[CardRevision, ...]:
    """Return what a message shows of its cards, in order.

    A message stays up while any card of its story is visible: if the shown cards disappear, the first suppressed one
    replaces them.
    """
    visible = [each for each in attached if each.revision not in (None, UNPUBLISHED_REVISION)]
    own = [each for each in visible if not each.listed]
    shown = [each for each in own if each.shown] or own[:1]
    shown += [each for each in visible if each.listed] if own else []
    return tuple(CardRevision(each.card_id, each.revision, each.coverage) for each in shown if each.revision)


def compute_content(
    attached: Sequence[AttachedCard], *, leaves_note: bool
) -> tuple[ContentKind, str] | tuple[None, None]:
    """Return kind and hash of the content that follows from a message's cards; None for no message.

    `leaves_note`: once all cards are withdrawn, a note replaces them.
    """
    if shown := select_shown(attached):
        return ContentKind.CARDS, hash_content(ContentKind.CARDS, shown)
    if any(each.revision for each in attached if not each.listed):
        return ContentKind.UNPUBLISHED, hash_content(ContentKind.UNPUBLISHED)
    return (ContentKind.WITHDRAWN, hash_content(ContentKind.WITHDRAWN)) if leaves_note else (None, None)


def hash_content(kind: ContentKind, cards: Sequence[CardRevision] = ()) -> str:
    """Return a hash that differs whenever a message would look different; a message is edited if its own differs.

    Behind its first `OWN_HASH` characters is what the message says of the coverage of its cards, if anything.
    """
    # A space separates cards, so that no two lists give one text: revisions contain none.
    text = " ".join(f"{card.card_id}:{card.revision}" for card in cards) or kind
    coverage = f"+{'.'.join(str(card.coverage) for card in cards)}" if any(card.coverage for card in cards) else ""
    return hashlib.blake2b(text.encode(), digest_size=OWN_HASH // 2).hexdigest() + coverage


OWN_HASH = 16
COVERAGE_EDITS_APART = timedelta(minutes=15)
"""Minimum time between a post or edit and an edit that changes nothing but the coverage."""


def differs_in_coverage_alone(one: str | None, other: str | None) -> bool:
    """Whether two contents, as of `hash_content`, differ, but only in what they say of coverage."""
    return one is not None and other is not None and one != other and one[:OWN_HASH] == other[:OWN_HASH]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message that should exist in a channel.

    The desired content is a kind (None: no message), a hash (`hash_content`), and `cards` in order. `delivered_hash` is
    that of the content that the message shows; None if there is no message, or its content is unknown. `heading` is
    shown above a digest's cards. `options` are those that its message needs, as they were when it was planned. With
    `is_forum` the message opens a post. `language` is that of the bot's own text. `user_id` is set for a personal
    digest. If the last call to post created a message, its id is greater than `after_id`.
    """

    id: int
    guild_id: int
    channel_id: int
    desired_kind: ContentKind | None
    desired_hash: str | None
    delivered_hash: str | None
    message_id: int | None
    attempts: int
    status: DeliveryStatus
    planned_at: datetime
    sent_at: datetime | None
    settled_at: datetime | None
    without_images: bool
    layout: Layout
    heading: str
    options: SubscriptionOptions
    is_forum: bool
    crosspost: CrosspostState | None
    language: str
    user_id: int | None = None
    thread: ThreadState | None = None
    after_id: int | None = None
    cards: tuple[CardRevision, ...] = ()


def next_action(delivery: Delivery) -> Action | None:
    """The action that brings a channel to the desired state; None if it already matches."""
    if delivery.desired_kind is None:
        return Action.RETRACT if delivery.message_id is not None else None
    if delivery.message_id is None:
        return Action.POST if delivery.desired_kind in POSTED_KINDS else None
    return Action.EDIT if delivery.desired_hash != delivery.delivered_hash else None


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
