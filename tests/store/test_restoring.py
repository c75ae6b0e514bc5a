"""A backup is put in the store's place only when nobody has the store open."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.store import backup_store, open_read_only, open_store, restore_store
from bot.store.database import exclusive_access
from tests.support.cards import NOW
from tests.support.stores import new_database

pytestmark = pytest.mark.sqlite("its files")


async def test_a_store_that_a_process_has_open_is_not_replaced(tmp_path: Path) -> None:
    url, copy = new_database(tmp_path / "newsdesk.db"), tmp_path / "copy.db"
    await backup_store(url, copy)
    async with open_store(url) as store:
        await store.key_values.set_value("since", "the copy")
        with pytest.raises(StoreError, match=r"^Another process works with .+newsdesk\.db\. Stop every newsdesk"):
            await restore_store(copy, url, NOW)
        assert await store.key_values.get_value("since") == "the copy"
    await restore_store(copy, url, NOW)
    async with open_store(url) as store:
        assert await store.key_values.get_value("since") is None


@pytest.mark.slow
async def test_whoever_comes_while_a_store_is_replaced_waits_outside(tmp_path: Path) -> None:
    url = new_database(tmp_path / "newsdesk.db")
    async with exclusive_access(url):
        with pytest.raises(StoreError, match=r"locked"):
            async with open_read_only(url):
                pass
    async with open_read_only(url) as store:
        assert store.instance


@pytest.mark.parametrize("broken", [b"", b"Dear reader, " * 100, b"SQLite format 3\0" + b"\xff" * 5000])
async def test_what_is_broken_is_nobodys_and_is_replaced(tmp_path: Path, broken: bytes) -> None:
    """That is what a backup is for."""
    url, copy, path = new_database(tmp_path / "good.db"), tmp_path / "copy.db", tmp_path / "newsdesk.db"
    await backup_store(url, copy)
    path.write_bytes(broken)
    await restore_store(copy, f"sqlite+aiosqlite:///{path}", NOW)
    async with open_store(f"sqlite+aiosqlite:///{path}") as store:
        assert store.instance
