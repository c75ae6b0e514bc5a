"""Which cards are wanted in which channels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Select, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.schema import CreateTable

from bot.cards.model import Card, CardState
from bot.domain.delivery import CardRevision, ContentKind, Delivery, DeliveryStatus, hash_content
from bot.domain.moderation import EVERYWHERE, Decision, DecisionSource, Verdict
from bot.domain.subscription import SubscriptionOptions
from bot.store import Store, open_store
from bot.store.database import open_database
from bot.store.outbox.new_posts import _choose_leads, _keep_oldest
from bot.store.outbox.planner import _DUE
from bot.store.outbox.post_candidates import candidates
from bot.store.tables import cards
from tests.support.cards import NOW, folder_id, make_card, make_older, store_cards
from tests.support.deliveries import due_channels
from tests.support.deliveries import next_delivery as head_of
from tests.support.stores import url_of

GUILD, CHANNEL = 1, 10
BEFORE, AFTER = NOW - timedelta(days=1), NOW + timedelta(days=1)
MAX_AGE = timedelta(days=14)


async def add_subscription(store: Store, **changes: Any) -> int:
    """Subscribe as an ordinary channel does; `changes` may name options as well."""
    options = SubscriptionOptions(
        **{name: changes.pop(name) for name in SubscriptionOptions.__slots__ if name in changes}
    )
    ordinary: dict[str, Any] = {
        "guild_id": GUILD,
        "channel_id": CHANNEL,
        "created_by": 5,
        "now": BEFORE,
        "options": options,
    }
    return (await store.subscriptions.add_subscription(**(ordinary | changes))).id


async def plan_deliveries(store: Store, now: datetime = NOW) -> int:
    return await store.outbox.planner.plan_deliveries(now, MAX_AGE)


async def decide_card(store: Store, card_id: int, verdict: Verdict, guild: int = GUILD, at: datetime = NOW) -> None:
    for expected in (None, *Verdict):
        if (
            await store.moderation.decisions.decide_card(
                Decision(guild, card_id, verdict, 5, at), source=DecisionSource.COMMAND, expected=expected
            )
        ).accepted:
            return


async def post_due(store: Store, channel: int = CHANNEL, now: datetime = NOW) -> list[str]:
    """Post everything that is due in a channel, and return the slugs in the order of posting."""
    slugs = []
    while delivery := await head_of(store, channel, now):
        stored = await store.cards.get_card(delivery.cards[0].card_id, 0, hidden=True)
        assert stored
        slugs.append(stored.card.slug)
        await store.outbox.queue.mark_sending(delivery, now)
        await store.outbox.queue.mark_posted(delivery, 1000 + delivery.id, now)
    return slugs


@pytest.mark.parametrize(
    ("changes", "options", "planned"),
    [
        ({}, {}, 1),
        ({"state": CardState.HELD}, {}, 0),
        ({"state": CardState.WITHDRAWN}, {}, 0),
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
    store: Store, changes: dict[str, Any], options: dict[str, Any], planned: int
) -> None:
    await add_subscription(store, **options)
    await store_cards(store, make_card(**changes))
    assert await plan_deliveries(store) == planned
    assert await post_due(store) == ["a-card"] * planned
    assert await plan_deliveries(store) == 0


async def test_a_new_subscription_gets_nothing_that_was_there_before(store: Store) -> None:
    await store_cards(store, make_card("old"), now=NOW)
    await plan_deliveries(store)
    await add_subscription(store, now=NOW + timedelta(minutes=1))
    await store_cards(store, make_card("old", title="Rewritten"), make_card("new"), now=NOW + timedelta(minutes=2))
    assert await plan_deliveries(store) == 1
    assert await post_due(store) == ["new"]


async def test_a_card_that_is_published_later_comes_then(store: Store) -> None:
    await add_subscription(store)
    await store_cards(store, make_card(state=CardState.HELD))
    assert await plan_deliveries(store) == 0
    await store_cards(store, make_card(state=CardState.PUBLISHED))
    assert await plan_deliveries(store) == 1


async def test_two_subscriptions_of_one_channel_bring_a_card_once_and_two_channels_each_once(store: Store) -> None:
    await add_subscription(store)
    await add_subscription(store, topics=("AI",))
    await add_subscription(store, channel_id=11)
    await add_subscription(store, guild_id=2, channel_id=20)
    await store_cards(store, make_card(topics=("AI",)))
    assert await plan_deliveries(store) == 3
    assert await due_channels(store, NOW) == [10, 11, 20]


async def test_one_article_under_two_names_is_one_post_in_a_channel_also_later(store: Store) -> None:
    await add_subscription(store)
    twins = [
        make_older(make_card(slug, aliases=("news.example/same",)), minutes=age) for slug, age in (("b", 0), ("a", 5))
    ]
    await store_cards(store, *twins)
    assert await plan_deliveries(store) == 1
    assert await post_due(store) == ["a"]
    await store_cards(store, make_card("c", aliases=("news.example/other", "news.example/same")))
    assert await plan_deliveries(store) == 0
    await add_subscription(store, channel_id=11, now=NOW - timedelta(hours=1))
    await store_cards(store, make_card("d", aliases=("news.example/same",)))
    assert await plan_deliveries(store) == 1
    assert await post_due(store, 11) == ["d"]


async def test_cards_without_an_address_are_never_taken_for_one_another(store: Store) -> None:
    await add_subscription(store)
    await store_cards(store, make_card("a", aliases=(), url=None), make_card("b", aliases=(), url=None))
    assert await plan_deliveries(store) == 2


async def post_card(store: Store, base: Card) -> Delivery:
    """The card's delivery, after it was posted as message 1001."""
    await add_subscription(store)
    await store_cards(store, base)
    await plan_deliveries(store)
    delivery = await head_of(store, CHANNEL, NOW)
    assert delivery
    await store.outbox.queue.mark_posted(delivery, 1001, NOW)
    return delivery


async def test_another_score_alone_plans_nothing_and_wants_no_edit(store: Store) -> None:
    await post_card(store, make_card(heat=90, quality=70))
    await store_cards(store, make_card(heat=150, quality=100))
    assert await plan_deliveries(store) == 0
    assert await due_channels(store, AFTER) == []
    stored = await store.cards.get_by_slug("a-card", 0)
    assert stored
    assert stored.card.heat == 150


async def test_many_changes_want_one_edit_to_the_last_of_them(store: Store) -> None:
    first = await post_card(store, make_card())
    for title in ("Second", "Third"):
        await store_cards(store, make_card(title=title))
        assert await plan_deliveries(store) == 0
    delivery = await head_of(store, CHANNEL, NOW)
    stored = await store.cards.get_by_slug("a-card", 0)
    assert delivery
    assert stored
    cards_now = (CardRevision(stored.id, stored.revision),)
    assert delivery == replace(
        first,
        cards=cards_now,
        desired_hash=hash_content(ContentKind.CARDS, cards_now),
        delivered_hash=first.desired_hash,
        message_id=1001,
        status=DeliveryStatus.WAITING,
        settled_at=NOW,
    )
    await store.outbox.queue.mark_edited(delivery, NOW)
    assert await head_of(store, CHANNEL, NOW) is None


async def test_a_change_that_is_taken_back_leaves_nothing_to_do_but_an_edit_that_changes_nothing(store: Store) -> None:
    first = await post_card(store, make_card())
    await store_cards(store, make_card(title="Other"))
    await plan_deliveries(store)
    await store_cards(store, make_card())
    await plan_deliveries(store)
    delivery = await head_of(store, CHANNEL, NOW)
    assert delivery is None or delivery.desired_hash == delivery.delivered_hash == first.desired_hash


@pytest.mark.parametrize("how", ["file", "moderator", "vanished"])
async def test_a_card_that_is_no_longer_visible_is_wanted_nowhere_and_comes_back_once(store: Store, how: str) -> None:
    first = await post_card(store, make_card())
    if how == "moderator":
        await decide_card(store, first.cards[0].card_id, Verdict.WITHDRAW)
    elif how == "vanished":
        await store.cards.importer.forget_items(await folder_id(store), ["a-card.md"], NOW)
    else:
        await store_cards(store, make_card(state=CardState.WITHDRAWN))
    assert await plan_deliveries(store) == 0
    delivery = await head_of(store, CHANNEL, NOW)
    assert delivery
    assert (delivery.id, delivery.desired_kind, delivery.message_id) == (first.id, None, 1001)
    await store.outbox.queue.mark_retracted(delivery, NOW)
    if how == "moderator":
        await decide_card(store, first.cards[0].card_id, Verdict.PUBLISH)
    else:
        await store_cards(store, make_card())
    assert await plan_deliveries(store) == 0
    again = await head_of(store, CHANNEL, NOW)
    assert again
    assert (again.id, again.desired_hash, again.cards, again.message_id) == (
        first.id,
        first.desired_hash,
        first.cards,
        None,
    )


async def test_a_card_that_its_file_holds_back_again_wants_a_note_in_its_place_until_it_is_back(store: Store) -> None:
    first = await post_card(store, make_card())
    await store_cards(store, make_card(state=CardState.HELD))
    await plan_deliveries(store)
    delivery = await head_of(store, CHANNEL, NOW)
    assert delivery
    assert (delivery.id, delivery.desired_kind, delivery.message_id) == (first.id, ContentKind.UNPUBLISHED, 1001)
    await store.outbox.queue.mark_edited(delivery, NOW)
    await store_cards(store, make_card())
    assert await plan_deliveries(store) == 0
    again = await head_of(store, CHANNEL, NOW)
    assert again
    assert (again.id, again.desired_hash, again.delivered_hash) == (
        first.id,
        first.desired_hash,
        delivery.desired_hash,
    )


async def test_a_withdrawal_before_the_post_leaves_nothing_to_post(store: Store) -> None:
    await add_subscription(store)
    await store_cards(store, make_card())
    await plan_deliveries(store)
    await store_cards(store, make_card(state=CardState.WITHDRAWN))
    await plan_deliveries(store)
    delivery = await head_of(store, CHANNEL, NOW)
    assert delivery
    assert (delivery.desired_kind, delivery.message_id) == (None, None)


async def test_a_moderators_publish_counts_for_one_server_whatever_the_cards_age(store: Store) -> None:
    await add_subscription(store)
    await add_subscription(store, guild_id=2, channel_id=20)
    (card_id,) = await store_cards(store, make_older(make_card(state=CardState.HELD), days=900))
    assert await plan_deliveries(store) == 0
    await decide_card(store, card_id, Verdict.PUBLISH)
    assert await plan_deliveries(store) == 1
    assert await post_due(store) == ["a-card"]
    assert await post_due(store, 20) == []


async def test_a_moderators_publish_from_before_the_subscription_brings_nothing(store: Store) -> None:
    (card_id,) = await store_cards(store, make_card(state=CardState.HELD))
    await decide_card(store, card_id, Verdict.PUBLISH, at=NOW)
    await add_subscription(store, now=NOW + timedelta(minutes=1))
    assert await plan_deliveries(store) == 0


async def test_one_servers_withdrawal_takes_the_post_from_that_server_only(store: Store) -> None:
    await add_subscription(store)
    await add_subscription(store, guild_id=2, channel_id=20)
    (card_id,) = await store_cards(store, make_card())
    await plan_deliveries(store)
    assert await post_due(store) == await post_due(store, 20) == ["a-card"]
    await decide_card(store, card_id, Verdict.WITHDRAW, guild=2)
    await plan_deliveries(store)
    assert await due_channels(store, NOW) == [20]


async def test_a_plan_for_one_card_in_one_server_leaves_all_else_to_the_next_plan(store: Store) -> None:
    """A click plans what it touched; other cards, and the card in other servers, stay marked as changed."""
    await add_subscription(store)
    await add_subscription(store, guild_id=2, channel_id=20)
    touched, _ = await store_cards(store, make_card("touched"), make_card("other"))
    assert await store.outbox.planner.plan_cards([touched], GUILD, NOW, MAX_AGE) == 1
    assert await store.outbox.planner.plan_cards([touched], GUILD, NOW, MAX_AGE) == 0
    assert await post_due(store) == ["touched"]
    assert await post_due(store, 20) == []
    assert (await store.outbox.planner.find_due(NOW)).cards
    assert await plan_deliveries(store) == 3
    assert not (await store.outbox.planner.find_due(NOW)).cards
    assert await post_due(store) == ["other"]
    assert sorted(await post_due(store, 20)) == ["other", "touched"]


async def test_a_plan_for_one_card_everywhere_plans_it_in_all_servers_and_no_other_card(store: Store) -> None:
    await add_subscription(store)
    await add_subscription(store, guild_id=2, channel_id=20)
    touched, _ = await store_cards(store, make_card("touched"), make_card("other"))
    assert await store.outbox.planner.plan_cards([touched], EVERYWHERE, NOW, MAX_AGE) == 2
    assert await post_due(store) == await post_due(store, 20) == ["touched"]
    assert await plan_deliveries(store) == 2


async def test_a_plan_for_one_server_withdraws_there_and_leaves_other_servers_to_the_next_plan(store: Store) -> None:
    await add_subscription(store)
    await add_subscription(store, guild_id=2, channel_id=20)
    touched, other = await store_cards(store, make_card("touched"), make_card("other"))
    await plan_deliveries(store)
    await post_due(store)
    await post_due(store, 20)
    await decide_card(store, touched, Verdict.WITHDRAW, guild=EVERYWHERE)
    await decide_card(store, other, Verdict.WITHDRAW)
    await store.outbox.planner.plan_cards([touched], GUILD, NOW, MAX_AGE)
    assert await due_channels(store, NOW) == [CHANNEL]
    assert await _retract_due(store, CHANNEL) == ["touched"]
    await plan_deliveries(store)
    assert await _retract_due(store, CHANNEL) == ["other"]
    assert await _retract_due(store, 20) == ["touched"]


async def _retract_due(store: Store, channel: int) -> list[str]:
    """Retract everything that is to be retracted in a channel, and return the slugs."""
    known = [await store.cards.get_by_slug(slug, 0, hidden=True) for slug in ("touched", "other")]
    slug_of = {
        hash_content(ContentKind.CARDS, [CardRevision(each.id, each.revision)]): each.card.slug
        for each in known
        if each
    }
    slugs = []
    while delivery := await head_of(store, channel, NOW):
        assert delivery.desired_kind is None
        slugs.append(slug_of[delivery.delivered_hash or ""])
        await store.outbox.queue.mark_retracted(delivery, NOW)
    return slugs


async def test_plans_at_the_same_time_add_each_message_once(store: Store, tmp_path: Path) -> None:
    """Two processes on one database: a click's plan and the leader's."""
    await add_subscription(store)
    ids = await store_cards(store, *(make_card(f"card-{number}") for number in range(5)))
    async with open_store(url_of(tmp_path / "newsdesk.db")) as second:
        added = await asyncio.gather(
            plan_deliveries(second), *(store.outbox.planner.plan_cards([each], GUILD, NOW, MAX_AGE) for each in ids)
        )
    assert sum(added) == len(ids)
    assert sorted(await post_due(store)) == [f"card-{number}" for number in range(5)]


async def test_the_end_of_a_subscription_drops_what_waits_and_keeps_what_is_posted(store: Store) -> None:
    first = await post_card(store, make_card("posted"))
    await store_cards(store, make_card("waiting"))
    await plan_deliveries(store)
    (subscription,) = await store.subscriptions.list_for_guild(GUILD)
    assert not await store.subscriptions.remove_subscription(2, subscription.id)
    assert await store.subscriptions.remove_subscription(GUILD, subscription.id)
    assert not await store.subscriptions.remove_subscription(GUILD, subscription.id)
    assert await head_of(store, CHANNEL, NOW) is None
    await store_cards(store, make_card("posted", title="Rewritten"), make_card("new"))
    assert await plan_deliveries(store) == 0
    delivery = await head_of(store, CHANNEL, NOW)
    assert delivery
    assert delivery.id == first.id


async def test_a_servers_subscriptions_are_listed_with_their_topics(store: Store) -> None:
    await add_subscription(
        store,
        topics=(
            "Space",
            "ai",
            "AI",
        ),
        min_quality=50,
    )
    await add_subscription(store, guild_id=2, channel_id=20)
    (own,) = await store.subscriptions.list_for_guild(GUILD)
    options = own.options
    assert (own.channel_id, options.topics, options.min_quality, own.created_at) == (
        CHANNEL,
        ("AI", "Space"),
        50,
        BEFORE,
    )


@pytest.mark.sqlite("its plans")
@pytest.mark.parametrize("question", [_DUE, select(cards.c.id).where(cards.c.needs_planning)])
async def test_what_is_asked_with_every_tick_is_found_by_indexes(database_url: str, question: Select[Any]) -> None:
    """SQLite uses a partial index only for the words that the index was made with."""
    queries = str(question.compile(dialect=sqlite.dialect()))
    async with open_store(database_url), open_database(database_url) as database, database.begin_read() as connection:
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {queries}", (0,) * queries.count("?"))).all()
    steps = [step for *_, step in plan if step.startswith(("SCAN", "SEARCH")) and step != "SCAN CONSTANT ROW"]
    assert steps
    assert all(" INDEX " in step for step in steps)


@pytest.mark.sqlite("its plans")
@pytest.mark.parametrize("build", [_keep_oldest, _choose_leads])
async def test_the_candidates_of_a_channel_are_not_searched_among_all(store: Store, build: Callable[[], Any]) -> None:
    """An item that a thousand servers follow has a candidate in each of them."""
    await plan_deliveries(store)
    async with store.feeds._database.begin_write() as connection:
        await connection.execute(CreateTable(candidates, if_not_exists=True))
        statement = build().compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")).all()
    steps = [step for *_, step in plan]
    assert any(step.startswith("SEARCH other") and "(channel_id=?" in step for step in steps), steps
