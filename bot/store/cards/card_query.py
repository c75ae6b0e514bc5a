"""What readers ask for, and the pages of cards that answer it."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain.search_query import Phrase, SearchQuery
from bot.store.cards.rows import StoredCard
from bot.store.search.entry import make_tag, scope_tag, source_tag
from bot.store.search.index import Tags


class SearchOrder(enum.StrEnum):
    """Order of search results."""

    NEWEST = "newest"
    BEST = "best"
    HOTTEST = "hottest"


@dataclass(frozen=True, slots=True)
class CardQuery:
    """What to search for. Topic, provider and the card's type are compared without case; `until` is excluded."""

    words: str = ""
    topic: str | None = None
    provider: str | None = None
    since: datetime | None = None
    order: SearchOrder = SearchOrder.NEWEST
    type: str | None = None
    until: datetime | None = None
    every_card: bool = False
    """All cards of a story, not only the newest that matches."""

    @property
    def is_filtered(self) -> bool:
        """Whether the query asks for a topic, a provider or a type."""
        return bool(self.topic or self.provider or self.type)

    def to_tags(self, of_topic: Sequence[int] = (), sources: Sequence[int] | None = None) -> list[Tags]:
        """Return the filters as index tags, with `sources` those of cards of these followed sources alone.

        `of_topic` are the ids of sources all of whose cards have the topic.
        """
        named = {"topic": self.topic, "provider": self.provider, "type": self.type}
        filters = {kind: [make_tag(kind, name)] for kind, name in named.items() if name}
        if sources is not None:
            filters = {
                kind: [scope_tag(source_tag(source_id), tag) for source_id in sources for tag in tags]
                for kind, tags in filters.items()
            }
        if self.topic:
            filters["topic"] += map(source_tag, of_topic)
        return list(filters.values())


@dataclass(frozen=True, slots=True)
class TimelineCursor:
    """Pagination cursor in a list ordered by time: cards older than `sort_key`, or newer ones."""

    sort_key: int
    newer: bool = False


@dataclass(frozen=True, slots=True)
class SearchView:
    """What is asked for of what a server sees, as index tags, and the languages of its stems.

    `followed` are the filters of cards of the sources that it follows, `unwanted` sources all of whose cards have a
    topic that is excluded.
    """

    filters: Sequence[Tags]
    followed: Sequence[Tags]
    unwanted: Tags
    languages: Sequence[str]


@dataclass(frozen=True, slots=True)
class PreparedSearch:
    """A query of a server as the index is asked for it: with the words that it came down to."""

    query: CardQuery
    guild_id: int
    words: SearchQuery
    view: SearchView


@dataclass(frozen=True, slots=True)
class CardPage:
    """Cards in display order, whether there are more on either side, and the search that they are hits of."""

    cards: tuple[StoredCard, ...]
    has_newer: bool = False
    has_older: bool = False
    search: PreparedSearch | None = field(default=None, compare=False, repr=False)

    @property
    def phrases(self) -> tuple[Phrase, ...]:
        """The phrases that the cards match."""
        return self.search.words.required if self.search and self.cards else ()
