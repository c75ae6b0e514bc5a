"""The items of feeds that are stored, as far as the next look needs them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, Select, bindparam, select, tuple_, update

from bot.cards.model import CardState, HeldReason
from bot.cards.text import normalize_name
from bot.store.database import Database
from bot.store.sql_helpers import chunks
from bot.store.tables import card_aliases, cards, source_items, topics

MAX_COMPARED = 1000
"""The newest items of a feed with which one that has no link is compared."""
_PAIRS = 250
"""Pairs in one statement: each is two of its values."""
ItemKey = tuple[int, str]
"""Source id and key of an item."""


@dataclass(frozen=True, slots=True)
class StoredFeedItem:
    """An item, and what its card keeps whatever becomes of the item. Without a card, the last three are None."""

    source_id: int
    key: str
    fingerprint: str
    digest: str
    published_at: datetime | None
    state: CardState | None
    held_reason: HeldReason | None


class FeedItemStore:
    """Queries of the items of feeds, for several feeds at once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch_digests(self, items: Sequence[ItemKey]) -> dict[ItemKey, str]:
        """Return the digests of the content of those of these items that are stored."""
        found: dict[ItemKey, str] = {}
        query = select(source_items.c.source_id, source_items.c.key, source_items.c.digest)
        async with self._database.begin_read() as connection:
            for some in chunks(items, _PAIRS):
                rows = await connection.execute(query.where(_are(some)))
                found |= {(source_id, key): digest or "" for source_id, key, digest in rows}
        return found

    async def fetch_items(self, items: Sequence[ItemKey]) -> list[StoredFeedItem]:
        """Return those of these items that are stored."""
        return await self._fetch(*(_ITEMS.where(_are(some)) for some in chunks(items, _PAIRS)))

    async def fetch_by_links(self, source_ids: Collection[int], links: Collection[str]) -> list[StoredFeedItem]:
        """Return the items of these sources whose cards have, or had, one of these normalized links."""
        linked = _ITEMS.join(card_aliases, card_aliases.c.card_id == cards.c.id)
        # Other sources may have thousands of cards with a link: those are left out before their items are looked up.
        linked = linked.where(cards.c.source_id.in_(sorted(source_ids)), source_items.c.source_id == cards.c.source_id)
        return await self._fetch(*(linked.where(card_aliases.c.url.in_(some)) for some in chunks(sorted(links))))

    async def fetch_newest(self, source_id: int) -> list[StoredFeedItem]:
        """Return the items of a feed that came in last, at most `MAX_COMPARED`."""
        newest = _ITEMS.where(_of(source_id)).order_by(source_items.c.card_id.desc())
        return await self._fetch(newest.limit(MAX_COMPARED))

    async def _fetch(self, *queries: Select[tuple[object, ...]]) -> list[StoredFeedItem]:
        found: list[StoredFeedItem] = []
        if not queries:
            return found
        async with self._database.begin_read() as connection:
            for query in queries:
                found += [_to_item(row) for row in (await connection.execute(query)).mappings()]
        return found

    async def list_keys(self, source_id: int) -> list[str]:
        """List the keys of all items."""
        async with self._database.begin_autocommit() as connection:
            keys = await connection.execute(select(source_items.c.key).where(_of(source_id)))
            return list(keys.scalars())

    async def rename_keys(self, source_id: int, renamed: Sequence[tuple[str, str, str]]) -> None:
        """Give items other keys: each is the old key, the new one and the new slug of its card."""
        if not renamed:
            return
        rows = [{"old_key": old, "new_key": new, "new_slug": slug} for old, new, slug in renamed]
        key = source_items.c.key == bindparam("old_key")
        card = select(source_items.c.card_id).where(_of(source_id), key).scalar_subquery()
        async with self._database.begin_write() as connection:
            await connection.execute(
                update(cards).where(cards.c.id == card).values(slug=bindparam("new_slug")),
                [{name: row[name] for name in ("old_key", "new_slug")} for row in rows],
            )
            await connection.execute(
                update(source_items).where(_of(source_id), key).values(key=bindparam("new_key")),
                [{name: row[name] for name in ("old_key", "new_key")} for row in rows],
            )

    async def known_topics(self, names: Collection[str]) -> dict[str, str]:
        """Those of these names that are topics of everybody's published cards: folded name to how they write it."""
        keys = sorted({normalize_name(name) for name in names})
        known: dict[str, str] = {}
        async with self._database.begin_read() as connection:
            for some in chunks(keys):
                query = select(topics.c.key, topics.c.name)
                rows = await connection.execute(query.where(topics.c.key.in_(some), topics.c.published_count > 0))
                known |= dict(rows.all())
        return known


def _of(source_id: int) -> ColumnElement[bool]:
    return source_items.c.source_id == source_id


def _are(items: Sequence[ItemKey]) -> ColumnElement[bool]:
    return tuple_(source_items.c.source_id, source_items.c.key).in_(items)


_ITEMS = select(
    source_items.c.source_id,
    source_items.c.key,
    source_items.c.fingerprint,
    source_items.c.digest,
    cards.c.published_at,
    cards.c.file_state,
    cards.c.held_reason,
).outerjoin_from(source_items, cards, cards.c.id == source_items.c.card_id)


def _to_item(row: RowMapping) -> StoredFeedItem:
    state, reason = row["file_state"], row["held_reason"]
    return StoredFeedItem(
        row["source_id"],
        row["key"],
        row["fingerprint"],
        row["digest"] or "",
        row["published_at"],
        CardState(state) if state else None,
        HeldReason(reason) if reason else None,
    )
