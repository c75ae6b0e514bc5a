"""A store whose file was moved or replaced under the running bot is noticed, and not served empty."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from bot.cards.model import SourceKind
from bot.doctor.finding import Severity
from bot.doctor.local_checks import check_database
from bot.errors import StoreError
from bot.store import Store, open_store
from bot.store.inspection import inspect_database
from tests.support.cards import NOW, make_card, store_cards
from tests.support.stores import new_database

pytestmark = pytest.mark.sqlite("a file")
ENDS = ("", "-wal", "-shm")

WAYS: list[Callable[[Store], Awaitable[Any]]] = [
    lambda store: store.cards.list_latest(0, limit=9),
    lambda store: store.cards.get_by_slug("a-card", 0),
    lambda store: store.cards.importer.known_items(SourceKind.FOLDER, "/cards"),
    lambda store: store.key_values.set_value("said", "something"),
    lambda store: store.members.saved_cards.save_card(1, 1, NOW),
    lambda store: store.health.probe_write(NOW),
    lambda store: store.health.checkpoint(),
    lambda store: store_cards(store, make_card("another")),
]


def move_file(path: Path, to: Path) -> None:
    for end in ENDS:
        if (target := Path(f"{path}{end}")).exists():
            target.rename(f"{to}{end}")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("replaced", [False, True])
async def test_nothing_is_read_or_written_until_the_file_is_back(
    tmp_path: Path, way: Callable[[Store], Awaitable[Any]], replaced: bool
) -> None:
    path, aside = tmp_path / "store.db", tmp_path / "aside.db"
    async with open_store(new_database(path)) as store:
        await store_cards(store, make_card())
        move_file(path, aside)
        if replaced:
            new_database(path)
        with pytest.raises(StoreError, match="is another file now" if replaced else "is not there any more"):
            await way(store)
        assert path.exists() is replaced
        path.unlink(missing_ok=True)
        move_file(aside, path)
        await way(store)
        assert await store.cards.get_by_slug("a-card", 0)


async def test_the_doctor_does_not_call_a_place_well_that_a_store_has_left(tmp_path: Path) -> None:
    url = new_database(path := tmp_path / "store.db")
    async with open_store(url) as store, store.leader.leader_lock(lambda: None) as lock:
        await lock.try_acquire()
        move_file(path, tmp_path / "aside.db")
        found = list(check_database(await inspect_database(url)))
        assert [each.severity for each in found] == [Severity.ERROR]
        assert "is gone" in found[0].what
        move_file(tmp_path / "aside.db", path)
        assert [each.severity for each in check_database(await inspect_database(url))] == [Severity.NOTE]
