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

from bot.delivery.sender import ChannelClosedError
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.domain.quiet_hours import QuietHours
from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.store import open_store
from bot.store.moderation.audit_log import AuditFilter
from bot.store.moderation.reports import Report
from bot.store.outbox.circuit_breakers import Circuit
from bot.store.tables import (
    audit_log,
    card_edits,
    cards,
    circuits,
    decisions,
    deliveries,
    guild_settings,
    key_values,
    last_read,
    quiet_hours,
    reports,
    saved_cards,
    subscriptions,
    topics,
)
from tests.support.edits import edit_card
from tests.support.worker import WorkerHarness

pytestmark = pytest.mark.sqlite("PostgreSQL keeps no value of another kind than its column's")
GUILTY, *OTHERS = (1, 2, 3)
"""Servers. The channels of server 2 are 20 (instant), 21 (a digest), 22 (instant, with quiet hours)."""
DAILY = SubscriptionOptions(frequency=Frequency.DAILY, times=(time(9),), timezone="Europe/Berlin")
VALUES: tuple[Any, ...] = (None, "", "no such word", "[", "[1, {}]", '{"a": [null]}', "x" * 50_000, -1, 10**18, 2.5)
TABLES = (
    subscriptions, quiet_hours, guild_settings, deliveries, circuits, cards, decisions, audit_log,
    card_edits, reports, saved_cards, last_read, key_values, topics,
)  # fmt: skip
OF_THE_GUILTY = {
    **dict.fromkeys(map(str, TABLES), "guild_id = 1"),
    "reports": "guild_id = 1",
    "last_read": "guild_id = 1",
    "deliveries": "guild_id = 1 AND due_at IS NOT NULL",
    "cards": "slug = 'old'",
    "saved_cards": "user_id = 7",
    "key_values": "key = 'reserved'",
    "topics": "name = 'Own'",
}


def _is_value(column: Column[Any]) -> bool:
    """Not what rows are named by; a card's place in time is the number of its row in the full-text index."""
    return not (column.primary_key or column.foreign_keys or column.name == "sort_key")


def _cases() -> Iterator[Any]:
    """Each column with two values, such that every value comes up often in each kind of column."""
    columns = [(table, column) for table in TABLES for column in table.c if _is_value(column)]
    for number, (table, column) in enumerate(columns):
        for value in (VALUES[number % len(VALUES)], VALUES[(number * 3 + 2) % len(VALUES)]):
            yield pytest.param(table, column, value, id=f"{column}-{str(value)[:12]}")


@asynccontextmanager
async def open_copy(place: Path) -> AsyncIterator[WorkerHarness]:
    async with open_store(f"sqlite+aiosqlite:///{place / 'test.db'}") as store:
        yield WorkerHarness(store, place / "cards")


async def load_card(harness: WorkerHarness, slug: str) -> None:
    values = {"provider": f"{{name: Paper {slug}}}", "publishedDateTime": f"{harness.clock():%FT%TZ}"}
    harness.write_card(slug, **values, title=f"{slug} {slug}land {slug}berg {slug}town")
    await harness.deliver_due()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with three servers that use everything."""
    import asyncio

    place = tmp_path_factory.mktemp("world")
    (place / "cards").mkdir()
    asyncio.run(_build_world(place))
    return place


async def _build_world(place: Path) -> None:
    async with open_copy(place) as desk:
        store, now = desk.store, desk.clock()
        for server in (GUILTY, *OTHERS):
            for channel, options in (
                (0, SubscriptionOptions()),
                (1, DAILY),
                (2, SubscriptionOptions(excluded=("nothing",))),
            ):
                await store.subscriptions.add_subscription(
                    guild_id=server, channel_id=10 * server + channel, created_by=7, now=now, options=options
                )
            await store.subscriptions.quiet_hours.set_hours(
                server, 10 * server + 2, QuietHours(time(10), time(15), "Europe/Berlin", 900), now
            )
            await store.subscriptions.guild_settings.set_timezone(server, "Europe/Berlin")
        await load_card(desk, "old")
        card = await store.cards.get_by_slug("old", 0)
        assert card
        for server in (GUILTY, *OTHERS):
            decision = Decision(server, card.id, Verdict.PUBLISH, 7, desk.clock())
            await store.moderation.decisions.decide_card(decision, source=DecisionSource.BUTTON, expected=None)
            await edit_card(store, server, card.id, title="An own title", image_url="", topics=("Own",))
            await store.moderation.reports.add_report(server, card.id, Report(7, "wrong", desk.clock()))
            await store.members.last_read.mark_read(7, server, desk.clock())
        await store.members.saved_cards.save_card(7, card.id, desk.clock())
        await store.key_values.reserve_slot("reserved", desk.clock(), timedelta(0))
        desk.channels.fail = [ChannelClosedError("50013")] * 9
        await load_card(desk, "unsent")
        await store.outbox.circuits.open_circuit(Circuit(11, GUILTY, "closed", 1, desk.clock(), desk.clock()))


def corrupt_row(world: Path, place: Path, table: Table, column: Column[Any], value: object) -> bool:
    """Whether one row of a copy of the world could be made to hold the value."""
    shutil.copytree(world, place)
    with closing(sqlite3.connect(place / "test.db")) as connection, connection:
        guards = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_log'"
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
    if corrupt_row(world, place, table, column, value):
        await _assert_goes_on(place, value)
    else:
        assert not column.nullable or column.unique or table is topics


async def _assert_goes_on(place: Path, value: object) -> None:
    async with open_copy(place) as desk:
        desk.clock.advance(minutes=10)
        await load_card(desk, "fresh")
        await _ask_everything(desk)
        for _ in range(4):
            await desk.deliver_due(hours=6)
        titles = {
            channel: sorted(title.split()[0] for _, many in posted for title in many.split(" | ") if title)
            for channel, posted in desk.channels.posted.items()
        }
        for server in OTHERS:
            assert "fresh" in titles.get(10 * server, []), (value, titles)
            assert "fresh" in titles.get(10 * server + 1, []), (value, titles)
            assert "fresh" in titles.get(10 * server + 2, []), (value, titles)


async def _ask_everything(harness: WorkerHarness) -> None:
    """What commands ask for, in the server with the row and in another."""
    store, now = harness.store, harness.clock()
    for server in (GUILTY, 2):
        for each in await store.subscriptions.list_for_guild(server):
            await harness.pipeline.previewer.preview_digest(each) if not each.unusable else None
        await store.subscriptions.quiet_hours.list_for_guild(server)
        await store.subscriptions.guild_settings.get_timezone(server)
        await store.outbox.circuits.for_guild(server)
        await store.moderation.audit_log.get_page(server, AuditFilter(), limit=10)
        await store.members.saved_cards.get_page(7, server, limit=5, offset=0)
        await store.cards.list_latest(server, limit=5)
        await store.members.last_read.last_read_at(7, server)
    await store.outbox.queue.queue_state()
    await store.subscriptions.list_suspended()
    await store.members.privacy.export_member(7)
    await store.key_values.reserve_slot("reserved", now, timedelta(0))
