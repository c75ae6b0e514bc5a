"""Opening the database: ours, new, newer, foreign, broken, and by two at once."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect

from bot.errors import StoreError
from bot.store import Store, open_store
from bot.store.database import APPLICATION_ID, open_database
from bot.store.tables import metadata
from tests.support.cards import card, file_cards


async def opened(url: str) -> str:
    async with open_store(url) as store:
        return store.instance


async def test_the_migrations_make_the_tables_that_the_code_speaks_of(store: Store, tmp_path: Path) -> None:
    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return not (kind == "table" and name is not None and name.startswith("card_search"))

    engine = create_engine(f"sqlite:///{tmp_path / 'newsdesk.db'}")
    try:
        with engine.connect() as connection:
            options = {"include_name": ours, "compare_type": True, "compare_server_default": True}
            context = MigrationContext.configure(connection, opts=options)
            assert compare_metadata(context, metadata) == []
            found = inspect(connection)
            for table in metadata.tables.values():
                keys = {frozenset(key["constrained_columns"]) for key in found.get_foreign_keys(table.name)}
                assert keys == {frozenset(c.parent.name for c in key.elements) for key in table.foreign_key_constraints}
    finally:
        engine.dispose()


async def test_a_store_keeps_its_name_and_no_two_stores_share_one(tmp_path: Path, database_url: str) -> None:
    first = await opened(database_url)
    assert len(first) == 8
    assert await opened(database_url) == first
    assert await opened(f"sqlite+aiosqlite:///{tmp_path / 'deep' / 'other.db'}") != first


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path, database_url: str) -> None:
    await opened(database_url)
    with closing(sqlite3.connect(tmp_path / "newsdesk.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    with pytest.raises(StoreError, match="newer version of Newsdesk"):
        await opened(database_url)


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
async def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "foreign.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("CREATE TABLE theirs (x)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="belongs to another program"):
        await opened(f"sqlite+aiosqlite:///{path}")
    assert path.read_bytes() == before
    assert mode == "WAL" or [found.name for found in tmp_path.iterdir()] == ["foreign.db"]


async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, " * 100)
    with pytest.raises(StoreError, match="cannot be opened as a Newsdesk database"):
        await opened(f"sqlite+aiosqlite:///{path}")
    assert path.read_text() == "Dear reader, " * 100


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:"])
async def test_a_database_without_a_file_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="must name a file"):
        await opened(url)


@pytest.mark.parametrize("where", ["folder", "file/newsdesk.db"])
async def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path, where: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be (opened|made)"):
        await opened(f"sqlite+aiosqlite:///{tmp_path / where}")


@pytest.mark.parametrize("new", [True, False])
async def test_a_store_that_cannot_be_written_is_told_in_a_sentence(
    tmp_path: Path, database_url: str, new: bool
) -> None:
    if not new:
        await opened(database_url)
    (tmp_path / "newsdesk.db-wal").mkdir()
    with pytest.raises(StoreError, match=r"cannot be (written|opened)"):
        await opened(database_url)


async def test_an_empty_file_becomes_a_store(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "newsdesk.db").touch()
    assert await opened(database_url)


async def test_many_that_open_a_new_file_at_once_all_succeed(database_url: str) -> None:
    assert len(set(await asyncio.gather(*[opened(database_url) for _ in range(6)]))) == 1


async def test_whoever_opens_a_file_waits_for_its_owner_to_put_it_into_wal_mode(tmp_path: Path) -> None:
    """SQLite itself would not wait: it refuses the change at once."""
    path = tmp_path / "newsdesk.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        other.execute("BEGIN IMMEDIATE")
        opening = asyncio.create_task(opened(f"sqlite+aiosqlite:///{path}"))
        await asyncio.sleep(0.05)
        assert not opening.done()
        other.execute("ROLLBACK")
        assert await opening


async def test_two_processes_that_open_a_new_file_at_once_both_succeed(database_url: str) -> None:
    program = (
        "import asyncio, sys\nfrom tests.store.test_opening import opened\nprint(asyncio.run(opened(sys.argv[1])))"
    )

    async def process() -> str:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, database_url, stdout=asyncio.subprocess.PIPE, cwd=Path(__file__).parents[2]
        )
        out, _ = await child.communicate()
        assert child.returncode == 0
        return out.decode()

    first, second = await asyncio.gather(process(), process())
    assert first == second


async def test_nothing_temporary_is_written_beside_the_store(database_url: str) -> None:
    async with open_database(database_url) as database:
        for opening in (database.read, database.write):
            async with opening() as connection:
                assert (await connection.exec_driver_sql("PRAGMA temp_store")).scalar() == 2  # memory


async def test_a_reader_in_another_process_sees_what_was_written(store: Store, database_url: str) -> None:
    await file_cards(store, card())
    async with open_store(database_url) as other:
        assert await other.archive.by_slug("a-card", 0)


async def test_notes_about_the_store_are_kept_and_replaced(store: Store) -> None:
    await store.meta.set("heartbeat", "one")
    await store.meta.set("heartbeat", "two")
    assert (await store.meta.get("heartbeat"), await store.meta.get("unknown")) == ("two", None)
