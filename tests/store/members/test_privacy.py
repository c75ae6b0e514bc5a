"""What is stored about a member: all of it is given out, what is theirs alone is erased, and no table is forgotten."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import JSON, Boolean, Column, Table, insert, select

from bot.store import Store
from bot.store.database import open_database
from bot.store.members.privacy import KEPT, OWN
from bot.store.tables import Moment, Text, metadata
from tests.support.cards import NOW, make_card, store_cards

MEMBER, OTHER = 700, 800
NAMING = {"user_id", "actor_id", "created_by", "decided_by", "requested_by"}
COLUMNS = [column for table in metadata.sorted_tables for column in table.columns if column.name in NAMING]
"""Every column by which a row can be about somebody."""


def make_value(column: Column[Any], place: int) -> Any:
    kinds: tuple[tuple[type, Any], ...] = ((Moment, NOW), (JSON, []), (Boolean, False), (Text, f"text {place}"))
    return next((given for kind, given in kinds if isinstance(column.type, kind)), place)


def make_row(table: Table, naming: Column[Any], user_id: int, place: int) -> dict[str, Any]:
    """A row of any table that names somebody; others that could name one stay empty where they may."""
    found = {}
    for column in table.columns:
        if column.foreign_keys:
            found[column.name] = 1
        elif column is naming or (column.name in NAMING and not column.nullable):
            found[column.name] = user_id
        elif not column.nullable:
            found[column.name] = make_value(column, place)
    return found


@pytest.fixture
async def planted(store: Store, database_url: str) -> None:
    """A row of the member and one of somebody else in every such table, by every such column."""
    await store_cards(store, make_card())
    async with open_database(database_url) as database, database.begin_write() as connection:
        place = 10
        for user_id in (MEMBER, OTHER):
            for naming in COLUMNS:
                place += 1
                await connection.execute(insert(naming.table).values(make_row(naming.table, naming, user_id, place)))


async def count_rows_about(database_url: str, user_id: int) -> dict[str, int]:
    """How many rows name somebody, by table and column."""
    async with open_database(database_url) as database, database.begin_read() as connection:
        return {
            str(column): len((await connection.execute(select(column).where(column == user_id))).all())
            for column in COLUMNS
        }


def test_every_column_that_names_a_member_is_either_erased_or_kept() -> None:
    known = [*OWN.values(), *KEPT.values()]
    assert {str(column) for column in known} == {str(column) for column in COLUMNS}


@pytest.mark.usefixtures("planted")
async def test_the_export_has_every_row_that_names_the_member(store: Store, database_url: str) -> None:
    found = await store.members.privacy.export_member(MEMBER)
    counts = await count_rows_about(database_url, MEMBER)
    for kind, column in (OWN | KEPT).items():
        twice = kind == "subscriptions_created"  # a personal digest was created by its member as well
        assert len(found[kind]) == counts[str(column)] - twice, kind
        assert all(row[column.name] == MEMBER for row in found[kind])
    assert found["saved"][0]["card"] == "a-card"
    assert found["last_read"][0]["at"] == NOW.isoformat()


@pytest.mark.usefixtures("planted")
async def test_erasing_takes_what_is_the_members_own_and_nothing_of_anybody_else(
    store: Store, database_url: str
) -> None:
    others = await count_rows_about(database_url, OTHER)
    assert all(others.values())
    owned = await store.members.privacy.count_owned(MEMBER)
    assert await store.members.privacy.erase_member(MEMBER, NOW) == owned
    assert all(owned.values())
    left = await count_rows_about(database_url, MEMBER)
    assert {name for name, count in left.items() if count} == {str(column) for column in KEPT.values()}
    assert await count_rows_about(database_url, OTHER) == others
    assert not any((await store.members.privacy.erase_member(MEMBER, NOW)).values())


async def test_somebody_unknown_has_nothing(store: Store) -> None:
    assert not any((await store.members.privacy.export_member(1)).values())
    assert not any((await store.members.privacy.erase_member(1, NOW)).values())
