"""A server's edit of a card: the fields that its moderators changed. All others keep following the card's source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from bot.cards.model import Card, Image, SourceKind
from bot.cards.urls import parse_link


@dataclass(frozen=True, slots=True)
class CardFields:
    """The fields that may be edited, as one server sees them. `image_url` is empty without an image."""

    title: str
    excerpt: str
    image_url: str
    topics: tuple[str, ...]

    @classmethod
    def of_card(cls, card: Card) -> Self:
        """Return the fields of a card."""
        return cls(card.title, card.excerpt, card.image.url if card.image else "", card.topics)

    def find_changes(self, other: CardFields) -> dict[str, Any]:
        """Return those of these fields that differ from another card's, by name."""
        return {name: value for name, value in asdict(self).items() if value != getattr(other, name)}


@dataclass(frozen=True, slots=True)
class CardEdit:
    """What a server changed about a card; None: the field is as its source has it. False if that is all of them."""

    title: str | None = None
    excerpt: str | None = None
    image_url: str | None = None
    topics: tuple[str, ...] | None = None

    def __bool__(self) -> bool:
        return any(getattr(self, field.name) is not None for field in fields(self))

    def apply_to(self, original: CardFields) -> CardFields:
        """Return the fields as the server sees them."""
        return replace(original, **{name: value for name, value in asdict(self).items() if value is not None})

    def to_json(self) -> dict[str, Any]:
        """Return the changed fields as JSON values."""
        return {name: value for name, value in _plain(asdict(self)).items() if value is not None}

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Parse what `to_json` returned. Raises `ValueError` for anything else."""
        if not isinstance(value, dict) or not value.keys() <= {field.name for field in fields(cls)}:
            raise ValueError("no edit of a card")
        topics = value.get("topics")
        texts = [value[name] for name in ("title", "excerpt", "image_url") if name in value]
        if topics is not None and not isinstance(topics, list):
            raise ValueError("topics are a list")
        if not all(isinstance(each, str) for each in (*texts, *(topics or ()))) or value.get("title") == "":
            raise ValueError("an edited field is a text, and a title is not empty")
        if (link := value.get("image_url")) and parse_link(link) is None:
            raise ValueError("the picture's address must not be linked")
        return cls(**value | {"topics": topics if topics is None else tuple(topics)})


NO_EDIT = CardEdit()


def apply_edit(card: Card, edit: CardEdit) -> Card:
    """Return the card as the server sees it."""
    if not edit:
        return card
    before = CardFields.of_card(card)
    shown = edit.apply_to(before)
    image = card.image if shown.image_url == before.image_url else Image(shown.image_url) if shown.image_url else None
    return replace(card, title=shown.title, excerpt=shown.excerpt, topics=shown.topics, image=image)


def revise_edit(edit: CardEdit, original: CardFields, seen: CardFields, wanted: CardFields) -> CardEdit:
    """Return the edit that makes `wanted` of what was `seen`.

    A field that was left alone stays as it is, edited or not. One that is as its source has it follows the source.
    """
    changed = wanted.find_changes(seen)
    return replace(
        edit, **{name: None if value == getattr(original, name) else value for name, value in changed.items()}
    )


def is_editable(kind: SourceKind) -> bool:
    """Whether servers may edit all fields of the cards of such a source. Of a card file they may edit the topics."""
    return kind is not SourceKind.FOLDER


@dataclass(frozen=True, slots=True)
class EditChange:
    """One change of a card's edit, as the audit log keeps it.

    `edit` is all that was edited before or after it, `shown` the fields that it changed as they were seen.
    """

    edit: CardEdit
    shown: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return this as JSON values."""
        return {"edit": self.edit.to_json(), "shown": _plain(self.shown)}

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Parse what `to_json` returned, or a list of topics, of when nothing else could be edited.

        Raises `ValueError` for anything else.
        """
        if isinstance(value, list):
            return cls(CardEdit.from_json({"topics": value}), {"topics": value})
        if not isinstance(value, dict) or not isinstance(value.get("shown"), dict):
            raise ValueError("no change of an edit")  # noqa: TRY004 - as for a wrong value
        return cls(CardEdit.from_json(value.get("edit")), value["shown"])


def parse_change(written: str | None) -> EditChange:
    """Parse a change in the audit log; what is invalid counts as no edit."""
    try:
        return EditChange.from_json(json.loads(written)) if written else EditChange(NO_EDIT, {})
    except (ValueError, RecursionError):
        return EditChange(NO_EDIT, {})


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
