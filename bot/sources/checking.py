"""Check card files without a store."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.cards.frontmatter import FrontMatterError, split
from bot.cards.keys import LINKS
from bot.cards.links import normalised
from bot.cards.model import FileStat, Problem, Reading, Severity, State
from bot.errors import UserError
from bot.sources.ahead import read_all
from bot.sources.folder import ORDINARY, CardFile, Rules, is_card_file, list_folder, slug_of


@dataclass(frozen=True, slots=True)
class Checked:
    """Result of a check. Files that are not news cards count as notes, not as cards."""

    files: int
    cards: int
    findings: tuple[Problem, ...]

    @property
    def errors(self) -> int:
        return sum(finding.severity is Severity.ERROR for finding in self.findings)


def check_paths(paths: Sequence[Path], rules: Rules = ORDINARY) -> Checked:
    """Read files, and all card files in folders, as a load would. Raises `UserError` if a path does not exist."""
    check = _Check(rules)
    readings = [reading for path in paths for reading in check.readings(path)]
    findings = (*check.left_out, *(problem for reading in readings for problem in reading.problems))
    return Checked(len(readings), sum(reading.card is not None for reading in readings), findings)


class _Check:
    """State of one check: duplicate slugs and duplicate URLs are detected across all paths."""

    def __init__(self, rules: Rules) -> None:
        self.left_out: list[Problem] = []
        """Problems with entries that are not card files."""
        self._rules = rules
        self._claims: dict[str, str] = {}
        """Slugs in the folders read so far, mapped to their files."""
        self._addresses: dict[str, str] = {}
        """Normalized URLs of the cards read so far, mapped to their files."""

    def readings(self, path: Path) -> Iterator[Reading]:
        if path.is_dir():
            yield from self._folder(path)
        elif not path.is_file():
            raise UserError(f"{path} is neither a file nor a folder.")
        elif is_card_file(path.name):
            yield from self._read([path])
        else:
            why = "its name begins with a dot" if path.name.startswith(".") else _SUFFIXES
            self.left_out.append(Problem(str(path), 1, "", f"left out: {why}", Severity.NOTE))

    def _folder(self, root: Path) -> Iterator[Reading]:
        listing = list_folder(root)
        self.left_out += [replace(each, file=str(root / each.file)) for each in listing.problems]
        self.left_out += _others(root)
        mine: dict[str, str] = {}
        read = self._read([root / stat.path for stat in listing.files])
        for stat, reading in zip(listing.files, read, strict=True):
            file, slug = str(root / stat.path), slug_of(stat.path)
            if reading.card and (taken := self._why_taken(slug, mine)):
                yield replace(reading, card=None, problems=(*reading.problems, Problem(file, 1, "", taken)))
                continue
            if reading.card or _is_broken(reading):
                mine.setdefault(slug, file)
            yield reading
        self._claims.update(mine)

    def _why_taken(self, slug: str, mine: dict[str, str]) -> str | None:
        if slug in self._claims:
            return f"{self._claims[slug]} has the same name, and its folder comes first: rename one of the two"
        return f"{mine[slug]} has the same name: rename one of the two" if slug in mine else None

    def _read(self, paths: Sequence[Path]) -> Iterator[Reading]:
        files = [CardFile(str(path), FileStat(str(path), 0, 0), rules=self._rules) for path in paths]
        for stat, found in read_all(files):
            if isinstance(found, Reading):
                yield self._compared(stat.path, found)
            else:
                yield Reading(None, (Problem(stat.path, 1, "", "is not there"),))

    def _compared(self, file: str, reading: Reading) -> Reading:
        """Add a note to the reading if another card has the same URL."""
        if not reading.card or not reading.card.url or reading.card.state is State.WITHDRAWN:
            return reading
        other = self._addresses.setdefault(normalised(reading.card.url), file)
        if other == file:
            return reading
        field, line = _address(Path(file))
        note = Problem(file, line, field, f"{other} has the same address", Severity.NOTE)
        return replace(reading, problems=(*reading.problems, note))


def _is_broken(reading: Reading) -> bool:
    return any(problem.severity is Severity.ERROR for problem in reading.problems)


def _address(path: Path) -> tuple[str, int]:
    """The field that holds the card's URL, and its line; `("", 1)` if unknown."""
    try:
        matter = split(path.read_text("utf-8"))
    except (OSError, UnicodeError, FrontMatterError):
        matter = None
    named = [name for name in LINKS if matter and matter.fields.get(name)]
    return (named[0], matter.line(named[0])) if matter and named else ("", 1)


_SUFFIXES = "a card's file ends in .md or .markdown"


def _others(root: Path) -> Iterator[Problem]:
    """Yield one note with the number of files ignored because of their suffix, if there are any."""
    found = Counter(Path(name).suffix or "without a suffix" for name in _names(root) if not is_card_file(name))
    if found:
        kinds = ", ".join(f"{suffix} {count:,}" for suffix, count in found.most_common(_KINDS))
        more = ", …" if len(found) > _KINDS else ""
        problem = f"{found.total():,} files are left out ({kinds}{more}): {_SUFFIXES}"
        yield Problem(str(root), 1, "", problem, Severity.NOTE)


_KINDS = 5


def _names(root: Path) -> Iterator[str]:
    """Yield the names of all regular files below a folder."""
    folders = [str(root)]  # a stack, since `os.walk` recurses into nested folders
    while folders:
        with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                elif entry.is_file():
                    yield entry.name
