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

from bot.domain.subscription import SubscriptionOptions
from bot.errors import StoreError
from bot.store import move_store, open_read_only, open_store
from bot.store.cards.card_query import CardQuery
from bot.store.database import describe_location
from bot.store.inspection import DatabaseState, inspect_database
from bot.store.key_value import MOVING
from bot.store.tables import known_words, metadata
from bot.store.transfer import copy_tables
from bot.store.transfer.move import TableComparison
from tests.support.cards import NOW, make_card, store_cards
from tests.support.rows import fill_tables
from tests.support.stores import no_database, query_database

PASSING = {"channel_leases", "worker_requests", "intake_answers"}
DERIVED = {"search_languages"}
"""Written with the full-text index."""


def is_never_running(_notes: Mapping[str, str]) -> bool:
    return False


def ignore_progress(_done: int, _of: int) -> None:
    pass


async def move_and_compare(
    source: str, target: str, step: Callable[[int, int], None] = ignore_progress
) -> list[TableComparison]:
    return await move_store(source, target, is_never_running, step)


@pytest.fixture
async def source(tmp_path: Path) -> str:
    """The address of a store on SQLite with rows in every table."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'source.db'}"
    await fill_tables(url)
    return url


@pytest.fixture
def target(tmp_path: Path) -> str:
    """The address of a new database, on the engine that is tested."""
    return no_database(tmp_path / "target.db")


def dump_file(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Everything that a SQLite file holds, as it lies there, but for the index's own bookkeeping."""
    with closing(sqlite3.connect(url.partition(":///")[2])) as connection:
        queries = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'card_search_%'"
        indexes = ("card_search", "card_search_followed", "card_search_edits")
        names = [*(name for (name,) in connection.execute(queries)), *(f"{index}_content" for index in indexes)]
        return {name: sorted(connection.execute(f'SELECT * FROM "{name}"').fetchall(), key=repr) for name in names}


async def test_a_store_moves_there_and_back_with_nothing_lost(source: str, target: str, tmp_path: Path) -> None:
    back = f"sqlite+aiosqlite:///{tmp_path / 'back.db'}"
    for table in ("sources", "feeds"):
        query_database(source, f"UPDATE {table} SET language = ''")  # as when the cards were indexed
    query_database(source, "DELETE FROM search_languages WHERE source_id > 100")  # of no source
    for compared in (await move_and_compare(source, target), await move_and_compare(target, back)):
        assert {each.table for each in compared} == {
            *metadata.tables,
            "card_search",
            "card_search_followed",
            "card_search_edits",
        } - PASSING - DERIVED
        assert all(each.is_same for each in compared)
        assert all(each.source.rows >= 5 for each in compared)
    for table in PASSING:
        assert query_database(back, f"SELECT count(*) FROM {table}") == [(0,)], (
            f"{table}: what passes by itself stays behind"
        )
    for table in PASSING:
        query_database(source, f"DELETE FROM {table}")
    assert dump_file(back) == dump_file(source)


async def test_what_moved_is_the_same_store_and_goes_on_counting(source: str, target: str) -> None:
    async with open_store(source) as store:
        instance = store.instance
        last = await store.subscriptions.add_subscription(
            guild_id=1, channel_id=2, created_by=3, now=NOW, options=SubscriptionOptions()
        )
        assert await store.subscriptions.remove_subscription(1, last.id)
    await move_and_compare(source, target)
    async with open_store(target) as store:
        assert store.instance == instance
        added = await store.subscriptions.add_subscription(
            guild_id=1, channel_id=2, created_by=3, now=NOW, options=SubscriptionOptions()
        )
        assert added.id == last.id + 1
        assert await store_cards(store, make_card("another", topics=("Another",)))


async def test_cards_are_found_where_they_moved_to(source: str, target: str) -> None:
    await move_and_compare(source, target)
    async with open_store(target) as store:
        for words, slugs in {
            "c++": [],
            "Ünïcode": [f"card-{n}" for n in range(5)],
            "日本": ["card-0"],
            "Taken": [],
        }.items():
            match = await store.cards.search_cards(CardQuery(words), 1, limit=10)
            assert {hit.card.slug for hit in match.cards} >= set(slugs)
            assert bool(match.cards) == bool(slugs)


async def test_a_move_that_breaks_off_goes_on_where_it_was(
    source: str, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_tables, "BATCH", 2)
    reached = [0]

    def break_off(done: int, of: int) -> None:
        """Again and again while rows are copied; comparing is the second and the last third."""
        if reached[-1] + 9 < done < of // 3:
            reached.append(done)
            raise OSError(f"pulled the plug at {done} of {of}")

    while (compared := await _try_move(source, target, break_off)) is None:
        assert (await inspect_database(target)).state is DatabaseState.MOVING
        with pytest.raises(StoreError, match=r"not all is there. Run `newsdesk migrate` again"):
            async with open_store(target):
                pass
    assert all(each.is_same for each in compared)
    assert len(reached) > 10


async def _try_move(source: str, target: str, step: Callable[[int, int], None]) -> list[TableComparison] | None:
    try:
        return await move_and_compare(source, target, step)
    except StoreError as error:
        if not re.fullmatch(r"The move broke off: pulled the plug at .+ when it is run again\.", str(error)):
            raise
        return None


async def test_a_move_that_is_killed_goes_on_where_it_was(source: str, target: str) -> None:
    program = (
        "import asyncio, os, signal, sys\n"
        "from bot.store.transfer import copy_tables\nfrom tests.store.transfer.test_move import move_and_compare\n"
        "copy_tables.BATCH = 3\n"
        "kill = lambda done, of: os.kill(os.getpid(), signal.SIGKILL) if done > of // 6 else None\n"
        "asyncio.run(move_and_compare(sys.argv[1], sys.argv[2], kill))"
    )
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, source, target, cwd=Path(__file__).parents[3]
    )
    assert await child.wait() == -signal.SIGKILL
    assert (await inspect_database(target)).state is DatabaseState.MOVING
    assert query_database(target, "SELECT count(*) FROM cards") != [(0,)]
    assert all(each.is_same for each in await move_and_compare(source, target))


async def test_nobody_writes_to_a_store_while_it_moves(source: str, target: str) -> None:
    refused = []

    def write(_done: int, _of: int) -> None:
        with closing(sqlite3.connect(source.partition(":///")[2], timeout=0)) as other:
            with pytest.raises(sqlite3.OperationalError, match=r"locked"):
                other.execute("DELETE FROM saved_cards")
            refused.append(other)

    await move_and_compare(source, target, write)
    assert refused


async def test_a_passing_table_stays_behind(source: str, target: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(known_words.info, "passing", True)
    compared = await move_and_compare(source, target)
    assert "known_words" not in {each.table for each in compared}
    assert query_database(target, "SELECT count(*) FROM known_words") == [(0,)]


async def test_a_copy_that_differs_is_told_and_is_no_store(source: str, target: str) -> None:
    def break_off(done: int, of: int) -> None:
        if done > of // 4:
            raise OSError("enough")

    with pytest.raises(StoreError, match=r"enough"):
        await move_and_compare(source, target, break_off)
    query_database(source, "UPDATE topics SET name = 'Changed' WHERE id = 1")
    compared = {each.table: each for each in await move_and_compare(source, target)}
    assert [name for name, each in compared.items() if not each.is_same] == ["topics"]
    assert compared["topics"].source.rows == compared["topics"].target.rows
    with pytest.raises(StoreError, match=r"not all is there"):
        async with open_store(target):
            pass


async def test_a_store_that_went_on_since_does_not_go_on_moving(source: str, target: str) -> None:
    def break_off(done: int, of: int) -> None:
        raise OSError("enough")

    with pytest.raises(StoreError, match=r"enough"):
        await move_and_compare(source, target, break_off)
    async with open_store(source) as store:
        await store.key_values.set_value("heartbeat", NOW.isoformat())
    with pytest.raises(StoreError, match=r"has been at work since its move to .+ began. Empty that one and start over"):
        await move_and_compare(source, target)


async def test_an_empty_store_is_as_good_as_none(source: str, target: str) -> None:
    async with open_store(target) as store:
        other = store.instance
    assert all(each.is_same for each in await move_and_compare(source, target))
    async with open_store(target) as store:
        assert store.instance != other


async def test_another_store_is_left_as_it_is(source: str, target: str) -> None:
    async with open_store(target) as store:
        await store_cards(store, make_card("theirs"))
    with pytest.raises(StoreError, match=r"is another store, which would be lost. Empty it, or name another database"):
        await move_and_compare(source, target)
    async with open_store(target) as store:
        assert await store.cards.get_by_slug("theirs", 0)


async def test_a_store_does_not_move_to_itself_nor_twice(source: str, target: str) -> None:
    await move_and_compare(source, target)
    for present in (source, target):
        with pytest.raises(StoreError, match=r"is this store itself, or a whole copy of it"):
            await move_and_compare(source, present)
    async with open_store(target):
        pass


async def test_where_another_store_is_moving_to_is_neither_a_target_nor_a_source(
    source: str, target: str, tmp_path: Path
) -> None:
    async with open_store(target) as store:
        await store.key_values.set_value(MOVING, "0123abcd")
    with pytest.raises(StoreError, match=r"Another store is being moved to"):
        await move_and_compare(source, target)
    with pytest.raises(StoreError, match=r"cannot be moved: another store is being moved there; finish that first"):
        await move_and_compare(target, f"sqlite+aiosqlite:///{tmp_path / 'third.db'}")


@pytest.mark.parametrize("end", ["source", "target"])
async def test_a_bot_at_work_at_either_end_is_no_time_to_move(source: str, target: str, end: str) -> None:
    for url in (source, target):
        async with open_store(url) as store:
            await store.key_values.set_value("end", "source" if url == source else "target")
    with pytest.raises(
        StoreError, match=rf"A bot works with .*{describe_location(source if end == 'source' else target)}"
    ):
        await move_store(source, target, lambda notes: notes.get("end") == end, ignore_progress)


@pytest.mark.parametrize("version", ["0007", "9999"])
async def test_a_database_of_another_version_is_neither_a_target_nor_a_source(
    source: str, target: str, tmp_path: Path, version: str
) -> None:
    async with open_store(target):
        pass
    query_database(target, f"UPDATE alembic_version SET version_num = '{version}'")
    with pytest.raises(StoreError, match=r"is a database of another version of Newsdesk. Empty it"):
        await move_and_compare(source, target)
    with pytest.raises(StoreError, match=r"cannot be moved: it .+ version"):
        await move_and_compare(target, f"sqlite+aiosqlite:///{tmp_path / 'third.db'}")
    assert query_database(target, "SELECT version_num FROM alembic_version") == [(version,)]


async def test_another_programs_database_is_neither_a_target_nor_a_source(
    source: str, target: str, tmp_path: Path
) -> None:
    query_database(target, "CREATE TABLE theirs (said text)", "INSERT INTO theirs VALUES ('a')")
    with pytest.raises(StoreError, match=r"belongs to another program") as caught:
        await move_and_compare(source, target)
    assert "NEWSDESK_DATABASE_URL" not in str(caught.value)
    with pytest.raises(StoreError, match=r"cannot be moved: it belongs to another program"):
        await move_and_compare(target, f"sqlite+aiosqlite:///{tmp_path / 'third.db'}")
    assert query_database(target, "SELECT said FROM theirs") == [("a",)]


async def test_where_there_is_no_store_nothing_is_moved_and_nothing_made(target: str, tmp_path: Path) -> None:
    none, other = tmp_path / "none.db", tmp_path / "other.db"
    with pytest.raises(StoreError, match=r"cannot be moved: it does not exist"):
        await move_and_compare(f"sqlite+aiosqlite:///{none}", f"sqlite+aiosqlite:///{other}")
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
        with pytest.raises(
            StoreError, match=rf"^Another process works with .*{describe_location(url)}\. Stop every newsdesk"
        ):
            await move_and_compare(source, target)
    assert all(each.is_same for each in await move_and_compare(source, target))


async def test_whoever_only_looks_for_a_moment_holds_no_move_up(source: str, target: str) -> None:
    async with open_read_only(source) as reader:
        await reader.key_values.get_value("heartbeat")
        moving = asyncio.create_task(move_and_compare(source, target))
        await asyncio.sleep(0.3)
    assert all(each.is_same for each in await moving)
