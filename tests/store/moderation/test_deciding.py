"""Decisions: one moderator at a time, and every one of them on record."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from bot.cards.model import CardState, Provider
from bot.domain.follows import FollowPolicy
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.store import Store
from bot.store.cards.rows import StoredCard
from bot.store.moderation.queue import QueueFilters
from tests.support.cards import NOW, make_card, make_older, store_cards
from tests.support.follows import HERE, MAX_AGE, THERE, add_feed, follow_feed, import_items
from tests.support.stores import query_database, url_of


def _read_audit(tmp_path: Path) -> list[tuple[object, ...]]:
    queries = "SELECT guild_id, before, after, actor_id, source, reason FROM audit_log ORDER BY id"
    return query_database(url_of(tmp_path / "newsdesk.db"), queries)


async def test_of_fifty_moderators_at_once_one_decides_and_the_others_are_told_who(
    store: Store, tmp_path: Path
) -> None:
    (card_id,) = await store_cards(store, make_card(state=CardState.HELD))
    decisions = [Decision(1, card_id, Verdict.PUBLISH, moderator, NOW, "good") for moderator in range(50)]
    outcomes = await asyncio.gather(
        *[
            store.moderation.decisions.decide_card(each, source=DecisionSource.BUTTON, expected=None)
            for each in decisions
        ]
    )
    (winner,) = [place for place, outcome in enumerate(outcomes) if outcome.accepted]
    assert {o.entry.actor_id for o in outcomes if not o.accepted and o.entry} == {winner}
    assert _read_audit(tmp_path) == [(1, None, "published", winner, "button", "good")]


async def test_a_decision_replaces_the_one_that_was_expected_and_no_other(store: Store, tmp_path: Path) -> None:
    (card_id,) = await store_cards(store, make_card(state=CardState.HELD))
    publish, withdraw = (Decision(1, card_id, verdict, 9, NOW) for verdict in (Verdict.PUBLISH, Verdict.WITHDRAW))
    assert (
        await store.moderation.decisions.decide_card(publish, source=DecisionSource.COMMAND, expected=None)
    ).accepted
    assert not (
        await store.moderation.decisions.decide_card(withdraw, source=DecisionSource.COMMAND, expected=None)
    ).accepted
    assert not (
        await store.moderation.decisions.decide_card(withdraw, source=DecisionSource.COMMAND, expected=Verdict.WITHDRAW)
    ).accepted
    assert (
        await store.moderation.decisions.decide_card(withdraw, source=DecisionSource.COMMAND, expected=Verdict.PUBLISH)
    ).accepted
    assert [row[1:3] for row in _read_audit(tmp_path)] == [(None, "published"), ("published", "withdrawn")]
    stored = await store.cards.get_card(card_id, 1, hidden=True)
    assert stored
    assert stored.verdict is Verdict.WITHDRAW


async def test_servers_decide_for_themselves(store: Store) -> None:
    (card_id,) = await store_cards(store, make_card(state=CardState.HELD))
    for guild, verdict in ((1, Verdict.PUBLISH), (2, Verdict.WITHDRAW)):
        decision = Decision(guild, card_id, verdict, 9, NOW)
        assert (
            await store.moderation.decisions.decide_card(decision, source=DecisionSource.COMMAND, expected=None)
        ).accepted
    assert [bool(await store.cards.get_card(card_id, guild)) for guild in (1, 2, 3)] == [True, False, False]


async def test_a_decision_outlives_a_reload_and_a_take_down_binds_all(store: Store) -> None:
    (card_id,) = await store_cards(store, make_card(state=CardState.HELD))
    await store.moderation.decisions.decide_card(
        Decision(1, card_id, Verdict.PUBLISH, 9, NOW), source=DecisionSource.COMMAND, expected=None
    )
    await store_cards(store, make_card(state=CardState.HELD, title="Rewritten"))
    assert await store.cards.get_card(card_id, 1)
    await store_cards(store, make_card(state=CardState.WITHDRAWN, title="Rewritten"))
    assert await store.cards.get_card(card_id, 1) is None


async def test_the_queue_shows_the_hottest_first_then_the_newest(store: Store) -> None:
    held = [
        make_card("cold", heat=10),
        make_card("hot", heat=60),
        make_card("scored", quality=30),
        make_card("unscored"),
    ]
    await store_cards(store, *(make_card(c.slug, state=CardState.HELD, heat=c.heat, quality=c.quality) for c in held))
    queue = await store.moderation.queue.get_page(1, QueueFilters(), limit=10, offset=0)
    assert [each.card.card.slug for each in queue.waiting] == ["hot", "scored", "cold", "unscored"]


@pytest.mark.slow
@pytest.mark.parametrize("ranked", [5, 1000])
async def test_the_queue_goes_by_the_heat_in_its_server_and_its_pages_are_one_list(
    store: Store, monkeypatch: pytest.MonkeyPatch, ranked: int
) -> None:
    monkeypatch.setattr("bot.store.moderation.queue._RANKED", ranked)
    dice = Random(ranked)
    feed = await add_feed(store)
    for guild_id in (HERE, THERE):
        await follow_feed(store, guild_id, feed, FollowPolicy.REVIEW)
    for number in range(40):
        title = dice.choice(
            ("Comet Halley nears planet Earth tonight", "Ferry company sells its oldest ship", f"News {number}")
        )
        fields = {"title": title, "provider": Provider(f"P{dice.randrange(12)}"), "url": f"https://{number}.example"}
        card = make_older(
            make_card(
                f"card-{number}",
                state=dice.choice((CardState.HELD, CardState.PUBLISHED)),
                quality=dice.choice((None, 10, 30, 50)),
                heat=dice.choice((None, None, None, -1, 45)),
                **fields,
            ),
            days=dice.random() * 3,
        )
        await (store_cards(store, card) if number % 2 else import_items(store, feed, card))
    await store.outbox.planner.plan_deliveries(NOW, MAX_AGE)
    for guild_id in (HERE, THERE, 3):
        every = await list_queue(store, guild_id, 100)
        assert len(every) >= 5
        pages = [await list_queue(store, guild_id, 3, offset) for offset in range(0, len(every), 3)]
        assert [each for page in pages for each in page] == every
        known = [(each.card.heat or 0, each.sort_key) for each in every]
        if ranked > len(every):
            assert known == sorted(known, reverse=True)
            assert max(each.publishers for each in every) > 1
        since = await list_queue(store, guild_id, 100, filters=QueueFilters(since=NOW - timedelta(days=9)))
        assert since == every


async def list_queue(
    store: Store, guild_id: int, limit: int, offset: int = 0, filters: QueueFilters | None = None
) -> list[StoredCard]:
    page = await store.moderation.queue.get_page(guild_id, filters or QueueFilters(), limit=limit, offset=offset)
    return [each.card for each in page.waiting]
