"""Many rows at once, as the driver takes them."""

from __future__ import annotations

from sqlalchemy import select

from bot.store import open_store
from bot.store.database import open_database
from bot.store.sql_helpers import PlainRow, insert_plain
from bot.store.tables import deferred_cards, known_words, providers


async def test_rows_go_in_whatever_the_order_in_which_they_name_their_columns(database_url: str) -> None:
    rows: list[PlainRow] = [{"word": f"größe{n}", "initial": "g", "length": n} for n in range(600)]
    async with open_store(database_url), open_database(database_url) as database, database.begin_write() as connection:
        await insert_plain(connection, known_words, rows)
        found = (await connection.execute(select(known_words).order_by(known_words.c.length))).all()
    assert found == [("g", n, f"größe{n}") for n in range(600)]


async def test_columns_that_no_row_names_get_their_default_and_no_rows_are_no_question(database_url: str) -> None:
    async with open_store(database_url), open_database(database_url) as database, database.begin_write() as connection:
        await insert_plain(connection, providers, [{"key": "bbc", "name": "BBC"}])
        await insert_plain(connection, deferred_cards, [])
        assert (await connection.execute(select(providers))).all() == [("bbc", "BBC", 0)]
        assert (await connection.execute(select(deferred_cards))).all() == []
