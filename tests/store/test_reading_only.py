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
from bot.store import Store, back_up, open_for_reading, open_store
from bot.store.meta import MOVING
from bot.store.reading import Query
from tests.support.cards import NOW, card, file_cards
from tests.support.rows import fill
from tests.support.stores import ask, new_database, no_database


async def _exported(store: Store) -> list[Any]:
    async with store.export.snapshot() as snapshot:
        return [row async for row in snapshot.rows("saved")]


READINGS: dict[str, Callable[[Store], Awaitable[Any]]] = {
    "search": lambda store: store.archive.search(Query("title"), 0, limit=10),
    "show": lambda store: store.archive.by_slug("a-card", 0, hidden=True),
    "health": lambda store: store.meta.get("heartbeat"),
    "export": _exported,
    "privacy export": lambda store: store.members.export(5),
}


@pytest.mark.parametrize("reading", READINGS)
async def test_nobody_who_writes_is_waited_for(store: Store, database_url: str, reading: str) -> None:
    await file_cards(store, card())
    writing, patience = store.meta._database.write(), asyncio.timeout(5)  # others who write wait for 10 s
    async with writing, patience, open_for_reading(database_url) as reader:
        await READINGS[reading](reader)


async def test_what_is_only_read_cannot_be_written(store: Store, database_url: str) -> None:
    async with open_for_reading(database_url) as reader:
        for write in (
            lambda: reader.meta.set("a", "b"),
            lambda: reader.requests.add("a", {}, 1, NOW),
            lambda: reader.listings.forget_old(NOW),
        ):
            with pytest.raises(DBAPIError, match=r"read-?only"):
                await write()
    assert await store.meta.get("a") is None


@pytest.mark.sqlite("a file")
async def test_where_there_is_no_store_none_is_made(tmp_path: Path) -> None:
    for place in (tmp_path / "none.db", tmp_path / "folder" / "none.db"):
        with pytest.raises(StoreError, match=r"There is no store at .+ yet\. `newsdesk load` or `newsdesk run` makes"):
            async with open_for_reading(f"sqlite+aiosqlite:///{place}"):
                pass
    assert list(tmp_path.iterdir()) == []


async def test_an_empty_server_database_stays_empty(database_url: str) -> None:
    if database_url.startswith("sqlite"):
        sqlite3.connect(database_url.partition(":///")[2]).close()
        Path(database_url.partition(":///")[2]).touch()
    with pytest.raises(StoreError, match=r"is empty or of an older version"):
        async with open_for_reading(database_url):
            pass
    assert not database_url.startswith("sqlite") or Path(database_url.partition(":///")[2]).stat().st_size == 0


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("0001", r"of an older version\. `newsdesk run` or `newsdesk load` brings it up to date"),
        ("0010", r"of an older version"),
        ("9999", r"newer version of Newsdesk\. Run that version"),
    ],
)
async def test_another_version_is_told_and_left_alone(store: Store, database_url: str, version: str, says: str) -> None:
    ask(database_url, f"UPDATE alembic_version SET version_num = '{version}'")
    with pytest.raises(StoreError, match=says):
        async with open_for_reading(database_url):
            pass
    assert ask(database_url, "SELECT version_num FROM alembic_version") == [(version,)]


async def test_half_a_store_is_none_to_read(store: Store, database_url: str) -> None:
    await store.meta.set(MOVING, "0123abcd")
    with pytest.raises(StoreError, match=r"A store is being moved to this database"):
        async with open_for_reading(database_url):
            pass


async def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    url = no_database(tmp_path / "theirs.db")
    ask(url, "CREATE TABLE theirs (x text)")
    with pytest.raises(StoreError, match=r"belongs to another program"):
        async with open_for_reading(url):
            pass


@pytest.mark.sqlite("a file")
async def test_a_folder_that_cannot_be_written_is_no_hindrance(
    store: Store, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup on a medium that is mounted read-only."""
    await file_cards(store, card())
    copy = tmp_path / "medium" / "copy.db"
    copy.parent.mkdir()
    await back_up(database_url, copy)
    ask(f"sqlite+aiosqlite:///{copy}", "PRAGMA journal_mode=WAL")
    monkeypatch.setattr("bot.store.engines.sqlite._may_write", lambda _folder: False)
    before = {path.name: path.read_bytes() for path in copy.parent.iterdir()}
    async with open_for_reading(f"sqlite+aiosqlite:///{copy}") as reader:
        assert await reader.archive.by_slug("a-card", 0)
    assert {path.name: path.read_bytes() for path in copy.parent.iterdir()} == before


async def test_an_export_is_one_moment_whatever_is_written_meanwhile(tmp_path: Path) -> None:
    url = new_database(tmp_path / "filled.db")
    await fill(url)
    async with open_store(url) as writer, open_for_reading(url) as reader, reader.export.snapshot() as snapshot:
        [row async for row in snapshot.rows("servers")]
        before = len(ask(url, "SELECT * FROM saved"))
        async with writer.meta._database.write() as connection:
            await connection.exec_driver_sql("DELETE FROM saved")
            await connection.exec_driver_sql("DELETE FROM last_read")
        assert ask(url, "SELECT count(*) FROM saved") == [(0,)]
        assert len([row async for row in snapshot.rows("saved")]) == before
        assert [row async for row in snapshot.rows("last_read")]


@pytest.mark.sqlite("a backup of a file")
async def test_a_backup_before_an_update_is_of_the_version_that_is_there(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    ask(database_url, "UPDATE alembic_version SET version_num = '0010'")
    await back_up(database_url, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        assert copy.execute("SELECT version_num FROM alembic_version").fetchone() == ("0010",)
    assert ask(database_url, "SELECT version_num FROM alembic_version") == [("0010",)]
