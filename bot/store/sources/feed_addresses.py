"""Find feeds by address. A feed that was added under one address may have moved to another since."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import RowMapping, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.urls import normalize_url
from bot.store.sql_helpers import chunks
from bot.store.tables import feeds, sources

FEEDS: Select[Any] = select(feeds, sources.c.key, sources.c.is_shared).join_from(
    feeds, sources, sources.c.id == feeds.c.source_id
)


async def fetch_by_address(connection: AsyncConnection, urls: Collection[str]) -> dict[str, RowMapping]:
    """Return the feeds at these addresses: those that were added under them, else those that have moved to them.

    Of the feeds of servers only those count as moved whose address is written another way now, as with https: whoever
    owns a site can let it move anywhere, and what it brought before must not come to who gives the other address.
    """
    added: dict[str, RowMapping] = {}
    moved: dict[str, RowMapping] = {}
    wanted = set(urls)
    for some in chunks(sorted(wanted)):
        query = FEEDS.where(or_(sources.c.key.in_(some), feeds.c.url.in_(some))).order_by(feeds.c.source_id)
        for row in (await connection.execute(query)).mappings():
            if row["key"] in wanted:
                added[row["key"]] = row
            if row["url"] in wanted and (row["is_shared"] or _are_alike(row["key"], row["url"])):
                moved.setdefault(row["url"], row)
    return moved | added


def _are_alike(one: str, other: str) -> bool:
    try:
        return normalize_url(one) == normalize_url(other)
    except ValueError:
        return one == other
