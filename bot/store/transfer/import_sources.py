"""Import the sources of an export: feeds, the servers that follow them, and what they want of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import SourceKind
from bot.domain.feed import parse_host
from bot.domain.follows import FollowPolicy
from bot.store.cards.server_cards import add_backlog
from bot.store.sql_helpers import chunks
from bot.store.tables import feeds, follow_topics, follows, sources
from bot.store.transfer.export import name_source

Values = dict[str, Any]


class SourceImport:
    """The sources of one import. IDs of sources are local to a store: rows name them by kind and key."""

    def __init__(self, connection: AsyncConnection, now: datetime) -> None:
        self._connection = connection
        self._now = now
        self._ids: dict[str, int] = {}
        self._shared: set[int] = set()
        self._new_follows: set[tuple[int, int]] = set()

    async def load_ids(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Find the sources that these rows name."""
        names = {row["source"] for row in rows} - self._ids.keys()
        keys = sorted({name.partition(" ")[2] for name in names})
        for some in chunks(keys):
            query = select(sources.c.kind, sources.c.key, sources.c.id, sources.c.is_shared)
            for kind, key, source_id, is_shared in await self._connection.execute(query.where(sources.c.key.in_(some))):
                self._ids[name_source(kind, key)] = source_id
                if is_shared:
                    self._shared.add(source_id)

    def find_id(self, name: str) -> int | None:
        return self._ids.get(name)

    def complete_values(self, table: Table, values: Values) -> Values | None:
        """Check the values of a row, and add those of a source that has not been fetched here.

        None if the row is of no use here. Raises `ValueError`.
        """
        if table is sources:
            if SourceKind(values["kind"]) is SourceKind.FOLDER or not values["key"]:
                raise ValueError("a source that is a folder, or has no key")
        elif table is feeds:
            return self._complete_feed(values)
        elif table is follows:
            FollowPolicy(values["policy"])
            # What is everybody's here comes to the server anyway.
            return None if values["source_id"] in self._shared else values
        elif table is follow_topics:
            return values if (values["guild_id"], values["source_id"]) in self._new_follows else None
        return values

    def _complete_feed(self, values: Values) -> Values:
        FollowPolicy(values["policy"])
        host = parse_host(values["url"]) if _WEB.match(values["url"]) else ""
        if not host or not all(isinstance(topic, str) for topic in values["topics"]):
            raise ValueError("a feed with something else than an address and topics")
        unknown = dict.fromkeys(_UNKNOWN, "")
        starts_at = None if values.get("paused_at") else self._now
        return {**unknown, **values, "host": host, "next_fetch_at": starts_at}

    def note_added(self, table: Table, values: Values) -> None:
        """Record that a row was added."""
        if table is follows:
            self._new_follows.add((values["guild_id"], values["source_id"]))

    async def begin_follows(self) -> None:
        """Give the servers that began to follow a source what it holds, as backlog, and fetch its feed again."""
        for guild_id, source_id in sorted(self._new_follows):
            await add_backlog(self._connection, guild_id, source_id, self._now)
        for some in chunks(sorted({source_id for _, source_id in self._new_follows})):
            followed = update(sources).where(sources.c.id.in_(some))
            await self._connection.execute(followed.values(unfollowed_at=None))
            resting = update(feeds).where(feeds.c.source_id.in_(some), feeds.c.next_fetch_at.is_(None))
            await self._connection.execute(resting.values(next_fetch_at=self._now, read_at=None, paused_at=None))


_WEB = re.compile(r"https?://", re.IGNORECASE)
_UNKNOWN = ("etag", "last_modified", "body_hash", "content_kind", "problem", "moved_to", "moved_on")
