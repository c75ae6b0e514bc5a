"""What digests choose from, and what channels have had of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Select
from sqlalchemy.dialects import sqlite

from bot.cards.model import State
from bot.desk.publication import Decision, Source, Verdict
from bot.store import Store, open_store
from bot.store.database import open_database
from bot.store.pools import _HAD, _OF_EVERYONE, Pool
from tests.support.cards import NOW, card, file_cards

GUILD, CHANNEL = 1, 10
LATER = NOW + timedelta(hours=1)
AGES = timedelta(days=14)
SAME = ("news.example/same",)


async def pool_since(store: Store, since: Any) -> Pool:
    return await store.pools.pool([GUILD], since, NOW - AGES)


async def test_a_story_counts_as_had_by_any_card_of_it_though_that_is_not_in_the_pool(store: Store) -> None:
    """Here the channel had one that was filed before the card that names the story, and published after it."""
    await store.subscriptions.add(guild_id=GUILD, channel_id=CHANNEL, created_by=5, now=NOW - timedelta(hours=1))
    await store.subscriptions.add(guild_id=2, channel_id=20, created_by=5, now=NOW - timedelta(hours=3))
    held, _ = await file_cards(store, card("held", state=State.HELD, aliases=SAME), card("unrelated"))
    (naming,) = await file_cards(store, card("naming", aliases=SAME), now=NOW - timedelta(hours=2))
    await store.deliveries.plan(NOW, AGES)
    await store.desk.decide(Decision(GUILD, held, Verdict.PUBLISH, 5, NOW), source=Source.COMMAND, expected=None)
    await store.deliveries.plan(NOW, AGES)
    (new,) = await file_cards(store, card("new", aliases=SAME), now=LATER)
    pool = await pool_since(store, NOW)
    assert [(each.card_id, each.story_id) for each in pool.everyone] == [(new, naming)]
    assert pool.earliest == held < naming
    had = await store.pools.had([CHANNEL, 11], pool)
    assert had.keys() == {CHANNEL}
    assert naming in had[CHANNEL].stories


async def test_without_cards_nobody_is_asked_what_they_had(store: Store) -> None:
    await store.subscriptions.add(guild_id=GUILD, channel_id=CHANNEL, created_by=5, now=NOW - timedelta(hours=1))
    await file_cards(store, card())
    assert await store.deliveries.plan(NOW, AGES) == 1
    assert await store.pools.had([CHANNEL], await pool_since(store, LATER)) == {}


@pytest.mark.sqlite("its plans")
@pytest.mark.parametrize(
    ("question", "step"),
    [
        (_OF_EVERYONE.params(since=NOW, oldest=NOW), "SEARCH cards USING INDEX ix_cards_visible_at (visible_at>?)"),
        (
            _HAD.params(channels=[1, 2], earliest=3),
            "SEARCH delivery_cards USING COVERING INDEX sqlite_autoindex_delivery_cards_2 (channel_id=? AND card_id>?)",
        ),
    ],
)
async def test_neither_the_archive_nor_a_channels_history_is_read_from_its_beginning(
    database_url: str, question: Select[Any], step: str
) -> None:
    asked = str(question.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True}))
    async with open_store(database_url), open_database(database_url) as database, database.read() as connection:
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", (0,) * asked.count("?"))).all()
    assert step in [step for *_, step in plan]
    assert not any(step.startswith("SCAN cards") for *_, step in plan)
