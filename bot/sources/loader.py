"""Synchronize the store with the card folders: read only changed files, and lose nothing to a broken one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any

from bot.cards.model import FileStat, ParseResult, Problem, Severity, effective_published_at
from bot.errors import UserError
from bot.i18n import tr, tr_noop
from bot.sources.folder import CardFile, Listing, ReadingRules, list_folder, mark_untried, slug_for_path
from bot.sources.parallel_reader import Answer, read_ahead, run_in_background, warm_reader
from bot.sources.reader_process import UnreadReason
from bot.sources.write_back import write_published
from bot.store.cards.importer import BATCH, CardImporter, ImportResult, KnownFile

BRAKE_CARDS = 20
BRAKE_SHARE = 0.20
"""A load that would withdraw more than this many cards and more than this share of the published ones holds the
withdrawals back for confirmation: an emptied folder or a bad checkout is more likely."""
SECOND_LOOK = timedelta(seconds=5)
"""A missing card counts as gone if it is still missing after this time: editors, copies and checkouts remove files for
a moment. (Measured: of eight pulls of 2,000 cards, a scan caught three half done.)"""


@dataclass(slots=True)
class LoadReport:
    """Result of a load. `seconds` is wall time; `held_back` counts withdrawals that need confirmation.

    `missing` cards were not found and stay until a second look; `scheduled` cards are due in the future. `look_at` is
    when the next of them must be checked. `notes` concern files that this load read or skipped.
    """

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
    missing: int = 0
    scheduled: int = 0
    findings: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    look_at: datetime | None = None

    @property
    def has_changes(self) -> bool:
        """Whether the load changed the store."""
        return bool(self.added or self.changed or self.withdrawn)

    def to_counts(self) -> dict[str, Any]:
        """The report as plain values, without the individual findings."""
        counts = asdict(self)
        for name in ("findings", "notes", "look_at"):
            del counts[name]
        return counts | {"seconds": round(self.seconds, 3)}

    def combined_with(self, first: LoadReport) -> LoadReport:
        """Merge the report of the load before into this one, that of its second look."""
        for name in ("added", "changed", "withdrawn"):
            setattr(self, name, getattr(self, name) + getattr(first, name))
        self.unchanged = max(self.unchanged - first.added - first.changed, 0)
        self.seconds += first.seconds
        self.notes = [*dict.fromkeys([*first.notes, *self.notes])]
        return self


Progress = Callable[[int, int], None]
"""Progress callback, called with (files done, files to read)."""


class Loader:
    """Load the card folders. Loads are serialized: a second caller waits for the first."""

    def __init__(self, importer: CardImporter, *roots: Path, need_category: bool = False) -> None:
        self.roots = roots
        self._need_category = need_category
        self.load_lock = asyncio.Lock()
        """Held while reading the folders or changing many of their files."""
        self._importer = importer
        self._filled: dict[str, tuple[int, int]] = {}
        self._missing_since: dict[tuple[str, str], float] = {}

    async def load_cards(
        self,
        now: datetime,
        *,
        accept_withdrawals: bool = False,
        progress: Progress | None = None,
        settled: Collection[Path] = (),
    ) -> LoadReport:
        """Scan the folders, read changed files and store them. Files missing in `settled` roots need no second look.

        Raises `UserError` if a folder does not exist, without changing anything, and `StoreError` if the database
        fails as a whole.
        """
        async with self.load_lock:
            start = perf_counter()
            places = [await run_in_background(_inspect_folder, root) for root in self.roots]
            load = _LoadRun(
                self._importer,
                ReadingRules(self._need_category, now),
                now,
                accept_withdrawals,
                progress or (lambda _done, _of: None),
                self._missing_since,
            )
            folders = [
                _FolderLoad(load, place, alone=len(places) == 1, settled=place.root in settled) for place in places
            ]
            for folder in folders:
                await folder.load_known()
                self._reject_unmounted(folder)
            report = await load.load_all(folders)
            self._missing_since = load.missing
            report.seconds = perf_counter() - start
            return report

    def _reject_unmounted(self, folder: _FolderLoad) -> None:
        """Raise `UserError` if an empty folder has replaced a full one: most likely its disk is not mounted."""
        place = folder.place
        if place.listing.files or place.listing.closed:
            self._filled[place.key] = place.identity
        elif self._filled.get(place.key, place.identity) != place.identity and folder.known:
            text = tr_noop(
                "The folder of cards {folder} is empty and not the one that it was: is its disk mounted? Nothing was "
                "changed. If that is meant, start the bot again."
            )
            raise UserError(tr(text, folder=place.root))

    def start_reader(self) -> None:
        """Start a reader process in advance, for the next saved file."""
        run_in_background(warm_reader().start)

    async def write_back_card(self, card_id: int, published: bool) -> None:
        """Write a decision into the card's file. Raises `UserError` if that is not possible."""
        async with self.load_lock:
            for root in self.roots:
                known = await self._importer.known_files(str(await run_in_background(root.resolve)))
                stat = next((file.stat for file in known.values() if file.card_id == card_id), None)
                if stat is not None:
                    await run_in_background(write_published, root, stat, published)
                    return
        raise UserError(tr("The card's file is not in the folder of cards, so that it cannot be written."))


@dataclass(frozen=True, slots=True)
class _FolderState:
    """A card folder on disk; `identity` is its device and inode number."""

    root: Path
    key: str
    identity: tuple[int, int]
    listing: Listing


def _inspect_folder(root: Path) -> _FolderState:
    """List a folder. Raises `UserError` if that fails: it must not look like a folder whose files were deleted."""
    try:
        if not root.is_dir():
            text = tr_noop("The folder of cards {folder} does not exist. Set NEWSDESK_CARDS to one that does.")
            raise UserError(tr(text, folder=root))
        info = root.stat()
        return _FolderState(root, str(root.resolve()), (info.st_dev, info.st_ino), list_folder(root))
    except OSError as error:
        text = tr_noop("The folder {folder} cannot be listed: {reason}. Nothing was changed.")
        raise UserError(tr(text, folder=error.filename or root, reason=error.strerror)) from error


class _LoadRun:
    """One load of all folders. Withdrawals come last and together, so that the brake sees their total."""

    def __init__(
        self,
        importer: CardImporter,
        rules: ReadingRules,
        now: datetime,
        accept_withdrawals: bool,
        progress: Progress,
        missed: Mapping[tuple[str, str], float],
    ) -> None:
        self.importer = importer
        self.rules = rules
        self.now = now
        self.accept_withdrawals = accept_withdrawals
        self.progress = progress
        self.missing_since = missed
        """Files missing in the previous load: (folder, path) to the monotonic time since when."""
        self.missing: dict[tuple[str, str], float] = {}
        self.report = LoadReport()

    async def load_all(self, folders: Sequence[_FolderLoad]) -> LoadReport:
        vanished = {card for folder in folders for card in folder.vanished_cards()}
        claims: dict[str, str] = {}
        for folder in folders:
            claims = await folder.import_changes(vanished, claims) | claims
        for folder in folders:
            await folder.decide_missing()
        await self._withdraw_missing(folders)
        if self.report.has_changes:
            await self.importer.recount_names()
        return self.report

    async def _withdraw_missing(self, folders: Sequence[_FolderLoad]) -> None:
        losing = sum([await folder.count_losing() for folder in folders])
        if not self.accept_withdrawals and await self._is_suspicious(losing):
            self.report.held_back = losing
            return
        for folder in folders:
            await folder.withdraw_missing()

    async def _is_suspicious(self, losing: int) -> bool:
        return losing > BRAKE_CARDS and losing > await self.importer.count_published() * BRAKE_SHARE

    def seconds_missing(self, key: str, path: str) -> float:
        """Seconds since this process first saw the file missing."""
        since = self.missing[key, path] = self.missing_since.get((key, path), monotonic())
        return monotonic() - since

    def schedule_look(self, at: datetime) -> None:
        """Request another load at this time at the latest."""
        self.report.look_at = min(at, self.report.look_at or at)


class _FolderLoad:
    """One folder's part of a load."""

    def __init__(self, load: _LoadRun, place: _FolderState, *, alone: bool, settled: bool) -> None:
        self.load = load
        self.place = place
        self.alone = alone
        self.settled = settled
        self.stats = place.listing.files
        self.known: dict[str, KnownFile] = {}
        self.claims: dict[str, str] = {}
        """Slugs of this folder's cards, including broken ones, mapped to file paths."""
        self.postponed: list[tuple[FileStat, ParseResult]] = []
        self.missing: set[str] = set()
        """Files that are missing, or no longer contain a card."""
        self.leaving: set[str] = set()
        """Those of the missing files that are confirmed gone, or declare another category."""

    async def load_known(self) -> None:
        self.known = await self.load.importer.known_files(self.place.key)
        listed = {stat.path for stat in self.stats}
        self.missing = {path for path in self.known.keys() - listed if not self.place.listing.is_closed(path)}
        self.load.report.files += len(self.stats)

    def vanished_cards(self) -> Iterator[int]:
        for path in self.missing:
            if (card := self.known[path].card_id) is not None:
                yield card

    async def import_changes(self, vanished: Iterable[int], taken: Mapping[str, str]) -> dict[str, str]:
        """Store new and changed files; `taken` are the slugs of earlier folders. Returns the slugs of this one."""
        self._report_problems(self.place.listing.problems)
        for path in filter(self.place.listing.is_closed, self.known):
            self.claims[slug_for_path(path)] = path
        twins = _find_duplicate_slugs(self.stats, taken)
        unread = []
        for stat in self.stats:
            known = self.known.get(stat.path)
            if known and known.stat == stat and stat.path not in twins and not self._is_waited_for(known):
                self._keep_file(stat, known)
            else:
                unread.append(stat)
        await self._read_changed(unread, frozenset(vanished), twins)
        return {slug: str(self.place.root / path) for slug, path in self.claims.items()} if not self.alone else {}

    def _is_waited_for(self, known: KnownFile) -> bool:
        """Whether an unchanged file must be read: it was missing before, or its card's scheduled time has come.

        While it was missing, another file may have taken over its card.
        """
        return known.missing_since is not None or (known.due_at is not None and known.due_at <= self.load.now)

    def _keep_file(self, stat: FileStat, known: KnownFile) -> None:
        """Count a file whose content has not changed."""
        is_card = known.card_id is not None
        self.load.report.unchanged += is_card
        if known.due_at is not None:
            self._schedule_look(known.due_at)
        self._count_file(stat, is_card, known.problems)

    def _schedule_look(self, due_at: datetime) -> None:
        self.load.report.scheduled += 1
        self.load.schedule_look(due_at)

    def _count_file(self, stat: FileStat, is_card: bool, problems: Sequence[Problem]) -> None:
        report = self.load.report
        report.cards += is_card
        report.skipped += not is_card
        broken = problems and self._report_problems([each for each in problems if each.severity is Severity.ERROR])
        if is_card or broken:
            self.claims.setdefault(slug_for_path(stat.path), stat.path)

    def _report_problems(self, problems: Sequence[Problem]) -> int:
        """Report problems, with full paths if there are several folders. Returns the number of errors."""
        placed = [each if self.alone else replace(each, file=str(self.place.root / each.file)) for each in problems]
        errors = [each for each in placed if each.severity is Severity.ERROR]
        self.load.report.problems += len(errors)
        self.load.report.findings += errors
        self.load.report.notes += [each for each in placed if each.severity is not Severity.ERROR]
        return len(errors)

    async def _read_changed(
        self, unread: Sequence[FileStat], vanished: Iterable[int], twins: dict[str, Problem]
    ) -> None:
        done = 0
        reading = read_ahead([self._file_to_read(stat) for stat in unread if stat.path not in twins])
        async with aclosing(reading):
            async for answers in reading:
                await self._import_answers(answers, vanished)
                self.load.progress(done := done + len(answers), len(unread))
        await self._import_answers(
            [(mark_untried(stat), ParseResult(None, (twins[stat.path],))) for stat in unread if stat.path in twins],
            vanished,
        )

    def _file_to_read(self, stat: FileStat) -> CardFile:
        known = self.known.get(stat.path)
        digest = None if known is None or self._is_waited_for(known) else known.digest
        return CardFile(str(self.place.root / stat.path), stat, digest, self.load.rules)

    async def _import_answers(self, answers: Sequence[Answer], vanished: Iterable[int]) -> None:
        now, known = self.load.now, self.known
        readings = [
            (stat, with_appearance_time(outcome, now, known.get(stat.path)))
            for stat, outcome in answers
            if isinstance(outcome, ParseResult)
        ]
        for stat, reading in readings:
            if reading.appears_at and reading.appears_at > now:
                self._schedule_look(reading.appears_at)
            before = known[stat.path].card_id if stat.path in known else None
            broken = any(problem.severity is Severity.ERROR for problem in reading.problems)
            if reading.card is None and before is not None and not broken:
                self._report_lost(stat.path, reading)
            self._count_file(stat, reading.card is not None or (broken and before is not None), reading.problems)
            self._report_problems([each for each in reading.problems if each.severity is not Severity.ERROR])
        await self._skip_files({stat: outcome for stat, outcome in answers if isinstance(outcome, UnreadReason)})
        staying = [(stat, reading) for stat, reading in readings if stat.path not in self.missing]
        self._add_result(await self._import_batch(staying, vanished, withdraw=False))

    def _report_lost(self, path: str, reading: ParseResult) -> None:
        """Mark a file that no longer contains a card as missing."""
        self.missing.add(path)
        # Another category is deliberate, while missing front matter may be a half-written file.
        if reading.is_other:
            self.leaving.add(path)

    async def _skip_files(self, unread: Mapping[FileStat, UnreadReason]) -> None:
        """Handle files that were only touched, or were deleted since they were listed."""
        self.missing |= {
            stat.path for stat, why in unread.items() if why is UnreadReason.GONE and stat.path in self.known
        }
        same = [stat for stat, why in unread.items() if why is UnreadReason.SAME]
        for stat in same:
            self._keep_file(stat, self.known[stat.path])
        if same:
            await self.load.importer.touch_files(self.place.key, same)

    async def _import_batch(
        self, batch: Sequence[tuple[FileStat, ParseResult]], vanished: Iterable[int], withdraw: bool
    ) -> ImportResult:
        return await self.load.importer.import_batch(
            self.place.key, batch, vanished=vanished, now=self.load.now, withdraw=withdraw
        )

    def _add_result(self, filing: ImportResult) -> None:
        report = self.load.report
        report.added += filing.added
        report.changed += filing.changed
        report.withdrawn += filing.withdrawn
        report.unchanged += filing.unchanged
        self.postponed += filing.postponed
        self._report_problems(filing.refused)

    async def decide_missing(self) -> None:
        """Decide which missing files are gone and which need a second look."""
        now, newly = self.load.now, []
        for path in self.missing - self.leaving:
            known = self.known[path]
            since = known.missing_since
            if since is None or since > now:
                newly.append(path)
                since = now
            seconds = self.load.seconds_missing(self.place.key, path)
            waited = max(now - since, timedelta(seconds=seconds))
            if known.card_id is None or self.settled or waited >= SECOND_LOOK:
                self.leaving.add(path)
            else:
                self.load.report.missing += 1
                self.load.schedule_look(since + SECOND_LOOK)
        await self.load.importer.mark_missing(self.place.key, sorted(newly), now)

    def _iter_batches(self) -> Iterator[list[str]]:
        paths = sorted(self.leaving)
        return (paths[start : start + BATCH] for start in range(0, len(paths), BATCH))

    async def count_losing(self) -> int:
        """Number of published cards that would be withdrawn."""
        at_risk = [await self.load.importer.count_at_risk(self.place.key, batch) for batch in self._iter_batches()]
        return len(self.postponed) + sum(at_risk)

    async def withdraw_missing(self) -> None:
        postponed, self.postponed = self.postponed, []
        for start in range(0, len(postponed), BATCH):
            self._add_result(await self._import_batch(postponed[start : start + BATCH], (), withdraw=True))
        for batch in self._iter_batches():
            self.load.report.withdrawn += await self.load.importer.forget_files(self.place.key, batch, self.load.now)


def with_appearance_time(reading: ParseResult, now: datetime, known: KnownFile | None = None) -> ParseResult:
    """Set `appears_at` if the card's time is in the future; `known` is the file's previous record.

    A card that was already scheduled waits for its exact time, without the 14-hour tolerance for time zones.
    """
    if reading.card is None or reading.card.published_at <= now:
        return reading
    at = reading.card.published_at
    if known is None or known.due_at != at:
        at = effective_published_at(at, now)
    return replace(reading, appears_at=at)


def _find_duplicate_slugs(stats: Sequence[FileStat], taken: Mapping[str, str]) -> dict[str, Problem]:
    """Files whose slug is already used in this or an earlier folder, mapped to the problem to report."""
    first: dict[str, str] = {}
    result: dict[str, Problem] = {}
    for stat in stats:
        slug = slug_for_path(stat.path)
        owner = first.setdefault(slug, stat.path)
        if slug in taken:
            why = f"{taken[slug]} has the same name, and its folder comes first: rename one of the two"
            result[stat.path] = Problem(stat.path, 1, "", why)
        elif owner != stat.path:
            result[stat.path] = Problem(stat.path, 1, "", f"{owner} has the same name: rename one of the two")
    return result
