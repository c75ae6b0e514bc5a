"""Write what a load found: cards, their topics, aliases and index rows, and the files they came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Column, RowMapping, Select, Table, bindparam, delete, func, insert, select, update
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
from bot.store.upserts import insert_ignoring
from bot.store.visibility import verdict

BATCH = 500
"""Files written in one transaction, at most: readers wait for no longer than it takes."""


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as it was when it was last read."""

    stat: FileStat
    card_id: int | None
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class Filing:
    """What became of a batch. `postponed` are the files whose reading would withdraw a card that is visible now."""

    added: int = 0
    changed: int = 0
    withdrawn: int = 0
    unchanged: int = 0
    postponed: list[tuple[FileStat, Reading]] = field(default_factory=list)


class FilingCabinet:
    """The loader's side of the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known(self, root: str) -> dict[str, KnownFile]:
        """Every file that was read below `root`."""
        columns = (files.c.path, files.c.size, files.c.mtime_ns, files.c.card_id, files.c.problems)
        async with self._database.read() as connection:
            rows = await connection.execute(select(*columns).where(files.c.root == root))
            return {
                path: KnownFile(FileStat(path, size, mtime), card, _problems(found))
                for path, size, mtime, card, found in rows
            }

    async def published(self) -> int:
        """How many cards are published by their files."""
        async with self._database.read() as connection:
            count = select(func.count()).select_from(cards).where(cards.c.state == State.PUBLISHED)
            return int((await connection.execute(count)).scalar_one())

    async def at_risk(self, root: str, paths: Sequence[str]) -> int:
        """How many published cards only these files carry."""
        async with self._database.read() as connection:
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
        """Write one batch in one transaction. Without `withdraw`, cards that would disappear are handed back."""
        async with self._database.write() as connection:
            return await _Batch(connection, root, now, withdraw, frozenset(vanished)).write(batch)

    async def forget(self, root: str, paths: Sequence[str], now: datetime) -> int:
        """These files are gone: withdraw their cards, unless another file carries them now. Returns how many."""
        async with self._database.write() as connection:
            gone = await _orphans(connection, root, paths)
            for some in some_of(paths):
                await connection.execute(delete(files).where(files.c.root == root, files.c.path.in_(some)))
            for ids in some_of(gone):
                await _log_states(connection, await _filed_states(connection, ids), now)
                await connection.execute(update(cards).where(cards.c.id.in_(ids)).values(_GONE))
                await _unindex(connection, ids)
            return len(gone)

    async def recount(self) -> None:
        """Count the published cards of every topic and provider again."""
        async with self._database.write() as connection:
            await recount(connection)


async def recount(connection: AsyncConnection) -> None:
    """Each in one pass, not name by name."""
    published = cards.c.state == State.PUBLISHED
    of_topics = select(card_topics.c.topic_id, func.count()).select_from(card_topics.join(cards)).where(published)
    of_providers = select(cards.c.provider, func.count()).where(published)
    await _count(connection, topics, topics.c.id, of_topics.group_by(card_topics.c.topic_id))
    await _count(connection, providers, providers.c.key, of_providers.group_by(cards.c.provider))


async def topic_ids(connection: AsyncConnection, names: Mapping[str, str]) -> dict[str, int]:
    """The ids of topics by their keys (folded names); unknown ones are added."""
    await _add_missing(connection, topics, [{"key": key, "name": name} for key, name in names.items()])
    rows = await connection.execute(select(topics.c.key, topics.c.id).where(topics.c.key.in_(names)))
    found = dict(rows.all())
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
    """Cards that only these files carry and that are not withdrawn yet."""
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
    """One batch on its way into the store."""

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

    async def write(self, batch: Sequence[tuple[FileStat, Reading]]) -> Filing:
        found = [(stat, reading.card) for stat, reading in batch if reading.card]
        self.rows = {card.slug: row_of(card) for _, card in found}
        known = await self._known(list(self.rows))
        renamed = await self._renamed(self.rows.keys() - known.keys())
        next_id = (await self.connection.execute(select(func.coalesce(func.max(cards.c.id), 0)))).scalar_one() + 1
        new: list[tuple[int, Card]] = []
        changed: list[tuple[RowMapping, Card]] = []
        carried: dict[str, int] = {}
        postponed: set[str] = set()
        for stat, card in found:
            old = known.get(card.slug) or renamed.get(card.slug)
            if old is None:
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
        kept = [(stat, reading) for stat, reading in batch if stat.path not in postponed]
        self.filing.postponed = [(stat, reading) for stat, reading in batch if stat.path in postponed]
        await self._note_files(kept, carried)
        return self.filing

    def _would_withdraw(self, old: RowMapping, card: Card) -> bool:
        return not self.withdraw and old["state"] == State.PUBLISHED and _ruled(old, card) is not State.PUBLISHED

    async def _known(self, slugs: Sequence[str]) -> dict[str, RowMapping]:
        rows = await self.connection.execute(select(*_OLD).where(cards.c.slug.in_(slugs)))
        return {row["slug"]: row for row in rows.mappings()}

    async def _renamed(self, strangers: Iterable[str]) -> dict[str, RowMapping]:
        """Cards whose file is gone and whose content is that of a new file, by the new file's slug."""
        waiting = {self.rows[slug]["content"]: slug for slug in sorted(strangers)}
        rows = (await self.connection.execute(select(*_OLD).where(cards.c.content.in_(waiting)))).mappings()
        return {waiting[row["content"]]: row for row in rows if row["gone"] or row["id"] in self.vanished}

    async def _insert(self, new: Sequence[tuple[int, Card]]) -> None:
        rows = [
            self.rows[card.slug]
            | {
                "id": card_id,
                "timeline": timeline(card.published_at, card_id),
                "gone": False,
                "visible_at": self.now if card.state is State.PUBLISHED else None,
                "unplanned": True,
            }
            for card_id, card in new
        ]
        if rows:
            await self.connection.execute(insert(cards), rows)
            await self._label(new)
        self.filing.added += len(rows)

    async def _update(self, seen: Sequence[tuple[RowMapping, Card]]) -> None:
        rows = []
        relabelled: list[tuple[int, Card]] = []
        filed: list[tuple[int, str, str]] = []
        for old, card in seen:
            state = _ruled(old, card)
            ours = {"gone": False, "timeline": timeline(card.published_at, old["id"]), "state": state}
            row = self.rows[card.slug] | ours
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
            await self._label(relabelled)

    async def _label(self, written: Sequence[tuple[int, Card]]) -> None:
        """Topics, aliases (which only grow: old addresses still find the card) and the index rows of written cards."""
        ids = await topic_ids(self.connection, {folded(name): name for _, card in written for name in card.topics})
        topical = [
            {"topic_id": ids[folded(name)], "card_id": card_id, "timeline": timeline(card.published_at, card_id)}
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
        entries = [(timeline(card.published_at, card_id), search.entry(card)) for card_id, card in shown]
        await index_of(self.connection.dialect.name).add(self.connection, entries)
        await _add_missing(self.connection, spellings, spelling.words_of(card for _, card in shown))

    async def _note_files(self, read: Sequence[tuple[FileStat, Reading]], carried: Mapping[str, int]) -> None:
        """Remember what was read. A broken file keeps the card that it was."""
        chosen = (files.c.root == self.root) & files.c.path.in_([stat.path for stat, _ in read])
        rows = await self.connection.execute(select(files.c.path, files.c.card_id).where(chosen))
        before = dict(rows.all())
        await self.connection.execute(delete(files).where(chosen))
        rows_now = [
            {
                "root": self.root,
                "path": stat.path,
                "size": stat.size,
                "mtime_ns": stat.mtime_ns,
                "card_id": carried.get(stat.path, before.get(stat.path)),
                "problems": [_as_row(problem) for problem in reading.problems],
            }
            for stat, reading in read
        ]
        if rows_now:
            await self.connection.execute(insert(files), rows_now)


def _as_row(problem: Problem) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in ("file", "line", "field", "problem", "severity")}


_COMPARED = ("slug", "content", "state", "filed_state", "held_reason", "gone", "timeline")
_OLD = (*(cards.c[name] for name in ("id", *_COMPARED, "visible_at")), verdict(EVERYWHERE).label("ruling"))
_GONE = {
    "gone": True,
    "state": State.WITHDRAWN,
    "filed_state": State.WITHDRAWN,
    "held_reason": None,
    "visible_at": None,
    "unplanned": True,
}


def _ruled(old: RowMapping, card: Card) -> State:
    return ruled(card.state, verdict_or_none(old["ruling"]))


async def _filed_states(connection: AsyncConnection, leaving: Sequence[int]) -> list[tuple[int, str, str]]:
    rows = await connection.execute(select(cards.c.id, cards.c.filed_state).where(cards.c.id.in_(leaving)))
    return [(card_id, before, State.WITHDRAWN) for card_id, before in rows if before != State.WITHDRAWN]


async def _log_states(connection: AsyncConnection, changes: Sequence[tuple[int, str, str]], now: datetime) -> None:
    """What files changed stands in the log beside what people decided; who came first stays clear."""
    if changes:
        common = {"guild_id": EVERYWHERE, "subject": "state", "actor_id": 0, "source": Source.FILE, "reason": ""}
        rows = [common | {"card_id": card, "before": old, "after": new, "at": now} for card, old, new in changes]
        await connection.execute(insert(audit), rows)
