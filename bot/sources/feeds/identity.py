"""Match the items of a feed with those that are stored: which are new, which were edited, which got another key."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.cards.text import normalize_name
from bot.sources.feeds.model import FeedItem

_LEAST_PAIRS = 3
"""Pairs of which the times differ prove something in this number only: a daily briefing has the same title and address
every day."""


@dataclass(frozen=True, slots=True)
class StoredItem:
    """What is kept of an item. `published_at` is the feed's time, None if it gave none."""

    key: str
    title: str
    canonical: str
    published_at: datetime | None
    content_hash: str


@dataclass(frozen=True, slots=True)
class ItemMatches:
    """Result of matching. A re-keyed pair may have been edited as well: compare the content hashes."""

    new: tuple[FeedItem, ...] = ()
    edited: tuple[tuple[StoredItem, FeedItem], ...] = ()
    rekeyed: tuple[tuple[StoredItem, FeedItem], ...] = ()
    unchanged: int = 0


def match_items(items: Sequence[FeedItem], stored: Iterable[StoredItem]) -> ItemMatches:
    """Match a feed's items with the stored items of the same feed.

    `stored` must hold those with the keys of `items`; if there are items with other keys, also those with their
    canonical addresses, or simply all. An item that is stored but not in the feed any more is of no account.
    """
    known = {item.key: item for item in stored}
    edited, unmatched, unchanged = [], [], 0
    for item in items:
        if (old := known.pop(item.key, None)) is None:
            unmatched.append(item)
        elif old.content_hash != item.content_hash:
            edited.append((old, item))
        else:
            unchanged += 1
    rekeyed = _find_rekeyed(unmatched, known.values(), len(items)) if unmatched and known else []
    moved = {item.key for _, item in rekeyed}
    new = tuple(item for item in unmatched if item.key not in moved)
    return ItemMatches(new, tuple(edited), tuple(rekeyed), unchanged)


def _find_rekeyed(
    items: Sequence[FeedItem], stored: Iterable[StoredItem], total: int
) -> list[tuple[StoredItem, FeedItem]]:
    """Pair unmatched items that are the same under another key.

    Equal address, title and time are proof. Without the time, more than half of the feed's items must have a
    counterpart, as after a site changed its software: then none of them is new.
    """
    stored = list(stored)
    certain = _pair_items(items, stored, lambda item: (*_address_and_title(item), item.published_at), _has_time)
    keys, old_keys = {item.key for _, item in certain}, {old.key for old, _ in certain}
    likely = _pair_items(
        [item for item in items if item.key not in keys],
        [old for old in stored if old.key not in old_keys],
        _address_and_title,
        lambda _: True,
    )
    timed_alike = all(item.published_at is None or old.published_at is None for old, item in likely)
    pairs = len(certain) + len(likely)
    if 2 * pairs > total and (timed_alike or len({_address_and_title(item) for _, item in likely}) >= _LEAST_PAIRS):
        return certain + likely
    return certain


def _pair_items(
    items: Iterable[FeedItem],
    stored: Iterable[StoredItem],
    identify: Callable[[FeedItem | StoredItem], tuple[object, ...]],
    is_usable: Callable[[FeedItem], bool],
) -> list[tuple[StoredItem, FeedItem]]:
    """Pair items one to one by equal identities, in order."""
    waiting: defaultdict[tuple[object, ...], list[StoredItem]] = defaultdict(list)
    for old in stored:
        waiting[identify(old)].append(old)
    return [
        (waiting[identity].pop(0), item)
        for item in items
        if is_usable(item) and waiting.get(identity := identify(item))
    ]


def _address_and_title(item: FeedItem | StoredItem) -> tuple[object, ...]:
    return item.canonical, normalize_name(item.title)


def _has_time(item: FeedItem) -> bool:
    return item.published_at is not None
