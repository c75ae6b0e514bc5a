"""Convert a raw value to the expected type: text, flag, integer, time, map or list."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Any

from bot.cards.frontmatter import YamlScalar


class ValueShapeError(Exception):
    """A value has the wrong type; the message says what it should be."""


# YAML 1.1 allows one-digit months and hours, a space before the zone, and a zone of hours alone.
_TIMESTAMP = re.compile(
    r"^(\d{4})-(\d\d?)-(\d\d?)"
    r"(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d)(?::(\d\d)(?:\.\d*)?)?[ \t]*(Z|z|UTC|[-+]\d\d?(?::?\d\d)?)?)?$",
    re.ASCII,
)


def parse_timestamp(value: Any) -> datetime:
    """Parse a YAML timestamp, or pass on a TOML one; naive if it has no zone. Raises `ValueShapeError`."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    parts = _TIMESTAMP.match(value.strip()) if isinstance(value, str) else None
    if parts is None:
        raise ValueShapeError(f"{describe_type(value)} is not a time such as 2026-11-24T09:30:00Z")
    year, month, day, hour, minute, second, zone = parts.groups(default="")
    # `fromisoformat` takes two digits everywhere, and offsets with minutes.
    iso = f"{year}-{month:0>2}-{day:0>2}T{hour or 0:0>2}:{minute or 0:0>2}:{second or 0:0>2}{_normalize_offset(zone)}"
    try:
        return datetime.fromisoformat(iso)
    except ValueError as error:
        raise ValueShapeError(f"{value[:40]!r} is not a time: {error}") from None


def _normalize_offset(written: str) -> str:
    if not written or written in ("Z", "z", "UTC"):
        return "+00:00" if written else ""
    hours, _, minutes = written[1:].partition(":")
    if len(hours) > 2:
        hours, minutes = hours[:-2], hours[-2:]
    return f"{written[0]}{hours:0>2}:{minutes or '00'}"


def scalar_text(value: Any) -> str:
    """Any scalar as text, as written; empty for null. Raises `ValueShapeError`."""
    if value is None:
        return ""
    if isinstance(value, dict | list):
        raise ValueShapeError(f"should be text, not {describe_type(value)}")
    return str(value)


def get_bool(value: Any) -> bool | None:
    """A boolean, or None if missing; quoted words are rejected. Raises `ValueShapeError`."""
    if value is None or isinstance(value, bool):
        return value
    # Not for quoted words: what somebody meant by "no" in quotes is no ground to publish a card.
    if isinstance(value, YamlScalar) and value.plain and (known := _FLAGS.get(value.lower())) is not None:
        return known
    raise ValueShapeError(f"should be true or false, not {describe_type(value)}")


_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_WHOLE = re.compile(r"^[-+]?[0-9]{1,9}$")


def get_int(value: Any) -> int | None:
    """An integer of at most nine digits, or None if missing. Raises `ValueShapeError`."""
    # `True` is an `int` in Python, but no number in a card.
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9):
        return value
    if isinstance(value, YamlScalar) and value.plain and _WHOLE.match(value):
        return int(value)
    # Cut before it is matched: a number may have any number of digits. In quotes it is text, whatever its length.
    if getattr(value, "plain", True) and re.fullmatch(r"[-+]?[0-9]+", str(value)[:50]):
        raise ValueShapeError(f"should have at most nine digits, not {describe_type(value)}")
    raise ValueShapeError(f"should be a whole number, not {describe_type(value)}")


def as_mapping(value: Any) -> dict[Any, Any]:
    """A map; empty for null. Raises `ValueShapeError`."""
    if value is None or isinstance(value, dict):
        return value or {}
    raise ValueShapeError(f"should be a map, not {describe_type(value)}")


def as_list(value: Any) -> list[Any]:
    """A list; empty for null. Raises `ValueShapeError`."""
    if value is None or isinstance(value, list):
        return value or []
    raise ValueShapeError(f"should be a list, not {describe_type(value)}")


def describe_type(value: Any) -> str:
    """Describe a value for a problem message, quoting at most 40 characters."""
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    return repr(str(value)[:40])
