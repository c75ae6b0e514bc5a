"""Write one batch of a load in one transaction: cards, their labels, and the items they came from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import RowMapping, bindparam, delete, exists, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card, CardState, ParseResult, SourceKind
from bot.domain.moderation import EVERYWHERE, effective_state
from bot.store.cards.card_ids import last_card_id
from bot.store.cards.card_labels import remove_from_index, write_labels
from bot.store.cards.edits import refresh_edits_of
from bot.store.cards.import_batch import BatchEntry, BatchSource, ImportResult, SourceBatch
from bot.store.cards.item_records import ItemRecord, record_items
from bot.store.cards.rows import card_to_row, compute_sort_key
from bot.store.cards.server_cards import add_arrivals, move_rows, set_own_state
from bot.store.cards.state_log import StateChange, log_states, log_withdrawals
from bot.store.cards.visibility import verdict_of
from bot.store.column_parsers import verdict_or_none
from bot.store.tables import card_topics, cards, followed_card_topics, follows, source_items, sources

_BACKLOG = datetime(1970, 1, 1, tzinfo=UTC)
"""When backlog became visible: before any subscription looked."""

NOWHERE = {
    "state": CardState.WITHDRAWN,
    "file_state": CardState.WITHDRAWN,
    "held_reason": None,
    "visible_at": None,
    "needs_planning": True,
}
"""Columns of a card that its source no longer shows."""


class BatchWriter:
    """Writes one batch, which may hold items of several sources. Without `withdraw`, what would withdraw a card is
    postponed. `vanished` are cards whose items are gone.
    """

    def __init__(self, connection: AsyncConnection, now: datetime, *, withdraw: bool, vanished: frozenset[int]) -> None:
        self._connection = connection
        self._now = now
        self._withdraw = withdraw
        self._vanished = vanished
        self._result = ImportResult()

    async def write_batch(self, parts: Sequence[SourceBatch]) -> ImportResult:
        entries = [entry for entry in await self._make_entries(parts) if not _is_outdated(entry)]
        known = await self._known_cards([entry for entry in entries if entry.reading.card])
        for entry in entries:
            if not entry.source.is_shared:
                entry.reading = self._as_followed(entry, known)
        with_cards = [entry for entry in entries if entry.reading.card]
        for entry in with_cards:
            entry.row = card_to_row(entry.card)
        known |= await self._find_renamed_cards([entry for entry in with_cards if entry.card.slug not in known])
        await self._write_cards(with_cards, known)
        await self._apply_own_states(parts, entries)
        await self._record_entries(entries)
        return self._result

    async def _make_entries(self, parts: Sequence[SourceBatch]) -> list[BatchEntry]:
        query = select(sources.c.id, sources.c.kind, sources.c.is_shared)
        rows = await self._connection.execute(query.where(sources.c.id.in_([part.source_id for part in parts])))
        found = {source_id: (SourceKind(kind), is_shared) for source_id, kind, is_shared in rows}
        await self._mark_unfollowed([source_id for source_id, (_, is_shared) in found.items() if not is_shared])
        return [
            BatchEntry(BatchSource(part.source_id, *found[part.source_id], part.is_backlog), *read)
            for part in parts
            for read in part.items
        ]

    async def _mark_unfollowed(self, source_ids: Sequence[int]) -> None:
        if source_ids:
            nobody = ~exists().where(follows.c.source_id == sources.c.id)
            unfollowed = sources.c.id.in_(source_ids) & sources.c.unfollowed_at.is_(None) & nobody
            await self._connection.execute(update(sources).where(unfollowed).values(unfollowed_at=self._now))

    def _as_followed(self, entry: BatchEntry, known: Mapping[str, RowMapping]) -> ParseResult:
        """Return the reading with a card that is nobody's by itself, at the first time that it had.

        Feeds give old items new times, which would lift them to the top of every list. A program may withdraw its card.
        """
        reading = entry.reading
        if card := reading.card:
            first = known[card.slug]["published_at"] if card.slug in known else self._now
            is_withdrawn = entry.source.kind is SourceKind.HTTP and card.state is CardState.WITHDRAWN
            state = CardState.WITHDRAWN if is_withdrawn else CardState.FOLLOWED
            published_at = min(card.published_at, self._now, first)
            card = replace(card, state=state, held_reason=None, published_at=published_at)
        return replace(reading, card=card, appears_at=None)

    async def _known_cards(self, entries: Sequence[BatchEntry]) -> dict[str, RowMapping]:
        by_slug = {entry.card.slug: entry for entry in entries}
        rows = (await self._connection.execute(_OLD.where(cards.c.slug.in_(by_slug)))).mappings()
        return {row["slug"]: row for row in rows if by_slug[row["slug"]].source.may_take_over(row)}

    async def _find_renamed_cards(self, new: Sequence[BatchEntry]) -> dict[str, RowMapping]:
        """Detect renames: return cards whose file is gone and whose content is in a new file, by the new slug."""
        waiting: defaultdict[str, dict[int, BatchEntry]] = defaultdict(dict)
        # Sorted, so that among new items with equal content the same one is chosen in every run.
        for entry in sorted(new, key=lambda entry: entry.card.slug):
            waiting[entry.row["content_hash"]][entry.source.id] = entry
        rows = (await self._connection.execute(_OLD.where(cards.c.content_hash.in_(waiting)))).mappings()
        return {
            entry.card.slug: row
            for row in rows
            # A card whose item is still there was copied, not renamed.
            if row["file_missing"] or row["id"] in self._vanished
            for entry in waiting[row["content_hash"]].values()
            if entry.source.may_take_over(row)
        }

    async def _write_cards(self, entries: Sequence[BatchEntry], known: Mapping[str, RowMapping]) -> None:
        # IDs are assigned here, not by the database: the sort key contains the ID. The write transaction excludes every
        # other writer.
        next_id = await last_card_id(self._connection) + 1
        new: list[BatchEntry] = []
        changed: list[tuple[RowMapping, BatchEntry]] = []
        hidden: list[tuple[RowMapping, BatchEntry]] = []
        for entry in entries:
            # A renamed card keeps its ID, so that its posts, decisions and saved copies stay with it.
            old = known.get(entry.card.slug)
            is_scheduled = bool(entry.reading.appears_at and entry.reading.appears_at > self._now)
            if old is None:
                # A scheduled one is recorded without a card; the load at its time adds it.
                if not is_scheduled:
                    entry.card_id, next_id = next_id, next_id + 1
                    new.append(entry)
            # Set aside until the loader knows how many cards the load would withdraw: many need a confirmation.
            elif self._would_withdraw(old, entry, is_scheduled):
                entry.is_postponed = True
            else:
                entry.card_id = old["id"]
                (hidden if is_scheduled else changed).append((old, entry))
        await self._insert_cards(new)
        await self._update_cards(changed)
        await self._hide_scheduled(hidden)
        await self._take_over([*changed, *hidden])

    def _would_withdraw(self, old: RowMapping, entry: BatchEntry, is_scheduled: bool) -> bool:
        if self._withdraw or old["state"] != CardState.PUBLISHED:
            return False
        return is_scheduled or _state_after_ruling(old, entry.card) is not CardState.PUBLISHED

    async def _insert_cards(self, new: Sequence[BatchEntry]) -> None:
        for entry in new:
            is_published = entry.card.state is CardState.PUBLISHED
            entry.row |= _sort_columns(entry.published_at, cast("int", entry.card_id)) | {
                "id": entry.card_id,
                "source_id": entry.source.id,
                "file_missing": False,
                "visible_at": self._visible_at(entry) if is_published else None,
                "needs_planning": entry.source.is_shared,  # of a followed source the rows of the servers are planned
                "is_backlog": entry.source.is_backlog,
            }
        if new:
            await self._connection.execute(insert(cards), [entry.row for entry in new])
            await write_labels(self._connection, [entry.label_card() for entry in new])
        self._result.added += len(new)
        for is_backlog in (False, True):
            arriving = [entry for entry in new if not entry.source.is_shared and entry.source.is_backlog is is_backlog]
            ids = [cast("int", entry.card_id) for entry in arriving]
            await add_arrivals(self._connection, ids, self._now, is_backlog=is_backlog)

    def _visible_at(self, entry: BatchEntry) -> datetime:
        return _BACKLOG if entry.source.is_backlog else self._now

    async def _update_cards(self, seen: Sequence[tuple[RowMapping, BatchEntry]]) -> None:
        changed: list[BatchEntry] = []
        states: list[StateChange] = []
        for old, entry in seen:
            state = _state_after_ruling(old, entry.card)
            entry.row |= _sort_columns(self._effective_published_at(old, entry), old["id"])
            entry.row |= {"file_missing": False, "scheduled": False, "state": state}
            # An item that was touched but says the same writes no card.
            if all(entry.row[name] == old[name] for name in _COMPARED):
                self._result.unchanged += 1
                continue
            visible_at = (old["visible_at"] or self._visible_at(entry)) if state is CardState.PUBLISHED else None
            entry.row |= {"visible_at": visible_at, "needs_planning": True, "needs_story": True, "the_id": old["id"]}
            changed.append(entry)
            if old["file_state"] != entry.card.state:
                states.append((old["id"], old["file_state"], entry.card.state))
            leaving = state is CardState.WITHDRAWN and old["state"] != CardState.WITHDRAWN
            self._result.withdrawn += leaving
            self._result.changed += not leaving
        if changed:
            await self._write_changes(changed, states)

    async def _write_changes(self, changed: Sequence[BatchEntry], states: Sequence[StateChange]) -> None:
        ids = [cast("int", entry.card_id) for entry in changed]
        # Before the update: index rows are found by the position that the card had.
        await remove_from_index(self._connection, ids)
        for table in (card_topics, followed_card_topics):
            await self._connection.execute(delete(table).where(table.c.card_id.in_(ids)))
        await self._connection.execute(
            update(cards).where(cards.c.id == bindparam("the_id")), [entry.row for entry in changed]
        )
        await log_states(self._connection, states, self._now)
        await write_labels(self._connection, [entry.label_card() for entry in changed])
        await refresh_edits_of(self._connection, ids)
        await move_rows(
            self._connection, [cast("int", entry.card_id) for entry in changed if not entry.source.is_shared]
        )

    def _effective_published_at(self, old: RowMapping, entry: BatchEntry) -> datetime:
        """Return the publication time; an unchanged card keeps an earlier one, if that has passed."""
        if entry.row["content_hash"] == old["content_hash"] and old["published_at"] <= self._now:
            return cast("datetime", old["published_at"])
        return entry.published_at

    async def _hide_scheduled(self, later: Sequence[tuple[RowMapping, BatchEntry]]) -> None:
        """Withdraw cards whose files now schedule them for later. Other changes wait until then."""
        for old, entry in later:
            if old["scheduled"]:
                continue
            row = NOWHERE | {"slug": entry.card.slug, "file_missing": False, "scheduled": True}
            await log_withdrawals(self._connection, [old["id"]], self._now)
            await self._connection.execute(update(cards).where(cards.c.id == old["id"]).values(row))
            await remove_from_index(self._connection, [old["id"]])
            self._result.withdrawn += old["state"] == CardState.PUBLISHED

    async def _take_over(self, seen: Iterable[tuple[RowMapping, BatchEntry]]) -> None:
        """Move cards of other sources to those of their items, so that each belongs to one source alone."""
        moved: defaultdict[int, list[int]] = defaultdict(list)
        for old, entry in seen:
            if old["source_id"] != entry.source.id:
                moved[entry.source.id].append(old["id"])
        for source_id, ids in moved.items():
            await self._connection.execute(update(cards).where(cards.c.id.in_(ids)).values(source_id=source_id))
            elsewhere = source_items.c.source_id != source_id
            await self._connection.execute(delete(source_items).where(elsewhere, source_items.c.card_id.in_(ids)))

    async def _apply_own_states(self, parts: Sequence[SourceBatch], entries: Sequence[BatchEntry]) -> None:
        """Give the rows of servers the states and qualities that programs post, each time that they do."""
        given = [reading.card for part in parts for _, reading in part.items]
        for card, entry in zip(given, entries, strict=True):
            is_posted = entry.source.kind is SourceKind.HTTP and not entry.source.is_shared
            if is_posted and card and entry.card_id is not None and card.state is not CardState.WITHDRAWN:
                await set_own_state(self._connection, entry.card_id, card, self._now)

    async def _record_entries(self, entries: Sequence[BatchEntry]) -> None:
        self._result.postponed = [(entry.item, entry.reading) for entry in entries if entry.is_postponed]
        records = []
        for entry in entries:
            if not entry.is_postponed:
                appears_at = entry.reading.appears_at
                due_at = appears_at if appears_at and appears_at > self._now else None
                records.append(ItemRecord(entry.source.id, entry.item, entry.reading, entry.card_id, due_at))
        await record_items(self._connection, records)


def _sort_columns(published_at: datetime, card_id: int) -> dict[str, Any]:
    return {"published_at": published_at, "sort_key": compute_sort_key(published_at, card_id)}


_COMPARED = ("slug", "content_hash", "state", "file_state", "held_reason", "file_missing", "scheduled", "sort_key")
_OLD = select(
    *(cards.c[name] for name in ("id", "source_id", *_COMPARED, "published_at", "visible_at")),
    verdict_of(EVERYWHERE).label("ruling"),
    sources.c.kind,
).outerjoin_from(cards, sources, sources.c.id == cards.c.source_id)


def _state_after_ruling(old: RowMapping, card: Card) -> CardState:
    return effective_state(card.state, verdict_or_none(old["ruling"]))


def _is_outdated(entry: BatchEntry) -> bool:
    """Whether an edit was read before its source became everybody's. The next change of its item brings it."""
    card = entry.reading.card
    return entry.source.is_shared and card is not None and card.state is CardState.FOLLOWED
