"""Feeds that are read, stored and noted together: one of them costs the others nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from bot.cards.model import Card
from bot.domain.feed import NewFeed
from bot.domain.fetch_result import FetchProblem, FetchResult, FetchStatus
from bot.errors import StoreError
from bot.metrics import Metrics
from bot.sources.feeds import feed_importer, fetch_processor
from bot.sources.feeds.fetch_processor import PollReport
from bot.sources.feeds.item_card import make_card
from bot.sources.feeds.model import DocumentError, FeedReadResult, FetchedDocument, RefusalReason
from bot.sources.feeds.reader import read_feed
from bot.store import Store
from tests.support.feeds import FakeFetcher, make_poller, story
from tests.support.stage import ManualClock


class LocalReader:
    """Reads in this process, and keeps the addresses of what was read together."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.hostile: set[str] = set()

    async def read_feeds(self, documents: Sequence[FetchedDocument]) -> list[FeedReadResult | RefusalReason]:
        self.groups.append([each.url for each in documents])
        return [self._read(each) for each in documents]

    def _read(self, document: FetchedDocument) -> FeedReadResult | RefusalReason:
        try:
            return RefusalReason.TOO_COSTLY if document.url in self.hostile else read_feed(document)
        except DocumentError as error:
            return error.reason


class Site:
    """Some feeds on hosts of their own, each with one story of its own, and a poller."""

    def __init__(self, store: Store, feeds: int) -> None:
        self.store = store
        self.clock = ManualClock()
        self.web = FakeFetcher()
        self.reader = LocalReader()
        self.urls = [f"https://paper-{number}.example/feed" for number in range(feeds)]
        self.poller = make_poller(store, self.web, self.reader, self.clock, Metrics())

    async def open(self) -> None:
        await self.store.feeds.add_feeds([NewFeed(url) for url in self.urls], self.clock())
        self.publish(0)
        await self.poll()
        self.reader.groups.clear()

    def publish(self, edition: int, **changes: str | None) -> None:
        """Let each feed have a new story before those that it has."""
        for number, url in enumerate(self.urls):
            link = f"https://paper-{number}.example/{{}}"
            stories = [
                story(each, link=link.format(each), guid=f"{number}-{each}", title=f"News {number}-{each}")
                for each in range(edition, -1, -1)
            ]
            self.web.write_feed(url, *stories)

    async def poll(self) -> PollReport:
        self.clock.advance(days=2)
        return await self.poller.poll_due()

    async def titles(self) -> list[str]:
        return sorted(each.card.title for each in (await self.store.cards.list_latest(1, limit=100)).cards)


@pytest.fixture
async def site(store: Store) -> Site:
    site = Site(store, 6)
    await site.open()
    return site


async def test_feeds_that_came_together_are_stored_in_one_transaction(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    importer = site.store.cards.importer
    calls: list[int] = []
    store_batches = importer.import_batches

    async def count_parts(parts: Sequence[Any], clock: Any) -> Any:
        calls.append(len(parts))
        return await store_batches(parts, clock)

    monkeypatch.setattr(importer, "import_batches", count_parts)
    site.publish(1)
    assert await site.poll() == PollReport(fetched=6, added=6)
    assert calls == [6]
    assert len(await site.titles()) == 12
    assert await site.poll() == PollReport(fetched=6, unchanged=6)
    assert calls == [6]


async def test_more_items_than_fit_into_a_transaction_are_stored_in_several(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feed_importer, "BATCH", 4)
    for edition in (5, 6):
        site.publish(edition)
        await site.poll()
    assert len(await site.titles()) == 6 * 7


async def test_a_bug_on_one_feed_costs_that_feed_alone(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail_on_one(item: Any, *args: Any, **options: Any) -> Card:
        if item.title == "News 4-1":
            raise ZeroDivisionError
        return make_card(item, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr("bot.sources.feeds.feed_importer.make_card", fail_on_one)
        site.publish(1)
        assert await site.poll() == PollReport(fetched=6, failed=1, added=5)
    assert [record.message for record in caplog.records] == [
        "The items of a feed of paper-4.example could not be stored"
    ]
    assert await site.poll() == PollReport(fetched=6, unchanged=5, added=1)


async def test_a_store_that_fails_notes_nothing(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise StoreError("The disk is full.")

    site.publish(1)
    with monkeypatch.context() as patch:
        patch.setattr(site.store.cards.importer, "import_batches", fail)
        with pytest.raises(StoreError):
            await site.poll()
    assert (await site.poll()).added == 6


async def test_what_was_refused_before_is_read_after_the_others_are_noted(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = site.urls
    site.reader.hostile = {first}
    site.publish(1)
    assert await site.poll() == PollReport(fetched=6, failed=1, added=5)
    assert [len(group) for group in site.reader.groups] == [6]
    site.publish(2)
    noted: list[int] = []
    note_results = site.store.feeds.note_results

    async def count_notes(notes: Sequence[Any], *args: Any) -> None:
        noted.append(len(site.reader.groups))
        await note_results(notes, *args)

    monkeypatch.setattr(site.store.feeds, "note_results", count_notes)
    assert await site.poll() == PollReport(fetched=6, failed=1, added=5)
    assert sorted(site.reader.groups[1]) == others
    assert site.reader.groups[2:] == [[first]]
    assert noted == [2, 3], "the others are noted before it is read"


async def test_documents_are_read_together_as_long_as_they_are_small(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch_processor, "_READ_BYTES", 2 * len(str(site.web.answers[site.urls[0]])) + 1000)
    site.publish(1)
    assert (await site.poll()).added == 6
    assert [url for group in site.reader.groups for url in group] == [request.url for request in site.web.requests[-6:]]
    assert {len(group) for group in site.reader.groups} <= {1, 2}


async def test_unread_feeds_are_noted_beside_those_that_bring_something(site: Site) -> None:
    site.publish(1)
    site.web.answers[site.urls[0]] = FetchResult(FetchStatus.FAILED, problem=FetchProblem.SERVER_ERROR)
    site.web.answers[site.urls[1]] = FetchResult(FetchStatus.UNCHANGED)
    assert await site.poll() == PollReport(fetched=6, unchanged=1, failed=1, added=4)
    states = {feed.url: feed.state for feed in await site.store.feeds.find_feeds(site.urls)}
    assert all(state.next_fetch_at and state.next_fetch_at > site.clock() for state in states.values())
    assert [bool(states[url].problem) for url in site.urls] == [True, *[False] * 5]


async def test_items_are_recognised_under_other_guids_by_their_links_and_without_links_by_their_titles(
    site: Site,
) -> None:
    linked, unlinked = site.urls[:2]
    site.web.write_feed(unlinked, *(story(n, link=None, guid=f"a-{n}") for n in (1, 2)))
    await site.poll()
    before = await site.titles()
    site.web.write_feed(linked, story(0, link="https://paper-0.example/0", guid="other", title="News 0-0"))
    site.web.write_feed(unlinked, *(story(n, link=None, guid=f"b-{n}") for n in (1, 2)))
    assert await site.poll() == PollReport(fetched=6, unchanged=4)
    assert await site.titles() == before


async def test_the_same_link_in_many_feeds_is_an_item_of_each(site: Site) -> None:
    for url in site.urls:
        site.web.write_feed(url, story(9, link="https://wire.example/9", guid="wire"))
    assert (await site.poll()).added == 6
    site.clock.advance(days=1)
    for url in site.urls:
        site.web.write_feed(url, story(9, link="https://wire.example/9", guid="moved"))
    assert await site.poll() == PollReport(fetched=6)


async def test_a_card_is_new_to_who_subscribed_while_its_feed_was_fetched(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What counts is when it was stored, not when the look began."""
    fetch = site.web.fetch

    async def fetch_slowly(*args: Any) -> FetchResult:
        result = await fetch(*args)
        if not await site.store.subscriptions.list_for_guild(1):
            site.clock.advance(seconds=10)
            await site.store.subscriptions.add_subscription(guild_id=1, channel_id=2, created_by=3, now=site.clock())
            site.clock.advance(seconds=10)
        return result

    monkeypatch.setattr(site.web, "fetch", fetch_slowly)
    site.publish(1)
    assert (await site.poll()).added == 6
    assert await site.store.outbox.planner.plan_deliveries(site.clock(), timedelta(days=14)) == 6
