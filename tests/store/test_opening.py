"""Opening the database: ours, new, newer, foreign, broken, and by two at once."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import traceback
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Column, Connection, inspect
from sqlalchemy.engine import make_url

from bot.cards.text import strip_unstorable
from bot.domain.subscription import SubscriptionOptions
from bot.errors import StoreError
from bot.store import Store, migrations, open_store
from bot.store.database import open_database
from bot.store.engines.sqlite import APPLICATION_ID
from bot.store.schema_revision import list_revisions
from bot.store.tables import metadata
from tests.support.cards import NOW, make_card, store_cards
from tests.support.stores import no_database, query_database


async def open_and_close(url: str) -> str:
    async with open_store(url) as store:
        return store.instance


async def test_the_migrations_make_the_tables_that_the_code_speaks_of(store: Store, database_url: str) -> None:
    await assert_tables_match(database_url)


async def assert_tables_match(database_url: str) -> None:
    """Compare the tables of a store with those that `bot.store.tables` defines."""

    def ours(name: str | None, kind: str, _parents: object) -> bool:
        return not (kind == "table" and name is not None and name.startswith("card_search"))

    def other_default(_context: object, _found: object, column: Column[Any], *_defaults: object) -> bool | None:
        """PostgreSQL cannot compare JSON; whatever else there is, alembic compares."""
        return False if isinstance(column.type, JSON) and database_url.startswith("postgresql") else None

    def compare(connection: Connection) -> None:
        options = {"include_name": ours, "compare_type": True, "compare_server_default": other_default}
        context = MigrationContext.configure(connection, opts=options)
        differing = [each for each in compare_metadata(context, metadata) if "modify_comment" not in str(each)]
        assert differing == []
        found = inspect(connection)
        for table in metadata.tables.values():
            keys = {frozenset(key["constrained_columns"]) for key in found.get_foreign_keys(table.name)}
            assert keys == {frozenset(c.parent.name for c in key.elements) for key in table.foreign_key_constraints}
            here = f"{connection.dialect.name}_where"
            partial = {i["name"]: i["dialect_options"].get(here) for i in found.get_indexes(table.name)}
            for index in table.indexes:
                assert (partial[index.name] is None) == (
                    index.dialect_options[connection.dialect.name]["where"] is None
                )

    async with open_database(database_url) as database, database.begin_read() as connection:
        await connection.run_sync(compare)


async def test_a_store_keeps_its_name_and_no_two_stores_share_one(tmp_path: Path, database_url: str) -> None:
    first = await open_and_close(database_url)
    assert len(first) == 8
    assert await open_and_close(database_url) == first
    assert await open_and_close(no_database(tmp_path / "deep" / "other.db")) != first


async def test_a_database_of_a_newer_version_is_refused(database_url: str) -> None:
    await open_and_close(database_url)
    query_database(database_url, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer version of Newsdesk"):
        await open_and_close(database_url)


@pytest.mark.sqlite("a file")
@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
async def test_another_programs_database_is_refused_and_left_as_it_is(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "foreign.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.execute("CREATE TABLE theirs (x)")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="belongs to another program"):
        await open_and_close(f"sqlite+aiosqlite:///{path}")
    assert path.read_bytes() == before
    assert mode == "WAL" or [found.name for found in tmp_path.iterdir()] == ["foreign.db"]


@pytest.mark.sqlite("a file")
async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "letter.txt"
    path.write_text("Dear reader, " * 100)
    with pytest.raises(StoreError, match="cannot be opened as a Newsdesk database"):
        await open_and_close(f"sqlite+aiosqlite:///{path}")
    assert path.read_text() == "Dear reader, " * 100


@pytest.mark.parametrize("where", ["folder", "file/newsdesk.db"])
async def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path, where: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot be (opened|made)"):
        await open_and_close(f"sqlite+aiosqlite:///{tmp_path / where}")


@pytest.mark.sqlite("a file")
@pytest.mark.parametrize("new", [True, False])
async def test_a_store_that_cannot_be_written_is_told_in_a_sentence(
    tmp_path: Path, database_url: str, new: bool
) -> None:
    if not new:
        await open_and_close(database_url)
    (tmp_path / "newsdesk.db-wal").mkdir()
    with pytest.raises(StoreError, match=r"cannot be (written|opened)"):
        await open_and_close(database_url)


@pytest.mark.sqlite("a file")
async def test_an_empty_file_becomes_a_store(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "newsdesk.db").touch()
    assert await open_and_close(database_url)


async def test_many_that_open_a_new_database_at_once_all_succeed(database_url: str) -> None:
    assert len(set(await asyncio.gather(*[open_and_close(database_url) for _ in range(6)]))) == 1


@pytest.mark.sqlite("a file")
async def test_whoever_opens_a_file_waits_for_its_owner_to_put_it_into_wal_mode(tmp_path: Path) -> None:
    """SQLite itself would not wait: it refuses the change at once."""
    path = tmp_path / "newsdesk.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        other.execute("BEGIN IMMEDIATE")
        opening = asyncio.create_task(open_and_close(f"sqlite+aiosqlite:///{path}"))
        await asyncio.sleep(0.05)
        assert not opening.done()
        other.execute("ROLLBACK")
        assert await opening


@pytest.mark.slow
async def test_two_processes_that_open_a_new_database_at_once_both_succeed(database_url: str) -> None:
    program = (
        "import asyncio, sys\nfrom tests.store.test_opening import open_and_close\n"
        "print(asyncio.run(open_and_close(sys.argv[1])))"
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


@pytest.mark.sqlite("a pragma")
async def test_nothing_temporary_is_written_beside_the_store(database_url: str) -> None:
    async with open_database(database_url) as database:
        for opening in (database.begin_read, database.begin_write):
            async with opening() as connection:
                assert (await connection.exec_driver_sql("PRAGMA temp_store")).scalar() == 2  # memory


async def test_a_reader_in_another_process_sees_what_was_written(store: Store, database_url: str) -> None:
    await store_cards(store, make_card())
    async with open_store(database_url) as other:
        assert await other.cards.get_by_slug("a-card", 0)


async def test_notes_about_the_store_are_kept_and_replaced(store: Store) -> None:
    await store.key_values.set_value("heartbeat", "one")
    await store.key_values.set_value("heartbeat", "two")
    assert (await store.key_values.get_value("heartbeat"), await store.key_values.get_value("unknown")) == ("two", None)


@pytest.mark.postgresql
async def test_text_is_compared_letter_by_letter_whatever_the_databases_language(database_url: str) -> None:
    await open_and_close(database_url)
    queries = "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    assert (
        query_database(database_url, f"{queries} AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'") == []
    )


@pytest.mark.postgresql
@pytest.mark.parametrize("theirs", ["theirs", "alembic_version"])
async def test_another_programs_server_database_is_refused_and_left_as_it_is(database_url: str, theirs: str) -> None:
    query_database(
        database_url, f"CREATE TABLE {theirs} (version_num text)", f"INSERT INTO {theirs} VALUES ('a'), ('b')"
    )
    with pytest.raises(StoreError, match=r"belongs to another program. Point NEWSDESK_DATABASE_URL at one of its own"):
        await open_and_close(database_url)
    assert query_database(database_url, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'") == [
        (theirs,)
    ]


@pytest.mark.postgresql
@pytest.mark.parametrize("wrong", ["database", "password", "port"])
async def test_a_server_that_cannot_be_used_is_told_in_a_sentence_without_its_password(
    database_url: str, wrong: str
) -> None:
    right = make_url(database_url)
    changes: dict[str, dict[str, Any]] = {
        "database": {"database": "nowhere"}, "password": {"password": "planted"}, "port": {"port": 1},
    }  # fmt: skip
    url = right.set(**changes[wrong])
    with pytest.raises(StoreError, match=r"^The database 127.0.0.1/\w+ cannot be reached: .+ Check") as caught:
        await open_and_close(url.render_as_string(hide_password=False))
    assert url.password
    assert url.password not in "".join(traceback.format_exception(caught.value))


@pytest.mark.postgresql
async def test_a_database_that_cannot_hold_every_script_is_refused(database_url: str) -> None:
    name = f"{make_url(database_url).database}_latin"
    query_database(database_url, f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    try:
        with pytest.raises(StoreError, match="encoding is LATIN1"):
            await open_and_close(make_url(database_url).set(database=name).render_as_string(hide_password=False))
    finally:
        query_database(database_url, f"DROP DATABASE {name}")


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "\U0010ffff"])
async def test_what_an_engine_cannot_keep_as_text_raises_nothing(store: Store, text: str) -> None:
    await store.key_values.set_value("said", text)
    assert await store.key_values.get_value("said") == strip_unstorable(text)
    options = SubscriptionOptions(topics=(f"Topic {text}", text), excluded=(text,))
    await store.subscriptions.add_subscription(guild_id=1, channel_id=2, created_by=3, now=NOW, options=options)
    (found,) = await store.subscriptions.list_for_guild(1)
    assert (set(found.options.topics), found.options.excluded) == (
        {f"Topic {strip_unstorable(text)}", strip_unstorable(text)},
        (text,),
    )


def test_the_revisions_are_those_that_the_migrations_name() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert list_revisions() == tuple(script.revision for script in reversed([*scripts.walk_revisions()]))
