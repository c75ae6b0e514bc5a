"""Several at work on one database, in one process or in many: who waits for whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.store import Store, open_store
from bot.store.database import Database, open_database
from bot.store.tables import key_values
from tests.support.cards import NOW, folder_id, make_card, store_cards


@pytest.fixture
async def databases(store: Store, database_url: str) -> AsyncIterator[tuple[Database, Database]]:
    """Two that know nothing of each other, as in two processes; and two rows."""
    await store.key_values.set_value("a", "0")
    await store.key_values.set_value("b", "0")
    async with open_database(database_url) as one, open_database(database_url) as other:
        yield one, other


async def read_value(connection: AsyncConnection, key: str) -> int:
    return int((await connection.execute(select(key_values.c.value).where(key_values.c.key == key))).scalar_one())


async def increment_value(connection: AsyncConnection, key: str) -> None:
    """Read, wait, write: what is lost when two do it at once."""
    before = await read_value(connection, key)
    await asyncio.sleep(0.001)
    await connection.execute(update(key_values).where(key_values.c.key == key).values(value=str(before + 1)))


async def test_what_a_write_has_read_stays_true_until_it_is_committed(databases: tuple[Database, Database]) -> None:
    async def write(database: Database) -> None:
        async with database.begin_write() as connection:
            await increment_value(connection, "a")

    await asyncio.gather(*[write(database) for database in databases for _ in range(10)])
    async with databases[0].begin_read() as connection:
        assert await read_value(connection, "a") == 20


async def test_no_note_comes_between_what_a_write_reads_and_what_it_writes(
    databases: tuple[Database, Database],
) -> None:
    one, other = databases

    async def note(connection: AsyncConnection) -> None:
        await connection.execute(update(key_values).where(key_values.c.key == "a").values(value="7"))

    async with one.begin_write() as connection:
        pending = asyncio.create_task(other.write_shared(note))
        await increment_value(connection, "a")
        assert await read_value(connection, "a") == 1
        assert not pending.done()
    await pending


async def test_a_reader_sees_one_steady_picture(databases: tuple[Database, Database]) -> None:
    one, other = databases
    async with one.begin_read() as connection:
        assert await read_value(connection, "a") == 0
        async with other.begin_write() as writing:
            await increment_value(writing, "a")
        assert await read_value(connection, "a") == 0


@pytest.mark.postgresql
async def test_notes_do_not_wait_for_each_other(databases: tuple[Database, Database]) -> None:
    one, other = databases

    async def note(connection: AsyncConnection) -> None:
        await increment_value(connection, "a")
        await other.write_shared(lambda connection: increment_value(connection, "b"))

    await one.write_shared(note)


@pytest.mark.postgresql
async def test_a_note_that_was_broken_off_to_let_another_through_is_made_once_more(
    databases: tuple[Database, Database],
) -> None:
    tries, met = 0, asyncio.Barrier(2)

    async def note(connection: AsyncConnection, first: str, second: str) -> None:
        nonlocal tries
        tries += 1
        await increment_value(connection, first)
        if tries <= 2:
            await met.wait()
        await increment_value(connection, second)

    one, other = databases
    await asyncio.gather(one.write_shared(lambda c: note(c, "a", "b")), other.write_shared(lambda c: note(c, "b", "a")))
    assert tries == 3
    async with one.begin_read() as connection:
        assert (await read_value(connection, "a"), await read_value(connection, "b")) == (2, 2)


async def test_a_folder_of_more_files_than_an_engine_takes_values_can_vanish(store: Store) -> None:
    paths = [*(f"{number}.md" for number in range(40_000)), "a-card.md"]
    await store_cards(store, make_card())
    assert await store.cards.importer.count_at_risk(await folder_id(store), paths) == 1
    assert await store.cards.importer.forget_items(await folder_id(store), paths, NOW) == 1


async def test_of_moderators_in_two_processes_one_decides(store: Store, database_url: str) -> None:
    (card_id,) = await store_cards(store, make_card(state=CardState.HELD))
    async with open_store(database_url) as other:
        outcomes = await asyncio.gather(
            *[
                each.moderation.decisions.decide_card(
                    Decision(1, card_id, Verdict.PUBLISH, person, NOW), source=DecisionSource.BUTTON, expected=None
                )
                for person in range(10)
                for each in (store, other)
            ]
        )
    assert [outcome.accepted for outcome in outcomes].count(True) == 1
