"""Feeds: which are due, what came of fetching them, and what the operator wants of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    RowMapping,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import SourceKind
from bot.domain.feed import Feed, FeedOptions, NewFeed, parse_host
from bot.domain.feed_schedule import FeedState
from bot.domain.fetch_result import ContentKind
from bot.domain.follows import FollowPolicy
from bot.store.cards.rows import compute_sort_key
from bot.store.database import Database
from bot.store.sources.feed_addresses import FEEDS, fetch_by_address
from bot.store.sources.feed_items import FeedItemStore
from bot.store.sources.feed_notices import FeedNotices
from bot.store.sources.share_source import share_source
from bot.store.sql_helpers import chunks, insert_or_ignore
from bot.store.tables import cards, feeds, follows, server_cards, sources

_SHORT_PAUSE = timedelta(days=1)
"""A feed that was paused for longer starts over: what it brought meanwhile is its backlog, and is not posted."""


@dataclass(frozen=True, slots=True)
class FetchNote:
    """What came of fetching a feed. Empty texts leave those of the store as they are; `url` is a new address."""

    source_id: int
    state: FeedState
    is_read: bool = False
    url: str = ""
    title: str = ""
    site: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class FeedCounts:
    """A feed's cards, and when the newest came in; None if it has none."""

    cards: int = 0
    recent: int = 0
    """Those published within the last seven days."""


@dataclass(slots=True)
class ListChanges:
    """What a new version of the operator's list changed."""

    added: int = 0
    resumed: int = 0
    paused: int = 0

    def __bool__(self) -> bool:
        return bool(self.added or self.resumed or self.paused)


class FeedStore:
    """Queries of feeds."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.items = FeedItemStore(database)
        self.notices = FeedNotices(database)

    async def list_feeds(self) -> list[Feed]:
        """List everybody's feeds in the order in which they were added."""
        query = FEEDS.where(sources.c.is_shared).order_by(feeds.c.source_id)
        async with self._database.begin_autocommit() as connection:
            rows = await connection.execute(query)
            return [_to_feed(row) for row in rows.mappings()]

    async def find_feeds(self, urls: Collection[str]) -> list[Feed]:
        """Find feeds by the address under which they were added, or by their current one."""
        async with self._database.begin_read() as connection:
            found = await fetch_by_address(connection, urls)
        return list({row["source_id"]: _to_feed(row) for row in found.values()}.values())

    async def count_cards(self, now: datetime) -> dict[int, FeedCounts]:
        """Count the cards of all feeds, by source."""
        recent = func.count().filter(cards.c.published_at > now - timedelta(days=7))
        query = (
            select(cards.c.source_id, func.count(), recent)
            .join_from(cards, feeds, feeds.c.source_id == cards.c.source_id)
            .group_by(cards.c.source_id)
        )
        async with self._database.begin_autocommit() as connection:
            return {row[0]: FeedCounts(row[1], row[2]) for row in await connection.execute(query)}

    async def add_feeds(self, new: Sequence[NewFeed], now: datetime) -> int:
        """Add feeds, to be fetched at once; those that are everybody's stay as they are. Returns the number added.

        Those that servers follow become everybody's, with the options given here.
        """
        async with self._database.begin_write() as connection:
            added = await _add_feeds(connection, new, now, is_listed=False)
        return added + await self._share_followed(new, now)

    async def add_followed(self, new: Sequence[NewFeed], now: datetime) -> dict[str, Feed]:
        """Add feeds that servers are about to follow, to be fetched at once. Returns them by the addresses given.

        One that is there stays as it is, everybody's too; one that nobody followed any more, or that was gone, starts
        over: what it holds then is its backlog.
        """
        urls = [feed.url for feed in new]
        async with self._database.begin_write() as connection:
            await _add_feeds(connection, new, now, is_listed=False, is_shared=False)
            found = {url: _to_feed(row) for url, row in (await fetch_by_address(connection, urls)).items()}
            resting = {
                feed.source_id for feed in found.values() if not feed.is_shared and feed.state.next_fetch_at is None
            }
            for some_ids in chunks(sorted(resting)):
                again = update(feeds).where(feeds.c.source_id.in_(some_ids))
                await connection.execute(again.values(_BEGINNING | {"next_fetch_at": now, "read_at": None}))
        return {url: found[url] for url in urls}

    async def fetch_feeds(self, ids: Collection[int]) -> list[Feed]:
        """Return the feeds with these ids."""
        found = []
        async with self._database.begin_read() as connection:
            for some in chunks(sorted(ids)):
                query = FEEDS.where(feeds.c.source_id.in_(some))
                found += [_to_feed(row) for row in (await connection.execute(query)).mappings()]
        return found

    async def count_weekly_cards(self, guild_id: int, now: datetime) -> dict[int, int]:
        """Count the cards of the last seven days that a server got from each source that it follows."""
        since = compute_sort_key(now - timedelta(days=7), 0)
        recent = (server_cards.c.guild_id == guild_id) & (server_cards.c.sort_key >= since)
        query = select(server_cards.c.source_id, func.count()).where(recent).group_by(server_cards.c.source_id)
        async with self._database.begin_autocommit() as connection:
            return dict((await connection.execute(query)).all())

    async def fetch_newest_cards(self, guild_id: int, source_id: int, limit: int) -> list[int] | None:
        """Return the ids of a server's newest cards of a feed, oldest first; None if the feed has not been read yet."""
        is_read = select(feeds.c.source_id).where(feeds.c.source_id == source_id, feeds.c.read_at.is_not(None))
        here = (server_cards.c.guild_id == guild_id) & (server_cards.c.source_id == source_id)
        newest = select(server_cards.c.card_id).where(here).order_by(server_cards.c.sort_key.desc()).limit(limit)
        async with self._database.begin_read() as connection:
            if (await connection.execute(is_read)).first() is None:
                return None
            return list((await connection.execute(newest)).scalars())[::-1]

    async def rest_unfollowed(self, source_id: int, now: datetime) -> bool:
        """Stop fetching a feed if no server follows it any more, and it is not everybody's. Returns whether it does."""
        is_followed = select(follows.c.source_id).where(follows.c.source_id == source_id)
        is_shared = select(sources.c.id).where(sources.c.id == source_id, sources.c.is_shared)
        async with self._database.begin_write() as connection:
            if (await connection.execute(is_followed.union_all(is_shared).limit(1))).first():
                return False
            return bool(await _pause(connection, [source_id], now))

    async def apply_list(self, listed: Sequence[NewFeed], now: datetime) -> ListChanges:
        """Bring the feeds up to date with the operator's list.

        Those that it has gained are added or resumed, those that it has lost are paused: their cards stay. Feeds that
        were added by hand are left alone, unless the list names them. Feeds that servers follow become everybody's.
        """
        changes = ListChanges(added=await self._share_followed(listed, now))
        async with self._database.begin_write() as connection:
            changes.added += await _add_feeds(connection, listed, now, is_listed=True)
            rows = (await connection.execute(FEEDS.where(feeds.c.is_listed))).mappings().all()
            wanted = {each.url: each for each in listed}
            kept = {row["source_id"]: wanted.get(row["key"]) or wanted.get(row["url"]) for row in rows}
            lost = [row["source_id"] for row in rows if not kept[row["source_id"]] and row["paused_at"] is None]
            back = [row["source_id"] for row in rows if kept[row["source_id"]] and row["paused_at"] is not None]
            changes.paused = await _pause(connection, lost, now)
            changes.resumed = await _resume(connection, back, now)
            topics = [
                {"the_id": row["source_id"], "topics": list(feed.options.topics)}
                for row in rows
                if (feed := kept[row["source_id"]]) and list(feed.options.topics) != row["topics"]
            ]
            if topics:
                await connection.execute(update(feeds).where(feeds.c.source_id == bindparam("the_id")), topics)
        return changes

    async def _share_followed(self, named: Sequence[NewFeed], now: datetime) -> int:
        """Make those of these feeds everybody's that are not yet. Returns their number."""
        given = {feed.url: feed for feed in named}
        found: dict[int, NewFeed] = {}
        async with self._database.begin_read() as connection:
            known = await fetch_by_address(connection, given)
            shared = [row["source_id"] for row in known.values() if row["is_shared"]]
            half_shared: set[int] = set()
            # A process that was killed while it shared a feed left its follows.
            for some in chunks(shared):
                left = select(follows.c.source_id).where(follows.c.source_id.in_(some))
                half_shared.update((await connection.execute(left)).scalars())
        for url, row in known.items():
            if not row["is_shared"] or row["source_id"] in half_shared:
                found[row["source_id"]] = given[url]
        for source_id, feed in found.items():
            async with self._database.begin_write() as connection:
                change = update(feeds).where(feeds.c.source_id == source_id)
                await connection.execute(change.values(_option_columns(feed.options)))
                await _resume(connection, [source_id], now)
            await share_source(self._database, source_id, feed.options, now)
        return len(found)

    async def pause_feeds(self, ids: Sequence[int], now: datetime) -> int:
        """Stop fetching feeds. Their cards stay. Returns the number that were not paused."""
        async with self._database.begin_write() as connection:
            return await _pause(connection, ids, now)

    async def resume_feeds(self, ids: Sequence[int], now: datetime) -> int:
        """Fetch paused and stopped feeds again, at once. Returns their number."""
        async with self._database.begin_write() as connection:
            return await _resume(connection, ids, now)

    async def remove_feed(self, source_id: int) -> None:
        """Forget a feed, but not its items: when it is added again, they are not new."""
        async with self._database.begin_write() as connection:
            await connection.execute(delete(feeds).where(feeds.c.source_id == source_id))

    async def fetch_due(self, now: datetime, limit: int, busy: Collection[str] = ()) -> list[Feed]:
        """Feeds to fetch, the longest due first, at most one of each host, and none of the `busy` ones."""
        due = FEEDS.where(feeds.c.next_fetch_at <= now, feeds.c.host.not_in(busy))
        # Several of one host stand in each other's way, so more are read than are taken.
        query = due.order_by(feeds.c.next_fetch_at, feeds.c.source_id).limit(4 * limit)
        async with self._database.begin_autocommit() as connection:
            rows = (await connection.execute(query)).mappings().all()
        first_of_host: dict[str, RowMapping] = {}
        for row in rows:
            first_of_host.setdefault(row["host"], row)
        return [_to_feed(row) for row in list(first_of_host.values())[:limit]]

    async def set_languages(self, languages: Mapping[int, str]) -> None:
        """Store the languages of feeds by source id, in which their items are indexed from now on."""
        rows = [{"the_id": source_id, "the_language": name} for source_id, name in sorted(languages.items())]
        change = update(feeds).where(feeds.c.source_id == bindparam("the_id"))
        change = change.values(language=bindparam("the_language"))
        await self._database.write_shared(lambda connection: connection.execute(change, rows))

    async def note_results(self, notes: Sequence[FetchNote], now: datetime) -> None:
        """Store what came of fetching feeds, for all of them in one statement."""
        # In the same order everywhere, so that two processes that overlap do not wait for each other in a circle.
        rows = [_note_row(note, now) for note in sorted(notes, key=lambda note: note.source_id)]
        stopped = [note.source_id for note in notes if note.state.next_fetch_at is None]

        async def write_rows(connection: AsyncConnection) -> None:
            if stopped:
                await self.notices.renew_trouble(connection, stopped)
            await connection.execute(_NOTE, rows)

        await self._database.write_shared(write_rows)

    async def reschedule_all(self, now: datetime, latest: datetime) -> int:
        """Fetch at once what waits for a time after `latest`, or was fetched in the future: the clock was set back.

        Returns the number of these feeds.
        """
        odd = or_(feeds.c.next_fetch_at > latest, feeds.c.fetched_at > now)
        statement = update(feeds).where(odd, feeds.c.next_fetch_at.is_not(None))
        async with self._database.begin_write() as connection:
            return (await connection.execute(statement.values(next_fetch_at=now, fetched_at=now))).rowcount

    async def count_states(self) -> dict[str, int]:
        """Number of feeds by state: fine, failing, stopped, paused."""
        async with self._database.begin_autocommit() as connection:
            return await count_feed_states(connection)


async def count_feed_states(connection: AsyncConnection) -> dict[str, int]:
    """Number of feeds by state: fine, failing, stopped, paused."""
    counts = dict.fromkeys(("fine", "failing", "stopped", "paused"), 0)
    for is_paused, is_stopped, is_failing, number in await connection.execute(_STATES):
        state = "paused" if is_paused else "stopped" if is_stopped else "failing" if is_failing else "fine"
        counts[state] += number
    return counts


_states = (feeds.c.paused_at.is_not(None), feeds.c.next_fetch_at.is_(None), feeds.c.problem != "")
# By position: PostgreSQL would not take a parameter of the third for the same one as in the list of columns.
_STATES = select(*_states, func.count()).group_by(*(literal_column(str(place)) for place in (1, 2, 3)))
_STATE = (
    "etag", "last_modified", "body_hash", "next_fetch_at", "changed_at", "failures", "failing_since", "missing_since",
    "problem", "moved_to", "moved_count",
)  # fmt: skip
"""Fields of `FeedState` that are columns as they are."""


def _to_feed(row: RowMapping) -> Feed:
    state = FeedState(
        **{name: row[name] for name in _STATE},
        kind=ContentKind(row["content_kind"]) if row["content_kind"] else None,
        moved_on=date.fromisoformat(row["moved_on"]) if row["moved_on"] else None,
    )
    names = ("source_id", "key", "url", "host", "title", "site", "language", "is_shared", "is_listed")
    times = ("paused_at", "fetched_at", "read_at")
    options = FeedOptions(FollowPolicy(row["policy"]), tuple(row["topics"] or ()), row["quality"])
    return Feed(**{name: row[name] for name in (*names, *times)}, options=options, state=state)


def _note_row(note: FetchNote, now: datetime) -> dict[str, Any]:
    state = note.state
    return {
        **{name: getattr(state, name) for name in _STATE},
        "the_id": note.source_id,
        "content_kind": state.kind or "",
        "moved_on": state.moved_on.isoformat() if state.moved_on else "",
        "fetched_at": now,
        "first_read": now if note.is_read else None,
        "the_url": note.url,
        "the_host": parse_host(note.url) if note.url else "",
        "the_title": note.title,
        "the_site": note.site,
        "the_language": note.language,
    }


def _given_or_known(column: ColumnElement[str], name: str) -> ColumnElement[str]:
    return func.coalesce(func.nullif(bindparam(name, type_=column.type), ""), column)


# A feed that was paused or removed while it was fetched stays so: its next time was taken away.
_NOTE = (
    update(feeds)
    .where(feeds.c.source_id == bindparam("the_id"), feeds.c.paused_at.is_(None))
    .values(
        {
            **{feeds.c[name]: bindparam(name) for name in (*_STATE, "content_kind", "moved_on", "fetched_at")},
            feeds.c.read_at: func.coalesce(feeds.c.read_at, bindparam("first_read", type_=feeds.c.read_at.type)),
            feeds.c.url: _given_or_known(feeds.c.url, "the_url"),
            feeds.c.host: _given_or_known(feeds.c.host, "the_host"),
            feeds.c.title: _given_or_known(feeds.c.title, "the_title"),
            feeds.c.site: _given_or_known(feeds.c.site, "the_site"),
            feeds.c.language: _given_or_known(feeds.c.language, "the_language"),
        }
    )
)


async def _add_feeds(
    connection: AsyncConnection, new: Iterable[NewFeed], now: datetime, *, is_listed: bool, is_shared: bool = True
) -> int:
    """Add those that are neither there under the address nor have moved to it. Returns their number."""
    given = {feed.url: feed for feed in new}
    known = await fetch_by_address(connection, given)
    for row in known.values():
        if is_listed and not row["is_listed"]:
            adopted = update(feeds).where(feeds.c.source_id == row["source_id"])
            await connection.execute(adopted.values(is_listed=True))
    added = [feed for url, feed in given.items() if url not in known]
    for some_new in chunks(added):
        await _insert_feeds(connection, some_new, now, is_listed=is_listed, is_shared=is_shared)
    return len(added)


async def _insert_feeds(
    connection: AsyncConnection, new: Sequence[NewFeed], now: datetime, *, is_listed: bool, is_shared: bool
) -> None:
    keys = [{"kind": SourceKind.FEED, "key": feed.url, "is_shared": is_shared} for feed in new]
    await connection.execute(insert_or_ignore(sources), keys)
    query = select(sources.c.key, sources.c.id).where(sources.c.kind == SourceKind.FEED)
    found = await connection.execute(query.where(sources.c.key.in_([feed.url for feed in new])))
    ids: Mapping[str, int] = dict(found.all())
    rows = [
        {
            **_UNKNOWN,
            "source_id": ids[feed.url],
            "url": feed.url,
            "host": parse_host(feed.url),
            "title": feed.title,
            **_option_columns(feed.options),
            "is_listed": is_listed,
            "next_fetch_at": now,
        }
        for feed in new
    ]
    await connection.execute(insert(feeds), rows)


def _option_columns(options: FeedOptions) -> dict[str, Any]:
    return {"policy": options.policy, "topics": list(options.topics), "quality": options.quality}


_UNKNOWN = dict.fromkeys(
    ("site", "language", "etag", "last_modified", "body_hash", "content_kind", "problem", "moved_to", "moved_on"), ""
)


async def _pause(connection: AsyncConnection, ids: Sequence[int], now: datetime) -> int:
    number = 0
    for some in chunks(ids):
        running = feeds.c.source_id.in_(some) & feeds.c.paused_at.is_(None)
        # Without a next time, the index of those that are due does not hold it.
        done = await connection.execute(update(feeds).where(running).values(paused_at=now, next_fetch_at=None))
        number += done.rowcount
    return number


async def _resume(connection: AsyncConnection, ids: Sequence[int], now: datetime) -> int:
    number = 0
    for some in chunks(ids):
        resting = feeds.c.source_id.in_(some) & feeds.c.next_fetch_at.is_(None)
        for_long = resting & (feeds.c.paused_at <= now - _SHORT_PAUSE)
        await connection.execute(update(feeds).where(for_long).values(read_at=None))
        again = update(feeds).where(resting).values(_BEGINNING | {"next_fetch_at": now})
        number += (await connection.execute(again)).rowcount
    return number


_BEGINNING = {
    "paused_at": None,
    "fetched_at": None,
    "failures": 0,
    "failing_since": None,
    "missing_since": None,
    "problem": "",
}
