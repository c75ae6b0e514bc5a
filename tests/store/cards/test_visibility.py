"""Who sees a card: one rule in Python and SQL, and every way to read goes through it."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from bot.cards.model import CardState, Provider
from bot.domain.catch_up import select_missed
from bot.domain.moderation import Decision, DecisionSource, Verdict, is_visible
from bot.store import Store
from bot.store.cards.card_query import CardQuery, SearchOrder
from bot.store.cards.name_counts import TopicCount
from bot.store.moderation.queue import QueueFilters
from tests.support.cards import NOW, make_card, make_older, store_cards

HERE, THERE = 1, 2
MEMBER = 7
SHARED = [state for state in CardState if state is not CardState.FOLLOWED]
CASES = list(product(SHARED, (None, *Verdict), (None, *Verdict)))
NAMES = ["-".join(part or "undecided" for part in case) for case in CASES]


async def decide_card(store: Store, guild: int, card_id: int, verdict: Verdict) -> None:
    decision = Decision(guild, card_id, verdict, 9, NOW)
    assert (
        await store.moderation.decisions.decide_card(decision, source=DecisionSource.COMMAND, expected=None)
    ).accepted


@pytest.fixture
async def ids(store: Store) -> list[int]:
    """A card of every state, verdict here and verdict there; each with a topic and a provider of its own."""
    cards = [
        make_older(
            make_card(
                name,
                title=f"Title {place}",
                state=state,
                topics=("Shared", f"T {name}"),
                provider=Provider(f"P {name}"),
            ),
            minutes=place,
        )
        for place, (name, (state, _, _)) in enumerate(zip(NAMES, CASES, strict=True))
    ]
    found = await store_cards(store, *cards)
    for card_id, (_, here, target) in zip(found, CASES, strict=True):
        for guild, verdict in ((HERE, here), (THERE, target)):
            if verdict:
                await decide_card(store, guild, card_id, verdict)
        await store.members.saved_cards.save_card(MEMBER, card_id, NOW)
    return found


def expected_slugs(guild: int) -> set[str]:
    place = {HERE: 1, THERE: 2}.get(guild)
    return {
        name
        for name, case in zip(NAMES, CASES, strict=True)
        if is_visible(case[0], case[place] if place else None)  # type: ignore[arg-type]
    }


@pytest.mark.parametrize("guild", [HERE, THERE, 0, 3])
async def test_every_way_to_read_shows_what_the_rule_says(store: Store, ids: list[int], guild: int) -> None:
    archive = store.cards
    ways = {
        "latest": (await archive.list_latest(guild, limit=100)).cards,
        "latest of a topic": (await archive.list_latest(guild, topic="shared", limit=100)).cards,
        "by ids": await store.cards.get_visible(ids, guild),
        "by addresses": await store.cards.find_by_urls([f"news.example/{name}" for name in NAMES], guild, limit=100),
        "names to complete": await archive.complete_cards("", guild, limit=100),
        "names to complete by word": await archive.complete_cards("titl", guild, limit=100),
        "saved": (await store.members.saved_cards.get_page(MEMBER, guild, limit=100, offset=0)).cards,
        "by id": [found for card_id in ids if (found := await archive.get_card(card_id, guild))],
        "by slug": [found for name in NAMES if (found := await archive.get_by_slug(name, guild))],
    }
    candidate_pool = await store.outbox.candidates.load_pool([guild], NOW - timedelta(days=7), NOW - timedelta(days=14))
    best = [
        each.card_id
        for each in select_missed(candidate_pool.for_guild(guild), NOW - timedelta(days=7), NOW, most=100).best
    ]
    ways["what was missed"] = list((await archive.get_by_ids(best, guild)).values())
    for order in SearchOrder:
        for query in (CardQuery("title", order=order), CardQuery(topic="Shared", order=order)):
            ways[f"search {query}"] = (await archive.search_cards(query, guild, limit=100)).cards
    for way, cards in ways.items():
        assert {stored.card.slug for stored in cards} == expected_slugs(guild), way
    topics = {topic.name for topic in await archive.list_topics(guild, "t ", limit=100)}
    assert topics == {f"T {name}" for name in expected_slugs(guild)}
    assert {each.name for each in await archive.list_providers(guild, limit=100)} == {
        f"P {n}" for n in expected_slugs(guild)
    }
    shared = TopicCount("Shared", len(expected_slugs(guild)))
    assert (await archive.list_topics(guild, "sha", limit=5)) == [shared]


async def test_a_moderator_may_look_at_what_is_hidden_and_sees_the_own_verdict(store: Store, ids: list[int]) -> None:
    for card_id, (state, here, _) in zip(ids, CASES, strict=True):
        stored = await store.cards.get_card(card_id, HERE, hidden=True)
        assert stored
        assert (stored.card.state, stored.verdict) == (state, here)
    complete = await store.cards.complete_cards("titl", HERE, limit=100, hidden=True)
    assert {stored.card.slug for stored in complete} == {name for name in NAMES if not name.startswith("withdrawn")}


async def test_the_queue_holds_the_held_cards_without_a_verdict_of_this_server(store: Store, ids: list[int]) -> None:
    queue = await store.moderation.queue.get_page(HERE, QueueFilters(), limit=2, offset=1)
    waiting = {n for n, (state, here, _) in zip(NAMES, CASES, strict=True) if state is CardState.HELD and here is None}
    assert queue.total == len(waiting) == 3
    assert {each.card.card.slug for each in queue.waiting} < waiting


async def test_saved_cards_that_are_hidden_now_are_counted_and_not_shown(store: Store, ids: list[int]) -> None:
    page = await store.members.saved_cards.get_page(MEMBER, HERE, limit=2, offset=0)
    assert (page.total, page.hidden) == (len(expected_slugs(HERE)), len(CASES) - len(expected_slugs(HERE)))
    assert len(page.cards) == 2
    assert (await store.members.saved_cards.get_page(8, HERE, limit=2, offset=0)).total == 0


async def test_saving_twice_and_forgetting_twice_are_told_apart(store: Store) -> None:
    (card_id,) = await store_cards(store, make_card())
    assert [await store.members.saved_cards.save_card(MEMBER, card_id, NOW) for _ in range(2)] == [True, False]
    assert [await store.members.saved_cards.remove_card(MEMBER, card_id) for _ in range(2)] == [True, False]


async def test_the_newest_save_comes_first(store: Store) -> None:
    ids = await store_cards(store, make_card("a"), make_card("b"), make_card("c"))
    for place, card_id in enumerate((ids[1], ids[2], ids[0])):
        await store.members.saved_cards.save_card(MEMBER, card_id, NOW + timedelta(seconds=place))
    page = await store.members.saved_cards.get_page(MEMBER, HERE, limit=9, offset=0)
    assert [stored.card.slug for stored in page.cards] == ["a", "c", "b"]
