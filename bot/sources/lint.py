"""Check card files without a store."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bot.cards.frontmatter import FrontMatterError, split_front_matter
from bot.cards.known_keys import LINKS
from bot.cards.model import CardState, ParseResult, Problem, Severity, SourceItem
from bot.cards.urls import normalize_url
from bot.errors import UserError
from bot.sources.folder import ORDINARY, CardFile, ReadingRules, is_card_file, list_folder, slug_for_path
from bot.sources.parallel_reader import read_all


@dataclass(frozen=True, slots=True)
class LintReport:
    """Result of a check. Files that are not news cards count as notes, not as cards."""

    files: int
    cards: int
    findings: tuple[Problem, ...]

    @property
    def errors(self) -> int:
        return sum(finding.severity is Severity.ERROR for finding in self.findings)


def check_paths(paths: Sequence[Path], rules: ReadingRules = ORDINARY) -> LintReport:
    """Read files, and all card files in folders, as a load would. Raises `UserError` if a path does not exist."""
    check = _LintRun(rules)
    readings = [reading for path in paths for reading in check.iter_results(path)]
    findings = (*check.left_out, *(problem for reading in readings for problem in reading.problems))
    return LintReport(len(readings), sum(reading.card is not None for reading in readings), findings)


class _LintRun:
    """State of one check: duplicate slugs and duplicate URLs are detected across all paths."""

    def __init__(self, rules: ReadingRules) -> None:
        self.left_out: list[Problem] = []
        """Problems with entries that are not card files."""
        self._rules = rules
        self._claims: dict[str, str] = {}
        """Slugs in the folders read so far, mapped to their files."""
        self._addresses: dict[str, str] = {}
        """Normalized URLs of the cards read so far, mapped to their files."""

    def iter_results(self, path: Path) -> Iterator[ParseResult]:
        if path.is_dir():
            yield from self._iter_folder(path)
        elif not path.is_file():
            raise UserError(f"{path} is neither a file nor a folder.")
        elif is_card_file(path.name):
            yield from self._read_paths([path])
        else:
            why = "its name begins with a dot" if path.name.startswith(".") else _SUFFIXES
            self.left_out.append(Problem(str(path), 1, "", f"left out: {why}", Severity.NOTE))

    def _iter_folder(self, root: Path) -> Iterator[ParseResult]:
        listing = list_folder(root)
        self.left_out += [replace(each, file=str(root / each.file)) for each in listing.problems]
        self.left_out += _count_other_files(root)
        own: dict[str, str] = {}
        read = self._read_paths([root / item.key for item in listing.items])
        for item, reading in zip(listing.items, read, strict=True):
            file, slug = str(root / item.key), slug_for_path(item.key)
            if reading.card and (taken := self._why_taken(slug, own)):
                yield replace(reading, card=None, problems=(*reading.problems, Problem(file, 1, "", taken)))
                continue
            if reading.card or _is_broken(reading):
                own.setdefault(slug, file)
            yield reading
        # Not before the end of the folder: within it, `own` says which file came first.
        self._claims.update(own)

    def _why_taken(self, slug: str, own: dict[str, str]) -> str | None:
        if slug in self._claims:
            return f"{self._claims[slug]} has the same name, and its folder comes first: rename one of the two"
        return f"{own[slug]} has the same name: rename one of the two" if slug in own else None

    def _read_paths(self, paths: Sequence[Path]) -> Iterator[ParseResult]:
        files = [CardFile(str(path), SourceItem(str(path), ""), rules=self._rules) for path in paths]
        for item, found in read_all(files):
            if isinstance(found, ParseResult):
                yield self._note_duplicate_address(item.key, found)
            else:
                yield ParseResult(None, (Problem(item.key, 1, "", "is not there"),))

    def _note_duplicate_address(self, file: str, reading: ParseResult) -> ParseResult:
        """Add a note to the reading if another card has the same URL."""
        if not reading.card or not reading.card.url or reading.card.state is CardState.WITHDRAWN:
            return reading
        other = self._addresses.setdefault(normalize_url(reading.card.url), file)
        if other == file:
            return reading
        field, line = _address_field(Path(file))
        note = Problem(file, line, field, f"{other} has the same address", Severity.NOTE)
        return replace(reading, problems=(*reading.problems, note))


def _is_broken(reading: ParseResult) -> bool:
    return any(problem.severity is Severity.ERROR for problem in reading.problems)


def _address_field(path: Path) -> tuple[str, int]:
    """The field that holds the card's URL, and its line; `("", 1)` if unknown."""
    try:
        matter = split_front_matter(path.read_text("utf-8"))
    except (OSError, UnicodeError, FrontMatterError):
        matter = None
    named = [name for name in LINKS if matter and matter.fields.get(name)]
    return (named[0], matter.line_of(named[0])) if matter and named else ("", 1)


_SUFFIXES = "a card's file ends in .md or .markdown"


def _count_other_files(root: Path) -> Iterator[Problem]:
    """Yield one note with the number of files ignored because of their suffix, if there are any."""
    found = Counter(Path(name).suffix or "without a suffix" for name in _iter_names(root) if not is_card_file(name))
    if found:
        kinds = ", ".join(f"{suffix} {count:,}" for suffix, count in found.most_common(_KINDS))
        more = ", …" if len(found) > _KINDS else ""
        problem = f"files left out: {found.total():,} ({kinds}{more}); {_SUFFIXES}"
        yield Problem(str(root), 1, "", problem, Severity.NOTE)


_KINDS = 5


def _iter_names(root: Path) -> Iterator[str]:
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
