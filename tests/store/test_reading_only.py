"""A store that is only read: nothing is made, migrated or waited for, whatever others do with it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from bot.errors import StoreError
from bot.store import Store, backup_store, open_read_only, open_store
from bot.store.cards.card_query import CardQuery
from bot.store.key_value import MOVING
from tests.support.cards import NOW, make_card, store_cards
from tests.support.rows import fill_tables
from tests.support.stores import new_database, no_database, query_database


async def _export_all(store: Store) -> list[Any]:
    async with store.transfer.exporter.take_snapshot() as snapshot:
        return [row async for row in snapshot.export_rows("saved")]


READINGS: dict[str, Callable[[Store], Awaitable[Any]]] = {
    "search": lambda store: store.cards.search_cards(CardQuery("title"), 0, limit=10),
    "show": lambda store: store.cards.get_by_slug("a-card", 0, hidden=True),
    "health": lambda store: store.key_values.get_value("heartbeat"),
    "export": _export_all,
    "privacy export": lambda store: store.members.privacy.export_member(5),
}


@pytest.mark.parametrize("reading", READINGS)
async def test_nobody_who_writes_is_waited_for(store: Store, database_url: str, reading: str) -> None:
    await store_cards(store, make_card())
    writing, patience = store.key_values._database.begin_write(), asyncio.timeout(5)  # others who write wait for 10 s
    async with writing, patience, open_read_only(database_url) as reader:
        await READINGS[reading](reader)


async def test_what_is_only_read_cannot_be_written(store: Store, database_url: str) -> None:
    async with open_read_only(database_url) as reader:
        for write in (
            lambda: reader.key_values.set_value("a", "b"),
            lambda: reader.requests.add_request("a", {}, 1, NOW),
            lambda: reader.list_requests.delete_old(NOW),
        ):
            with pytest.raises(DBAPIError, match=r"read-?only"):
                await write()
    assert await store.key_values.get_value("a") is None


@pytest.mark.sqlite("a file")
async def test_where_there_is_no_store_none_is_made(tmp_path: Path) -> None:
    for place in (tmp_path / "none.db", tmp_path / "folder" / "none.db"):
        with pytest.raises(StoreError, match=r"There is no store at .+ yet\. `newsdesk load` or `newsdesk run` makes"):
            async with open_read_only(f"sqlite+aiosqlite:///{place}"):
                pass
    assert list(tmp_path.iterdir()) == []


async def test_an_empty_server_database_stays_empty(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        sqlite3.connect(database_url.partition(":///")[2]).close()
        Path(database_url.partition(":///")[2]).touch()
    with pytest.raises(StoreError, match=r"is empty or of an older version"):
        async with open_read_only(database_url):
            pass
    assert not database_url.startswith("sqlite") or Path(database_url.partition(":///")[2]).stat().st_size == 0


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("0001", r"is too old for this version of Newsdesk\. Start"),
        ("0010", r"of an older version\. `newsdesk run` or `newsdesk load` brings it up to date"),
        ("9999", r"newer version of Newsdesk\. Run that version"),
    ],
)
async def test_another_version_is_told_and_left_alone(store: Store, database_url: str, version: str, says: str) -> None:
    query_database(database_url, f"UPDATE alembic_version SET version_num = '{version}'")
    with pytest.raises(StoreError, match=says):
        async with open_read_only(database_url):
            pass
    assert query_database(database_url, "SELECT version_num FROM alembic_version") == [(version,)]


async def test_half_a_store_is_none_to_read(store: Store, database_url: str) -> None:
    await store.key_values.set_value(MOVING, "0123abcd")
    with pytest.raises(StoreError, match=r"A store is being moved to this database"):
        async with open_read_only(database_url):
            pass


async def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    url = no_database(tmp_path / "theirs.db")
    query_database(url, "CREATE TABLE theirs (x text)")
    with pytest.raises(StoreError, match=r"belongs to another program"):
        async with open_read_only(url):
            pass


@pytest.mark.sqlite("a file")
async def test_a_folder_that_cannot_be_written_is_no_hindrance(
    store: Store, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup on a medium that is mounted read-only."""
    await store_cards(store, make_card())
    copy = tmp_path / "medium" / "copy.db"
    copy.parent.mkdir()
    await backup_store(database_url, copy)
    query_database(f"sqlite+aiosqlite:///{copy}", "PRAGMA journal_mode=WAL")
    monkeypatch.setattr("bot.store.engines.sqlite._is_writable", lambda _folder: False)
    before = {path.name: path.read_bytes() for path in copy.parent.iterdir()}
    async with open_read_only(f"sqlite+aiosqlite:///{copy}") as reader:
        assert await reader.cards.get_by_slug("a-card", 0)
    assert {path.name: path.read_bytes() for path in copy.parent.iterdir()} == before


async def test_an_export_is_one_moment_whatever_is_written_meanwhile(tmp_path: Path) -> None:
    url = new_database(tmp_path / "filled.db")
    await fill_tables(url)
    async with (
        open_store(url) as writer,
        open_read_only(url) as reader,
        reader.transfer.exporter.take_snapshot() as snapshot,
    ):
        [row async for row in snapshot.export_rows("servers")]
        before = len(query_database(url, "SELECT * FROM saved_cards"))
        async with writer.key_values._database.begin_write() as connection:
            await connection.exec_driver_sql("DELETE FROM saved_cards")
            await connection.exec_driver_sql("DELETE FROM last_read")
        assert query_database(url, "SELECT count(*) FROM saved_cards") == [(0,)]
        assert len([row async for row in snapshot.export_rows("saved")]) == before
        assert [row async for row in snapshot.export_rows("last_read")]


@pytest.mark.sqlite("a backup of a file")
async def test_a_backup_before_an_update_is_of_the_version_that_is_there(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    query_database(database_url, "UPDATE alembic_version SET version_num = '0010'")
    await backup_store(database_url, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0010",)
    assert query_database(database_url, "SELECT version_num FROM alembic_version") == [("0010",)]
