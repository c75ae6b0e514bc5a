"""What the loader needs from a source of cards; folders are the first."""

from __future__ import annotations

import enum
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from bot.cards.model import ParseResult, Problem, SourceItem, SourceKind


class ItemToRead(NamedTuple):
    """An item to read, and the digest of its content when it was last read."""

    item: SourceItem
    digest: str | None = None


class UnreadReason(enum.Enum):
    """Why an item was not read."""

    SAME = "its content has not changed since it was last read"
    GONE = "it has disappeared since it was listed"


Outcome = ParseResult | UnreadReason
ReadItem = tuple[SourceItem, Outcome]


@dataclass(slots=True)
class Listing:
    """What a source holds: its items by key, and problems with whatever is not an item."""

    items: list[SourceItem] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    """Key prefixes of what could not be accessed."""
    is_settled: bool = False
    """Nothing is changing the source: what is missing is gone, without a second look."""

    def is_closed(self, key: str) -> bool:
        """Whether it is unknown if this item exists."""
        return bool(self.closed) and key.startswith(tuple(self.closed))


class Source(Protocol):
    """A place that cards come from. Each item has a key that is unique in the source, and holds one card at most."""

    kind: SourceKind
    language: str | None
    """A language tag such as `pt-BR` for the cards, for finding plurals; None: English."""
    interval: timedelta
    """How often to look at it."""
    gone_after: timedelta | None
    """How long an item must be missing before its card is withdrawn; None: a missing item means nothing."""

    async def resolve_key(self) -> str:
        """Return the key under which the store keeps this source; unique among those of its kind."""
        ...

    async def list_items(self, known: Collection[str]) -> Listing:
        """List all items in order. `known` are the keys of those that were read before.

        Raises `UserError` if the source cannot be listed: that must not look like one without items.
        """
        ...

    def read_items(self, items: Sequence[ItemToRead], now: datetime) -> AsyncGenerator[Sequence[ReadItem], None]:
        """Yield the results of reading items, in order and in batches that fit into one transaction.

        An item to be read again by the next load in any case is returned `as_untried`.
        """
        ...

    def slug_for_key(self, key: str) -> str:
        """Return the slug of an item's card."""
        ...

    def describe_key(self, key: str) -> str:
        """Describe an item so that it differs from those of other sources."""
        ...
