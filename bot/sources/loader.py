"""Bring the store up to the folder: only changed files are read, nothing is lost to a broken one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from time import perf_counter
from typing import Any

from bot.cards.model import FileStat, Problem, Reading, Severity
from bot.errors import UserError
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
    """Loads one folder. One load at a time: a second caller waits for the first."""

    def __init__(self, cabinet: FilingCabinet, root: Path) -> None:
        self.root = root
        self._cabinet = cabinet
        self._loading = asyncio.Lock()

    async def load(
        self, now: datetime, *, accept_withdrawals: bool = False, progress: Progress | None = None
    ) -> LoadReport:
        """Compare, read, write. Raises `UserError` when the folder is not there."""
        async with self._loading:
            if not self.root.is_dir():
                raise UserError(f"The folder of cards {self.root} does not exist. Set NEWSDESK_CARDS to one that does.")
            load = _Load(self._cabinet, self.root, now, accept_withdrawals, progress or (lambda _done, _of: None))
            return await load.run()

    async def write_back(self, card_id: int, published: bool) -> None:
        """Write a decision into the card's file. Raises `UserError` when it cannot be done."""
        async with self._loading:
            key = str(self.root.resolve())
            known = await self._cabinet.known(key)
            stat = next((file.stat for file in known.values() if file.card_id == card_id), None)
            if stat is None:
                raise UserError("The card's file is not in the folder of cards, so that it cannot be written.")
            await asyncio.to_thread(write_published, self.root, stat, published)


class _Load:
    def __init__(
        self, cabinet: FilingCabinet, root: Path, now: datetime, accept_withdrawals: bool, progress: Progress
    ) -> None:
        self.cabinet = cabinet
        self.root = root
        self.key = str(root.resolve())
        self.now = now
        self.accept_withdrawals = accept_withdrawals
        self.progress = progress
        self.report = LoadReport()
        self.postponed: list[tuple[FileStat, Reading]] = []
        self.leaving: set[str] = set()
        """Files that are gone, or that are no news card any more."""

    async def run(self) -> LoadReport:
        started = perf_counter()
        stats = await asyncio.to_thread(self._scan)
        known = await self.cabinet.known(self.key)
        twins = _twins(stats)
        fresh = [stat for stat in stats if stat.path in known and known[stat.path].stat == stat]
        unread = sorted(set(stats) - {stat for stat in fresh if stat.path not in twins}, key=lambda stat: stat.path)
        self.leaving = known.keys() - {stat.path for stat in stats}
        self.report.files = len(stats)
        self._count_known(known[stat.path] for stat in fresh if stat.path not in twins)
        await self._read(unread, known, twins)
        await self._withdraw()
        if self.report.news:
            await self.cabinet.recount()
        self.report.seconds = perf_counter() - started
        return self.report

    def _scan(self) -> list[FileStat]:
        """A folder that cannot be listed must not look like one whose files were deleted."""
        try:
            return scan(self.root)
        except OSError as error:
            raise UserError(
                f"The folder {error.filename} cannot be listed: {error.strerror}. Nothing was changed."
            ) from error

    def _count_known(self, files: Iterable[KnownFile]) -> None:
        for file in files:
            self.report.unchanged += file.card_id is not None
            self._count(file.card_id is not None, file.problems)

    def _count(self, is_card: bool, problems: Sequence[Problem]) -> None:
        errors = [problem for problem in problems if problem.severity is Severity.ERROR]
        self.report.cards += is_card
        self.report.skipped += not is_card
        self.report.problems += len(errors)
        self.report.findings += errors

    async def _read(self, unread: Sequence[FileStat], known: dict[str, KnownFile], twins: dict[str, Problem]) -> None:
        vanished = {card for path in self.leaving if (card := known[path].card_id) is not None}
        done = 0
        async for readings in read_ahead(self.root, [stat for stat in unread if stat.path not in twins]):
            await self._take(readings, known, vanished)
            self.progress(done := done + len(readings), len(unread))
        await self._take(
            [(untried(stat), Reading(None, (twins[stat.path],))) for stat in unread if stat.path in twins],
            known,
            vanished,
        )

    async def _take(
        self, readings: Sequence[tuple[FileStat, Reading]], known: dict[str, KnownFile], vanished: Iterable[int]
    ) -> None:
        for stat, reading in readings:
            before = known[stat.path].card_id if stat.path in known else None
            broken = any(problem.severity is Severity.ERROR for problem in reading.problems)
            if reading.card is None and before is not None and not broken:
                self.leaving.add(stat.path)
            self._count(reading.card is not None or (broken and before is not None), reading.problems)
        staying = [(stat, reading) for stat, reading in readings if stat.path not in self.leaving]
        self._add(await self._file(staying, vanished, withdraw=False))

    async def _file(self, batch: Sequence[tuple[FileStat, Reading]], vanished: Iterable[int], withdraw: bool) -> Filing:
        return await self.cabinet.file(self.key, batch, vanished=vanished, now=self.now, withdraw=withdraw)

    def _add(self, filing: Filing) -> None:
        self.report.added += filing.added
        self.report.changed += filing.changed
        self.report.withdrawn += filing.withdrawn
        self.report.unchanged += filing.unchanged
        self.postponed += filing.postponed

    async def _suspicious(self, losing: int) -> bool:
        return losing > BRAKE_CARDS and losing > await self.cabinet.published() * BRAKE_SHARE

    async def _withdraw(self) -> None:
        """What would take cards away comes last, together, so that the brake can weigh it."""
        paths = sorted(self.leaving)
        batches = [paths[start : start + BATCH] for start in range(0, len(paths), BATCH)]
        losing = len(self.postponed) + sum([await self.cabinet.at_risk(self.key, batch) for batch in batches])
        if not self.accept_withdrawals and await self._suspicious(losing):
            self.report.held_back = losing
            return
        for start in range(0, len(self.postponed), BATCH):
            self._add(await self._file(self.postponed[start : start + BATCH], (), withdraw=True))
        for batch in batches:
            self.report.withdrawn += await self.cabinet.forget(self.key, batch, self.now)


def _twins(stats: Sequence[FileStat]) -> dict[str, Problem]:
    """Files whose slug an earlier file has already, with the problem to report."""
    first: dict[str, str] = {}
    found: dict[str, Problem] = {}
    for stat in stats:
        owner = first.setdefault(slug_of(stat.path), stat.path)
        if owner != stat.path:
            found[stat.path] = Problem(stat.path, 1, "", f"{owner} has the same name: rename one of the two")
    return found
