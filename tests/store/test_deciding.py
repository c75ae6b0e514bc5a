"""Decisions: one moderator at a time, and every one of them on record."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bot.cards.model import State
from bot.desk.publication import Decision, Source, Verdict
from bot.store import Store
from bot.store.queue import Filters
from tests.support.cards import NOW, card, file_cards
from tests.support.stores import ask, url_of


def _audit(tmp_path: Path) -> list[tuple[object, ...]]:
    asked = "SELECT guild_id, before, after, actor_id, source, reason FROM audit ORDER BY id"
    return ask(url_of(tmp_path / "newsdesk.db"), asked)


async def test_of_fifty_moderators_at_once_one_decides_and_the_others_are_told_who(
    store: Store, tmp_path: Path
) -> None:
    (card_id,) = await file_cards(store, card(state=State.HELD))
    decisions = [Decision(1, card_id, Verdict.PUBLISH, moderator, NOW, "good") for moderator in range(50)]
    outcomes = await asyncio.gather(
        *[store.desk.decide(each, source=Source.BUTTON, expected=None) for each in decisions]
    )
    (winner,) = [place for place, outcome in enumerate(outcomes) if outcome.taken]
    assert {o.entry.actor_id for o in outcomes if not o.taken and o.entry} == {winner}
    assert _audit(tmp_path) == [(1, None, "published", winner, "button", "good")]


async def test_a_decision_replaces_the_one_that_was_expected_and_no_other(store: Store, tmp_path: Path) -> None:
    (card_id,) = await file_cards(store, card(state=State.HELD))
    publish, withdraw = (Decision(1, card_id, verdict, 9, NOW) for verdict in (Verdict.PUBLISH, Verdict.WITHDRAW))
    assert (await store.desk.decide(publish, source=Source.COMMAND, expected=None)).taken
    assert not (await store.desk.decide(withdraw, source=Source.COMMAND, expected=None)).taken
    assert not (await store.desk.decide(withdraw, source=Source.COMMAND, expected=Verdict.WITHDRAW)).taken
    assert (await store.desk.decide(withdraw, source=Source.COMMAND, expected=Verdict.PUBLISH)).taken
    assert [row[1:3] for row in _audit(tmp_path)] == [(None, "published"), ("published", "withdrawn")]
    filed = await store.archive.card(card_id, 1, hidden=True)
    assert filed
    assert filed.verdict is Verdict.WITHDRAW


async def test_servers_decide_for_themselves(store: Store) -> None:
    (card_id,) = await file_cards(store, card(state=State.HELD))
    for guild, verdict in ((1, Verdict.PUBLISH), (2, Verdict.WITHDRAW)):
        decision = Decision(guild, card_id, verdict, 9, NOW)
        assert (await store.desk.decide(decision, source=Source.COMMAND, expected=None)).taken
    assert [bool(await store.archive.card(card_id, guild)) for guild in (1, 2, 3)] == [True, False, False]


async def test_a_decision_outlives_a_reload_and_a_take_down_binds_all(store: Store) -> None:
    (card_id,) = await file_cards(store, card(state=State.HELD))
    await store.desk.decide(Decision(1, card_id, Verdict.PUBLISH, 9, NOW), source=Source.COMMAND, expected=None)
    await file_cards(store, card(state=State.HELD, title="Rewritten"))
    assert await store.archive.card(card_id, 1)
    await file_cards(store, card(state=State.WITHDRAWN, title="Rewritten"))
    assert await store.archive.card(card_id, 1) is None


async def test_the_queue_shows_the_hottest_first_then_the_newest(store: Store) -> None:
    held = [card("cold", heat=10), card("hot", heat=60), card("scored", quality=30), card("unscored")]
    await file_cards(store, *(card(c.slug, state=State.HELD, heat=c.heat, quality=c.quality) for c in held))
    queue = await store.queue.page(1, Filters(), limit=10, offset=0)
    assert [each.card.card.slug for each in queue.waiting] == ["hot", "scored", "cold", "unscored"]
