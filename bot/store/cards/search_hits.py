"""Read the hits of a search from the newest on, one entry a story: the newest hit of each.

From the beginning of a list on, that is the first one met. What is in the middle of it has to look for newer ones
(`bot.store.cards.queries.newest_query`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, Select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.cards import queries
from bot.store.cards.revisions import leave_out_split
from bot.store.cards.rows import StoredCard, card_from_row


async def read_entries(
    connection: AsyncConnection, statement: Select[Any], values: Mapping[str, Any], count: int, *, every_card: bool
) -> list[Row[Any]]:
    """Return up to `count` rows of `hits_query`: the newest of each story, or `every_card`."""
    entries: dict[int, Row[Any]] = {}
    # A few more than that: most stories have one card.
    limit, end = count + count // 8 + 1, values["end"]
    while True:
        rows = (await connection.execute(statement, {**values, "end": end, "limit": limit})).all()
        for row in rows:
            entries.setdefault(row.id if every_card else row.story_id, row)
        if len(rows) < limit or len(entries) >= count:
            return list(entries.values())[:count]
        limit, end = 2 * limit, rows[-1].sort_key


async def fetch_details(connection: AsyncConnection, ids: Sequence[int], guild_id: int) -> tuple[StoredCard, ...]:
    """Return cards in the order of their ids."""
    if not ids:
        return ()
    rows = (await connection.execute(queries.details_query(), {"guild": guild_id, "ids": ids})).mappings()
    stored = await leave_out_split(connection, guild_id, [card_from_row(row) for row in rows])
    found = {each.id: each for each in stored}
    return tuple(found[card_id] for card_id in ids)
