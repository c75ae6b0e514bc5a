"""Read the fields of a card's file one by one, and collect what is wrong with them: all of it, not the first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from bot.cards.matter import Path
from bot.cards.model import Severity
from bot.cards.values import ValueShapeError, flag, items, mapping, moment, scalar, whole

MOST_FINDINGS = 50
"""Findings of one file that are kept; of more there is a number."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong at a place of the front matter. `line` is that of the file, None where the path says it."""

    path: Path
    problem: str
    severity: Severity
    line: int | None = None


@dataclass(slots=True)
class Findings:
    """What was found in one file so far. `has_error` counts those that were too many to keep as well."""

    kept: list[Finding] = field(default_factory=list)
    left_out: int = 0
    has_error: bool = False

    def add(self, path: Path, problem: str, severity: Severity, line: int | None = None) -> None:
        self.has_error |= severity is Severity.ERROR
        if len(self.kept) < MOST_FINDINGS:
            self.kept.append(Finding(path, problem, severity, line))
        else:
            self.left_out += 1


class Fields:
    """A map of the file. What has the wrong shape becomes an error, and is read as if it were missing."""

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
        """The way to this map. It is put together when something is found: most maps are as they should be."""
        return self._above.path + self._steps if self._above else self._steps

    def error(self, name: str, problem: str) -> None:
        self._findings.add((*self.path, name), problem, Severity.ERROR)

    def note(self, name: str, problem: str) -> None:
        self._findings.add((*self.path, name), problem, Severity.NOTE)

    def note_here(self, problem: str) -> None:
        """Note something about the map itself."""
        self._findings.add(self.path, problem, Severity.NOTE)

    def has(self, name: str) -> bool:
        return self.values.get(name) is not None

    def text(self, name: str, most: int) -> str:
        """Any single value as text, as it was written; empty when it is missing, cut with a note after `most`."""
        value = self.values.get(name)
        if value is None:
            return ""
        text = str(value) if isinstance(value, str) else self._read(scalar, value, name, "")
        return text if len(text) <= most else self._cut(text, most, name)

    def flag(self, name: str) -> bool | None:
        value = self.values.get(name)
        return self._read(flag, value, name, None) if value is not None else None

    def whole(self, name: str) -> int | None:
        value = self.values.get(name)
        return self._read(whole, value, name, None) if value is not None else None

    def moment(self, name: str, instead: str | None = None) -> datetime | None:
        """The time in a field, or the one `instead` when it is missing."""
        value = self.values.get(name)
        value = instead if value is None else value
        return self._read(moment, value, name, None) if value is not None else None

    def inner(self, name: str) -> Fields:
        """The map in a field; an empty one when it is missing."""
        value = self.values.get(name)
        return Fields(self._read(mapping, value, name, {}), self._findings, self, (name,))

    def peek(self, name: str) -> Fields:
        """`inner`, without a word about another shape."""
        value = self.values.get(name)
        return Fields(value if isinstance(value, dict) else {}, self._findings, self, (name,))

    def maps(self, name: str, most: int) -> Iterator[Fields]:
        """The maps of a list, at most so many of them; the rest is left out with a note."""
        for index, value in enumerate(self._first(name, items, most)):
            try:
                yield Fields(mapping(value), self._findings, self, (name, index))
            except ValueShapeError as wrong:
                self._findings.add((*self.path, name, index), str(wrong), Severity.ERROR)

    def texts(self, name: str, longest: int, most: int) -> Iterator[str]:
        """The texts of a list, each cut after `longest` characters, at most so many of them."""
        for index, value in enumerate(self._first(name, _listed, most)):
            try:
                yield self._cut(scalar(value), longest, name, index)
            except ValueShapeError as wrong:
                self._findings.add((*self.path, name, index), str(wrong), Severity.ERROR)

    def _first(self, name: str, read: Callable[[Any], list[Any]], most: int) -> list[Any]:
        value = self.values.get(name)
        if value is None:
            return []
        found: list[Any] = self._read(read, value, name, [])
        if len(found) > most:
            self.note(name, f"only the first {most} of {len(found):,} are kept")
        return found[:most]

    def _read(self, read: Callable[[Any], Value], value: Any, name: str, instead: Value) -> Value:
        try:
            return read(value)
        except ValueShapeError as wrong:
            self.error(name, str(wrong))
            return instead

    def _cut(self, text: str, most: int, *path: str | int) -> str:
        if len(text) > most:
            problem = f"only the first {most:,} of {len(text):,} characters are kept"
            self._findings.add((*self.path, *path), problem, Severity.NOTE)
        return text[:most]


def _listed(value: Any) -> list[Any]:
    """A list, or a single value as one of its own."""
    return [value] if isinstance(value, str) else items(value)


def named(path: Path) -> str:
    """The path as people write it: `related[3].provider.name`, with nothing in it that would not show on one line."""
    name = "".join(f"[{step}]" if isinstance(step, int) else f".{_shown(step)}" for step in path)
    return name.removeprefix(".")


_LONGEST_NAME = 40


def _shown(key: str) -> str:
    key = str(key)
    short = key[:_LONGEST_NAME] + ("…" if len(key) > _LONGEST_NAME else "")
    return short if short.isprintable() else repr(short)[1:-1]
