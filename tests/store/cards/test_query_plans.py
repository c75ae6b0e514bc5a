"""No question of a reader goes through all cards, reads every hit's row or sorts all that it finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from itertools import product

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import open_store
from bot.store.cards import card_search
from bot.store.cards.card_query import CardQuery, SearchOrder, TimelineCursor
from bot.store.cards.repository import CardRepository
from bot.store.cards.rows import compute_sort_key
from bot.store.cards.spell_suggestions import SpellingSuggester
from bot.store.cards.story_candidates import WordIndex
from bot.store.cards.trends import TrendStore
from bot.store.database import open_database
from bot.store.outbox.digest_candidates import CandidateStore
from bot.store.outbox.new_posts import _join_posted_stories
from bot.store.outbox.post_candidates import clear_candidates
from tests.support.cards import NOW
from tests.support.plans import RecordedQuery, find_scans, plan_faults, record_queries

pytestmark = pytest.mark.sqlite("its plans")

TURNS = (None, TimelineCursor(compute_sort_key(NOW, 1)), TimelineCursor(compute_sort_key(NOW, 1), newer=True))
QUERIES = (
    CardQuery("comet"),
    CardQuery("comet moon", topic="Space", provider="NASA", type="article"),
    CardQuery("com", since=NOW - timedelta(days=9), until=NOW + timedelta(days=9)),
    CardQuery(topic="AI"),
)

BACKWARDS = "ORDER BY card_search.rowid DESC"
"""How FTS5 is asked for newer cards, which is slow where they are few."""


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


async def test_readers_wait_for_no_scan_and_no_sort_of_everything(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_store(database_url), open_database(database_url) as database:
        with record_queries(database.engine) as queries:
            await run_all_queries(CardRepository(database))
            few = [each.statement for each in queries]
            monkeypatch.setattr(card_search, "FEW", 0)
            await run_all_queries(CardRepository(database))
        assert not [each for each in few if BACKWARDS in each]
        assert [each for each in queries if BACKWARDS in each.statement]
        assert len(queries) > 50
        # Bound, they would have SQLite plan a statement anew each time that it runs.
        assert not [value for each in queries for value in each.values if isinstance(value, StrEnum)]
        async with database.begin_read() as connection:
            assert await find_faults(connection, queries) == []


async def test_names_are_counted_without_reading_cards_or_what_other_servers_have(database_url: str) -> None:
    async with open_store(database_url), open_database(database_url) as database:
        archive = CardRepository(database)
        speller = SpellingSuggester(database, archive)
        with record_queries(database.engine) as queries:
            for beginning in ("", "sp"):
                await archive.list_topics(1, beginning, limit=25)
                await archive.list_providers(1, beginning, limit=25)
            await TrendStore(database).count_topics(1, NOW, limit=9)
            await speller.suggest_query(CardQuery("coemt"), 1)
        async with database.begin_read() as connection:
            plans = [await each.explain_plan(connection) for each in queries]
    assert [scan for plan in plans for scan in find_scans(plan)] == []
    steps = {step for plan in plans[:4] for *_, step in plan}
    assert "SEARCH cards USING COVERING INDEX ix_cards_source_id_state_provider (source_id=? AND state=?)" in steps
    assert not [step for step in steps if "server_cards" in step and "(guild_id=? AND card_id=?)" not in step]


async def test_digests_read_of_followed_cards_only_what_their_servers_have(database_url: str) -> None:
    async with open_store(database_url), open_database(database_url) as database:
        candidates = CandidateStore(database)
        with record_queries(database.engine) as queries:
            pool = await candidates.load_pool([1, 2], NOW, NOW)
            await candidates.load_delivered([3], replace(pool, earliest=1))
        async with database.begin_read() as connection:
            plans = [await each.explain_plan(connection) for each in queries]
    steps = [step for plan in plans for *_, step in plan]
    assert [scan for plan in plans for scan in find_scans(plan)] == []
    assert not [step for step in steps if step.startswith("SEARCH cards") and "state=?" in step]
    assert not [step for step in steps if step.startswith("SEARCH server_cards") and "guild_id=?" not in step]


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


async def test_a_word_of_most_cards_is_looked_up_by_its_newest_ones(database_url: str) -> None:
    async with open_store(database_url), open_database(database_url) as database, database.begin_read() as connection:
        with record_queries(database.engine) as queries:
            await WordIndex(connection).load_places({"comet", "moon"}, NOW, NOW)
        shared, followed = [await each.explain_plan(connection) for each in queries]
    in_order = "SEARCH story_words USING PRIMARY KEY (word=? AND published_at>? AND published_at<?)"
    assert in_order in [step for *_, step in shared]
    assert not [step for *_, step in shared if "TEMP B-TREE" in step]
    assert [step for *_, step in followed if "COVERING INDEX ix_story_words_followed" in step]


async def test_a_plan_finds_the_post_of_a_story_without_going_through_those_of_its_channel(database_url: str) -> None:
    async with open_store(database_url), open_database(database_url) as database, database.begin_write() as connection:
        await clear_candidates(connection)
        join = _join_posted_stories().compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        plan = await RecordedQuery(str(join), ()).explain_plan(connection)
    in_channel = "(channel_id=? AND card_id=?)"
    assert {step.partition(" INDEX ")[0] for *_, step in plan if "SCAN" in step} == {
        "SCAN candidates USING",
        "SCAN posted",
    }
    assert all(step.endswith(in_channel) for *_, step in plan if step.startswith("SEARCH delivery_cards"))
