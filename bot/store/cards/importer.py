"""Store the results of a load: cards, their topics, aliases and index rows, and the items they came from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    RowMapping,
    Select,
    Table,
    bindparam,
    delete,
    exists,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card, CardState, ParseResult, Problem, Severity, SourceItem, SourceKind
from bot.cards.text import normalize_name, strip_unstorable
from bot.domain.moderation import EVERYWHERE, DecisionSource, effective_state
from bot.store.cards import spell_suggestions
from bot.store.cards.rows import card_to_row, compute_sort_key
from bot.store.cards.server_cards import add_arrivals, move_rows
from bot.store.cards.visibility import verdict_of
from bot.store.column_parsers import verdict_or_none
from bot.store.database import Database
from bot.store.error_messages import explain_store_error
from bot.store.key_value import put_value
from bot.store.search import index_for_dialect
from bot.store.search.index import build_entry, source_tag
from bot.store.sql_helpers import chunks, insert_or_ignore
from bot.store.tables import (
    audit_log,
    card_aliases,
    card_topics,
    cards,
    followed_card_topics,
    followed_words,
    follows,
    key_values,
    known_words,
    providers,
    source_items,
    sources,
    topics,
)

BATCH = 500
"""Maximum items per transaction; bounds how long readers wait."""
_BACKLOG = datetime(1970, 1, 1, tzinfo=UTC)
"""When backlog became visible: before any subscription looked."""


@dataclass(frozen=True, slots=True)
class KnownItem:
    """An item as of its last read.

    `missing_since` is the first scan that did not find its card, `due_at` the publication time of a scheduled card.
    """

    fingerprint: str
    card_id: int | None
    problems: tuple[Problem, ...]
    digest: str | None = None
    missing_since: datetime | None = None
    due_at: datetime | None = None


@dataclass(slots=True)
class ImportResult:
    """The result of a batch. `postponed` are items that would withdraw a visible card, `refused` the problems of items
    that could not be stored.
    """

    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    postponed: list[tuple[SourceItem, ParseResult]] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)

    def __iadd__(self, other: ImportResult) -> ImportResult:
        self.added += other.added
        self.changed += other.changed
        self.withdrawn += other.withdrawn
        self.unchanged += other.unchanged
        self.postponed += other.postponed
        self.refused += other.refused
        return self


_REFUSALS = (SQLAlchemyError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError, RecursionError)
"""Raised for a card that cannot be stored, by the database, its driver or the conversion to a row."""
_REASON = 200  # characters


@contextmanager
def _explain_errors() -> Iterator[None]:
    """Convert failures of the database as a whole to `StoreError`, to tell them from errors of a single card."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        if trouble := explain_store_error(error):
            raise trouble from error
        raise


def _describe_refusal(error: BaseException) -> str:
    """Return the reason in one short line. SQLAlchemy's own text includes the statement, which may be megabytes."""
    query = str(error.orig if isinstance(error, DBAPIError) else error) or type(error).__name__
    return f"cannot be stored: {' '.join(query.split())[:_REASON]}"


class CardImporter:
    """Storage for the loader. All methods raise `StoreError` if the database as a whole fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def _begin_read(self) -> AsyncIterator[AsyncConnection]:
        with _explain_errors():
            async with self._database.begin_read() as connection:
                yield connection

    @asynccontextmanager
    async def _begin_write(self) -> AsyncIterator[AsyncConnection]:
        with _explain_errors():
            async with self._database.begin_write() as connection:
                yield connection

    async def ensure_source(self, kind: SourceKind, key: str, *, is_shared: bool = True) -> int:
        """Return the id of a source; a new one is added. `is_shared`: its cards are everybody's, not its followers'."""
        query = select(sources.c.id).where(_is_source(kind, key))
        async with self._begin_read() as connection:
            # Nearly always: a load without changes must not wait for the writer.
            if (found := (await connection.execute(query)).scalar()) is not None:
                return int(found)
        async with self._begin_write() as connection:
            await _add_missing(connection, sources, [{"kind": kind, "key": key, "is_shared": is_shared}])
            return int((await connection.execute(query)).scalar_one())

    async def known_items(self, kind: SourceKind, source_key: str) -> dict[str, KnownItem]:
        """Return all items of a source that were read before, by key."""
        columns = (source_items.c[name] for name in _KNOWN)
        query = select(source_items.c.key, *columns).join(sources).where(_is_source(kind, source_key))
        async with self._begin_read() as connection:
            rows = await connection.execute(query)
            return {
                row[0]: KnownItem(row[1], row[2], _problems_from_json(row[3]) if row[3] else (), row[4], row[5], row[6])
                for row in rows
            }

    async def find_carriers(self, card_id: int) -> dict[tuple[SourceKind, str], SourceItem]:
        """Return the items that contain a card, by kind and key of their source."""
        query = (
            select(sources.c.kind, sources.c.key, source_items.c.key, source_items.c.fingerprint)
            .join_from(source_items, sources)
            .where(source_items.c.card_id == card_id)
        )
        async with self._begin_read() as connection:
            rows = await connection.execute(query)
            return {(SourceKind(kind), source_key): SourceItem(*item) for kind, source_key, *item in rows}

    async def count_published(self) -> int:
        """Return the number of published cards."""
        async with self._begin_read() as connection:
            count = select(func.count()).select_from(cards).where(cards.c.state == CardState.PUBLISHED)
            return int((await connection.execute(count)).scalar_one())

    async def count_at_risk(self, source_id: int, keys: Sequence[str]) -> int:
        """Return the number of published cards that only these items contain."""
        async with self._begin_read() as connection:
            lost = 0
            for ids in chunks(await _orphaned_cards(connection, source_id, keys)):
                query = select(func.count()).where(cards.c.id.in_(ids), cards.c.state == CardState.PUBLISHED)
                lost += int((await connection.execute(query)).scalar_one())
            return lost

    async def import_batch(
        self,
        source_id: int,
        batch: Sequence[tuple[SourceItem, ParseResult]],
        *,
        vanished: Iterable[int],
        now: datetime,
        withdraw: bool,
        is_backlog: bool = False,
    ) -> ImportResult:
        """Store a batch in one transaction. Without `withdraw`, items that would withdraw a card are postponed.

        With `is_backlog`, what becomes visible is not news to anybody: it can be found, and is not posted.

        A batch that the database rejects is bisected until only the items that cannot be stored are left out. These are
        reported as problems; their previous cards stay.
        """
        removed = frozenset(vanished)
        try:
            async with self._begin_write() as connection:
                run = _ImportBatch(connection, source_id, now, withdraw, removed, is_backlog)
                return await run.write_batch(batch)
        except _REFUSALS as error:
            if len(batch) == 1:
                return await self._record_refusal(source_id, *batch[0], _describe_refusal(error))
        result, half = ImportResult(), len(batch) // 2
        for part in (batch[:half], batch[half:]):
            result += await self.import_batch(
                source_id, part, vanished=removed, now=now, withdraw=withdraw, is_backlog=is_backlog
            )
        return result

    async def _record_refusal(self, source_id: int, item: SourceItem, reading: ParseResult, why: str) -> ImportResult:
        problem = Problem(item.key, 1, "", why)
        async with self._begin_write() as connection:
            refused = [(item, ParseResult(None, (problem, *reading.problems)))]
            await _record_items(connection, source_id, refused, {}, {})
        return ImportResult(refused=[problem])

    async def touch_items(self, source_id: int, items: Sequence[SourceItem]) -> None:
        """Update the fingerprints of items whose content is unchanged."""
        selected = (source_items.c.source_id == source_id) & (source_items.c.key == bindparam("the_key"))
        changing = update(source_items).where(selected).values(fingerprint=bindparam("the_fingerprint"))
        for some in chunks(items):
            async with self._begin_write() as connection:
                await connection.execute(
                    changing, [{"the_key": item.key, "the_fingerprint": item.fingerprint} for item in some]
                )

    async def mark_missing(self, source_id: int, keys: Sequence[str], now: datetime) -> None:
        """Mark items as missing since `now`."""
        for some in chunks(keys):
            async with self._begin_write() as connection:
                await connection.execute(
                    update(source_items).where(_are_items(source_id, some)).values(missing_since=now)
                )

    async def forget_items(self, source_id: int, keys: Sequence[str], now: datetime) -> int:
        """Delete items and withdraw their cards, unless another item contains them; return the number of those."""
        async with self._begin_write() as connection:
            removed = await _orphaned_cards(connection, source_id, keys)
            for some in chunks(keys):
                await connection.execute(delete(source_items).where(_are_items(source_id, some)))
            for ids in chunks(removed):
                await _log_states(connection, await _changed_states(connection, ids), now)
                await connection.execute(update(cards).where(cards.c.id.in_(ids)).values(_MISSING))
                await remove_from_index(connection, ids)
            return len(removed)

    async def recount_names(self) -> None:
        """Recount the published cards of all topics and providers."""
        async with self._begin_write() as connection:
            await recount_all(connection)


async def recount_all(connection: AsyncConnection) -> None:
    """Recount the published cards of all topics and providers, with one query each."""
    published = cards.c.state == CardState.PUBLISHED
    of_topics = select(card_topics.c.topic_id, func.count()).select_from(card_topics.join(cards)).where(published)
    of_providers = select(cards.c.provider, func.count()).where(published)
    await _update_counts(connection, topics, topics.c.id, of_topics.group_by(card_topics.c.topic_id))
    await _update_counts(connection, providers, providers.c.key, of_providers.group_by(cards.c.provider))


async def ensure_topic_ids(connection: AsyncConnection, names: Mapping[str, str]) -> dict[str, int]:
    """Return the IDs of topics by key (folded name); missing topics are added."""
    await _add_missing(connection, topics, [{"key": key, "name": name} for key, name in names.items()])
    result_rows: dict[str, int] = {}
    for some in chunks(list(names)):
        rows = await connection.execute(select(topics.c.key, topics.c.id).where(topics.c.key.in_(some)))
        result_rows |= dict(rows.all())
    # A bound text loses what no database can store (`bot.store.tables.Text`), so a row may come back under another key.
    return {key: result_rows[strip_unstorable(key)] for key in names}


async def _add_missing(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(insert_or_ignore(table), rows)


async def _update_counts(connection: AsyncConnection, table: Table, name: Column[Any], counted: Select[Any]) -> None:
    counts: dict[Any, int] = dict((await connection.execute(counted)).all())
    rows = (await connection.execute(select(name, table.c.published_count))).all()
    # Compared in Python: most loads change few counts, and a row that is right is not written.
    wrong = [
        {"the_name": key, "published_count": counts.get(key, 0)} for key, before in rows if counts.get(key, 0) != before
    ]
    if wrong:
        await connection.execute(update(table).where(name == bindparam("the_name")), wrong)


def _problems_from_json(found: Iterable[Mapping[str, Any]]) -> tuple[Problem, ...]:
    return tuple(Problem(**{**problem, "severity": Severity(problem["severity"])}) for problem in found)


def _is_source(kind: SourceKind, key: str) -> ColumnElement[bool]:
    return (sources.c.kind == kind) & (sources.c.key == key)


def _are_items(source_id: int, keys: Sequence[str]) -> ColumnElement[bool]:
    return (source_items.c.source_id == source_id) & source_items.c.key.in_(keys)


async def _orphaned_cards(connection: AsyncConnection, source_id: int, keys: Sequence[str]) -> list[int]:
    """Return the IDs of cards that only these items contain."""
    going: set[int] = set()
    for some in chunks(keys):
        query = select(source_items.c.card_id).where(_are_items(source_id, some), source_items.c.card_id.is_not(None))
        going.update((await connection.execute(query)).scalars())
    staying, leaving = set(), set(keys)
    # A renamed file carries its card as well, until its old name is forgotten. Other sources never do.
    for ids in chunks(sorted(going)):
        carriers = select(source_items.c.card_id, source_items.c.key).where(
            source_items.c.source_id == source_id, source_items.c.card_id.in_(ids)
        )
        rows = await connection.execute(carriers)
        staying |= {card for card, key in rows if key not in leaving}
    return sorted(going - staying)


_LAST_CARD = "last card id"


async def _last_card_id(connection: AsyncConnection) -> int:
    """Return the highest id that a card has ever had: buttons of old messages carry the ids of deleted cards."""
    stored = select(key_values.c.value).where(key_values.c.key == _LAST_CARD)
    before = (await connection.execute(stored)).scalar_one_or_none() or "0"
    highest = (await connection.execute(select(func.coalesce(func.max(cards.c.id), 0)))).scalar_one()
    return max(int(highest), int(before) if before.isdecimal() else 0)


async def remember_last_card_id(connection: AsyncConnection) -> None:
    """Call before cards are deleted, so that no other card gets their ids."""
    await put_value(connection, _LAST_CARD, str(await _last_card_id(connection)))


async def remove_from_index(connection: AsyncConnection, ids: Sequence[int]) -> None:
    rows = await connection.execute(select(cards.c.sort_key).where(cards.c.id.in_(ids)))
    await index_for_dialect(connection.dialect.name).remove_entries(connection, rows.scalars().all())


class _ImportBatch:
    """One batch being written."""

    def __init__(
        self,
        connection: AsyncConnection,
        source_id: int,
        now: datetime,
        withdraw: bool,
        vanished: frozenset[int],
        is_backlog: bool,
    ) -> None:
        self.connection = connection
        self.source_id = source_id
        self.now = now
        self.withdraw = withdraw
        self.vanished = vanished
        self.is_backlog = is_backlog
        self.visible_at = _BACKLOG if is_backlog else now
        """When what becomes visible with this batch did so."""
        self.result = ImportResult()
        self.rows: dict[str, dict[str, Any]] = {}
        self.times: dict[str, datetime] = {}
        """Publication times by slug."""
        self.is_shared = True

    async def write_batch(self, batch: Sequence[tuple[SourceItem, ParseResult]]) -> ImportResult:
        of_source = select(sources.c.is_shared).where(sources.c.id == self.source_id)
        self.is_shared = (await self.connection.execute(of_source)).scalar_one()
        if not self.is_shared:
            nobody = ~exists().where(follows.c.source_id == self.source_id)
            unfollowed = (sources.c.id == self.source_id) & sources.c.unfollowed_at.is_(None) & nobody
            await self.connection.execute(update(sources).where(unfollowed).values(unfollowed_at=self.now))
            batch = await self._as_followed(batch)
        return await self._write_items(batch)

    async def _write_items(self, batch: Sequence[tuple[SourceItem, ParseResult]]) -> ImportResult:
        result = [(item, reading.card) for item, reading in batch if reading.card]
        self.times = {r.card.slug: r.appears_at or r.card.published_at for _, r in batch if r.card}
        scheduled = {item.key: r.appears_at for item, r in batch if r.appears_at and r.appears_at > self.now}
        self.rows = {card.slug: card_to_row(card) for _, card in result}
        known = await self._known_cards(list(self.rows))
        renamed = await self._renamed_cards(self.rows.keys() - known.keys())
        # Ids are given here, not by the database: the sort key of a card contains its id.
        # IDs are assigned here, not by the database: the sort key contains the ID. The write transaction excludes every
        # other writer.
        next_id = await _last_card_id(self.connection) + 1
        new: list[tuple[int, Card]] = []
        changed: list[tuple[RowMapping, Card]] = []
        carried: dict[str, int] = {}
        hidden: list[tuple[RowMapping, Card]] = []
        postponed: set[str] = set()
        for item, card in result:
            # A renamed card keeps its ID, so that its posts, decisions and saved copies stay with it.
            old = known.get(card.slug) or renamed.get(card.slug)
            if item.key in scheduled:
                # No card yet: only the item is recorded, with the time at which it is to be read again.
                if old is None:
                    continue  # recorded without a card; the load at its time adds it
                if self.withdraw or old["state"] != CardState.PUBLISHED:
                    carried[item.key] = old["id"]
                    hidden.append((old, card))
                else:
                    postponed.add(item.key)
            elif old is None:
                new.append((next_id, card))
                carried[item.key] = next_id
                next_id += 1
            # Set aside until the loader knows how many cards the load would withdraw: many need a confirmation.
            elif self._would_withdraw(old, card):
                postponed.add(item.key)
            else:
                carried[item.key] = old["id"]
                changed.append((old, card))
        await self._insert_cards(new)
        if not self.is_shared:
            ids = [card_id for card_id, _ in new]
            await add_arrivals(self.connection, self.source_id, ids, self.now, is_backlog=self.is_backlog)
        await self._update_cards(changed)
        await self._hide_scheduled(hidden)
        await self._take_over([old["id"] for old, _ in (*changed, *hidden) if old["source_id"] != self.source_id])
        kept = [(item, reading) for item, reading in batch if item.key not in postponed]
        self.result.postponed = [(item, reading) for item, reading in batch if item.key in postponed]
        await _record_items(self.connection, self.source_id, kept, carried, scheduled)
        return self.result

    async def _as_followed(
        self, batch: Sequence[tuple[SourceItem, ParseResult]]
    ) -> Sequence[tuple[SourceItem, ParseResult]]:
        """Return the batch with cards that are nobody's by themselves, each at the first time that it had.

        Feeds give old items new times, which would lift them to the top of every list.
        """
        slugs = [reading.card.slug for _, reading in batch if reading.card]
        query = select(cards.c.slug, cards.c.published_at)
        first: dict[str, datetime] = {}
        for some in chunks(slugs):
            of_source = (cards.c.source_id == self.source_id) & cards.c.slug.in_(some)
            first |= dict((await self.connection.execute(query.where(of_source))).all())
        followed = []
        for item, reading in batch:
            if card := reading.card:
                published_at = min(card.published_at, self.now, first.get(card.slug, self.now))
                card = replace(card, state=CardState.FOLLOWED, held_reason=None, published_at=published_at)
            followed.append((item, replace(reading, card=card, appears_at=None)))
        return followed

    async def _take_over(self, ids: Sequence[int]) -> None:
        """Move cards of other sources to this one, so that each belongs to one source alone."""
        if ids:
            await self.connection.execute(update(cards).where(cards.c.id.in_(ids)).values(source_id=self.source_id))
            elsewhere = source_items.c.source_id != self.source_id
            await self.connection.execute(delete(source_items).where(elsewhere, source_items.c.card_id.in_(ids)))

    def _would_withdraw(self, old: RowMapping, card: Card) -> bool:
        return (
            not self.withdraw
            and old["state"] == CardState.PUBLISHED
            and _state_after_ruling(old, card) is not CardState.PUBLISHED
        )

    async def _known_cards(self, slugs: Sequence[str]) -> dict[str, RowMapping]:
        rows = await self.connection.execute(select(*_OLD).where(cards.c.slug.in_(slugs), self._can_take_over()))
        return {row["slug"]: row for row in rows.mappings()}

    async def _renamed_cards(self, new_slugs: Iterable[str]) -> dict[str, RowMapping]:
        """Detect renames: return cards whose file is gone and whose content is in a new file, by the new slug."""
        # Sorted, so that among new items with equal content the same one is chosen in every run.
        waiting = {self.rows[slug]["content_hash"]: slug for slug in sorted(new_slugs)}
        same = cards.c.content_hash.in_(waiting) & self._can_take_over()
        rows = (await self.connection.execute(select(*_OLD).where(same))).mappings()
        # A card whose item is still there was copied, not renamed.
        return {waiting[row["content_hash"]]: row for row in rows if row["file_missing"] or row["id"] in self.vanished}

    def _can_take_over(self) -> ColumnElement[bool]:
        """Limit cards to those of this source. A folder also takes over those of other folders: files are moved."""
        this = sources.alias()
        is_folder = exists().where(this.c.id == self.source_id, this.c.kind == SourceKind.FOLDER)
        folders = select(sources.c.id).where(sources.c.kind == SourceKind.FOLDER)
        return (cards.c.source_id == self.source_id) | (is_folder & cards.c.source_id.in_(folders))

    async def _insert_cards(self, new: Sequence[tuple[int, Card]]) -> None:
        rows = [
            self.rows[card.slug]
            | _sort_columns(self.times[card.slug], card_id)
            | {
                "id": card_id,
                "source_id": self.source_id,
                "file_missing": False,
                "visible_at": self.visible_at if card.state is CardState.PUBLISHED else None,
                "needs_planning": self.is_shared,  # of a followed source the rows of the servers are planned
            }
            for card_id, card in new
        ]
        if rows:
            await self.connection.execute(insert(cards), rows)
            await self._write_labels(new, rows)
        self.result.added += len(rows)

    async def _update_cards(self, seen: Sequence[tuple[RowMapping, Card]]) -> None:
        rows = []
        changed_labels: list[tuple[int, Card]] = []
        changed_states: list[tuple[int, str, str]] = []
        for old, card in seen:
            state = _state_after_ruling(old, card)
            row = (
                self.rows[card.slug]
                | _sort_columns(self._effective_published_at(old, card), old["id"])
                | _visibility_columns(state)
            )
            # An item that was touched but says the same writes no card.
            if all(row[name] == old[name] for name in _COMPARED):
                self.result.unchanged += 1
                continue
            row["visible_at"] = (old["visible_at"] or self.visible_at) if state is CardState.PUBLISHED else None
            rows.append(row | {"needs_planning": True, "the_id": old["id"]})
            changed_labels.append((old["id"], card))
            if old["file_state"] != card.state:
                changed_states.append((old["id"], old["file_state"], card.state))
            leaving = state is CardState.WITHDRAWN and old["state"] != CardState.WITHDRAWN
            self.result.withdrawn += leaving
            self.result.changed += not leaving
        if rows:
            ids = [card_id for card_id, _ in changed_labels]
            # Before the update: index rows are found by the position that the card had.
            await remove_from_index(self.connection, ids)
            for table in (card_topics, followed_card_topics):
                await self.connection.execute(delete(table).where(table.c.card_id.in_(ids)))
            await self.connection.execute(update(cards).where(cards.c.id == bindparam("the_id")), rows)
            await _log_states(self.connection, changed_states, self.now)
            await self._write_labels(changed_labels, rows)
            if not self.is_shared:
                await move_rows(self.connection, ids)

    def _effective_published_at(self, old: RowMapping, card: Card) -> datetime:
        """Return the publication time; an unchanged card keeps an earlier one, if that has passed."""
        if self.rows[card.slug]["content_hash"] == old["content_hash"] and old["published_at"] <= self.now:
            return cast("datetime", old["published_at"])
        return self.times[card.slug]

    async def _hide_scheduled(self, later: Sequence[tuple[RowMapping, Card]]) -> None:
        """Withdraw cards whose files now schedule them for later. Other changes wait until then."""
        for old, card in later:
            if old["scheduled"]:
                continue
            row = _NOWHERE | {"slug": card.slug, "file_missing": False, "scheduled": True}
            await _log_states(self.connection, await _changed_states(self.connection, [old["id"]]), self.now)
            await self.connection.execute(update(cards).where(cards.c.id == old["id"]).values(row))
            await remove_from_index(self.connection, [old["id"]])
            self.result.withdrawn += old["state"] == CardState.PUBLISHED

    async def _write_labels(self, written: Sequence[tuple[int, Card]], rows: Sequence[Mapping[str, Any]]) -> None:
        """Add topics, providers, aliases (never deleted, so that old URLs find the card), index rows and spellings."""
        ids = await ensure_topic_ids(
            self.connection, {normalize_name(name): name for _, card in written for name in card.topics}
        )
        places = {card_id: row["sort_key"] for (card_id, _), row in zip(written, rows, strict=True)}
        topical = [
            {"topic_id": ids[normalize_name(name)], "card_id": card_id}
            | ({"sort_key": places[card_id]} if self.is_shared else {})
            for card_id, card in written
            for name in card.topics
        ]
        aliases = [{"url": alias, "card_id": card_id} for card_id, card in written for alias in card.aliases]
        named = {card.provider.name for _, card in written if card.provider}
        # The names of providers are written as the first card writes them: not as one that most servers never see.
        provided = [{"key": normalize_name(name), "name": name} for name in sorted(named)] if self.is_shared else []
        for table, rows in (
            (card_topics if self.is_shared else followed_card_topics, topical),
            (card_aliases, aliases),
            (providers, provided),
        ):
            await _add_missing(self.connection, table, rows)
        shown = [(card_id, card) for card_id, card in written if card.state is not CardState.WITHDRAWN]
        tag = source_tag(None if self.is_shared else self.source_id)
        entries = [(places[card_id], build_entry(card, tag)) for card_id, card in shown]
        await index_for_dialect(self.connection.dialect.name).add_entries(self.connection, entries)
        words = spell_suggestions.word_rows(card for _, card in shown)
        if self.is_shared:
            await _add_missing(self.connection, known_words, words)
        else:
            followed = [word | {"source_id": self.source_id} for word in words]
            await _add_missing(self.connection, followed_words, followed)


async def _record_items(
    connection: AsyncConnection,
    source_id: int,
    read: Sequence[tuple[SourceItem, ParseResult]],
    carried: Mapping[str, int],
    scheduled: Mapping[str, datetime],
) -> None:
    """Record the items that were read. A broken item keeps its previous card."""
    selected = _are_items(source_id, [item.key for item, _ in read])
    before_query = select(source_items.c.key, source_items.c.card_id).where(selected)
    before = dict((await connection.execute(before_query)).all())
    await connection.execute(delete(source_items).where(selected))
    rows = [
        {
            "source_id": source_id,
            "key": item.key,
            "fingerprint": item.fingerprint,
            "digest": reading.digest,
            "card_id": carried.get(item.key, before.get(item.key)),
            "problems": [_problem_to_json(problem) for problem in reading.problems],
            "due_at": scheduled.get(item.key),
        }
        for item, reading in read
    ]
    if rows:
        await connection.execute(insert(source_items), rows)


def _sort_columns(published_at: datetime, card_id: int) -> dict[str, Any]:
    return {"published_at": published_at, "sort_key": compute_sort_key(published_at, card_id)}


def _visibility_columns(state: CardState) -> dict[str, Any]:
    return {"file_missing": False, "scheduled": False, "state": state}


def _problem_to_json(problem: Problem) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("file", "line", "field", "problem", "severity")}


_COMPARED = ("slug", "content_hash", "state", "file_state", "held_reason", "file_missing", "scheduled", "sort_key")
_OLD = (
    *(cards.c[name] for name in ("id", "source_id", *_COMPARED, "published_at", "visible_at")),
    verdict_of(EVERYWHERE).label("ruling"),
)
_NOWHERE = {
    "state": CardState.WITHDRAWN,
    "file_state": CardState.WITHDRAWN,
    "held_reason": None,
    "visible_at": None,
    "needs_planning": True,
}
_MISSING = _NOWHERE | {"file_missing": True, "scheduled": False}
_KNOWN = ("fingerprint", "card_id", "problems", "digest", "missing_since", "due_at")


def _state_after_ruling(old: RowMapping, card: Card) -> CardState:
    return effective_state(card.state, verdict_or_none(old["ruling"]))


async def _changed_states(connection: AsyncConnection, leaving: Sequence[int]) -> list[tuple[int, str, str]]:
    rows = await connection.execute(select(cards.c.id, cards.c.file_state).where(cards.c.id.in_(leaving)))
    return [(card_id, before, CardState.WITHDRAWN) for card_id, before in rows if before != CardState.WITHDRAWN]


async def _log_states(connection: AsyncConnection, changes: Sequence[tuple[int, str, str]], now: datetime) -> None:
    """Record state changes by files in the audit log, so that it shows their order relative to decisions."""
    if changes:
        common = {
            "guild_id": EVERYWHERE,
            "subject": "state",
            "actor_id": 0,
            "source": DecisionSource.FILE,
            "reason": "",
        }
        rows = [common | {"card_id": card, "before": old, "after": new, "at": now} for card, old, new in changes]
        await connection.execute(insert(audit_log), rows)
