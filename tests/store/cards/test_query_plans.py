"""No question of a reader goes through all cards, reads every hit's row or sorts all that it finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import open_store
from bot.store.cards.repository import CardQuery, CardRepository, SearchOrder, TimelineCursor
from bot.store.cards.rows import compute_sort_key
from bot.store.database import open_database
from tests.support.cards import NOW
from tests.support.plans import RecordedQuery, plan_faults, record_queries

pytestmark = pytest.mark.sqlite("its plans")

TURNS = (None, TimelineCursor(compute_sort_key(NOW, 1)), TimelineCursor(compute_sort_key(NOW, 1), newer=True))
QUERIES = (
    CardQuery("comet"),
    CardQuery("comet moon", topic="Space", provider="NASA", type="article"),
    CardQuery("com", since=NOW - timedelta(days=9), until=NOW + timedelta(days=9)),
    CardQuery(topic="AI"),
)


async def run_all_queries(archive: CardRepository) -> None:
    for query, turn in product(QUERIES, TURNS):
        await archive.search_cards(query, 1, limit=5, cursor=turn)
    for query, order, offset in product(QUERIES, (SearchOrder.BEST, SearchOrder.HOTTEST), (0, 200)):
        await archive.search_cards(replace(query, order=order), 1, limit=5, offset=offset)
    for topic, turn in product((None, "AI"), TURNS):
        await archive.list_latest(1, topic=topic, limit=5, cursor=turn)
    for words, hidden in product(("", "com", "come", "the come"), (False, True)):
        await archive.complete_cards(words, 1, limit=25, hidden=hidden)


async def find_faults(connection: AsyncConnection, queries: Iterable[RecordedQuery]) -> list[str]:
    return [fault for each in queries for fault in plan_faults(await each.explain_plan(connection))]


async def test_readers_wait_for_no_scan_and_no_sort_of_everything(database_url: str) -> None:
    async with open_store(database_url), open_database(database_url) as database:
        with record_queries(database.engine) as queries:
            await run_all_queries(CardRepository(database))
        assert len(queries) > 50
        async with database.begin_read() as connection:
            assert await find_faults(connection, queries) == []


HITS = "SELECT c.id FROM card_search s JOIN cards c ON c.sort_key = -s.rowid WHERE card_search MATCH 'x'"


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("SELECT id FROM cards WHERE title = 'x'", "SCAN cards"),
        ("SELECT card_id FROM card_topics WHERE sort_key > 0 ORDER BY topic_id", "SCAN card_topics"),
        ("SELECT cards.title FROM card_search JOIN cards ON sort_key = -card_search.rowid", "SEARCH cards USING INDEX"),
        (f"{HITS} ORDER BY c.heat", "USE TEMP B-TREE FOR ORDER BY of s"),
        (f"SELECT DISTINCT 1 FROM ({HITS} GROUP BY c.state)", "USE TEMP B-TREE FOR GROUP BY of s"),
    ],
)
async def test_what_would_be_a_fault_is_seen(database_url: str, statement: str, fault: str) -> None:
    async with open_store(database_url), open_database(database_url) as database, database.begin_read() as connection:
        found = await find_faults(connection, [RecordedQuery(statement, ())])
        assert found
        assert found[0].startswith(fault)
