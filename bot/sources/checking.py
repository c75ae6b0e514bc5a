"""Check card files without a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.cards.model import Problem, Reading, Severity
from bot.errors import UserError
from bot.sources.folder import read_file, scan, slug_of


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
    claims: dict[str, str] = {}
    readings = [reading for path in paths for reading in _readings(path, claims)]
    findings = tuple(problem for reading in readings for problem in reading.problems)
    return Checked(len(readings), sum(reading.card is not None for reading in readings), findings)


def _readings(path: Path, claims: dict[str, str]) -> Iterator[Reading]:
    """`claims`: the slugs of the folders before, with the file that has each; this one's are added."""
    if path.is_dir():
        mine: dict[str, str] = {}
        for stat in scan(path):
            reading, slug = _read(path / stat.path), slug_of(stat.path)
            if reading.card and slug in claims:
                why = f"{claims[slug]} has the same name, and its folder comes first: rename one of the two"
                yield Reading(None, (*reading.problems, Problem(str(path / stat.path), 1, "", why)))
                continue
            if reading.card:
                mine[slug] = str(path / stat.path)
            yield reading
        claims.update(mine)
    elif path.is_file():
        yield _read(path)
    else:
        raise UserError(f"{path} is neither a file nor a folder.")


def _read(path: Path) -> Reading:
    try:
        return read_file(path, str(path))
    except OSError as error:
        return Reading(None, (Problem(str(path), 1, "", f"cannot be read: {error.strerror}"),))
