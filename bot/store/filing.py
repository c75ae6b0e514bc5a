"""Store the results of a load: cards, their topics, aliases and index rows, and the files they came from."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from sqlalchemy import Column, RowMapping, Select, Table, bindparam, delete, func, insert, select, update
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card, FileStat, Problem, Reading, Severity, State
from bot.cards.text import folded, storable
from bot.desk.publication import EVERYWHERE, Source, ruled
from bot.store import search, spelling
from bot.store.bulk import some_of
from bot.store.database import Database
from bot.store.parsing import verdict_or_none
from bot.store.records import row_of, timeline
from bot.store.search.engines import index_of
from bot.store.tables import audit, card_aliases, card_topics, cards, files, providers, spellings, topics
from bot.store.troubles import store_trouble
from bot.store.upserts import insert_ignoring
from bot.store.visibility import verdict

BATCH = 500
"""Maximum files per transaction; bounds how long readers wait."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as of its last read.

    `missing_since` is the first scan that did not find its card, `due_at` the publication time of a scheduled card.
    """

    stat: FileStat
    card_id: int | None
    problems: tuple[Problem, ...]
    digest: str | None = None
    missing_since: datetime | None = None
    due_at: datetime | None = None


@dataclass(slots=True)
class Filing:
    """The result of a batch. `postponed` are files that would withdraw a visible card, `refused` the problems of files
    that could not be stored.
    """

    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    postponed: list[tuple[FileStat, Reading]] = field(default_factory=list)
    refused: list[Problem] = field(default_factory=list)

    def __iadd__(self, other: Filing) -> Filing:
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
def _explained() -> Iterator[None]:
    """Convert failures of the database as a whole to `StoreError`, to tell them from errors of a single card."""
    try:
        yield
    except (SQLAlchemyError, OSError) as error:
        if trouble := store_trouble(error):
            raise trouble from error
        raise


def _refusal(error: BaseException) -> str:
    """Return the reason in one short line. SQLAlchemy's own text includes the statement, which may be megabytes."""
    said = str(error.orig if isinstance(error, DBAPIError) else error) or type(error).__name__
    return f"cannot be stored: {' '.join(said.split())[:_REASON]}"


class FilingCabinet:
    """Storage for the loader. All methods raise `StoreError` if the database as a whole fails."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def _read(self) -> AsyncIterator[AsyncConnection]:
        with _explained():
            async with self._database.read() as connection:
                yield connection

    @asynccontextmanager
    async def _write(self) -> AsyncIterator[AsyncConnection]:
        with _explained():
            async with self._database.write() as connection:
                yield connection

    async def known(self, root: str) -> dict[str, KnownFile]:
        """Return all files read below `root`, by path."""
        columns = (files.c[name] for name in (*FileStat._fields, "card_id", "problems", *_LOOKS))
        async with self._read() as connection:
            rows = await connection.execute(select(*columns).where(files.c.root == root))
            return {
                row[0]: KnownFile(FileStat(*row[:_STAT]), row[_STAT], _problems(row[_STAT + 1]), *row[_STAT + 2 :])
                for row in rows
            }

    async def published(self) -> int:
        """Return the number of published cards."""
        async with self._read() as connection:
            count = select(func.count()).select_from(cards).where(cards.c.state == State.PUBLISHED)
            return int((await connection.execute(count)).scalar_one())

    async def at_risk(self, root: str, paths: Sequence[str]) -> int:
        """Return the number of published cards that only these files contain."""
        async with self._read() as connection:
            lost = 0
            for ids in some_of(await _orphans(connection, root, paths)):
                asked = select(func.count()).where(cards.c.id.in_(ids), cards.c.state == State.PUBLISHED)
                lost += int((await connection.execute(asked)).scalar_one())
            return lost

    async def file(
        self,
        root: str,
        batch: Sequence[tuple[FileStat, Reading]],
        *,
        vanished: Iterable[int],
        now: datetime,
        withdraw: bool,
    ) -> Filing:
        """Store a batch in one transaction. Without `withdraw`, files that would withdraw a card are postponed.

        A batch that the database rejects is bisected until only the files that cannot be stored are left out. These are
        reported as problems; their previous cards stay.
        """
        gone = frozenset(vanished)
        try:
            async with self._write() as connection:
                return await _Batch(connection, root, now, withdraw, gone).write(batch)
        except _REFUSALS as error:
            if len(batch) == 1:
                return await self._refuse(root, *batch[0], _refusal(error))
        filing, half = Filing(), len(batch) // 2
        for part in (batch[:half], batch[half:]):
            filing += await self.file(root, part, vanished=gone, now=now, withdraw=withdraw)
        return filing

    async def _refuse(self, root: str, stat: FileStat, reading: Reading, why: str) -> Filing:
        problem = Problem(stat.path, 1, "", why)
        async with self._write() as connection:
            refused = [(stat, Reading(None, (problem, *reading.problems)))]
            await _note_files(connection, root, refused, {}, {})
        return Filing(refused=[problem])

    async def touch(self, root: str, stats: Sequence[FileStat]) -> None:
        """Update the stats of files whose content is unchanged."""
        names = [name for name in FileStat._fields if name != "path"]
        values: dict[str, Any] = {name: bindparam(f"the_{name}") for name in names}
        chosen = (files.c.root == root) & (files.c.path == bindparam("the_path"))
        changing = update(files).where(chosen).values(values)
        for some in some_of(stats):
            async with self._write() as connection:
                await connection.execute(
                    changing, [{f"the_{name}": getattr(stat, name) for name in FileStat._fields} for stat in some]
                )

    async def miss(self, root: str, paths: Sequence[str], now: datetime) -> None:
        """Mark files as missing since `now`."""
        for some in some_of(paths):
            async with self._write() as connection:
                chosen = (files.c.root == root) & files.c.path.in_(some)
                await connection.execute(update(files).where(chosen).values(missing_since=now))

    async def forget(self, root: str, paths: Sequence[str], now: datetime) -> int:
        """Delete files and withdraw their cards, unless another file contains them; return the number of those."""
        async with self._write() as connection:
            gone = await _orphans(connection, root, paths)
            for some in some_of(paths):
                await connection.execute(delete(files).where(files.c.root == root, files.c.path.in_(some)))
            for ids in some_of(gone):
                await _log_states(connection, await _filed_states(connection, ids), now)
                await connection.execute(update(cards).where(cards.c.id.in_(ids)).values(_GONE))
                await _unindex(connection, ids)
            return len(gone)

    async def recount(self) -> None:
        """Recount the published cards of all topics and providers."""
        async with self._write() as connection:
            await recount(connection)


async def recount(connection: AsyncConnection) -> None:
    """Recount the published cards of all topics and providers, with one query each."""
    published = cards.c.state == State.PUBLISHED
    of_topics = select(card_topics.c.topic_id, func.count()).select_from(card_topics.join(cards)).where(published)
    of_providers = select(cards.c.provider, func.count()).where(published)
    await _count(connection, topics, topics.c.id, of_topics.group_by(card_topics.c.topic_id))
    await _count(connection, providers, providers.c.key, of_providers.group_by(cards.c.provider))


async def topic_ids(connection: AsyncConnection, names: Mapping[str, str]) -> dict[str, int]:
    """Return the IDs of topics by key (folded name); missing topics are added."""
    await _add_missing(connection, topics, [{"key": key, "name": name} for key, name in names.items()])
    found: dict[str, int] = {}
    for some in some_of(list(names)):
        rows = await connection.execute(select(topics.c.key, topics.c.id).where(topics.c.key.in_(some)))
        found |= dict(rows.all())
    return {key: found[storable(key)] for key in names}


async def _add_missing(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(insert_ignoring(table), rows)


async def _count(connection: AsyncConnection, table: Table, name: Column[Any], counted: Select[Any]) -> None:
    counts: dict[Any, int] = dict((await connection.execute(counted)).all())
    rows = (await connection.execute(select(name, table.c.published))).all()
    wrong = [{"the_name": key, "published": counts.get(key, 0)} for key, before in rows if counts.get(key, 0) != before]
    if wrong:
        await connection.execute(update(table).where(name == bindparam("the_name")), wrong)


def _problems(found: Iterable[Mapping[str, Any]]) -> tuple[Problem, ...]:
    return tuple(Problem(**{**problem, "severity": Severity(problem["severity"])}) for problem in found)


async def _orphans(connection: AsyncConnection, root: str, paths: Sequence[str]) -> list[int]:
    """Return the IDs of cards that only these files contain."""
    going: set[int] = set()
    for some in some_of(paths):
        mine = select(files.c.card_id).where(files.c.root == root, files.c.path.in_(some), files.c.card_id.is_not(None))
        going.update((await connection.execute(mine)).scalars())
    staying, leaving = set(), set(paths)
    for ids in some_of(sorted(going)):
        carriers = select(files.c.card_id, files.c.root, files.c.path).where(files.c.card_id.in_(ids))
        rows = await connection.execute(carriers)
        staying |= {card for card, other, path in rows if other != root or path not in leaving}
    return sorted(going - staying)


async def _unindex(connection: AsyncConnection, ids: Sequence[int]) -> None:
    rows = await connection.execute(select(cards.c.timeline).where(cards.c.id.in_(ids)))
    await index_of(connection.dialect.name).remove(connection, rows.scalars().all())


class _Batch:
    """One batch being written."""

    def __init__(
        self, connection: AsyncConnection, root: str, now: datetime, withdraw: bool, vanished: frozenset[int]
    ) -> None:
        self.connection = connection
        self.root = root
        self.now = now
        self.withdraw = withdraw
        self.vanished = vanished
        self.filing = Filing()
        self.rows: dict[str, dict[str, Any]] = {}
        self.times: dict[str, datetime] = {}
        """Publication times by slug."""

    async def write(self, batch: Sequence[tuple[FileStat, Reading]]) -> Filing:
        found = [(stat, reading.card) for stat, reading in batch if reading.card]
        self.times = {r.card.slug: r.appears_at or r.card.published_at for _, r in batch if r.card}
        scheduled = {stat.path: r.appears_at for stat, r in batch if r.appears_at and r.appears_at > self.now}
        self.rows = {card.slug: row_of(card) for _, card in found}
        known = await self._known(list(self.rows))
        renamed = await self._renamed(self.rows.keys() - known.keys())
        next_id = (await self.connection.execute(select(func.coalesce(func.max(cards.c.id), 0)))).scalar_one() + 1
        new: list[tuple[int, Card]] = []
        changed: list[tuple[RowMapping, Card]] = []
        carried: dict[str, int] = {}
        hidden: list[tuple[RowMapping, Card]] = []
        postponed: set[str] = set()
        for stat, card in found:
            old = known.get(card.slug) or renamed.get(card.slug)
            if stat.path in scheduled:
                if old is None:
                    continue
                if self.withdraw or old["state"] != State.PUBLISHED:
                    carried[stat.path] = old["id"]
                    hidden.append((old, card))
                else:
                    postponed.add(stat.path)
            elif old is None:
                new.append((next_id, card))
                carried[stat.path] = next_id
                next_id += 1
            elif self._would_withdraw(old, card):
                postponed.add(stat.path)
            else:
                carried[stat.path] = old["id"]
                changed.append((old, card))
        await self._insert(new)
        await self._update(changed)
        await self._hide(hidden)
        kept = [(stat, reading) for stat, reading in batch if stat.path not in postponed]
        self.filing.postponed = [(stat, reading) for stat, reading in batch if stat.path in postponed]
        await _note_files(self.connection, self.root, kept, carried, scheduled)
        return self.filing

    def _would_withdraw(self, old: RowMapping, card: Card) -> bool:
        return not self.withdraw and old["state"] == State.PUBLISHED and _ruled(old, card) is not State.PUBLISHED

    async def _known(self, slugs: Sequence[str]) -> dict[str, RowMapping]:
        rows = await self.connection.execute(select(*_OLD).where(cards.c.slug.in_(slugs)))
        return {row["slug"]: row for row in rows.mappings()}

    async def _renamed(self, strangers: Iterable[str]) -> dict[str, RowMapping]:
        """Detect renames: return cards whose file is gone and whose content is in a new file, by the new slug."""
        waiting = {self.rows[slug]["content"]: slug for slug in sorted(strangers)}
        rows = (await self.connection.execute(select(*_OLD).where(cards.c.content.in_(waiting)))).mappings()
        return {waiting[row["content"]]: row for row in rows if row["gone"] or row["id"] in self.vanished}

    async def _insert(self, new: Sequence[tuple[int, Card]]) -> None:
        rows = [
            self.rows[card.slug]
            | _place(self.times[card.slug], card_id)
            | {
                "id": card_id,
                "gone": False,
                "visible_at": self.now if card.state is State.PUBLISHED else None,
                "unplanned": True,
            }
            for card_id, card in new
        ]
        if rows:
            await self.connection.execute(insert(cards), rows)
            await self._label(new, rows)
        self.filing.added += len(rows)

    async def _update(self, seen: Sequence[tuple[RowMapping, Card]]) -> None:
        rows = []
        relabelled: list[tuple[int, Card]] = []
        filed: list[tuple[int, str, str]] = []
        for old, card in seen:
            state = _ruled(old, card)
            row = self.rows[card.slug] | _place(self._published_at(old, card), old["id"]) | _there(state)
            if all(row[name] == old[name] for name in _COMPARED):
                self.filing.unchanged += 1
                continue
            row["visible_at"] = (old["visible_at"] or self.now) if state is State.PUBLISHED else None
            rows.append(row | {"unplanned": True, "the_id": old["id"]})
            relabelled.append((old["id"], card))
            if old["filed_state"] != card.state:
                filed.append((old["id"], old["filed_state"], card.state))
            leaving = state is State.WITHDRAWN and old["state"] != State.WITHDRAWN
            self.filing.withdrawn += leaving
            self.filing.changed += not leaving
        if rows:
            ids = [card_id for card_id, _ in relabelled]
            await _unindex(self.connection, ids)
            await self.connection.execute(delete(card_topics).where(card_topics.c.card_id.in_(ids)))
            await self.connection.execute(update(cards).where(cards.c.id == bindparam("the_id")), rows)
            await _log_states(self.connection, filed, self.now)
            await self._label(relabelled, rows)

    def _published_at(self, old: RowMapping, card: Card) -> datetime:
        """Return the publication time; an unchanged card keeps an earlier one, if that has passed."""
        if self.rows[card.slug]["content"] == old["content"] and old["published_at"] <= self.now:
            return cast("datetime", old["published_at"])
        return self.times[card.slug]

    async def _hide(self, later: Sequence[tuple[RowMapping, Card]]) -> None:
        """Withdraw cards whose files now schedule them for later. Other changes wait until then."""
        for old, card in later:
            if old["scheduled"]:
                continue
            row = _NOWHERE | {"slug": card.slug, "gone": False, "scheduled": True}
            await _log_states(self.connection, await _filed_states(self.connection, [old["id"]]), self.now)
            await self.connection.execute(update(cards).where(cards.c.id == old["id"]).values(row))
            await _unindex(self.connection, [old["id"]])
            self.filing.withdrawn += old["state"] == State.PUBLISHED

    async def _label(self, written: Sequence[tuple[int, Card]], rows: Sequence[Mapping[str, Any]]) -> None:
        """Add topics, providers, aliases (never deleted, so that old URLs find the card), index rows and spellings."""
        ids = await topic_ids(self.connection, {folded(name): name for _, card in written for name in card.topics})
        places = {card_id: row["timeline"] for (card_id, _), row in zip(written, rows, strict=True)}
        topical = [
            {"topic_id": ids[folded(name)], "card_id": card_id, "timeline": places[card_id]}
            for card_id, card in written
            for name in card.topics
        ]
        aliases = [{"alias": alias, "card_id": card_id} for card_id, card in written for alias in card.aliases]
        named = {card.provider.name for _, card in written if card.provider}
        for table, rows in (
            (card_topics, topical),
            (card_aliases, aliases),
            (providers, [{"key": folded(name), "name": name} for name in sorted(named)]),
        ):
            await _add_missing(self.connection, table, rows)
        shown = [(card_id, card) for card_id, card in written if card.state is not State.WITHDRAWN]
        entries = [(places[card_id], search.entry(card)) for card_id, card in shown]
        await index_of(self.connection.dialect.name).add(self.connection, entries)
        await _add_missing(self.connection, spellings, spelling.words_of(card for _, card in shown))


async def _note_files(
    connection: AsyncConnection,
    root: str,
    read: Sequence[tuple[FileStat, Reading]],
    carried: Mapping[str, int],
    scheduled: Mapping[str, datetime],
) -> None:
    """Record the files that were read. A broken file keeps its previous card."""
    chosen = (files.c.root == root) & files.c.path.in_([stat.path for stat, _ in read])
    before = dict((await connection.execute(select(files.c.path, files.c.card_id).where(chosen))).all())
    await connection.execute(delete(files).where(chosen))
    rows = [
        stat._asdict()
        | {
            "root": root,
            "digest": reading.digest,
            "card_id": carried.get(stat.path, before.get(stat.path)),
            "problems": [_as_row(problem) for problem in reading.problems],
            "due_at": scheduled.get(stat.path),
        }
        for stat, reading in read
    ]
    if rows:
        await connection.execute(insert(files), rows)


def _place(published_at: datetime, card_id: int) -> dict[str, Any]:
    return {"published_at": published_at, "timeline": timeline(published_at, card_id)}


def _there(state: State) -> dict[str, Any]:
    return {"gone": False, "scheduled": False, "state": state}


def _as_row(problem: Problem) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("file", "line", "field", "problem", "severity")}


_COMPARED = ("slug", "content", "state", "filed_state", "held_reason", "gone", "scheduled", "timeline")
_OLD = (
    *(cards.c[name] for name in ("id", *_COMPARED, "published_at", "visible_at")),
    verdict(EVERYWHERE).label("ruling"),
)
_NOWHERE = {
    "state": State.WITHDRAWN,
    "filed_state": State.WITHDRAWN,
    "held_reason": None,
    "visible_at": None,
    "unplanned": True,
}
_GONE = _NOWHERE | {"gone": True, "scheduled": False}
_STAT = len(FileStat._fields)
_LOOKS = ("digest", "missing_since", "due_at")


def _ruled(old: RowMapping, card: Card) -> State:
    return ruled(card.state, verdict_or_none(old["ruling"]))


async def _filed_states(connection: AsyncConnection, leaving: Sequence[int]) -> list[tuple[int, str, str]]:
    rows = await connection.execute(select(cards.c.id, cards.c.filed_state).where(cards.c.id.in_(leaving)))
    return [(card_id, before, State.WITHDRAWN) for card_id, before in rows if before != State.WITHDRAWN]


async def _log_states(connection: AsyncConnection, changes: Sequence[tuple[int, str, str]], now: datetime) -> None:
    """Record state changes by files in the audit log, so that it shows their order relative to decisions."""
    if changes:
        common = {"guild_id": EVERYWHERE, "subject": "state", "actor_id": 0, "source": Source.FILE, "reason": ""}
        rows = [common | {"card_id": card, "before": old, "after": new, "at": now} for card, old, new in changes]
        await connection.execute(insert(audit), rows)
