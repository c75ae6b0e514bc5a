"""The full-text index: what goes in, what can be asked of it, and which engine keeps it how.

Rows stand in the order of the cards' `timeline`, so that newest first costs no sorting. Topics, provider and type are
tags inside the row: filtering by them is one more term of the match, not a join.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import ColumnElement, FromClause
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card
from bot.cards.text import folded
from bot.desk.wording import Asked


class Within(enum.Enum):
    """Where words are looked for."""

    TITLE = "title"
    TITLE_OR_NAMES = "title or names"
    ANYWHERE = "anywhere"


RANKS = (Within.TITLE, Within.TITLE_OR_NAMES, Within.ANYWHERE)
"""Where words count more, best first. An engine's own rank first counts every hit of every word: 100 ms for common
ones."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What the index knows of a card; names are those of its topics and its provider."""

    title: str
    excerpt: str
    names: str
    related: str
    tags: Sequence[str]


class Index(Protocol):
    """One engine's full-text index."""

    @property
    def table(self) -> FromClause:
        """Its rows, to be joined."""

    @property
    def card(self) -> ColumnElement[bool]:
        """Which card a row is of, to join them by."""

    def within(self, begin: ColumnElement[int], end: ColumnElement[int]) -> ColumnElement[bool]:
        """Whether a row's card is in this part of the timeline, its end excluded."""

    def by_time(self, *, newer: bool) -> ColumnElement[Any]:
        """The order of rows from their newest card to the oldest, or with `newer` from the oldest on."""

    def question(self, said: Asked, tags: Iterable[str], *, within: Within = Within.ANYWHERE) -> str | None:
        """What a reader asks for as the engine understands it, or None when nothing searchable is left.

        Words are plain text, whatever is in them. It cannot fail.
        """

    def answers(self, name: str) -> ColumnElement[bool]:
        """Whether a row answers the question that is handed over by this name."""

    async def add(self, connection: AsyncConnection, entries: Sequence[tuple[int, Entry]]) -> None:
        """Put cards in, by their places in the timeline."""

    async def remove(self, connection: AsyncConnection, places: Sequence[int]) -> None:
        """Take cards out."""


def tag(kind: str, name: str) -> str:
    """One word that stands for a topic, a provider or a type."""
    return kind + hashlib.blake2b(folded(name).encode("utf-8", "replace"), digest_size=6).hexdigest()


def entry(card: Card) -> Entry:
    """A card for the index."""
    tags = [tag("topic", topic) for topic in card.topics]
    names = list(card.topics)
    if card.provider:
        tags.append(tag("provider", card.provider.name))
        names.append(card.provider.name)
    tags.append(tag("type", card.type))
    related = " / ".join(story.title for story in card.related)
    return Entry(card.title, card.excerpt, " / ".join(names), related, tags)
