"""Check card files without a store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.cards.model import FileStat, Problem, Reading, Severity
from bot.errors import UserError
from bot.sources.ahead import read_all
from bot.sources.folder import ORDINARY, CardFile, Rules, list_folder, slug_of


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found. Files that are no news cards count among the notes, not the cards."""

    files: int
    cards: int
    findings: tuple[Problem, ...]

    @property
    def errors(self) -> int:
        return sum(finding.severity is Severity.ERROR for finding in self.findings)


def check_paths(paths: Sequence[Path], rules: Rules = ORDINARY) -> Checked:
    """Read the files, and all card files of the folders. Raises `UserError` for a path that is not there."""
    claims: dict[str, str] = {}
    left_out: list[Problem] = []
    readings = [reading for path in paths for reading in _readings(path, rules, claims, left_out)]
    findings = (*left_out, *(problem for reading in readings for problem in reading.problems))
    return Checked(len(readings), sum(reading.card is not None for reading in readings), findings)


def _readings(path: Path, rules: Rules, claims: dict[str, str], left_out: list[Problem]) -> Iterator[Reading]:
    """`claims`: the slugs of the folders before, with the file that has each; this one's are added.

    `left_out`: what is wrong with things that are no files of cards; this folder's are added.
    """
    if path.is_dir():
        mine: dict[str, str] = {}
        listing = list_folder(path)
        left_out += [replace(each, file=str(path / each.file)) for each in listing.problems]
        read = _read([path / each.path for each in listing.files], rules)
        for stat, reading in zip(listing.files, read, strict=True):
            slug = slug_of(stat.path)
            if reading.card and slug in claims:
                why = f"{claims[slug]} has the same name, and its folder comes first: rename one of the two"
                yield Reading(None, (*reading.problems, Problem(str(path / stat.path), 1, "", why)))
                continue
            if reading.card:
                mine[slug] = str(path / stat.path)
            yield reading
        claims.update(mine)
    elif path.is_file():
        yield from _read([path], rules)
    else:
        raise UserError(f"{path} is neither a file nor a folder.")


def _read(paths: Sequence[Path], rules: Rules) -> Iterator[Reading]:
    for stat, found in read_all([CardFile(str(path), FileStat(str(path), 0, 0), rules=rules) for path in paths]):
        yield found if isinstance(found, Reading) else Reading(None, (Problem(stat.path, 1, "", "is not there"),))
