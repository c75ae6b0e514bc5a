"""What front matter in any of its languages gives, and how large it may be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
"""The way to a value: keys of maps and places in lists, from the outermost in."""

DEEPEST = 64
"""Levels of nesting; a card has four."""
MAX_EXPANDED = 1024 * 1024
"""Characters that aliases may repeat, all together: as many as a file may have."""


class FrontMatterError(Exception):
    """The front matter cannot be read. `line` counts from 1 within the file, or within what was to be read."""

    def __init__(self, problem: str, line: int = 1) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


@dataclass(frozen=True, slots=True)
class Matter:
    """The fields, and on demand where they stand: lines count from 0 within the front matter.

    `line` gives that of the deepest part of a path that is there, None when nothing of it is. `twice` are the keys that
    stand in their map for a second time; such a path may be the last key alone.
    """

    fields: Any
    line: Callable[[Path], int | None]
    twice: Callable[[], Iterable[tuple[Path, int]]]


def line_in(lines: Mapping[Path, int], path: Path) -> int | None:
    """The line of the deepest part of the path that has one."""
    return next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), None)
