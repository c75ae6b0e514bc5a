"""Parse stored values; an invalid value only affects its own row."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, time
from typing import Any, TypeVar

from sqlalchemy import RowMapping

from bot.cards.model import CardState
from bot.domain.digest_schedule import is_known_zone
from bot.domain.moderation import Verdict
from bot.domain.subscription import Frequency, Layout, OnWithdrawal, SubscriptionOptions
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


def _parse_clocks(value: object) -> tuple[time, ...]:
    return tuple(parse_clock(each) for each in parse_texts(value))


def _parse_days(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(each) is int and 0 <= each <= 6 for each in value):
        raise ValueError("no days of the week")
    return tuple(value)


def _parse_number(value: object) -> int:
    if type(value) is not int:
        raise ValueError("no number")
    return value


def _parse_several(value: object) -> int:
    if (number := _parse_number(value)) < 1:
        raise ValueError("none at all")
    return number


def _parse_optional_number(value: object) -> int | None:
    return None if value is None else _parse_number(value)


def _parse_zone(value: object) -> str:
    if not is_known_zone(value):
        raise ValueError("no time zone of this machine")
    return str(value)


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "when": Frequency,
    "times": _parse_clocks,
    "days": _parse_days,
    "timezone": _parse_zone,
    "without": parse_texts,
    "min_quality": _parse_number,
    "max_cards": _parse_several,
    "layout": Layout,
    "mention": _parse_optional_number,
    "crosspost": bool,
    "on_withdrawal": OnWithdrawal,
    "skip_empty": bool,
}
"""Parsers for the columns of a `Wish`."""
_OF_DIGESTS = frozenset({"times", "days", "timezone", "max_cards", "layout"})
"""Columns that instant subscriptions ignore."""


def parse_options(
    row: RowMapping | Mapping[str, Any], topics: tuple[str, ...] = ()
) -> tuple[SubscriptionOptions, tuple[str, ...]]:
    """Parse a subscription's row into a `SubscriptionOptions` and the names of its invalid columns.

    Invalid columns get their default, except that the time zone is kept, to be shown to people.
    """
    values: dict[str, Any] = {}
    unusable = []
    for name, parse in _PARSERS.items():
        try:
            values[name] = parse(row[name])
        except UNUSABLE:
            unusable.append(name)
    if "timezone" in unusable and isinstance(row["timezone"], str):
        values["timezone"] = row["timezone"][:_SHOWN]
    if values.get("when") is Frequency.INSTANT:
        unusable = [name for name in unusable if name not in _OF_DIGESTS]
    language = row["language"] if isinstance(row["language"], str) else None
    return SubscriptionOptions(topics=topics, language=language, **values), tuple(unusable)


_SHOWN = 60
"""Maximum characters shown of a time zone's name; the longest IANA name has 32."""


def parse_pauses(value: object) -> tuple[tuple[datetime, datetime | None], ...]:
    """Parse a subscription's pauses; empty if the column is invalid."""
    try:
        spans = [(_parse_number(start), _parse_optional_number(end)) for start, end in value or ()]  # type: ignore[attr-defined]  # any JSON
    except UNUSABLE:
        return ()
    return tuple(
        (moment_from_microseconds(start), None if end is None else moment_from_microseconds(end))
        for start, end in spans
    )


def format_pauses(pauses: Sequence[tuple[datetime, datetime | None]]) -> list[list[int | None]]:
    """Serialize pauses for their column."""
    return [[to_microseconds(start), None if end is None else to_microseconds(end)] for start, end in pauses]
