"""Feeds and who follows them go along: in an export, and when the store moves to another engine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.cards.model import ParseResult, SourceItem
from bot.domain.feed import FeedOptions, NewFeed
from bot.domain.follows import Follow, FollowPolicy
from bot.domain.intake import IntakePolicy
from bot.store import Store, move_store, open_store
from bot.store.cards.card_query import CardQuery
from bot.store.transfer.export import EXPORTED
from tests.support.cards import NOW
from tests.support.follows import (
    list_slugs,
    make_item,
    plan,
    post_due,
    subscribe,
)
from tests.support.stores import no_database

HERE, THERE = 1, 2
SHARED, OWN = "https://user:secret@shared.example/feed", "https://own.example/feed"
LATER = NOW + timedelta(hours=1)


async def fill_feeds(store: Store) -> int:
    """Add a feed of everybody, and one that two servers follow in their own ways. Returns the source of the latter."""
    options = FeedOptions(FollowPolicy.REVIEW, ("Science",), 70)
    await store.feeds.apply_list([NewFeed(SHARED, "Shared", options)], NOW)
    feed = (await store.feeds.add_followed([NewFeed(OWN, "Own")], NOW))[OWN]
    first = Follow(HERE, feed.source_id, FollowPolicy.PUBLISH, NOW, 5, quality=80, topics=("Space", "Moon"))
    second = Follow(THERE, feed.source_id, FollowPolicy.REVIEW, NOW, 6, paused=True)
    for follow in (first, second):
        assert await store.cards.follows.follow_source(follow)
    return feed.source_id


async def store_item(store: Store, source_id: int, slug: str) -> None:
    batch = [(SourceItem(slug, ""), ParseResult(make_item(slug, title=f"Comet {slug}")))]
    await store.cards.importer.import_batch(source_id, batch, vanished=(), now=NOW, withdraw=True)


async def export_all(store: Store) -> dict[str, list[dict[str, Any]]]:
    async with store.transfer.exporter.take_snapshot() as snapshot:
        return {kind: [row async for row in snapshot.export_rows(kind)] for kind in EXPORTED}


async def read_follows(store: Store) -> dict[int, list[tuple[Any, ...]]]:
    """What servers want of which feeds, whatever the ids of these are."""
    found: dict[int, list[tuple[Any, ...]]] = {}
    for guild_id in (HERE, THERE):
        for each in await store.cards.follows.list_follows(guild_id):
            (feed,) = await store.feeds.fetch_feeds([each.source_id])
            wanted = (feed.key, each.policy, each.quality, each.topics, each.paused, each.followed_at, each.created_by)
            found.setdefault(guild_id, []).append(wanted)
    return found


@pytest.fixture
def elsewhere(tmp_path: Path) -> str:
    return no_database(tmp_path / "elsewhere.db")


async def test_feeds_and_follows_are_taken_in_elsewhere_and_twice_is_as_good_as_once(
    store: Store, elsewhere: str
) -> None:
    await fill_feeds(store)
    exported = await export_all(store)
    async with open_store(elsewhere) as other:
        # Other ids there.
        await other.feeds.add_feeds([NewFeed("https://first.example/feed")], NOW)
        imported = await other.transfer.importer.import_all(exported, LATER)
        assert {kind: imported.added[kind] for kind in ("sources", "feeds", "follows", "follow_topics")} == {
            "sources": 2,
            "feeds": 2,
            "follows": 2,
            "follow_topics": 2,
        }
        again = await other.transfer.importer.import_all(exported, LATER)
        assert again.added == {}
        assert await read_follows(other) == await read_follows(store)
        before, after = [{feed.key: feed for feed in await each.feeds.list_feeds()} for each in (store, other)]
        assert (after[SHARED].options, after[SHARED].is_listed) == (before[SHARED].options, True)
        due = await other.feeds.fetch_due(LATER, 9)
        assert {feed.key for feed in due} >= {SHARED, OWN}
        assert all(feed.read_at is None for feed in due), "what they hold then is backlog"


async def test_a_server_finds_what_the_other_store_has_of_its_feed_and_nothing_is_posted(
    store: Store, elsewhere: str
) -> None:
    await fill_feeds(store)
    exported = await export_all(store)
    async with open_store(elsewhere) as other:
        feed = (await other.feeds.add_followed([NewFeed(OWN)], NOW))[OWN]
        await store_item(other, feed.source_id, "there")
        await other.feeds.pause_feeds([feed.source_id], NOW)
        await subscribe(other, HERE, 10)
        await other.transfer.importer.import_all(exported, LATER)
        await plan(other, LATER)
        assert await list_slugs(other, HERE) == ["there"]
        assert await post_due(other, 10, LATER) == []
        assert {each.key for each in await other.feeds.fetch_due(LATER, 9)} == {SHARED, OWN}


async def test_what_is_there_stays_as_it_is(store: Store, elsewhere: str) -> None:
    await fill_feeds(store)
    exported = await export_all(store)
    async with open_store(elsewhere) as other:
        feed = (await other.feeds.add_followed([NewFeed(OWN)], NOW))[OWN]
        own = Follow(HERE, feed.source_id, FollowPolicy.ARCHIVE, NOW, 9, topics=("Mine",))
        await other.cards.follows.follow_source(own)
        await other.transfer.importer.import_all(exported, LATER)
        assert await other.cards.follows.list_follows(HERE) == [own]
        assert len(await other.cards.follows.list_follows(THERE)) == 1


async def test_a_feed_that_is_everybodys_there_is_not_followed(store: Store, elsewhere: str) -> None:
    await fill_feeds(store)
    exported = await export_all(store)
    async with open_store(elsewhere) as other:
        await other.feeds.add_feeds([NewFeed(OWN)], NOW)
        imported = await other.transfer.importer.import_all(exported, LATER)
        assert "follows" not in imported.added
        assert await read_follows(other) == {}


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("sources", {"kind": "folder"}),
        ("sources", {"kind": "unheard of"}),
        ("sources", {"key": ""}),
        ("sources", {"is_shared": 1}),
        ("feeds", {"policy": "whatever"}),
        ("feeds", {"url": "file:///etc/passwd"}),
        ("feeds", {"url": "https://[x/"}),
        ("feeds", {"topics": [1]}),
        ("feeds", {"quality": "high"}),
        ("feeds", {"source": 7}),
        ("follows", {"policy": "whatever"}),
        ("follows", {"guild_id": 2**63}),
        ("follows", {"followed_at": "yesterday"}),
        ("follow_topics", {"topic": None}),
    ],
)
async def test_a_malformed_row_changes_nothing(
    store: Store, elsewhere: str, kind: str, changes: Mapping[str, Any]
) -> None:
    await fill_feeds(store)
    exported = await export_all(store)
    exported[kind][-1] |= changes
    async with open_store(elsewhere) as other:
        with pytest.raises((ValueError, TypeError, KeyError, OverflowError)):
            await other.transfer.importer.import_all(exported, LATER)
        assert await other.feeds.list_feeds() == []
        assert await read_follows(other) == {}


async def test_an_export_of_before_there_were_feeds_is_taken_in(store: Store) -> None:
    exported = {kind: rows for kind, rows in (await export_all(store)).items() if "follow" not in kind}
    imported = await store.transfer.importer.import_all(exported, NOW)
    assert imported.added == {}


async def test_feeds_follows_and_tokens_work_where_the_store_moved_to(tmp_path: Path, elsewhere: str) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'here.db'}"
    async with open_store(url) as store:
        source_id = await fill_feeds(store)
        await subscribe(store, HERE, 10)
        await store_item(store, source_id, "first")
        await plan(store)
        assert await post_due(store, 10) == [("post", ("first",))]
        token = await store.intake.create_token("ci", "builds", IntakePolicy.PUBLISHED, "digest", NOW)
        follows = await read_follows(store)
    compared = await move_store(url, elsewhere, lambda _notes: False, lambda _done, _of: None)
    assert all(each.is_same for each in compared)
    async with open_store(elsewhere) as store:
        assert await read_follows(store) == follows
        assert await store.intake.find_token("digest") == token
        assert [await list_slugs(store, guild_id) for guild_id in (HERE, THERE, 3)] == [["first"], [], []]
        await store_item(store, source_id, "second")
        await plan(store)
        assert await post_due(store, 10) == [("post", ("second",))]
        for guild_id, expected in ((HERE, ["first", "second"]), (THERE, []), (3, [])):
            found = await store.cards.search_cards(CardQuery("comet"), guild_id, limit=9)
            assert sorted(each.card.slug for each in found.cards) == expected
