"""Subscriptions and their options."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, time

from bot.i18n import ENGLISH


class Frequency(enum.StrEnum):
    """Frequency of a subscription: instant posts, or digests on a schedule."""

    INSTANT = "instant"
    HOURLY = "hourly"
    DAILY = "daily"
    WEEKDAYS = "weekdays"
    WEEKLY = "weekly"


class Layout(enum.StrEnum):
    """Layout of a message."""

    CARD = "card"
    """One story in full: its first card, the others under "Also covered by"."""
    CARDS = "cards"
    """Up to ten small embeds."""
    LIST = "list"
    """Linked headlines."""
    COMPACT = "compact"
    """Up to ten lines, each with a thumbnail."""
    MAGAZINE = "magazine"
    """Up to eight stories as Discord's Components V2. The layout of a message that is there never changes, since
    Discord does not let it become an ordinary one again."""
    REVIEW = "review"
    """A card awaiting a moderator's decision, and afterwards the record of that decision."""


class OnWithdrawal(enum.StrEnum):
    """What to do with a post whose card is withdrawn."""

    DELETE = "delete"
    MARK = "mark"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class SubscriptionOptions:
    """Options of a subscription. `topics`, `providers`, `words` and `excluded` are as typed; empty means no filter.

    A card needs one of the topics, one of the providers and one of the words, each of which is a small search query.

    `days` count from Monday (0); `times` and `days` are local to `timezone` (an IANA name) and empty for instant
    subscriptions. `min_quality` is on the producer's scale (0 to about 190); a card without a score counts as 0.
    `layout` and `max_cards` apply to digests; an instant post always shows one card in full.
    `silent` posts notify nobody, not even the role that they mention. `language` None means the server's language.
    `backfill` is the number of cards that were posted when it was made. Posts are deleted after
    `keep_days`, or never if it is 0. With `thread` each post gets a discussion thread. `colour` (RGB) is that of its
    posts, instead of their topics'; `template` is the text above them (`bot.domain.post_template`), instead of the
    usual heading.
    """

    frequency: Frequency = Frequency.INSTANT
    times: tuple[time, ...] = ()
    days: tuple[int, ...] = ()
    timezone: str = "UTC"
    topics: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    min_quality: int = 0
    max_cards: int = 10
    layout: Layout = Layout.CARDS
    mention_role_id: int | None = None
    crosspost: bool = False
    on_withdrawal: OnWithdrawal = OnWithdrawal.DELETE
    skip_empty: bool = True
    silent: bool = False
    language: str | None = None
    backfill: int = 0
    keep_days: int = 0
    thread: bool = False
    colour: int | None = None
    template: str = ""


MAX_BACKFILL, MAX_KEEP_DAYS, MAX_COLOUR = 5, 365, 0xFFFFFF


def digest_layout(options: SubscriptionOptions) -> Layout:
    """Return the layout of a subscription's next digest.

    A magazine notifies without a word of text, and followers of an announcement channel may not get one. So where a
    role is mentioned, or posts are crossposted, cards take its place.
    """
    # Push notifications show the content of a message alone, and a magazine has none (discord-api-docs issue 7854).
    needs_text = options.mention_role_id is not None or options.crosspost
    return Layout.CARDS if options.layout is Layout.MAGAZINE and needs_text else options.layout


Pauses = tuple[tuple[datetime, datetime | None], ...]
"""Pauses as (start, end), in order; the end is None while a pause lasts."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A channel's subscription. `next_digest_at` is when its next digest is due, None if instant or paused.

    Cards that became visible after `new_after` are new to the subscription. With `is_forum` each message opens a post.
    `user_id` is set for a member's personal digest; the channel is then their DM channel. `language` is that of its
    posts. `unusable` names options with invalid values, such as a time zone unknown on this machine; the subscription
    is suspended while there are any. `trouble` is why its last digest failed, for operators. `pauses` are the pauses
    since its last slot: cards that became visible during one are not new to it.
    """

    id: int
    guild_id: int
    channel_id: int
    created_by: int
    created_at: datetime
    new_after: datetime
    options: SubscriptionOptions = SubscriptionOptions()
    is_forum: bool = False
    paused: bool = False
    next_digest_at: datetime | None = None
    user_id: int | None = None
    language: str = ENGLISH
    unusable: tuple[str, ...] = ()
    trouble: str | None = None
    pauses: Pauses = ()


def is_new(arrived_at: datetime, since: datetime, pauses: Pauses = ()) -> bool:
    """Whether a card is new to a subscription: visible since after its last slot, and not first during a pause."""
    if arrived_at <= since or not pauses:  # hot path: every card of every digest
        return arrived_at > since
    return not any(start < arrived_at <= end for start, end in pauses if end is not None)
