"""Parse JSON front matter, which ends with its object."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from bot.cards.parsed_matter import FrontMatterError, ParsedMatter, Path, line_in

_LONGEST_NUMBER = 18
_SIGN = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{},]|[^\s\[\]{},:"]++', re.DOTALL)
_DEEPEST_NAMED = 4
"""Nesting levels for which line numbers are kept: `related[3].provider.name` has four."""


def read_json(text: str) -> tuple[ParsedMatter, int]:
    """Parse the object at the start of a text; also returns its end. Raises `FrontMatterError` with the text's line."""
    begin = len(text) - len(text.lstrip())
    try:
        fields, end = json.JSONDecoder(parse_int=_parse_number).raw_decode(text, begin)
    except json.JSONDecodeError as error:
        raise FrontMatterError(f"not valid JSON: {error.msg}", error.lineno) from error
    except RecursionError as error:
        raise FrontMatterError("not valid JSON: too deeply nested") from error
    # Only problems need positions, and most files have none.
    places = cache(lambda: list(_key_positions(text[:end])))
    lines = cache(lambda: dict(places()))
    return ParsedMatter(fields, lambda path: line_in(lines(), path), lambda: _duplicate_keys(places())), end


def _parse_number(written: str) -> int | str:
    """Parse an integer, keeping long ones as text: no field can hold them, and Python refuses to convert huge ones."""
    return int(written) if len(written) <= _LONGEST_NUMBER else written


def _duplicate_keys(places: Sequence[tuple[Path, int]]) -> Iterator[tuple[Path, int]]:
    seen: set[Path] = set()
    for path, line in places:
        if path in seen:
            yield path, line
        seen.add(path)


def _key_positions(text: str) -> Iterator[tuple[Path, int]]:
    """Yield the path and line of each key and list item, in text order."""
    path: list[Any] = []  # current key or index of each open container; None before a key of an object
    line = done = 0
    for match in _SIGN.finditer(text):
        # Counted from match to match: counting from the start each time would be quadratic.
        line, done = line + text.count("\n", done, match.start()), match.start()
        sign = match[0]
        if sign == ",":
            path[-1] = path[-1] + 1 if isinstance(path[-1], int) else None
        elif sign in "]}":
            path.pop()
        else:
            is_key = bool(path) and path[-1] is None
            if is_key:
                path[-1] = json.loads(sign)
            if (is_key or (path and isinstance(path[-1], int))) and len(path) <= _DEEPEST_NAMED:
                yield tuple(path), line
            if sign in "[{":
                path.append(0 if sign == "[" else None)
