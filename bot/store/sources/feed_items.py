"""The items of feeds that are stored, as far as the next look needs them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, RowMapping, bindparam, select, update

from bot.cards.model import CardState, HeldReason
from bot.cards.text import normalize_name
from bot.store.database import Database
from bot.store.sql_helpers import chunks
from bot.store.tables import cards, source_items, topics

MAX_COMPARED = 1000
"""The newest items of a feed with which one under another key is compared."""


@dataclass(frozen=True, slots=True)
class StoredFeedItem:
    """An item, and what its card keeps whatever becomes of the item. Without a card, the last three are None."""

    key: str
    fingerprint: str
    digest: str
    published_at: datetime | None
    state: CardState | None
    held_reason: HeldReason | None


class FeedItemStore:
    """Queries of the items of feeds."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def fetch_by_keys(self, source_id: int, keys: Collection[str]) -> list[StoredFeedItem]:
        """Those of these items that are stored."""
        found: list[StoredFeedItem] = []
        async with self._database.begin_read() as connection:
            for some in chunks(sorted(keys)):
                rows = await connection.execute(_ITEMS.where(_of(source_id), source_items.c.key.in_(some)))
                found += [_to_item(row) for row in rows.mappings()]
        return found

    async def fetch_newest(self, source_id: int) -> list[StoredFeedItem]:
        """The items that came in last, at most `MAX_COMPARED`."""
        newest = _ITEMS.where(_of(source_id)).order_by(source_items.c.card_id.desc()).limit(MAX_COMPARED)
        async with self._database.begin_autocommit() as connection:
            return [_to_item(row) for row in (await connection.execute(newest)).mappings()]

    async def list_keys(self, source_id: int) -> list[str]:
        """List the keys of all items."""
        async with self._database.begin_read() as connection:
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
        """Those of these names that are topics of published cards: folded name to the name as it is written."""
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


_ITEMS = select(
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
        row["key"],
        row["fingerprint"],
        row["digest"] or "",
        row["published_at"],
        CardState(state) if state else None,
        HeldReason(reason) if reason else None,
    )
