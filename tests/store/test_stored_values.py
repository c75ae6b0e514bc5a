"""Whatever stands in one column of one row: the other servers have theirs as ever, and what asks for it answers."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from datetime import time, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, Table

from bot.delivery.poster import ChannelClosedError
from bot.desk.publication import Decision, Source, Verdict
from bot.desk.quiet import QuietHours
from bot.desk.subscription import When, Wish
from bot.store import open_store
from bot.store.circuits import Circuit
from bot.store.desk import Act
from bot.store.flags import Flag
from bot.store.log import Wanted
from bot.store.tables import (
    audit,
    card_edits,
    cards,
    circuits,
    decisions,
    deliveries,
    flags,
    guild_settings,
    last_read,
    meta,
    quiet_hours,
    saved,
    subscriptions,
    topics,
)
from tests.support.desk import Desk

pytestmark = pytest.mark.sqlite("PostgreSQL keeps no value of another kind than its column's")
GUILTY, *OTHERS = (1, 2, 3)
"""Servers. The channels of server 2 are 20 (instant), 21 (a digest), 22 (instant, with quiet hours)."""
DAILY = Wish(when=When.DAILY, times=(time(9),), timezone="Europe/Berlin")
VALUES: tuple[Any, ...] = (None, "", "no such word", "[", "[1, {}]", '{"a": [null]}', "x" * 50_000, -1, 10**18, 2.5)
TABLES = (
    subscriptions, quiet_hours, guild_settings, deliveries, circuits, cards, decisions, audit,
    card_edits, flags, saved, last_read, meta, topics,
)  # fmt: skip
OF_THE_GUILTY = {
    **dict.fromkeys(map(str, TABLES), "guild_id = 1"),
    "flags": "guild_id = 1",
    "last_read": "guild_id = 1",
    "deliveries": "guild_id = 1 AND due_at IS NOT NULL",
    "cards": "slug = 'old'",
    "saved": "user_id = 7",
    "meta": "key = 'reserved'",
    "topics": "name = 'Own'",
}


def _is_value(column: Column[Any]) -> bool:
    """Not what rows are named by; a card's place in time is the number of its row in the full-text index."""
    return not (column.primary_key or column.foreign_keys or column.name == "timeline")


def _cases() -> Iterator[Any]:
    """Each column with two values, such that every value comes up often in each kind of column."""
    columns = [(table, column) for table in TABLES for column in table.c if _is_value(column)]
    for number, (table, column) in enumerate(columns):
        for value in (VALUES[number % len(VALUES)], VALUES[(number * 3 + 2) % len(VALUES)]):
            yield pytest.param(table, column, value, id=f"{column}-{str(value)[:12]}")


@asynccontextmanager
async def opened(place: Path) -> AsyncIterator[Desk]:
    async with open_store(f"sqlite+aiosqlite:///{place / 'test.db'}") as store:
        yield Desk(store, place / "cards")


async def load(desk: Desk, slug: str) -> None:
    values = {"provider": f"{{name: Paper {slug}}}", "publishedDateTime": f"{desk.clock():%FT%TZ}"}
    desk.write(slug, **values, title=f"{slug} matters to {slug} readers of the {slug} paper")
    await desk.deliver()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with three servers that use everything."""
    import asyncio

    place = tmp_path_factory.mktemp("world")
    (place / "cards").mkdir()
    asyncio.run(_made(place))
    return place


async def _made(place: Path) -> None:
    async with opened(place) as desk:
        store, now = desk.store, desk.clock()
        for server in (GUILTY, *OTHERS):
            for channel, wish in ((0, Wish()), (1, DAILY), (2, Wish(without=("nothing",)))):
                await store.subscriptions.add(
                    guild_id=server, channel_id=10 * server + channel, created_by=7, now=now, wish=wish
                )
            await store.quiet.set(server, 10 * server + 2, QuietHours(time(10), time(15), "Europe/Berlin", 900), now)
            await store.subscriptions.set_timezone(server, "Europe/Berlin")
        await load(desk, "old")
        card = await store.archive.by_slug("old", 0)
        assert card
        for server in (GUILTY, *OTHERS):
            act = Act(7, desk.clock(), Source.BUTTON)
            decision = Decision(server, card.id, Verdict.PUBLISH, 7, desk.clock())
            await store.desk.decide(decision, source=Source.BUTTON, expected=None)
            await store.desk.edit_topics(server, card.id, ["Own"], act, expected=None)
            await store.flags.add(server, card.id, Flag(7, "wrong", desk.clock()))
            await store.last_read.note(7, server, desk.clock())
        await store.saved.save(7, card.id, desk.clock())
        await store.meta.reserve("reserved", desk.clock(), timedelta(0))
        desk.channels.fail = [ChannelClosedError("50013")] * 9
        await load(desk, "unsent")
        await store.circuits.open(Circuit(11, GUILTY, "closed", 1, desk.clock(), desk.clock()))


def corrupted(world: Path, place: Path, table: Table, column: Column[Any], value: object) -> bool:
    """Whether one row of a copy of the world could be made to hold the value."""
    shutil.copytree(world, place)
    with closing(sqlite3.connect(place / "test.db")) as connection, connection:
        guards = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'"
        for (name,) in connection.execute(guards).fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        one = f'SELECT rowid FROM "{table.name}" WHERE {OF_THE_GUILTY[table.name]} ORDER BY 1 LIMIT 1'
        try:
            done = connection.execute(
                f'UPDATE "{table.name}" SET "{column.name}" = ? WHERE rowid = ({one})',
                (value,),
            )
        except sqlite3.IntegrityError:
            return False
        assert done.rowcount == 1, table.name
    return True


@pytest.mark.parametrize(("table", "column", "value"), list(_cases()))
async def test_a_value_that_is_none_costs_nobody_else_anything(
    world: Path, tmp_path: Path, table: Table, column: Column[Any], value: object
) -> None:
    place = tmp_path / "copy"
    if corrupted(world, place, table, column, value):
        await _goes_on(place, value)
    else:
        assert not column.nullable or column.unique or table is topics


async def _goes_on(place: Path, value: object) -> None:
    async with opened(place) as desk:
        desk.clock.move(minutes=10)
        await load(desk, "fresh")
        await _asked(desk)
        for _ in range(4):
            await desk.deliver(hours=6)
        titles = {
            channel: sorted(title.split()[0] for _, many in posted for title in many.split(" | ") if title)
            for channel, posted in desk.channels.posted.items()
        }
        for server in OTHERS:
            assert "fresh" in titles.get(10 * server, []), (value, titles)
            assert "fresh" in titles.get(10 * server + 1, []), (value, titles)
            assert "fresh" in titles.get(10 * server + 2, []), (value, titles)


async def _asked(desk: Desk) -> None:
    """What commands ask for, in the server with the row and in another."""
    store, now = desk.store, desk.clock()
    for server in (GUILTY, 2):
        for each in await store.subscriptions.of_guild(server):
            await desk.newsroom.editions.preview(each) if not each.unusable else None
        await store.quiet.of_guild(server)
        await store.subscriptions.timezone(server)
        await store.circuits.of_guild(server)
        await store.log.page(server, Wanted(), limit=10)
        await store.saved.page(7, server, limit=5, offset=0)
        await store.archive.latest(server, limit=5)
        await store.last_read.of(7, server)
    await store.deliveries.state()
    await store.subscriptions.resting()
    await store.members.export(7)
    await store.meta.reserve("reserved", now, timedelta(0))
