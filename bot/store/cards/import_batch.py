"""A batch of items on its way into the store, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import RowMapping

from bot.cards.model import Card, ParseResult, Problem, SourceItem, SourceKind
from bot.store.cards.card_labels import LabeledCard


@dataclass(frozen=True, slots=True)
class SourceBatch:
    """Items of one source to be stored.

    With `is_backlog`, what becomes visible is not news to anybody: it can be found, and is not posted.
    """

    source_id: int
    items: Sequence[tuple[SourceItem, ParseResult]]
    is_backlog: bool = False


@dataclass(slots=True)
class ImportResult:
    """The result of a batch. `postponed` are items that would withdraw a visible card, `refused` the problems of items
    that could not be stored.
    """

    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    postponed: list[tuple[SourceItem, ParseResult]] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)

    def __iadd__(self, other: ImportResult) -> ImportResult:
        self.added += other.added
        self.changed += other.changed
        self.withdrawn += other.withdrawn
        self.unchanged += other.unchanged
        self.postponed += other.postponed
        self.refused += other.refused
        return self


@dataclass(frozen=True, slots=True)
class BatchSource:
    """A source of a batch. The cards of one that is not shared are those of the servers that follow it."""

    id: int
    kind: SourceKind
    is_shared: bool
    is_backlog: bool

    def may_take_over(self, card: RowMapping) -> bool:
        """Whether a stored card is this source's. A folder also takes over those of other folders: files are moved."""
        is_folder = self.kind is SourceKind.FOLDER and card["kind"] == SourceKind.FOLDER
        return is_folder or bool(card["source_id"] == self.id)


@dataclass(slots=True, eq=False)
class BatchEntry:
    """An item of a batch on its way into the store; `row` and `card_id` are those of its card."""

    source: BatchSource
    item: SourceItem
    reading: ParseResult
    row: dict[str, Any] = field(default_factory=dict)
    card_id: int | None = None
    is_postponed: bool = False

    @property
    def card(self) -> Card:
        """The item's card, where it has one."""
        return cast("Card", self.reading.card)

    @property
    def published_at(self) -> datetime:
        return self.reading.appears_at or self.card.published_at

    def label_card(self) -> LabeledCard:
        card_id = cast("int", self.card_id)
        return LabeledCard(card_id, self.row["sort_key"], self.card, self.source.id, self.source.is_shared)
