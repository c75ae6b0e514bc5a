"""Check card files without a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.cards.model import Problem, Reading, Severity
from bot.errors import UserError
from bot.sources.folder import read_file, scan


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found. Files that are no news cards count among the notes, not the cards."""

    files: int
    cards: int
    findings: tuple[Problem, ...]

    @property
    def errors(self) -> int:
        return sum(finding.severity is Severity.ERROR for finding in self.findings)


def check_paths(paths: Sequence[Path]) -> Checked:
    """Read the files, and all card files of the folders. Raises `UserError` for a path that is not there."""
    readings = [reading for path in paths for reading in _readings(path)]
    findings = tuple(problem for reading in readings for problem in reading.problems)
    return Checked(len(readings), sum(reading.card is not None for reading in readings), findings)


def _readings(path: Path) -> Iterator[Reading]:
    if path.is_dir():
        for stat in scan(path):
            yield _read(path / stat.path)
    elif path.is_file():
        yield _read(path)
    else:
        raise UserError(f"{path} is neither a file nor a folder.")


def _read(path: Path) -> Reading:
    try:
        return read_file(path, str(path))
    except OSError as error:
        return Reading(None, (Problem(str(path), 1, "", f"cannot be read: {error.strerror}"),))
