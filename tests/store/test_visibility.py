"""Who sees a card: one rule in Python and SQL, and every way to read goes through it."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from bot.cards.model import Provider, State
from bot.desk.missed import missed
from bot.desk.publication import Decision, Source, Verdict, is_visible
from bot.store import Store
from bot.store.queue import Filters
from bot.store.reading import Order, Query, TopicCount
from tests.support.cards import NOW, card, file_cards, older

HERE, THERE = 1, 2
MEMBER = 7
CASES = list(product(State, (None, *Verdict), (None, *Verdict)))
NAMES = ["-".join(part or "undecided" for part in case) for case in CASES]


async def decide(store: Store, guild: int, card_id: int, verdict: Verdict) -> None:
    decision = Decision(guild, card_id, verdict, 9, NOW)
    assert (await store.desk.decide(decision, source=Source.COMMAND, expected=None)).taken


@pytest.fixture
async def ids(store: Store) -> list[int]:
    """A card of every state, verdict here and verdict there; each with a topic and a provider of its own."""
    cards = [
        older(card(name, state=state, topics=("Shared", f"T {name}"), provider=Provider(f"P {name}")), minutes=place)
        for place, (name, (state, _, _)) in enumerate(zip(NAMES, CASES, strict=True))
    ]
    found = await file_cards(store, *cards)
    for card_id, (_, here, there) in zip(found, CASES, strict=True):
        for guild, verdict in ((HERE, here), (THERE, there)):
            if verdict:
                await decide(store, guild, card_id, verdict)
        await store.saved.save(MEMBER, card_id, NOW)
    return found


def expected(guild: int) -> set[str]:
    place = {HERE: 1, THERE: 2}.get(guild)
    return {
        name
        for name, case in zip(NAMES, CASES, strict=True)
        if is_visible(case[0], case[place] if place else None)  # type: ignore[arg-type]
    }


@pytest.mark.parametrize("guild", [HERE, THERE, 0, 3])
async def test_every_way_to_read_shows_what_the_rule_says(store: Store, ids: list[int], guild: int) -> None:
    archive = store.archive
    ways = {
        "latest": (await archive.latest(guild, limit=100)).cards,
        "latest of a topic": (await archive.latest(guild, topic="shared", limit=100)).cards,
        "by ids": await store.lookup.by_ids(ids, guild),
        "by addresses": await store.lookup.by_addresses([f"news.example/{name}" for name in NAMES], guild, limit=100),
        "names to complete": await archive.complete_cards("", guild, limit=100),
        "names to complete by word": await archive.complete_cards("titl", guild, limit=100),
        "saved": (await store.saved.page(MEMBER, guild, limit=100, offset=0)).cards,
        "by id": [found for card_id in ids if (found := await archive.card(card_id, guild))],
        "by slug": [found for name in NAMES if (found := await archive.by_slug(name, guild))],
    }
    pool = await store.pools.pool([guild], NOW - timedelta(days=7), NOW - timedelta(days=14))
    best = [each.card_id for each in missed(pool.of(guild), NOW - timedelta(days=7), NOW, most=100).best]
    ways["what was missed"] = list((await archive.by_ids(best, guild)).values())
    for order in Order:
        for query in (Query("title", order=order), Query(topic="Shared", order=order)):
            ways[f"search {query}"] = (await archive.search(query, guild, limit=100)).cards
    for way, cards in ways.items():
        assert {filed.card.slug for filed in cards} == expected(guild), way
    topics = {topic.name for topic in await archive.topics(guild, "t ", limit=100)}
    assert topics == {f"T {name}" for name in expected(guild)}
    assert {each.name for each in await archive.providers(guild, limit=100)} == {f"P {n}" for n in expected(guild)}
    shared = TopicCount("Shared", len(expected(guild)))
    assert (await archive.topics(guild, "sha", limit=5)) == [shared]


async def test_a_moderator_may_look_at_what_is_hidden_and_sees_the_own_verdict(store: Store, ids: list[int]) -> None:
    for card_id, (state, here, _) in zip(ids, CASES, strict=True):
        filed = await store.archive.card(card_id, HERE, hidden=True)
        assert filed
        assert (filed.card.state, filed.verdict) == (state, here)
    complete = await store.archive.complete_cards("titl", HERE, limit=100, hidden=True)
    assert {filed.card.slug for filed in complete} == {name for name in NAMES if not name.startswith("withdrawn")}


async def test_the_queue_holds_the_held_cards_without_a_verdict_of_this_server(store: Store, ids: list[int]) -> None:
    queue = await store.queue.page(HERE, Filters(), limit=2, offset=1)
    waiting = {n for n, (state, here, _) in zip(NAMES, CASES, strict=True) if state is State.HELD and here is None}
    assert queue.total == len(waiting) == 3
    assert {each.card.card.slug for each in queue.waiting} < waiting


async def test_saved_cards_that_are_hidden_now_are_counted_and_not_shown(store: Store, ids: list[int]) -> None:
    page = await store.saved.page(MEMBER, HERE, limit=2, offset=0)
    assert (page.total, page.hidden) == (len(expected(HERE)), len(CASES) - len(expected(HERE)))
    assert len(page.cards) == 2
    assert (await store.saved.page(8, HERE, limit=2, offset=0)).total == 0


async def test_saving_twice_and_forgetting_twice_are_told_apart(store: Store) -> None:
    (card_id,) = await file_cards(store, card())
    assert [await store.saved.save(MEMBER, card_id, NOW) for _ in range(2)] == [True, False]
    assert [await store.saved.remove(MEMBER, card_id) for _ in range(2)] == [True, False]


async def test_the_newest_save_comes_first(store: Store) -> None:
    ids = await file_cards(store, card("a"), card("b"), card("c"))
    for place, card_id in enumerate((ids[1], ids[2], ids[0])):
        await store.saved.save(MEMBER, card_id, NOW + timedelta(seconds=place))
    page = await store.saved.page(MEMBER, HERE, limit=9, offset=0)
    assert [filed.card.slug for filed in page.cards] == ["a", "c", "b"]
