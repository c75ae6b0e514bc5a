"""Typed access to front matter fields that collects all findings instead of stopping at the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from bot.cards.converters import ValueShapeError, as_list, as_mapping, get_bool, get_int, parse_timestamp, scalar_text
from bot.cards.model import Severity
from bot.cards.parsed_matter import Path

MAX_FINDINGS = 50
"""Maximum number of findings kept per file; the rest is only counted."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem at a path in the front matter. `line` is the line in the file; None to derive it from the path."""

    path: Path
    problem: str
    severity: Severity
    line: int | None = None


@dataclass(slots=True)
class Findings:
    """Findings of one file. `has_error` also covers findings that were not kept."""

    items: list[Finding] = field(default_factory=list)
    dropped: int = 0
    has_error: bool = False

    def add_finding(self, path: Path, problem: str, severity: Severity, line: int | None = None) -> None:
        self.has_error |= severity is Severity.ERROR
        # A hostile file can have a problem in each of a hundred thousand fields.
        if len(self.items) < MAX_FINDINGS:
            self.items.append(Finding(path, problem, severity, line))
        else:
            self.dropped += 1


class Fields:
    """A map in the front matter. A value of the wrong type is reported as an error and treated as missing."""

    __slots__ = ("_above", "_findings", "_steps", "values")

    def __init__(
        self, values: dict[Any, Any], findings: Findings, above: Fields | None = None, steps: Path = ()
    ) -> None:
        self.values = values
        self._findings = findings
        self._above = above
        self._steps = steps

    @property
    def path(self) -> Path:
        """The path to this map, built lazily: most maps have no findings."""
        return self._above.path + self._steps if self._above else self._steps

    def add_error(self, name: str, problem: str) -> None:
        self._findings.add_finding((*self.path, name), problem, Severity.ERROR)

    def add_note(self, name: str, problem: str) -> None:
        self._findings.add_finding((*self.path, name), problem, Severity.NOTE)

    def add_own_note(self, problem: str) -> None:
        """Add a note about the map itself."""
        self._findings.add_finding(self.path, problem, Severity.NOTE)

    def has_value(self, name: str) -> bool:
        return self.values.get(name) is not None

    def get_text(self, name: str, most: int) -> str:
        """A scalar as text, as written; empty if missing, truncated to `most` characters with a note."""
        value = self.values.get(name)
        if value is None:
            return ""
        # `str` turns a `YamlScalar` into plain text: a card must not carry positions in a file.
        text = str(value) if isinstance(value, str) else self._convert(scalar_text, value, name, "")
        return text if len(text) <= most else self._cut_text(text, most, name)

    def get_bool(self, name: str) -> bool | None:
        value = self.values.get(name)
        return self._convert(get_bool, value, name, None) if value is not None else None

    def get_int(self, name: str) -> int | None:
        value = self.values.get(name)
        return self._convert(get_int, value, name, None) if value is not None else None

    def get_moment(self, name: str, instead: str | None = None) -> datetime | None:
        """The time in a field; parse `instead` if it is missing."""
        value = self.values.get(name)
        value = instead if value is None else value
        return self._convert(parse_timestamp, value, name, None) if value is not None else None

    def get_map(self, name: str) -> Fields:
        """The map in a field; empty if missing."""
        value = self.values.get(name)
        return Fields(self._convert(as_mapping, value, name, {}), self._findings, self, (name,))

    def peek_map(self, name: str) -> Fields:
        """Like `get_map`, but without reporting a wrong type."""
        value = self.values.get(name)
        return Fields(value if isinstance(value, dict) else {}, self._findings, self, (name,))

    def get_maps(self, name: str, most: int) -> Iterator[Fields]:
        """Yield up to `most` maps of a list; the rest is dropped with a note."""
        for index, value in enumerate(self._first_items(name, as_list, most)):
            try:
                yield Fields(as_mapping(value), self._findings, self, (name, index))
            except ValueShapeError as wrong:
                self._findings.add_finding((*self.path, name, index), str(wrong), Severity.ERROR)

    def get_texts(self, name: str, longest: int, most: int) -> Iterator[str]:
        """Yield up to `most` texts of a list, each truncated to `longest` characters."""
        for index, value in enumerate(self._first_items(name, _as_list, most)):
            try:
                yield self._cut_text(scalar_text(value), longest, name, index)
            except ValueShapeError as wrong:
                self._findings.add_finding((*self.path, name, index), str(wrong), Severity.ERROR)

    def _first_items(self, name: str, read: Callable[[Any], list[Any]], most: int) -> list[Any]:
        value = self.values.get(name)
        if value is None:
            return []
        found: list[Any] = self._convert(read, value, name, [])
        if len(found) > most:
            self.add_note(name, f"only the first {most} of {len(found):,} are kept")
        return found[:most]

    def _convert(self, read: Callable[[Any], Value], value: Any, name: str, instead: Value) -> Value:
        try:
            return read(value)
        except ValueShapeError as wrong:
            self.add_error(name, str(wrong))
            return instead

    def _cut_text(self, text: str, most: int, *path: str | int) -> str:
        if len(text) > most:
            problem = f"only the first {most:,} of {len(text):,} characters are kept"
            self._findings.add_finding((*self.path, *path), problem, Severity.NOTE)
        return text[:most]


def _as_list(value: Any) -> list[Any]:
    """A list; a string becomes a list of one item."""
    return [value] if isinstance(value, str) else as_list(value)


def format_path(path: Path) -> str:
    """Format a path as `related[3].provider.name`, on one line and printable."""
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{_format_key(step)}" for step in path)
    return name.removeprefix(".")


_LONGEST_NAME = 40


def _format_key(key: str) -> str:
    key = str(key)
    short = key[:_LONGEST_NAME] + ("…" if len(key) > _LONGEST_NAME else "")
    return short if short.isprintable() else repr(short)[1:-1]
