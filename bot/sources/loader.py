"""Synchronize the store with the sources of cards: read only changed items, and lose nothing to a broken one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic, perf_counter
from typing import Any

from bot.cards.model import ParseResult, Problem, Severity, SourceItem, effective_published_at
from bot.errors import UserError
from bot.i18n import tr
from bot.sources.folder_source import FolderSource
from bot.sources.source import ItemToRead, Listing, ReadItem, Source, UnreadReason
from bot.store.cards.import_batch import ImportResult, SourceBatch
from bot.store.cards.importer import BATCH, CardImporter, KnownItem

BRAKE_CARDS = 20
BRAKE_SHARE = 0.20
"""A load that would withdraw more than this many cards and more than this share of the published ones holds the
withdrawals back for confirmation: an emptied folder or a bad checkout is more likely."""


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
"""Progress callback, called with (items done, items to read)."""


class Loader:
    """Load cards from their sources. Loads are serialized: a second caller waits for the first."""

    def __init__(self, importer: CardImporter, *sources: Source) -> None:
        self.sources = sources
        self.load_lock = asyncio.Lock()
        """Held while reading the sources or changing many of their items."""
        self._importer = importer
        self._missing_since: dict[tuple[int, str], float] = {}

    @property
    def folders(self) -> list[FolderSource]:
        """The sources that are folders: they can be watched, pulled and written."""
        return [source for source in self.sources if isinstance(source, FolderSource)]

    @property
    def interval(self) -> timedelta:
        """How often to load."""
        return min(source.interval for source in self.sources)

    async def load_cards(
        self, clock: Callable[[], datetime], *, accept_withdrawals: bool = False, progress: Progress | None = None
    ) -> LoadReport:
        """List the sources, read what has changed and store it.

        `clock` is read when the load begins and for each batch that is stored: a card is visible since then.
        Raises `UserError` if a source cannot be listed, without changing anything, and `StoreError` if the database
        fails as a whole.
        """
        async with self.load_lock:
            start = perf_counter()
            load = _LoadRun(
                self._importer, clock, accept_withdrawals, progress or (lambda _done, _of: None), self._missing_since
            )
            # All of them first: while one source cannot be listed, the others' cards must not take its cards' place.
            parts = [await self._list_source(load, source) for source in self.sources]
            report = await load.load_all(parts)
            self._missing_since = load.missing
            report.seconds = perf_counter() - start
            return report

    async def _list_source(self, load: _LoadRun, source: Source) -> _SourceLoad:
        key = await source.resolve_key()
        known = await self._importer.known_items(source.kind, key)
        listing = await source.list_items(known.keys())
        source_id = await self._importer.ensure_source(source.kind, key, language=source.language)
        return _SourceLoad(load, source, source_id, known, listing, alone=len(self.sources) == 1)

    async def write_back_card(self, card_id: int, published: bool) -> None:
        """Write a decision into the card's file. Raises `UserError` if that is not possible."""
        async with self.load_lock:
            carriers = await self._importer.find_carriers(card_id)
            for folder in self.folders:
                if item := carriers.get((folder.kind, await folder.resolve_key())):
                    await folder.write_published(item, published)
                    return
        raise UserError(tr("The card's file isn't in the cards folder, so I can't change it."))


class _LoadRun:
    """One load of all sources. Withdrawals come last and together, so that the brake sees their total."""

    def __init__(
        self,
        importer: CardImporter,
        clock: Callable[[], datetime],
        accept_withdrawals: bool,
        progress: Progress,
        missed: Mapping[tuple[int, str], float],
    ) -> None:
        self.importer = importer
        self.clock = clock
        self.now = clock()
        self.accept_withdrawals = accept_withdrawals
        self.progress = progress
        self.missing_since = missed
        """Items missing in the previous load: (source id, key) to the monotonic time since when."""
        self.missing: dict[tuple[int, str], float] = {}
        self.report = LoadReport()

    async def load_all(self, parts: Sequence[_SourceLoad]) -> LoadReport:
        # An item may have moved from a later source to an earlier one: what vanished anywhere must be known first.
        vanished = frozenset(card for part in parts for card in part.vanished_cards())
        claims: dict[str, str] = {}
        for part in parts:
            claims = await part.import_changes(vanished, claims) | claims
        for part in parts:
            await part.decide_missing()
        await self._withdraw_missing(parts)
        if self.report.has_changes:
            await self.importer.recount_names()
        return self.report

    async def _withdraw_missing(self, parts: Sequence[_SourceLoad]) -> None:
        losing = sum([await part.count_losing() for part in parts])
        if not self.accept_withdrawals and await self._is_suspicious(losing):
            self.report.held_back = losing
            return
        for part in parts:
            await part.withdraw_missing()

    async def _is_suspicious(self, losing: int) -> bool:
        # The count comes first: it spares a query in nearly every load.
        return losing > BRAKE_CARDS and losing > await self.importer.count_published() * BRAKE_SHARE

    def seconds_missing(self, source_id: int, key: str) -> float:
        """Seconds since this process first saw the item missing."""
        since = self.missing[source_id, key] = self.missing_since.get((source_id, key), monotonic())
        return monotonic() - since

    def schedule_look(self, at: datetime) -> None:
        """Request another load at this time at the latest."""
        self.report.look_at = min(at, self.report.look_at or at)


class _SourceLoad:
    """One source's part of a load."""

    def __init__(
        self,
        load: _LoadRun,
        source: Source,
        source_id: int,
        known: Mapping[str, KnownItem],
        listing: Listing,
        *,
        alone: bool,
    ) -> None:
        self.load = load
        self.source = source
        self.source_id = source_id
        self.known = known
        self.listing = listing
        self.alone = alone
        self.claims: dict[str, str] = {}
        """Slugs of this source's cards, including broken ones, mapped to item keys."""
        self.postponed: list[tuple[SourceItem, ParseResult]] = []
        self.missing: set[str] = set()
        """Items that are missing, or no longer contain a card."""
        self.leaving: set[str] = set()
        """Those of the missing items that are confirmed gone, or declare another category."""
        load.report.files += len(listing.items)
        if source.gone_after is not None:
            listed = {item.key for item in listing.items}
            self.missing = {key for key in known.keys() - listed if not listing.is_closed(key)}

    def vanished_cards(self) -> Iterator[int]:
        for key in self.missing:
            if (card := self.known[key].card_id) is not None:
                yield card

    async def import_changes(self, vanished: frozenset[int], taken: Mapping[str, str]) -> dict[str, str]:
        """Store new and changed items; `taken` are the slugs of earlier sources. Returns the slugs of this one."""
        self._report_problems(self.listing.problems)
        # A card that cannot be seen now still owns its slug, so that no other item takes the card over.
        for key in filter(self.listing.is_closed, self.known):
            self.claims[self.source.slug_for_key(key)] = key
        twins = self._find_duplicate_slugs(taken)
        unread = []
        for item in self.listing.items:
            known = self.known.get(item.key)
            if (
                known
                and known.fingerprint == item.fingerprint
                and item.key not in twins
                and not self._is_waited_for(known)
            ):
                self._keep_item(item, known)
            else:
                unread.append(item)
        await self._read_changed(unread, vanished, twins)
        return {slug: self.source.describe_key(key) for slug, key in self.claims.items()} if not self.alone else {}

    def _is_waited_for(self, known: KnownItem) -> bool:
        """Whether an unchanged item must be read: it was missing before, or its card's scheduled time has come.

        While it was missing, another item may have taken over its card.
        """
        return known.missing_since is not None or (known.due_at is not None and known.due_at <= self.load.now)

    def _keep_item(self, item: SourceItem, known: KnownItem) -> None:
        """Count an item whose content has not changed."""
        is_card = known.card_id is not None
        self.load.report.unchanged += is_card
        if known.due_at is not None:
            self._schedule_look(known.due_at)
        self._count_item(item, is_card, known.problems)

    def _schedule_look(self, due_at: datetime) -> None:
        self.load.report.scheduled += 1
        self.load.schedule_look(due_at)

    def _count_item(self, item: SourceItem, is_card: bool, problems: Sequence[Problem]) -> None:
        report = self.load.report
        report.cards += is_card
        report.skipped += not is_card
        broken = problems and self._report_problems([each for each in problems if each.severity is Severity.ERROR])
        if is_card or broken:
            self.claims.setdefault(self.source.slug_for_key(item.key), item.key)

    def _report_problems(self, problems: Sequence[Problem]) -> int:
        """Report problems, with full names if there are several sources. Returns the number of errors."""
        placed = [each if self.alone else replace(each, file=self.source.describe_key(each.file)) for each in problems]
        errors = [each for each in placed if each.severity is Severity.ERROR]
        self.load.report.problems += len(errors)
        self.load.report.findings += errors
        self.load.report.notes += [each for each in placed if each.severity is not Severity.ERROR]
        return len(errors)

    async def _read_changed(
        self, unread: Sequence[SourceItem], vanished: frozenset[int], twins: Mapping[str, Problem]
    ) -> None:
        done = 0
        to_read = [ItemToRead(item, self._known_digest(item.key)) for item in unread if item.key not in twins]
        async with aclosing(self.source.read_items(to_read, self.load.now)) as reading:
            async for results in reading:
                await self._import_results(results, vanished)
                self.load.progress(done := done + len(results), len(unread))
        await self._import_results(
            [(item.as_untried(), ParseResult(None, (twins[item.key],))) for item in unread if item.key in twins],
            vanished,
        )

    def _known_digest(self, key: str) -> str | None:
        """Return the digest of an item's last content; None if it must be read even if that has not changed."""
        known = self.known.get(key)
        return None if known is None or self._is_waited_for(known) else known.digest

    async def _import_results(self, results: Sequence[ReadItem], vanished: frozenset[int]) -> None:
        now, known = self.load.now, self.known
        readings = [
            (item, with_appearance_time(outcome, now, known.get(item.key)))
            for item, outcome in results
            if isinstance(outcome, ParseResult)
        ]
        for item, reading in readings:
            if reading.appears_at and reading.appears_at > now:
                self._schedule_look(reading.appears_at)
            before = known[item.key].card_id if item.key in known else None
            broken = any(problem.severity is Severity.ERROR for problem in reading.problems)
            if reading.card is None and before is not None and not broken:
                self._report_lost(item.key, reading)
            # A broken item keeps the card that it had: a mistake in an edit must not withdraw a post.
            self._count_item(item, reading.card is not None or (broken and before is not None), reading.problems)
            self._report_problems([each for each in reading.problems if each.severity is not Severity.ERROR])
        await self._skip_items({item: outcome for item, outcome in results if isinstance(outcome, UnreadReason)})
        staying = [(item, reading) for item, reading in readings if item.key not in self.missing]
        self._add_result(await self._import_batch(staying, vanished, withdraw=False))

    def _report_lost(self, key: str, reading: ParseResult) -> None:
        """Mark an item that no longer contains a card as missing, unless that means nothing."""
        if self.source.gone_after is None:
            return
        self.missing.add(key)
        # Another category is deliberate, while missing front matter may be a half-written file.
        if reading.is_other:
            self.leaving.add(key)

    async def _skip_items(self, unread: Mapping[SourceItem, UnreadReason]) -> None:
        """Handle items that were only touched, or disappeared since they were listed."""
        if self.source.gone_after is not None:
            self.missing |= {
                item.key for item, why in unread.items() if why is UnreadReason.GONE and item.key in self.known
            }
        same = [item for item, why in unread.items() if why is UnreadReason.SAME]
        for item in same:
            self._keep_item(item, self.known[item.key])
        if same:
            await self.load.importer.touch_items(self.source_id, same)

    async def _import_batch(
        self, batch: Sequence[tuple[SourceItem, ParseResult]], vanished: Iterable[int], withdraw: bool
    ) -> ImportResult:
        parts = [SourceBatch(self.source_id, batch)]
        return await self.load.importer.import_batches(parts, self.load.clock, vanished=vanished, withdraw=withdraw)

    def _add_result(self, filing: ImportResult) -> None:
        report = self.load.report
        report.added += filing.added
        report.changed += filing.changed
        report.withdrawn += filing.withdrawn
        report.unchanged += filing.unchanged
        self.postponed += filing.postponed
        self._report_problems(filing.refused)

    async def decide_missing(self) -> None:
        """Decide which missing items are gone and which need a second look."""
        gone_after = timedelta() if self.listing.is_settled else self.source.gone_after
        if gone_after is None:
            return
        now, newly = self.load.now, []
        for key in self.missing - self.leaving:
            known = self.known[key]
            since = known.missing_since
            if since is None or since > now:
                newly.append(key)
                since = now
            # Two clocks: the stored time outlives a restart, the monotonic one a wall clock that was set back.
            waited = max(now - since, timedelta(seconds=self.load.seconds_missing(self.source_id, key)))
            if known.card_id is None or waited >= gone_after:
                self.leaving.add(key)
            else:
                self.load.report.missing += 1
                self.load.schedule_look(since + gone_after)
        await self.load.importer.mark_missing(self.source_id, sorted(newly), now)

    def _iter_batches(self) -> Iterator[list[str]]:
        keys = sorted(self.leaving)
        return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))

    async def count_losing(self) -> int:
        """Number of published cards that would be withdrawn."""
        at_risk = [await self.load.importer.count_at_risk(self.source_id, batch) for batch in self._iter_batches()]
        return len(self.postponed) + sum(at_risk)

    async def withdraw_missing(self) -> None:
        postponed, self.postponed = self.postponed, []
        for start in range(0, len(postponed), BATCH):
            self._add_result(await self._import_batch(postponed[start : start + BATCH], (), withdraw=True))
        for batch in self._iter_batches():
            self.load.report.withdrawn += await self.load.importer.forget_items(self.source_id, batch, self.load.now)

    def _find_duplicate_slugs(self, taken: Mapping[str, str]) -> dict[str, Problem]:
        """Items whose slug is already used in this or an earlier source, mapped to the problem to report."""
        first: dict[str, str] = {}
        result: dict[str, Problem] = {}
        for item in self.listing.items:
            slug = self.source.slug_for_key(item.key)
            owner = first.setdefault(slug, item.key)
            if slug in taken:
                why = f"{taken[slug]} has the same name, and its folder comes first: rename one of the two"
                result[item.key] = Problem(item.key, 1, "", why)
            elif owner != item.key:
                result[item.key] = Problem(item.key, 1, "", f"{owner} has the same name: rename one of the two")
        return result


def with_appearance_time(reading: ParseResult, now: datetime, known: KnownItem | None = None) -> ParseResult:
    """Set `appears_at` if the card's time is in the future; `known` is the item's previous record.

    A card that was already scheduled waits for its exact time, without the 14-hour tolerance for time zones.
    """
    if reading.card is None or reading.card.published_at <= now:
        return reading
    at = reading.card.published_at
    if known is None or known.due_at != at:
        at = effective_published_at(at, now)
    return replace(reading, appears_at=at)
