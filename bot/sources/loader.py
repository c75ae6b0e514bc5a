"""Bring the store up to the folder: only changed files are read, nothing is lost to a broken one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from bot.cards.model import FileStat, Problem, Reading, Severity
from bot.errors import UserError
from bot.language import marked, tr
from bot.sources.ahead import read_ahead
from bot.sources.folder import scan, slug_of, untried
from bot.sources.writeback import write_published
from bot.store.filing import BATCH, Filing, FilingCabinet, KnownFile

BRAKE_CARDS = 20
BRAKE_SHARE = 0.20
"""A load that would withdraw more than this many cards and more than this share of the published ones stops first:
an emptied folder or a bad checkout is likelier than such news."""


@dataclass(slots=True)
class LoadReport:
    """What a load found and did. `seconds` is wall time; `held_back` counts withdrawals that wait for a person."""

    files: int = 0
    cards: int = 0
    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    skipped: int = 0
    problems: int = 0
    seconds: float = 0.0
    held_back: int = 0
    findings: list[Problem] = field(default_factory=list)

    @property
    def news(self) -> bool:
        """Whether the store is different now."""
        return bool(self.added or self.changed or self.withdrawn)

    def counts(self) -> dict[str, Any]:
        """The report as plain values, without the single findings."""
        counts = asdict(self)
        del counts["findings"]
        return counts | {"seconds": round(self.seconds, 3)}


Progress = Callable[[int, int], None]
"""Called with (files done, files to read) as a load goes on."""


class Loader:
    """Loads the folders. One load at a time: a second caller waits for the first."""

    def __init__(self, cabinet: FilingCabinet, *roots: Path) -> None:
        self.roots = roots
        self.at_rest = asyncio.Lock()
        """Held by whoever reads the folders or changes many of their files."""
        self._cabinet = cabinet

    async def load(
        self, now: datetime, *, accept_withdrawals: bool = False, progress: Progress | None = None
    ) -> LoadReport:
        """Compare, read, write. Raises `UserError` when a folder is not there; then nothing is changed."""
        async with self.at_rest:
            for root in self.roots:
                if not root.is_dir():
                    raise UserError(
                        tr(
                            "The folder of cards {folder} does not exist. Set NEWSDESK_CARDS to one that does.",
                            folder=root,
                        )
                    )
            load = _Load(self._cabinet, now, accept_withdrawals, progress or (lambda _done, _of: None))
            return await load.run(self.roots)

    async def write_back(self, card_id: int, published: bool) -> None:
        """Write a decision into the card's file. Raises `UserError` when it cannot be done."""
        async with self.at_rest:
            for root in self.roots:
                known = await self._cabinet.known(str(root.resolve()))
                stat = next((file.stat for file in known.values() if file.card_id == card_id), None)
                if stat is not None:
                    await asyncio.to_thread(write_published, root, stat, published)
                    return
        raise UserError(tr("The card's file is not in the folder of cards, so that it cannot be written."))


class _Load:
    """One load of all folders: what would take cards away comes last, together, so that the brake can weigh it."""

    def __init__(self, cabinet: FilingCabinet, now: datetime, accept_withdrawals: bool, progress: Progress) -> None:
        self.cabinet = cabinet
        self.now = now
        self.accept_withdrawals = accept_withdrawals
        self.progress = progress
        self.report = LoadReport()

    async def run(self, roots: Sequence[Path]) -> LoadReport:
        started = perf_counter()
        folders = [_Folder(self, root, alone=len(roots) == 1) for root in roots]
        for folder in folders:
            await folder.look()
        vanished = {card for folder in folders for card in folder.vanished()}
        claims: dict[str, str] = {}
        for folder in folders:
            claims = await folder.read(vanished, claims) | claims
        await self._withdraw(folders)
        if self.report.news:
            await self.cabinet.recount()
        self.report.seconds = perf_counter() - started
        return self.report

    async def _withdraw(self, folders: Sequence[_Folder]) -> None:
        losing = sum([await folder.losing() for folder in folders])
        if not self.accept_withdrawals and await self._suspicious(losing):
            self.report.held_back = losing
            return
        for folder in folders:
            await folder.withdraw()

    async def _suspicious(self, losing: int) -> bool:
        return losing > BRAKE_CARDS and losing > await self.cabinet.published() * BRAKE_SHARE


class _Folder:
    """One folder's part of a load."""

    def __init__(self, load: _Load, root: Path, *, alone: bool) -> None:
        self.load = load
        self.root = root
        self.key = str(root.resolve())
        self.alone = alone
        self.stats: list[FileStat] = []
        self.known: dict[str, KnownFile] = {}
        self.claims: dict[str, str] = {}
        """The slugs of this folder's cards, broken ones too, with the file that has each."""
        self.postponed: list[tuple[FileStat, Reading]] = []
        self.leaving: set[str] = set()
        """Files that are gone, or that are no news card any more."""

    async def look(self) -> None:
        self.stats = await asyncio.to_thread(self._scan)
        self.known = await self.load.cabinet.known(self.key)
        self.leaving = self.known.keys() - {stat.path for stat in self.stats}
        self.load.report.files += len(self.stats)

    def vanished(self) -> Iterator[int]:
        for path in self.leaving:
            if (card := self.known[path].card_id) is not None:
                yield card

    async def read(self, vanished: Iterable[int], taken: Mapping[str, str]) -> dict[str, str]:
        """File what is new; `taken` are the slugs of the folders before. Gives those of this one."""
        twins = _twins(self.stats, taken)
        fresh = [stat for stat in self.stats if stat.path in self.known and self.known[stat.path].stat == stat]
        fresh = [stat for stat in fresh if stat.path not in twins]
        for stat in fresh:
            file = self.known[stat.path]
            self.load.report.unchanged += file.card_id is not None
            self._count(stat, file.card_id is not None, file.problems)
        unread = sorted(set(self.stats) - set(fresh), key=lambda stat: stat.path)
        await self._read(unread, frozenset(vanished), twins)
        return self.claims

    def _scan(self) -> list[FileStat]:
        """A folder that cannot be listed must not look like one whose files were deleted."""
        try:
            return scan(self.root)
        except OSError as error:
            text = marked("The folder {folder} cannot be listed: {reason}. Nothing was changed.")
            raise UserError(tr(text, folder=error.filename, reason=error.strerror)) from error

    def _count(self, stat: FileStat, is_card: bool, problems: Sequence[Problem]) -> None:
        errors = [problem for problem in problems if problem.severity is Severity.ERROR]
        report = self.load.report
        report.cards += is_card
        report.skipped += not is_card
        report.problems += len(errors)
        report.findings += [self._placed(problem) for problem in errors]
        if is_card or errors:
            self.claims.setdefault(slug_of(stat.path), str(self.root / stat.path))

    def _placed(self, problem: Problem) -> Problem:
        """Of several folders the problem says which one it is in."""
        return problem if self.alone else replace(problem, file=str(self.root / problem.file))

    async def _read(self, unread: Sequence[FileStat], vanished: Iterable[int], twins: dict[str, Problem]) -> None:
        done = 0
        async for readings in read_ahead(self.root, [stat for stat in unread if stat.path not in twins]):
            await self._take(readings, vanished)
            self.load.progress(done := done + len(readings), len(unread))
        await self._take(
            [(untried(stat), Reading(None, (twins[stat.path],))) for stat in unread if stat.path in twins], vanished
        )

    async def _take(self, readings: Sequence[tuple[FileStat, Reading]], vanished: Iterable[int]) -> None:
        for stat, reading in readings:
            before = self.known[stat.path].card_id if stat.path in self.known else None
            broken = any(problem.severity is Severity.ERROR for problem in reading.problems)
            if reading.card is None and before is not None and not broken:
                self.leaving.add(stat.path)
            self._count(stat, reading.card is not None or (broken and before is not None), reading.problems)
        staying = [(stat, reading) for stat, reading in readings if stat.path not in self.leaving]
        self._add(await self._file(staying, vanished, withdraw=False))

    async def _file(self, batch: Sequence[tuple[FileStat, Reading]], vanished: Iterable[int], withdraw: bool) -> Filing:
        return await self.load.cabinet.file(self.key, batch, vanished=vanished, now=self.load.now, withdraw=withdraw)

    def _add(self, filing: Filing) -> None:
        report = self.load.report
        report.added += filing.added
        report.changed += filing.changed
        report.withdrawn += filing.withdrawn
        report.unchanged += filing.unchanged
        self.postponed += filing.postponed

    def _batches(self) -> Iterator[list[str]]:
        paths = sorted(self.leaving)
        return (paths[start : start + BATCH] for start in range(0, len(paths), BATCH))

    async def losing(self) -> int:
        """How many published cards would go."""
        at_risk = [await self.load.cabinet.at_risk(self.key, batch) for batch in self._batches()]
        return len(self.postponed) + sum(at_risk)

    async def withdraw(self) -> None:
        postponed, self.postponed = self.postponed, []
        for start in range(0, len(postponed), BATCH):
            self._add(await self._file(postponed[start : start + BATCH], (), withdraw=True))
        for batch in self._batches():
            self.load.report.withdrawn += await self.load.cabinet.forget(self.key, batch, self.load.now)


def _twins(stats: Sequence[FileStat], taken: Mapping[str, str]) -> dict[str, Problem]:
    """Files whose slug an earlier file or a card of an earlier folder has already, with the problem to report."""
    first: dict[str, str] = {}
    found: dict[str, Problem] = {}
    for stat in stats:
        slug = slug_of(stat.path)
        owner = first.setdefault(slug, stat.path)
        if slug in taken:
            why = f"{taken[slug]} has the same name, and its folder comes first: rename one of the two"
            found[stat.path] = Problem(stat.path, 1, "", why)
        elif owner != stat.path:
            found[stat.path] = Problem(stat.path, 1, "", f"{owner} has the same name: rename one of the two")
    return found
