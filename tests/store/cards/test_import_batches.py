"""Items of several sources in one transaction: each stays its own, and a refused one costs no other."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from sqlalchemy import select

from bot.cards.model import Card, ParseResult, SourceItem, SourceKind
from bot.store import Store
from bot.store.cards.import_batch import ImportResult, SourceBatch
from bot.store.cards.importer import KnownItem
from bot.store.tables import cards, followed_words, server_cards, source_items
from tests.support.cards import NOW, make_card
from tests.support.follows import LONG_AGO, follow_feed, make_item
from tests.support.stage import ManualClock


async def _add_source(store: Store, name: str, *, is_shared: bool) -> int:
    return await store.cards.importer.ensure_source(SourceKind.FEED, name, is_shared=is_shared)


def _part(source_id: int, *found: Card, is_backlog: bool = False, key: str = "") -> SourceBatch:
    items = [(SourceItem(key or each.slug, "1"), ParseResult(each, digest=each.title)) for each in found]
    return SourceBatch(source_id, items, is_backlog)


async def _import(store: Store, *parts: SourceBatch, now: datetime = NOW) -> ImportResult:
    return await store.cards.importer.import_batches(parts, lambda: now)


async def _known(store: Store, name: str) -> dict[str, KnownItem]:
    return await store.cards.importer.known_items(SourceKind.FEED, name)


async def _column(store: Store, query: Any) -> list[Any]:
    async with store.feeds._database.begin_read() as connection:
        return list((await connection.execute(query)).scalars())


async def test_each_source_keeps_what_is_its_own(store: Store) -> None:
    shared = await _add_source(store, "shared", is_shared=True)
    followed = await _add_source(store, "followed", is_shared=False)
    resting = await _add_source(store, "resting", is_shared=False)
    await follow_feed(store, 1, followed)
    await follow_feed(store, 2, resting)
    result = await _import(
        store,
        _part(shared, make_card("a"), key="same key"),
        _part(followed, make_item("b"), key="same key"),
        _part(resting, make_item("c", title="Lighthouse"), is_backlog=True),
    )
    assert (result.added, result.refused) == (3, [])
    assert [each.card.slug for each in (await store.cards.list_latest(1, limit=9)).cards] == ["b", "a"]
    assert [each.card.slug for each in (await store.cards.list_latest(9, limit=9)).cards] == ["a"]
    rows = select(server_cards.c.guild_id).where(~server_cards.c.is_backlog)
    assert await _column(store, rows) == [1]
    assert [len(await _known(store, name)) for name in ("shared", "followed", "resting")] == [1, 1, 1]
    words = select(followed_words.c.word).where(followed_words.c.source_id == resting)
    assert "lighthouse" in await _column(store, words)
    assert "lighthouse" not in await _column(store, words.where(followed_words.c.source_id == followed))


async def test_an_item_that_cannot_be_stored_costs_no_other(store: Store) -> None:
    ids = [await _add_source(store, f"feed-{number}", is_shared=True) for number in range(5)]
    parts = [_part(source_id, make_card(f"{source_id}-1"), make_card(f"{source_id}-2")) for source_id in ids]
    bad = make_card("bad", quality=10**30, heat=10**30)
    parts[3] = _part(ids[3], make_card(f"{ids[3]}-1"), bad)
    result = await _import(store, *parts)
    assert result.added == 9
    assert [problem.file for problem in result.refused] == ["bad"]
    known = await _known(store, "feed-3")
    assert known["bad"].card_id is None
    assert known[f"{ids[3]}-1"].card_id is not None


async def test_a_second_import_changes_nothing_and_an_edit_only_its_card(store: Store) -> None:
    ids = [await _add_source(store, f"feed-{number}", is_shared=number == 0) for number in range(3)]
    for guild_id, source_id in enumerate(ids[1:], 1):
        await follow_feed(store, guild_id, source_id)
    parts = [_part(source_id, make_item(f"card-{source_id}")) for source_id in ids]
    await _import(store, *parts)
    before = await _column(store, select(cards.c.id).order_by(cards.c.id))
    assert (await _import(store, *parts)).unchanged == 3
    edited = make_item(f"card-{ids[1]}", title="Edited", published_at=NOW)
    result = await _import(store, parts[0], _part(ids[1], edited), parts[2])
    assert (result.added, result.changed, result.unchanged) == (0, 1, 2)
    assert await _column(store, select(cards.c.id).order_by(cards.c.id)) == before
    (stored,) = (await store.cards.list_latest(1, limit=9)).cards
    assert (stored.card.title, stored.card.published_at < NOW) == ("Edited", True)


async def test_equal_items_of_two_sources_are_two_cards(store: Store) -> None:
    """One is not taken for the other under a new name, not even after it is gone."""
    first, second = [await _add_source(store, name, is_shared=True) for name in ("first", "second")]
    twin = {"title": "Same", "url": "https://news.example/same", "aliases": ("news.example/same",)}
    assert (
        await _import(store, _part(first, make_card("x", **twin)), _part(second, make_card("y", **twin)))
    ).added == 2
    await store.cards.importer.forget_items(first, ["x"], NOW)
    result = await _import(store, _part(first, make_card("x2", **twin)), _part(second, make_card("y2", **twin)))
    assert (result.added, result.changed) == (1, 1)
    carried = select(cards.c.slug).order_by(cards.c.id)
    assert await _column(store, carried) == ["x2", "y", "y2"]
    owners = await _column(store, select(cards.c.source_id).order_by(cards.c.id))
    assert owners == [first, second, second]


async def test_a_broken_item_keeps_its_card_and_is_no_longer_missing(store: Store) -> None:
    source_id = await _add_source(store, "feed", is_shared=True)
    await _import(store, _part(source_id, make_card("a")))
    await store.cards.importer.mark_missing(source_id, ["a"], LONG_AGO)
    await _import(store, SourceBatch(source_id, [(SourceItem("a", "2"), ParseResult(None))]))
    known = (await _known(store, "feed"))["a"]
    assert (known.fingerprint, known.missing_since) == ("2", None)
    assert [known.card_id] == await _column(store, select(source_items.c.card_id))
    assert known.card_id is not None


async def test_a_card_is_visible_since_its_transaction_began(store: Store) -> None:
    """It may wait for other writers, and whoever subscribes meanwhile gets it."""
    clock = ManualClock(NOW)
    part = _part(await _add_source(store, "feed", is_shared=True), make_card("a"))
    async with store.feeds._database.begin_write():
        importing = asyncio.create_task(store.cards.importer.import_batches([part], clock))
        await asyncio.sleep(0)
        clock.advance(minutes=1)
    assert (await importing).added == 1
    assert await _column(store, select(cards.c.visible_at)) == [clock()]
