"""Which cards are wanted in which channels."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Select, select
from sqlalchemy.dialects import sqlite

from bot.cards.model import Card, State
from bot.desk.delivery import UNPUBLISHED, Delivery, Progress, contents
from bot.desk.publication import Decision, Source, Verdict
from bot.desk.subscription import Wish
from bot.store import Store, open_store
from bot.store.agenda import _DUE
from bot.store.database import open_database
from bot.store.tables import cards
from tests.support.cards import NOW, card, file_cards, older
from tests.support.deliveries import due
from tests.support.deliveries import head as head_of

GUILD, CHANNEL = 1, 10
BEFORE, AFTER = NOW - timedelta(days=1), NOW + timedelta(days=1)
MAX_AGE = timedelta(days=14)


async def subscribe(store: Store, **changes: Any) -> int:
    """Subscribe as an ordinary channel does; `changes` may name fields of the wish as well."""
    wish = Wish(**{name: changes.pop(name) for name in Wish.__slots__ if name in changes})
    ordinary: dict[str, Any] = {"guild_id": GUILD, "channel_id": CHANNEL, "created_by": 5, "now": BEFORE, "wish": wish}
    return (await store.subscriptions.add(**(ordinary | changes))).id


async def plan(store: Store, now: datetime = NOW) -> int:
    return await store.deliveries.plan(now, MAX_AGE)


async def decide(store: Store, card_id: int, verdict: Verdict, guild: int = GUILD, at: datetime = NOW) -> None:
    for expected in (None, *Verdict):
        if (
            await store.desk.decide(Decision(guild, card_id, verdict, 5, at), source=Source.COMMAND, expected=expected)
        ).taken:
            return


async def waiting(store: Store, channel: int = CHANNEL, now: datetime = NOW) -> list[str]:
    """Post everything that is due in a channel, and return the slugs in the order of posting."""
    slugs = []
    while delivery := await head_of(store, channel, now):
        filed = await store.archive.card(contents(delivery.wanted)[0].card_id, 0, hidden=True)
        assert filed
        slugs.append(filed.card.slug)
        await store.deliveries.sending(delivery, now)
        await store.deliveries.posted(delivery, 1000 + delivery.id, now)
    return slugs


@pytest.mark.parametrize(
    ("changes", "wish", "planned"),
    [
        ({}, {}, 1),
        ({"state": State.HELD}, {}, 0),
        ({"state": State.WITHDRAWN}, {}, 0),
        ({"published_at": NOW - MAX_AGE}, {}, 1),
        ({"published_at": NOW - MAX_AGE - timedelta(seconds=1)}, {}, 0),
        ({}, {"now": NOW - timedelta(seconds=1)}, 1),
        ({}, {"now": NOW}, 0),
        ({}, {"now": AFTER}, 0),
        ({"quality": 80}, {"min_quality": 80}, 1),
        ({"quality": 79}, {"min_quality": 80}, 0),
        ({"quality": None}, {"min_quality": 1}, 0),
        ({"quality": None}, {"min_quality": 0}, 1),
        ({"topics": ("AI", "Space")}, {"topics": ("space ",)}, 1),
        (
            {"topics": ("AI",)},
            {
                "topics": (
                    "Space",
                    "ai",
                )
            },
            1,
        ),
        ({"topics": ("AI",)}, {"topics": ("Space",)}, 0),
        ({"topics": ()}, {"topics": ("Space",)}, 0),
    ],
)
async def test_a_channel_gets_new_fresh_good_cards_of_its_topics(
    store: Store, changes: dict[str, Any], wish: dict[str, Any], planned: int
) -> None:
    await subscribe(store, **wish)
    await file_cards(store, card(**changes))
    assert await plan(store) == planned
    assert await waiting(store) == ["a-card"] * planned
    assert await plan(store) == 0


async def test_a_new_subscription_gets_nothing_that_was_there_before(store: Store) -> None:
    await file_cards(store, card("old"), now=NOW)
    await plan(store)
    await subscribe(store, now=NOW + timedelta(minutes=1))
    await file_cards(store, card("old", title="Rewritten"), card("new"), now=NOW + timedelta(minutes=2))
    assert await plan(store) == 1
    assert await waiting(store) == ["new"]


async def test_a_card_that_is_published_later_comes_then(store: Store) -> None:
    await subscribe(store)
    await file_cards(store, card(state=State.HELD))
    assert await plan(store) == 0
    await file_cards(store, card(state=State.PUBLISHED))
    assert await plan(store) == 1


async def test_two_subscriptions_of_one_channel_bring_a_card_once_and_two_channels_each_once(store: Store) -> None:
    await subscribe(store)
    await subscribe(store, topics=("AI",))
    await subscribe(store, channel_id=11)
    await subscribe(store, guild_id=2, channel_id=20)
    await file_cards(store, card(topics=("AI",)))
    assert await plan(store) == 3
    assert await due(store, NOW) == [10, 11, 20]


async def test_one_article_under_two_names_is_one_post_in_a_channel_also_later(store: Store) -> None:
    await subscribe(store)
    twins = [older(card(slug, aliases=("news.example/same",)), minutes=age) for slug, age in (("b", 0), ("a", 5))]
    await file_cards(store, *twins)
    assert await plan(store) == 1
    assert await waiting(store) == ["a"]
    await file_cards(store, card("c", aliases=("news.example/other", "news.example/same")))
    assert await plan(store) == 0
    await subscribe(store, channel_id=11, now=NOW - timedelta(hours=1))
    await file_cards(store, card("d", aliases=("news.example/same",)))
    assert await plan(store) == 1
    assert await waiting(store, 11) == ["d"]


async def test_cards_without_an_address_are_never_taken_for_one_another(store: Store) -> None:
    await subscribe(store)
    await file_cards(store, card("a", aliases=(), url=None), card("b", aliases=(), url=None))
    assert await plan(store) == 2


async def delivered(store: Store, base: Card) -> Delivery:
    """The card's delivery, after it was posted as message 1001."""
    await subscribe(store)
    await file_cards(store, base)
    await plan(store)
    delivery = await head_of(store, CHANNEL, NOW)
    assert delivery
    await store.deliveries.posted(delivery, 1001, NOW)
    return delivery


async def test_another_score_alone_plans_nothing_and_wants_no_edit(store: Store) -> None:
    await delivered(store, card(heat=90, quality=70))
    await file_cards(store, card(heat=150, quality=100))
    assert await plan(store) == 0
    assert await due(store, AFTER) == []
    filed = await store.archive.by_slug("a-card", 0)
    assert filed
    assert filed.card.heat == 150


async def test_many_changes_want_one_edit_to_the_last_of_them(store: Store) -> None:
    first = await delivered(store, card())
    for title in ("Second", "Third"):
        await file_cards(store, card(title=title))
        assert await plan(store) == 0
    delivery = await head_of(store, CHANNEL, NOW)
    filed = await store.archive.by_slug("a-card", 0)
    assert delivery
    assert filed
    assert delivery == replace(
        first,
        wanted=f"{filed.id}:{filed.revision}",
        actual=first.wanted,
        message_id=1001,
        progress=Progress.WAITING,
        settled_at=NOW,
    )
    await store.deliveries.edited(delivery, NOW)
    assert await head_of(store, CHANNEL, NOW) is None


async def test_a_change_that_is_taken_back_leaves_nothing_to_do_but_an_edit_that_changes_nothing(store: Store) -> None:
    first = await delivered(store, card())
    await file_cards(store, card(title="Other"))
    await plan(store)
    await file_cards(store, card())
    await plan(store)
    delivery = await head_of(store, CHANNEL, NOW)
    assert delivery is None or delivery.wanted == delivery.actual == first.wanted


@pytest.mark.parametrize("how", ["file", "moderator", "vanished"])
async def test_a_card_that_is_no_longer_visible_is_wanted_nowhere_and_comes_back_once(store: Store, how: str) -> None:
    first = await delivered(store, card())
    if how == "moderator":
        await decide(store, contents(first.wanted)[0].card_id, Verdict.WITHDRAW)
    elif how == "vanished":
        await store.cabinet.forget("/cards", ["a-card.md"], NOW)
    else:
        await file_cards(store, card(state=State.WITHDRAWN))
    assert await plan(store) == 0
    delivery = await head_of(store, CHANNEL, NOW)
    assert delivery
    assert (delivery.id, delivery.wanted, delivery.message_id) == (first.id, None, 1001)
    await store.deliveries.retracted(delivery, NOW)
    if how == "moderator":
        await decide(store, contents(first.wanted)[0].card_id, Verdict.PUBLISH)
    else:
        await file_cards(store, card())
    assert await plan(store) == 0
    again = await head_of(store, CHANNEL, NOW)
    assert again
    assert (again.id, again.wanted, again.message_id) == (first.id, first.wanted, None)


async def test_a_card_that_its_file_holds_back_again_wants_a_note_in_its_place_until_it_is_back(store: Store) -> None:
    first = await delivered(store, card())
    await file_cards(store, card(state=State.HELD))
    await plan(store)
    delivery = await head_of(store, CHANNEL, NOW)
    assert delivery
    assert (delivery.id, delivery.wanted, delivery.message_id) == (first.id, UNPUBLISHED, 1001)
    await store.deliveries.edited(delivery, NOW)
    await file_cards(store, card())
    assert await plan(store) == 0
    again = await head_of(store, CHANNEL, NOW)
    assert again
    assert (again.id, again.wanted, again.actual) == (first.id, first.wanted, UNPUBLISHED)


async def test_a_withdrawal_before_the_post_leaves_nothing_to_post(store: Store) -> None:
    await subscribe(store)
    await file_cards(store, card())
    await plan(store)
    await file_cards(store, card(state=State.WITHDRAWN))
    await plan(store)
    delivery = await head_of(store, CHANNEL, NOW)
    assert delivery
    assert (delivery.wanted, delivery.message_id) == (None, None)


async def test_a_moderators_publish_counts_for_one_server_whatever_the_cards_age(store: Store) -> None:
    await subscribe(store)
    await subscribe(store, guild_id=2, channel_id=20)
    (card_id,) = await file_cards(store, older(card(state=State.HELD), days=900))
    assert await plan(store) == 0
    await decide(store, card_id, Verdict.PUBLISH)
    assert await plan(store) == 1
    assert await waiting(store) == ["a-card"]
    assert await waiting(store, 20) == []


async def test_a_moderators_publish_from_before_the_subscription_brings_nothing(store: Store) -> None:
    (card_id,) = await file_cards(store, card(state=State.HELD))
    await decide(store, card_id, Verdict.PUBLISH, at=NOW)
    await subscribe(store, now=NOW + timedelta(minutes=1))
    assert await plan(store) == 0


async def test_one_servers_withdrawal_takes_the_post_from_that_server_only(store: Store) -> None:
    await subscribe(store)
    await subscribe(store, guild_id=2, channel_id=20)
    (card_id,) = await file_cards(store, card())
    await plan(store)
    assert await waiting(store) == await waiting(store, 20) == ["a-card"]
    await decide(store, card_id, Verdict.WITHDRAW, guild=2)
    await plan(store)
    assert await due(store, NOW) == [20]


async def test_the_end_of_a_subscription_drops_what_waits_and_keeps_what_is_posted(store: Store) -> None:
    first = await delivered(store, card("posted"))
    await file_cards(store, card("waiting"))
    await plan(store)
    (subscription,) = await store.subscriptions.of_guild(GUILD)
    assert not await store.subscriptions.remove(2, subscription.id)
    assert await store.subscriptions.remove(GUILD, subscription.id)
    assert not await store.subscriptions.remove(GUILD, subscription.id)
    assert await head_of(store, CHANNEL, NOW) is None
    await file_cards(store, card("posted", title="Rewritten"), card("new"))
    assert await plan(store) == 0
    delivery = await head_of(store, CHANNEL, NOW)
    assert delivery
    assert delivery.id == first.id


async def test_a_servers_subscriptions_are_listed_with_their_topics(store: Store) -> None:
    await subscribe(
        store,
        topics=(
            "Space",
            "ai",
            "AI",
        ),
        min_quality=50,
    )
    await subscribe(store, guild_id=2, channel_id=20)
    (mine,) = await store.subscriptions.of_guild(GUILD)
    wish = mine.wish
    assert (mine.channel_id, wish.topics, wish.min_quality, mine.created_at) == (CHANNEL, ("AI", "Space"), 50, BEFORE)


@pytest.mark.sqlite("its plans")
@pytest.mark.parametrize("question", [_DUE, select(cards.c.id).where(cards.c.unplanned)])
async def test_what_is_asked_with_every_tick_is_found_by_indexes(database_url: str, question: Select[Any]) -> None:
    """SQLite uses a partial index only for the words that the index was made with."""
    asked = str(question.compile(dialect=sqlite.dialect()))
    async with open_store(database_url), open_database(database_url) as database, database.read() as connection:
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}", (0,) * asked.count("?"))).all()
    steps = [step for *_, step in plan if step.startswith(("SCAN", "SEARCH")) and step != "SCAN CONSTANT ROW"]
    assert steps
    assert all(" INDEX " in step for step in steps)
