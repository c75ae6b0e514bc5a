"""Columns of a subscription's options: those that SQL reads have their own, all others share the JSON column `options`.

A delivery gets a copy of that JSON when it is planned, so that a new option of subscriptions or of their messages
needs no change of the tables.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import time
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Text
from sqlalchemy import cast as sql_cast

from bot.domain.digest_schedule import is_known_zone
from bot.domain.post_template import MAX_TEMPLATE
from bot.domain.subscription import MAX_BACKFILL, MAX_COLOUR, MAX_KEEP_DAYS, Frequency, SubscriptionOptions
from bot.store.column_parsers import UNUSABLE, parse_clock, parse_integer, parse_optional_integer, parse_texts

_DEFAULTS = SubscriptionOptions()
_COLUMNS = ("frequency", "min_quality", "crosspost", "on_withdrawal", "language", "thread")
"""Options that SQL filters by, or copies into columns that it filters by."""
_IN_JSON = tuple(
    option.name for option in fields(SubscriptionOptions) if option.name not in (*_COLUMNS, "topics")
)  # topics have a table of their own
_EXCLUSIONS = "excluded"
_MAX_ZONE = 60
"""Maximum characters kept of an unknown time zone; the longest IANA name has 32."""


def option_columns(options: SubscriptionOptions) -> dict[str, Any]:
    """Serialize options into the columns of a subscription."""
    return {name: getattr(options, name) for name in _COLUMNS} | {"options": format_options(options)}


def format_options(options: SubscriptionOptions) -> dict[str, Any]:
    """Serialize options for the JSON column: only those that differ from the defaults, since most do not."""
    values = {name: getattr(options, name) for name in _IN_JSON}
    return {name: _to_json(value) for name, value in values.items() if value != getattr(_DEFAULTS, name)}


def _to_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_to_json(each) for each in value]
    if isinstance(value, enum.StrEnum):
        return value.value
    return f"{value:%H:%M}" if isinstance(value, time) else value


def parse_options(
    row: RowMapping | Mapping[str, Any], topics: tuple[str, ...] = ()
) -> tuple[SubscriptionOptions, tuple[str, ...]]:
    """Parse the options in a subscription's row. Return them and the names of the invalid ones.

    Invalid options get their default, except that an unknown time zone is kept, to be shown to people.
    """
    stored = row["options"]
    values, unusable = _parse_values({name: row[name] for name in _COLUMNS} | _known_values(stored))
    if not isinstance(stored, dict):
        unusable.append("options")
    if "timezone" in unusable and isinstance(zone := stored["timezone"], str):
        values["timezone"] = zone[:_MAX_ZONE]
    if values.get("frequency") is Frequency.INSTANT:
        unusable = [name for name in unusable if name not in _OF_DIGESTS]
    return SubscriptionOptions(topics=topics, **values), tuple(unusable)


def parse_message_options(stored: object) -> SubscriptionOptions:
    """Parse the JSON column of a delivery. Options that are invalid or in columns of their own have their default."""
    return SubscriptionOptions(**_parse_values(_known_values(stored))[0])


def may_exclude(stored: ColumnElement[Any]) -> ColumnElement[bool]:
    """SQL condition: the options in a JSON column exclude topics or words, or are invalid.

    It goes by the text, since SQLite fails the whole query if one row is no JSON.
    """
    written = sql_cast(stored, Text)
    return written.like(f'%"{_EXCLUSIONS}"%') | written.not_like("{%}")


def parse_exclusions(stored: object) -> tuple[str, ...]:
    """Parse only the exclusions, from the JSON column. Raises one of `UNUSABLE` if they are invalid."""
    if not isinstance(stored, dict):
        raise TypeError("no options")
    return parse_texts(stored.get(_EXCLUSIONS, []))


def _known_values(stored: object) -> dict[str, Any]:
    """Return the options in the JSON column; a newer version may have stored others as well."""
    return {name: stored[name] for name in _IN_JSON if name in stored} if isinstance(stored, dict) else {}


def _parse_values(stored: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    unusable = []
    for name, value in stored.items():
        try:
            values[name] = _PARSERS[name](value)
        except UNUSABLE:
            unusable.append(name)
    return values, unusable


def _parse_clocks(value: object) -> tuple[time, ...]:
    return tuple(parse_clock(each) for each in parse_texts(value))


def _parse_days(value: object) -> tuple[int, ...]:
    if not isinstance(value, list) or not all(type(each) is int and 0 <= each <= 6 for each in value):
        raise ValueError("no days of the week")
    return tuple(value)


def _parse_zone(value: object) -> str:
    if not is_known_zone(value):
        raise ValueError("no time zone of this machine")
    return str(value)


def _parse_positive(value: object) -> int:
    if (number := parse_integer(value)) < 1:
        raise ValueError("none at all")
    return number


def _parser_up_to(most: int) -> Callable[[Any], int]:
    def parse_value(value: Any) -> int:
        if not 0 <= (number := parse_integer(value)) <= most:
            raise ValueError("more than there may be")
        return number

    return parse_value


def _parse_colour(value: object) -> int | None:
    return None if value is None else _parser_up_to(MAX_COLOUR)(value)


def _parse_template(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEMPLATE:
        raise ValueError("no template")
    return value


def _parse_language(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _parser_for(default: Any) -> Callable[[Any], Any]:
    """Return a parser that accepts only values of the default's type."""
    kind = type(default)

    def parse_value(value: Any) -> Any:
        if type(value) is not kind:
            raise ValueError(f"no {kind.__name__}")
        return value

    return kind if issubclass(kind, enum.StrEnum) else parse_value


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    **{name: _parser_for(getattr(_DEFAULTS, name)) for name in (*_COLUMNS, *_IN_JSON)},
    "times": _parse_clocks,
    "days": _parse_days,
    "timezone": _parse_zone,
    "excluded": parse_texts,
    "words": parse_texts,
    "providers": parse_texts,
    "max_cards": _parse_positive,
    "mention_role_id": parse_optional_integer,
    "language": _parse_language,
    "backfill": _parser_up_to(MAX_BACKFILL),
    "keep_days": _parser_up_to(MAX_KEEP_DAYS),
    "colour": _parse_colour,
    "template": _parse_template,
}
_OF_DIGESTS = frozenset({"times", "days", "timezone", "max_cards", "layout"})
"""Options that instant subscriptions ignore."""
_JSON_DEFAULTS: Mapping[str, Any] = {name: _to_json(getattr(_DEFAULTS, name)) for name in _IN_JSON}


def expand_options(row: RowMapping | Mapping[str, Any]) -> dict[str, Any]:
    """Replace the JSON column in a row by its options, each under its name: the format of exports."""
    return {name: value for name, value in row.items() if name != "options"} | {
        **_JSON_DEFAULTS,
        **_known_values(row["options"]),
    }


def collapse_options(row: Mapping[str, Any]) -> dict[str, Any]:
    """Reverse `expand_options`. Raises `TypeError` or `OverflowError` for a value that no option can have."""
    options = {}
    for name, default in _JSON_DEFAULTS.items():
        value = row.get(name, default)
        kind = int if default is None else type(default)  # the id of a role, and a colour
        if value is default:
            continue
        _check_type(name, value, kind)
        if value != default:
            options[name] = value
    return {name: value for name, value in row.items() if name not in _IN_JSON} | {"options": options}


def _check_type(name: str, value: object, kind: type) -> None:
    if type(value) is not kind:
        raise TypeError(f"subscriptions.{name} is not {kind.__name__}")
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise OverflowError(f"subscriptions.{name} is too large")
