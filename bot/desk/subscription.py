"""What a channel asked for."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, time

from bot.language import ENGLISH


class When(enum.StrEnum):
    """When a subscription's cards come: each as it appears, or together at times of the week."""

    INSTANT = "instant"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKDAYS = "weekdays"
    WEEKLY = "weekly"


class Layout(enum.StrEnum):
    """How a message shows its cards."""

    CARD = "card"
    """One story in full: the first card, and the others as "Also covered by"."""
    CARDS = "cards"
    """Up to ten small embeds."""
    LIST = "list"
    """Linked headlines."""
    REVIEW = "review"
    """A card that waits for a moderator's decision, and then the record of it."""


class OnWithdrawal(enum.StrEnum):
    """What becomes of a post whose card is withdrawn."""

    DELETE = "delete"
    MARK = "mark"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Wish:
    """Which cards, when, and how they look. `topics` and `without` are display names and words; none means no limit.

    `days` count from Monday (0); `times` and `days` are those of `timezone` (an IANA name) and empty for instant ones.
    `min_quality` is on the producer's scale (0 to about 190); a card without a score counts as 0. `mention` is a
    role's id. `layout` and `max_cards` shape digests; an instant post is always one card in full. `language`
    is None where posts are in the server's.
    """

    when: When = When.INSTANT
    times: tuple[time, ...] = ()
    days: tuple[int, ...] = ()
    timezone: str = "UTC"
    topics: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    min_quality: int = 0
    max_cards: int = 10
    layout: Layout = Layout.CARDS
    mention: int | None = None
    crosspost: bool = False
    on_withdrawal: OnWithdrawal = OnWithdrawal.DELETE
    skip_empty: bool = True
    language: str | None = None


Pauses = tuple[tuple[datetime, datetime | None], ...]
"""From and until, in order; until is None while a pause lasts."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One channel's wish. `next_at` is when its next digest is due, None for instant and paused ones.

    `since`: cards that became visible after it are new to the subscription. `forum`: each message is a post of its own.
    `user_id` is the member whose own digest it is; the channel is that of their direct messages.
    `language` is the one that its posts are in. `unusable` names the columns that hold nothing to plan by, such as a
    time zone that this machine does not know: while there is one, the subscription rests. `trouble` is why its last
    digest could not be made, for operators. `pauses` are the spans since its last slot in which it was paused: cards
    that became visible then are old to it.
    """

    id: int
    guild_id: int
    channel_id: int
    created_by: int
    created_at: datetime
    since: datetime
    wish: Wish = Wish()
    forum: bool = False
    paused: bool = False
    next_at: datetime | None = None
    user_id: int | None = None
    language: str = ENGLISH
    unusable: tuple[str, ...] = ()
    trouble: str | None = None
    pauses: Pauses = ()


def is_new(arrived_at: datetime, since: datetime, pauses: Pauses = ()) -> bool:
    """Whether a card that became visible then is new to a subscription: after its last slot, and not during a pause."""
    if arrived_at <= since or not pauses:  # asked of every card of every digest
        return arrived_at > since
    return not any(start < arrived_at <= end for start, end in pauses if end is not None)
