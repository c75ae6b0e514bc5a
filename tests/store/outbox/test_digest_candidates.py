"""What digests choose from, and what channels received of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from bot.cards.model import CardState
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.store import Store, open_store
from bot.store.database import open_database
from bot.store.outbox.digest_candidates import _DELIVERED, _OF_EVERYONE, CandidatePool
from tests.support.cards import NOW, make_card, store_cards

GUILD, CHANNEL = 1, 10
LATER = NOW + timedelta(hours=1)
AGES = timedelta(days=14)
SAME = ("news.example/same",)


async def load_pool_since(store: Store, since: Any) -> CandidatePool:
    return await store.outbox.candidates.load_pool([GUILD], since, NOW - AGES)


async def test_a_story_counts_as_had_by_any_card_of_it_though_that_is_not_in_the_pool(store: Store) -> None:
    """Here the channel received one that a moderator published, by whose id the story goes."""
    await store.subscriptions.add_subscription(
        guild_id=GUILD, channel_id=CHANNEL, created_by=5, now=NOW - timedelta(hours=1)
    )
    await store.subscriptions.add_subscription(guild_id=2, channel_id=20, created_by=5, now=NOW - timedelta(hours=3))
    held, _ = await store_cards(store, make_card("held", state=CardState.HELD, aliases=SAME), make_card("unrelated"))
    (other,) = await store_cards(store, make_card("other", aliases=SAME), now=NOW - timedelta(hours=2))
    await store.outbox.planner.plan_deliveries(NOW, AGES)
    await store.moderation.decisions.decide_card(
        Decision(GUILD, held, Verdict.PUBLISH, 5, NOW), source=DecisionSource.COMMAND, expected=None
    )
    await store.outbox.planner.plan_deliveries(NOW, AGES)
    (new,) = await store_cards(store, make_card("new", aliases=SAME), now=LATER)
    candidate_pool = await load_pool_since(store, NOW)
    assert [(each.card_id, each.story_id) for each in candidate_pool.shared_candidates] == [(new, held)]
    assert candidate_pool.earliest == held < other
    already_delivered = await store.outbox.candidates.load_delivered([CHANNEL, 11], candidate_pool)
    assert already_delivered.keys() == {CHANNEL}
    assert held in already_delivered[CHANNEL].stories


async def test_without_cards_nobody_is_asked_what_they_had(store: Store) -> None:
    await store.subscriptions.add_subscription(
        guild_id=GUILD, channel_id=CHANNEL, created_by=5, now=NOW - timedelta(hours=1)
    )
    await store_cards(store, make_card())
    assert await store.outbox.planner.plan_deliveries(NOW, AGES) == 1
    assert await store.outbox.candidates.load_delivered([CHANNEL], await load_pool_since(store, LATER)) == {}


@pytest.mark.sqlite("its plans")
@pytest.mark.parametrize(
    ("question", "step"),
    [
        (_OF_EVERYONE.params(since=NOW, oldest=NOW), "SEARCH cards USING INDEX ix_cards_visible_at (visible_at>?)"),
        (
            _DELIVERED.params(channels=[1, 2], earliest=3),
            "SEARCH delivery_cards USING COVERING INDEX sqlite_autoindex_delivery_cards_2 (channel_id=? AND card_id>?)",
        ),
    ],
)
async def test_neither_the_archive_nor_a_channels_history_is_read_from_its_beginning(
    database_url: str, question: Select[Any], step: str
) -> None:
    queries = str(question.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True}))
    async with open_store(database_url), open_database(database_url) as database, database.begin_read() as connection:
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {queries}", (0,) * queries.count("?"))).all()
    assert step in [step for *_, step in plan]
    assert not any(step.startswith("SCAN cards") for *_, step in plan)
