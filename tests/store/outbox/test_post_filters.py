"""Words and publishers of instant subscriptions: which new cards they let through, in each server."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.cards.model import CardState, Provider
from bot.domain.feed import NewFeed
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.store import Store, open_store
from bot.store.transfer.export import EXPORTED
from tests.support.cards import NOW, make_card, store_cards
from tests.support.edits import edit_card
from tests.support.follows import HERE, THERE, add_feed, follow_feed, make_item, plan, store_items, subscribe
from tests.support.stores import new_database

CHANNEL, OTHER = 10, 20
CHIPS = make_card("chips", title="New chips", excerpt="A foundry opens.", provider=Provider("Wired", "wired.com"))
RIVER = make_card("river", title="A river", excerpt="It rises.", provider=Provider("BBC News", "bbc.co.uk"))
NAMELESS = make_card("nameless", title="Nobody says", excerpt="Chips, of course.", provider=None)


async def list_planned(store: Store, channel: int = CHANNEL) -> set[str]:
    """The cards that are on their way to a channel."""
    work, _ = await store.outbox.queue.fetch_due(NOW)
    ids = {card.card_id for delivery in work.get(channel, ()) for card in delivery.cards}
    return {stored.card.slug for stored in (await store.cards.get_by_ids(ids)).values()}


@pytest.mark.parametrize(
    ("options", "planned"),
    [
        ({}, {"chips", "river", "nameless"}),
        ({"words": ("chip",)}, {"chips", "nameless"}),
        ({"words": ("chip", "rises")}, {"chips", "river", "nameless"}),
        ({"words": ('"new chips"',)}, {"chips"}),
        ({"words": ("nothing",)}, set()),
        ({"providers": ("wired",)}, {"chips"}),
        ({"providers": ("WIRED", "bbc  news")}, {"chips", "river"}),
        ({"providers": ("Nobody",)}, set()),
        ({"words": ("chip",), "providers": ("BBC News",)}, set()),
        ({"words": ("chip",), "excluded": ("course",)}, {"chips"}),
        ({"words": ("chip",), "topics": ("Nothing",)}, set()),
    ],
)
async def test_a_card_needs_one_of_each(store: Store, options: dict[str, Any], planned: set[str]) -> None:
    await subscribe(store, HERE, CHANNEL, **options)
    await store_cards(store, CHIPS, RIVER, NAMELESS)
    await plan(store)
    assert await list_planned(store) == planned


async def test_subscriptions_of_a_channel_do_not_mind_each_other(store: Store) -> None:
    await subscribe(store, HERE, CHANNEL, words=("foundry",))
    await subscribe(store, HERE, CHANNEL, providers=("BBC News",))
    await subscribe(store, THERE, OTHER, words=("foundry", "river"), providers=("BBC News",))
    await store_cards(store, CHIPS, RIVER)
    await plan(store)
    assert await list_planned(store) == {"chips", "river"}
    assert await list_planned(store, OTHER) == {"river"}


async def test_a_server_that_edited_a_card_gets_it_by_its_own_words(store: Store) -> None:
    await subscribe(store, HERE, CHANNEL, words=("salmon",))
    await subscribe(store, THERE, OTHER, words=("salmon",))
    feed = await add_feed(store)
    for guild in (HERE, THERE):
        await follow_feed(store, guild, feed)
    (card_id,) = await store_items(store, feed, make_item("chips", title="New chips"))
    await edit_card(store, HERE, card_id, title="A salmon")
    await plan(store)
    assert await list_planned(store) == {"chips"}
    assert await list_planned(store, OTHER) == set()


async def test_a_card_is_read_in_the_language_of_its_feed(store: Store) -> None:
    await subscribe(store, HERE, CHANNEL, words=("Hauses",))
    feed = (await store.feeds.add_followed([NewFeed("https://feed.example/rss", "Feed")], NOW))[
        "https://feed.example/rss"
    ].source_id
    await follow_feed(store, HERE, feed)
    await store.feeds.set_languages({feed: "de"})
    await store_items(store, feed, make_item("houses", title="Neue Häuser"))
    await plan(store)
    assert await list_planned(store) == {"houses"}


@pytest.mark.parametrize("options", [{"words": ("river",)}, {"providers": ("Nobody",)}, {"excluded": ("chips",)}])
async def test_what_a_moderator_picks_for_a_subscription_comes_whatever_it_asks_for(
    store: Store, options: dict[str, Any]
) -> None:
    picked = await subscribe(store, HERE, CHANNEL, **options)
    (card_id,) = await store_cards(store, replace(CHIPS, state=CardState.HELD))
    decision = Decision(HERE, card_id, Verdict.PUBLISH, 5, NOW, subscription_ids=(picked,))
    await store.moderation.decisions.decide_card(decision, source=DecisionSource.COMMAND, expected=None)
    await plan(store)
    assert await list_planned(store) == {"chips"}


async def test_what_is_changed_holds_for_the_next_card(store: Store) -> None:
    await subscribe(store, HERE, CHANNEL, words=("river",), providers=("Wired",))
    (made,) = await store.subscriptions.list_for_guild(HERE)
    assert (made.options.words, made.options.providers) == (("river",), ("Wired",))
    wanted = replace(made.options, words=("chip",), providers=())
    changed = await store.subscriptions.change_options(made, wanted, NOW)
    assert await store.subscriptions.list_for_guild(HERE) == [changed]
    await store_cards(store, CHIPS, RIVER)
    await plan(store)
    assert await list_planned(store) == {"chips"}


async def test_an_imported_subscription_asks_for_the_same(store: Store, tmp_path: Path) -> None:
    await subscribe(store, HERE, CHANNEL, words=('"new chips"', "salmon"), providers=("Wired",))
    async with store.transfer.exporter.take_snapshot() as snapshot:
        exported = {kind: [row async for row in snapshot.export_rows(kind)] for kind in EXPORTED}
    async with open_store(new_database(tmp_path / "other.db")) as other:
        await other.transfer.importer.import_all(exported, NOW - timedelta(days=1))
        await store_cards(other, CHIPS, replace(RIVER, provider=CHIPS.provider))
        await plan(other)
        assert await list_planned(other) == {"chips"}


async def test_a_removed_subscription_leaves_no_terms(store: Store) -> None:
    removed = await subscribe(store, HERE, CHANNEL, words=("chip",))
    await store.subscriptions.remove_subscription(HERE, removed)
    await subscribe(store, HERE, CHANNEL)
    await store_cards(store, CHIPS, RIVER)
    await plan(store)
    assert await list_planned(store) == {"chips", "river"}
