"""Rows in every table of a store, with values that are awkward to carry: for what goes by the tables alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import JSON, Boolean, Column, Table, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card, CardState, RelatedArticle
from bot.store import open_store
from bot.store.database import open_database
from bot.store.tables import Moment, Text, metadata
from tests.support.cards import NOW, make_card, store_cards
from tests.support.edits import edit_card
from tests.support.follows import add_feed, import_items, make_item

AWKWARD = "Ünïcode 🗞️ 日本語 \"quoted\" 'and' \\back\\ \u202e%s {x}\r\n\x7f\U0010fffd"
IN_JSON = {"half": "\ud800", "nul": "a\x00b", "no": None, "deep": [1.5, -0.0, 2**70, {"": "日"}], "yes": True}
LARGEST = 2**63 - 1
ROWS = 5
"""In each table, at least."""


def make_cards() -> list[Card]:
    stories = (RelatedArticle("A story beside it", "https://b.example/1", "B"),)
    known = [
        make_card(f"card-{n}", title=f"日本語 {AWKWARD} {n}", topics=("Space", f"Ünïcode {n}")) for n in range(ROWS)
    ]
    held = make_card("held", title="Held back", state=CardState.HELD, excerpt="c++ and NO", related=stories)
    return [*known, held, make_card("withdrawn", title="Taken back", state=CardState.WITHDRAWN)]


async def fill_tables(url: str) -> None:
    """Put rows into every table of the store at `url`: cards as a load does, all else as its columns allow."""
    async with open_store(url) as store:
        ids = await store_cards(store, *make_cards())
        for guild_id, card_id in enumerate(ids[:ROWS], start=1):
            await edit_card(store, guild_id, card_id, title=f"Edited {AWKWARD}", topics=(f"Of {guild_id}",))
        await import_items(store, await add_feed(store), *(make_item(f"item-{n}") for n in range(ROWS)))
    async with open_database(url) as database, database.begin_write() as connection:
        for table in metadata.sorted_tables:
            there = len((await connection.execute(select(table))).all())
            rows = [await _make_row(connection, table, number) for number in range(there, ROWS)]
            if rows:
                await connection.execute(insert(table), rows)


async def _make_row(connection: AsyncConnection, table: Table, number: int) -> dict[str, Any]:
    return {column.name: await _make_value(connection, column, number) for column in table.columns}


async def _make_value(connection: AsyncConnection, column: Column[Any], number: int) -> Any:
    """Another one for each number, so that no two rows are alike by any key; every second one is none, where it may."""
    for key in column.foreign_keys:
        there = (await connection.execute(select(key.column).order_by(key.column))).scalars().all()
        return there[number]
    if column.nullable and number % 2:
        return None
    if isinstance(column.type, Moment):
        return NOW + timedelta(microseconds=number)
    if isinstance(column.type, Text):
        return f"{column} {number} {AWKWARD}"
    if isinstance(column.type, JSON):
        return [IN_JSON, number]
    return number % 2 == 0 if isinstance(column.type, Boolean) else LARGEST - 10 + number
