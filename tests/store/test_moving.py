"""A store moves: nothing is lost on any way, broken-off moves go on, and nothing else is written over."""

from __future__ import annotations

import asyncio
import re
import signal
import sqlite3
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import pytest

from bot.desk.subscription import Wish
from bot.errors import StoreError
from bot.store import move, open_for_reading, open_store
from bot.store.database import place_of
from bot.store.examining import DatabaseState, examine
from bot.store.meta import MOVING
from bot.store.moving import Compared, copying
from bot.store.reading import Query
from bot.store.tables import metadata, spellings
from tests.support.cards import NOW, card, file_cards
from tests.support.rows import fill
from tests.support.stores import ask, no_database

PASSING = {"channel_claims", "requests"}


def at_rest(_notes: Mapping[str, str]) -> bool:
    return False


def quietly(_done: int, _of: int) -> None:
    pass


async def moved(source: str, target: str, step: Callable[[int, int], None] = quietly) -> list[Compared]:
    return await move(source, target, at_rest, step)


@pytest.fixture
async def source(tmp_path: Path) -> str:
    """The address of a store on SQLite with rows in every table."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'source.db'}"
    await fill(url)
    return url


@pytest.fixture
def target(tmp_path: Path) -> str:
    """The address of a new database, on the engine that is tested."""
    return no_database(tmp_path / "target.db")


def contents(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Everything that a SQLite file holds, as it lies there, but for the index's own bookkeeping."""
    with closing(sqlite3.connect(url.partition(":///")[2])) as connection:
        asked = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'card_search_%'"
        names = [*(name for (name,) in connection.execute(asked)), "card_search_content"]
        return {name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for name in names}


async def test_a_store_moves_there_and_back_with_nothing_lost(source: str, target: str, tmp_path: Path) -> None:
    back = f"sqlite+aiosqlite:///{tmp_path / 'back.db'}"
    for compared in (await moved(source, target), await moved(target, back)):
        assert {each.table for each in compared} == {*metadata.tables, "card_search"} - PASSING
        assert all(each.is_same for each in compared)
        assert all(each.source.rows >= 5 for each in compared)
    for table in PASSING:
        assert ask(back, f"SELECT count(*) FROM {table}") == [(0,)], f"{table}: what passes by itself stays behind"
    for table in PASSING:
        ask(source, f"DELETE FROM {table}")
    assert contents(back) == contents(source)


async def test_what_moved_is_the_same_store_and_goes_on_counting(source: str, target: str) -> None:
    async with open_store(source) as store:
        instance = store.instance
        last = await store.subscriptions.add(guild_id=1, channel_id=2, created_by=3, now=NOW, wish=Wish())
        assert await store.subscriptions.remove(1, last.id)
    await moved(source, target)
    async with open_store(target) as store:
        assert store.instance == instance
        added = await store.subscriptions.add(guild_id=1, channel_id=2, created_by=3, now=NOW, wish=Wish())
        assert added.id == last.id + 1
        assert await file_cards(store, card("another", topics=("Another",)))


async def test_cards_are_found_where_they_moved_to(source: str, target: str) -> None:
    await moved(source, target)
    async with open_store(target) as store:
        for words, slugs in {
            "c++": [],
            "Ünïcode": [f"card-{n}" for n in range(5)],
            "日本": ["card-0"],
            "Taken": [],
        }.items():
            found = await store.archive.search(Query(words), 1, limit=10)
            assert {hit.card.slug for hit in found.cards} >= set(slugs)
            assert bool(found.cards) == bool(slugs)


async def test_a_move_that_breaks_off_goes_on_where_it_was(
    source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copying, "BATCH", 2)
    reached = [0]

    def break_off(done: int, of: int) -> None:
        """Again and again while rows are copied; comparing is the second and the last third."""
        if reached[-1] + 9 < done < of // 3:
            reached.append(done)
            raise OSError(f"pulled the plug at {done} of {of}")

    while (compared := await _tried(source, target, break_off)) is None:
        assert (await examine(target)).state is DatabaseState.MOVING
        with pytest.raises(StoreError, match=r"not all is there. Run `newsdesk migrate` again"):
            async with open_store(target):
                pass
    assert all(each.is_same for each in compared)
    assert len(reached) > 10


async def _tried(source: str, target: str, step: Callable[[int, int], None]) -> list[Compared] | None:
    try:
        return await moved(source, target, step)
    except StoreError as error:
        if not re.fullmatch(r"The move broke off: pulled the plug at .+ when it is run again\.", str(error)):
            raise
        return None


async def test_a_move_that_is_killed_goes_on_where_it_was(source: str, target: str) -> None:
    program = (
        "import asyncio, os, signal, sys\n"
        "from bot.store.moving import copying\nfrom tests.store.test_moving import moved\n"
        "copying.BATCH = 3\n"
        "kill = lambda done, of: os.kill(os.getpid(), signal.SIGKILL) if done > of // 6 else None\n"
        "asyncio.run(moved(sys.argv[1], sys.argv[2], kill))"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, source, target, cwd=Path(__file__).parents[2]
    )
    assert await child.wait() == -signal.SIGKILL
    assert (await examine(target)).state is DatabaseState.MOVING
    assert ask(target, "SELECT count(*) FROM cards") != [(0,)]
    assert all(each.is_same for each in await moved(source, target))


async def test_nobody_writes_to_a_store_while_it_moves(source: str, target: str) -> None:
    refused = []

    def write(_done: int, _of: int) -> None:
        with closing(sqlite3.connect(source.partition(":///")[2], timeout=0)) as other:
            with pytest.raises(sqlite3.OperationalError, match=r"locked"):
                other.execute("DELETE FROM saved")
            refused.append(other)

    await moved(source, target, write)
    assert refused


async def test_a_passing_table_stays_behind(source: str, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(spellings.info, "passing", True)
    compared = await moved(source, target)
    assert "spellings" not in {each.table for each in compared}
    assert ask(target, "SELECT count(*) FROM spellings") == [(0,)]


async def test_a_copy_that_differs_is_told_and_is_no_store(source: str, target: str) -> None:
    def break_off(done: int, of: int) -> None:
        if done > of // 4:
            raise OSError("enough")

    with pytest.raises(StoreError, match=r"enough"):
        await moved(source, target, break_off)
    ask(source, "UPDATE topics SET name = 'Changed' WHERE id = 1")
    compared = {each.table: each for each in await moved(source, target)}
    assert [name for name, each in compared.items() if not each.is_same] == ["topics"]
    assert compared["topics"].source.rows == compared["topics"].target.rows
    with pytest.raises(StoreError, match=r"not all is there"):
        async with open_store(target):
            pass


async def test_a_store_that_went_on_since_does_not_go_on_moving(source: str, target: str) -> None:
    def break_off(done: int, of: int) -> None:
        raise OSError("enough")

    with pytest.raises(StoreError, match=r"enough"):
        await moved(source, target, break_off)
    async with open_store(source) as store:
        await store.meta.set("heartbeat", NOW.isoformat())
    with pytest.raises(StoreError, match=r"has been at work since its move to .+ began. Empty that one and begin anew"):
        await moved(source, target)


async def test_an_empty_store_is_as_good_as_none(source: str, target: str) -> None:
    async with open_store(target) as store:
        other = store.instance
    assert all(each.is_same for each in await moved(source, target))
    async with open_store(target) as store:
        assert store.instance != other


async def test_another_store_is_left_as_it_is(source: str, target: str) -> None:
    async with open_store(target) as store:
        await file_cards(store, card("theirs"))
    with pytest.raises(StoreError, match=r"is another store, which would be lost. Empty it, or name another database"):
        await moved(source, target)
    async with open_store(target) as store:
        assert await store.archive.by_slug("theirs", 0)


async def test_a_store_does_not_move_to_itself_nor_twice(source: str, target: str) -> None:
    await moved(source, target)
    for there in (source, target):
        with pytest.raises(StoreError, match=r"is this store itself, or a whole copy of it"):
            await moved(source, there)
    async with open_store(target):
        pass


async def test_where_another_store_is_moving_to_is_neither_a_target_nor_a_source(
    source: str, target: str, tmp_path: Path
) -> None:
    async with open_store(target) as store:
        await store.meta.set(MOVING, "0123abcd")
    with pytest.raises(StoreError, match=r"Another store is being moved to"):
        await moved(source, target)
    with pytest.raises(StoreError, match=r"cannot be moved: another store is being moved there; finish that first"):
        await moved(target, f"sqlite+aiosqlite:///{tmp_path / 'third.db'}")


@pytest.mark.parametrize("end", ["source", "target"])
async def test_a_bot_at_work_at_either_end_is_no_time_to_move(source: str, target: str, end: str) -> None:
    for url in (source, target):
        async with open_store(url) as store:
            await store.meta.set("end", "source" if url == source else "target")
    with pytest.raises(StoreError, match=rf"A bot works with .*{place_of(source if end == 'source' else target)}"):
        await move(source, target, lambda notes: notes.get("end") == end, quietly)


@pytest.mark.parametrize("version", ["0007", "9999"])
async def test_a_database_of_another_version_is_neither_a_target_nor_a_source(
    source: str, target: str, tmp_path: Path, version: str
) -> None:
    async with open_store(target):
        pass
    ask(target, f"UPDATE alembic_version SET version_num = '{version}'")
    with pytest.raises(StoreError, match=r"is a database of another version of Newsdesk. Empty it"):
        await moved(source, target)
    with pytest.raises(StoreError, match=r"cannot be moved: it .+ version"):
        await moved(target, f"sqlite+aiosqlite:///{tmp_path / 'third.db'}")
    assert ask(target, "SELECT version_num FROM alembic_version") == [(version,)]


async def test_another_programs_database_is_neither_a_target_nor_a_source(
    source: str, target: str, tmp_path: Path
) -> None:
    ask(target, "CREATE TABLE theirs (said text)", "INSERT INTO theirs VALUES ('a')")
    with pytest.raises(StoreError, match=r"belongs to another program") as caught:
        await moved(source, target)
    assert "NEWSDESK_DATABASE_URL" not in str(caught.value)
    with pytest.raises(StoreError, match=r"cannot be moved: it belongs to another program"):
        await moved(target, f"sqlite+aiosqlite:///{tmp_path / 'third.db'}")
    assert ask(target, "SELECT said FROM theirs") == [("a",)]


async def test_where_there_is_no_store_nothing_is_moved_and_nothing_made(target: str, tmp_path: Path) -> None:
    none, other = tmp_path / "none.db", tmp_path / "other.db"
    with pytest.raises(StoreError, match=r"cannot be moved: it does not exist"):
        await moved(f"sqlite+aiosqlite:///{none}", f"sqlite+aiosqlite:///{other}")
    assert not none.exists()
    assert not other.exists()


def test_no_table_refers_to_itself() -> None:
    """Rows are copied by their keys, each table after those that it refers to."""
    refers = {table: {key.column.table for key in table.foreign_keys} for table in metadata.sorted_tables}
    assert not [table.name for table, others in refers.items() if table in others]


@pytest.mark.parametrize("end", ["source", "target"])
async def test_whoever_has_a_store_open_is_noticed_also_without_a_heartbeat(source: str, target: str, end: str) -> None:
    """Such as a process that only answers commands: it loads nothing, and notes no heartbeat."""
    async with open_store(target):
        pass
    url = source if end == "source" else target
    async with open_store(url):
        with pytest.raises(StoreError, match=rf"^Another process works with .*{place_of(url)}\. Stop every newsdesk"):
            await moved(source, target)
    assert all(each.is_same for each in await moved(source, target))


async def test_whoever_only_looks_for_a_moment_holds_no_move_up(source: str, target: str) -> None:
    async with open_for_reading(source) as reader:
        await reader.meta.get("heartbeat")
        moving = asyncio.create_task(moved(source, target))
        await asyncio.sleep(0.3)
    assert all(each.is_same for each in await moving)
