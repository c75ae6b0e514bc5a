"""Result type and size limits shared by the front matter parsers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
"""Path to a value: map keys and list indices, outermost first."""

DEEPEST = 64
"""Maximum nesting depth; a card has four levels."""
MAX_EXPANDED = 1024 * 1024
"""Maximum total expansion of YAML aliases, in characters: as large as a file may be."""


class FrontMatterError(Exception):
    """The front matter cannot be parsed. `line` counts from 1, relative to the file or to the parsed text."""

    def __init__(self, problem: str, line: int = 1) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


@dataclass(frozen=True, slots=True)
class ParsedMatter:
    """Parsed fields, with their line numbers on demand, from 0 within the front matter.

    `line_of` returns the line of the deepest existing part of a path, None if there is none. `duplicate_keys` returns
    duplicate keys; their paths may consist of the last key only.
    """

    fields: Any
    line_of: Callable[[Path], int | None]
    duplicate_keys: Callable[[], Iterable[tuple[Path, int]]]


def line_in(lines: Mapping[Path, int], path: Path) -> int | None:
    """The line of the deepest part of a path that has one."""
    return next((lines[path[:end]] for end in range(len(path), 0, -1) if path[:end] in lines), None)
