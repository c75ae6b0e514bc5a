"""Several at work on one database, in one process or in many: who waits for whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import State
from bot.desk.publication import Decision, Source, Verdict
from bot.store import Store, open_store
from bot.store.database import Database, open_database
from bot.store.tables import meta
from tests.support.cards import NOW, card, file_cards


@pytest.fixture
async def two(store: Store, database_url: str) -> AsyncIterator[tuple[Database, Database]]:
    """Two that know nothing of each other, as in two processes; and two rows."""
    await store.meta.set("a", "0")
    await store.meta.set("b", "0")
    async with open_database(database_url) as one, open_database(database_url) as other:
        yield one, other


async def value(connection: AsyncConnection, key: str) -> int:
    return int((await connection.execute(select(meta.c.value).where(meta.c.key == key))).scalar_one())


async def add_one(connection: AsyncConnection, key: str) -> None:
    """Read, wait, write: what is lost when two do it at once."""
    before = await value(connection, key)
    await asyncio.sleep(0.001)
    await connection.execute(update(meta).where(meta.c.key == key).values(value=str(before + 1)))


async def test_what_a_write_has_read_stays_true_until_it_is_committed(two: tuple[Database, Database]) -> None:
    async def write(database: Database) -> None:
        async with database.write() as connection:
            await add_one(connection, "a")

    await asyncio.gather(*[write(database) for database in two for _ in range(10)])
    async with two[0].read() as connection:
        assert await value(connection, "a") == 20


async def test_no_note_comes_between_what_a_write_reads_and_what_it_writes(two: tuple[Database, Database]) -> None:
    one, other = two

    async def note(connection: AsyncConnection) -> None:
        await connection.execute(update(meta).where(meta.c.key == "a").values(value="7"))

    async with one.write() as connection:
        noting = asyncio.create_task(other.note(note))
        await add_one(connection, "a")
        assert await value(connection, "a") == 1
        assert not noting.done()
    await noting


async def test_a_reader_sees_one_steady_picture(two: tuple[Database, Database]) -> None:
    one, other = two
    async with one.read() as connection:
        assert await value(connection, "a") == 0
        async with other.write() as writing:
            await add_one(writing, "a")
        assert await value(connection, "a") == 0


@pytest.mark.postgresql
async def test_notes_do_not_wait_for_each_other(two: tuple[Database, Database]) -> None:
    one, other = two

    async def note(connection: AsyncConnection) -> None:
        await add_one(connection, "a")
        await other.note(lambda connection: add_one(connection, "b"))

    await one.note(note)


@pytest.mark.postgresql
async def test_a_note_that_was_broken_off_to_let_another_through_is_made_once_more(
    two: tuple[Database, Database],
) -> None:
    tries, met = 0, asyncio.Barrier(2)

    async def note(connection: AsyncConnection, first: str, second: str) -> None:
        nonlocal tries
        tries += 1
        await add_one(connection, first)
        if tries <= 2:
            await met.wait()
        await add_one(connection, second)

    one, other = two
    await asyncio.gather(one.note(lambda c: note(c, "a", "b")), other.note(lambda c: note(c, "b", "a")))
    assert tries == 3
    async with one.read() as connection:
        assert (await value(connection, "a"), await value(connection, "b")) == (2, 2)


async def test_a_folder_of_more_files_than_an_engine_takes_values_can_vanish(store: Store) -> None:
    paths = [*(f"{number}.md" for number in range(40_000)), "a-card.md"]
    await file_cards(store, card())
    assert await store.cabinet.at_risk("/cards", paths) == 1
    assert await store.cabinet.forget("/cards", paths, NOW) == 1


async def test_of_moderators_in_two_processes_one_decides(store: Store, database_url: str) -> None:
    (card_id,) = await file_cards(store, card(state=State.HELD))
    async with open_store(database_url) as other:
        outcomes = await asyncio.gather(
            *[
                each.desk.decide(
                    Decision(1, card_id, Verdict.PUBLISH, person, NOW), source=Source.BUTTON, expected=None
                )
                for person in range(10)
                for each in (store, other)
            ]
        )
    assert [outcome.taken for outcome in outcomes].count(True) == 1
