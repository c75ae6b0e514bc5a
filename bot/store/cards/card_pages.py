"""Read pages of cards."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.cards.card_query import CardPage, TimelineCursor
from bot.store.cards.revisions import leave_out_split
from bot.store.cards.rows import StoredCard, card_from_row, compute_sort_key

_FARTHEST = 2**63 - 1


async def fetch_page(
    connection: AsyncConnection,
    statement: Select[Any],
    values: Mapping[str, Any],
    limit: int,
    cursor: TimelineCursor | None,
) -> CardPage:
    """Run a query of a list by time."""
    # One card more than is shown tells whether there is another page, without counting.
    found = await fetch_cards(connection, statement, {**values, "limit": limit + 1})
    more, found = len(found) > limit, found[:limit]
    if cursor and cursor.newer:
        # Read away from the cursor, oldest first, but shown newest first.
        return CardPage(found[::-1], has_newer=more, has_older=True)
    return CardPage(found, has_newer=cursor is not None, has_older=more)


async def fetch_cards(
    connection: AsyncConnection, statement: Select[Any], values: Mapping[str, Any]
) -> tuple[StoredCard, ...]:
    """Run a query of cards for a server; return all its rows."""
    found = [card_from_row(row) for row in (await connection.execute(statement, values)).mappings()]
    return tuple(await leave_out_split(connection, values["guild"], found))


def timeline_span(
    cursor: TimelineCursor | None = None, since: datetime | None = None, until: datetime | None = None
) -> dict[str, int]:
    """Return the requested timeline range as parameters, and its end without the cursor; ends are exclusive."""
    begin = _timeline_start(since) if since else -_FARTHEST
    last = end = _timeline_start(until) if until else _FARTHEST
    if cursor and cursor.newer:
        begin = max(begin, cursor.sort_key + 1)
    elif cursor:
        end = min(end, cursor.sort_key)
    return {"begin": begin, "end": end, "until": last}


def _timeline_start(moment: datetime) -> int:
    """Return the first timeline position at a time, clamped to the range of 64 bits (year 3058)."""
    return max(-_FARTHEST, min(compute_sort_key(moment, 0), _FARTHEST))
