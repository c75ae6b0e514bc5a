"""Parse stored values; an invalid value only affects its own row."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from datetime import datetime, time
from typing import TypeVar

from bot.cards.model import CardState
from bot.domain.moderation import Verdict
from bot.store.tables import moment_from_microseconds, to_microseconds

_Kind = TypeVar("_Kind", bound=enum.StrEnum)
UNUSABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError)
"""Exceptions raised by parsing an invalid stored value."""


def enum_or_default(kind: type[_Kind], word: object, instead: _Kind) -> _Kind:
    """Return the enumeration member with this value, or `instead`."""
    try:
        return kind(str(word))
    except ValueError:
        return instead


def verdict_or_none(word: object) -> Verdict | None:
    """Parse a server's decision; None if there is none or it is invalid."""
    return Verdict(str(word)) if word in _VERDICTS else None


_VERDICTS = frozenset(Verdict)


def parse_state(word: object) -> CardState:
    """Parse a card's state. Unknown states count as held: visible to moderators only."""
    return enum_or_default(CardState, word, CardState.HELD)


def parse_number(value: object) -> int | None:
    """Return the value if it is an integer, else None."""
    # Not `isinstance`: to Python `true`, which JSON may hold, is an integer.
    return value if type(value) is int else None


def parse_texts(value: object) -> tuple[str, ...]:
    """Parse a JSON list of strings. Raises `ValueError` for anything else."""
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ValueError("no list of texts")
    return tuple(value)


def parse_clock(text: object) -> time:
    """Parse a local time, HH:MM. Raises `ValueError`."""
    if not isinstance(text, str) or len(text) != len("HH:MM"):
        raise ValueError("no time of day")
    return time.fromisoformat(text)


def parse_integer(value: object) -> int:
    """Parse an integer. Raises `ValueError` for anything else."""
    if type(value) is not int:
        raise ValueError("no number")
    return value


def parse_optional_integer(value: object) -> int | None:
    """Parse an integer or null. Raises `ValueError` for anything else."""
    return None if value is None else parse_integer(value)


def parse_pauses(value: object) -> tuple[tuple[datetime, datetime | None], ...]:
    """Parse a subscription's pauses; empty if the column is invalid."""
    try:
        spans = [(parse_integer(start), parse_optional_integer(end)) for start, end in value or ()]  # type: ignore[attr-defined]  # any JSON
    except UNUSABLE:
        return ()
    return tuple(
        (moment_from_microseconds(start), None if end is None else moment_from_microseconds(end))
        for start, end in spans
    )


def format_pauses(pauses: Sequence[tuple[datetime, datetime | None]]) -> list[list[int | None]]:
    """Serialize pauses for their column."""
    return [[to_microseconds(start), None if end is None else to_microseconds(end)] for start, end in pauses]
