"""The poller on a real store and a web on command: what is stored, noted, posted, and what a kill between leaves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from bot.cards.model import CardState
from bot.domain.feed import Feed, FeedOptions, NewFeed
from bot.domain.fetch_result import FetchProblem, FetchResult, FetchStatus
from bot.domain.follows import Follow, FollowPolicy
from bot.domain.subscription import Frequency, SubscriptionOptions
from bot.metrics import Metrics
from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.fetch_processor import PollReport
from bot.sources.feeds.item_card import make_slug
from bot.sources.feeds.poller import FeedPoller
from bot.store import Store
from bot.store.cards.card_query import CardQuery
from bot.store.cards.rows import StoredCard
from tests.sources.feeds.documents import rss
from tests.support.feeds import FakeFetcher, make_poller, story
from tests.support.stage import NOW, ManualClock

URL, OTHER = "https://paper.example/feed", "https://gazette.example/feed"
MAX_AGE = timedelta(days=14)


@pytest.fixture(scope="module")
def reader() -> Iterator[DocumentReader]:
    reader = DocumentReader()
    yield reader
    reader.close()


class Press:
    """Feeds, a store, and an instant subscription that is there before them."""

    def __init__(self, store: Store, reader: DocumentReader) -> None:
        self.store = store
        self.clock = ManualClock()
        self.web = FakeFetcher()
        self.reader = reader
        self.poller = self.start_poller()

    def start_poller(self) -> FeedPoller:
        """As after a restart of the process."""
        self.poller = make_poller(self.store, self.web, self.reader, self.clock, Metrics())
        return self.poller

    async def add_feed(self, *urls: str, **options: Any) -> None:
        feeds = [NewFeed(url, options=FeedOptions(**options)) for url in urls or (URL,)]
        assert await self.store.feeds.add_feeds(feeds, self.clock()) == len(feeds)

    async def poll(self, **later: float) -> PollReport:
        """The next check at every feed; a day later unless another time is given."""
        self.clock.advance(**(later or {"days": 1}))
        return await self.poller.poll_due()

    async def list_cards(self) -> list[StoredCard]:
        """All published cards, oldest first."""
        page = await self.store.cards.list_latest(1, limit=100, every_card=True)
        return list(reversed(page.cards))

    async def list_titles(self) -> list[str]:
        return [each.card.title for each in await self.list_cards()]

    async def feed(self) -> Feed:
        (feed,) = await self.store.feeds.find_feeds([URL])
        return feed

    async def plan(self) -> int:
        """Plan; returns how many messages are new."""
        return await self.store.outbox.planner.plan_deliveries(self.clock(), MAX_AGE)


@pytest.fixture
async def press(store: Store, reader: DocumentReader) -> Press:
    await store.subscriptions.add_subscription(guild_id=1, channel_id=2, created_by=3, now=NOW - timedelta(days=30))
    return Press(store, reader)


async def test_a_first_look_fills_the_archive_and_posts_nothing(press: Press) -> None:
    await press.add_feed()
    press.web.write_feed(URL, story(2), story(1))
    assert await press.poll() == PollReport(fetched=1, added=2)
    assert await press.list_titles() == ["Story 1", "Story 2"]
    assert await press.plan() == 0
    press.web.write_feed(URL, story(3), story(2), story(1))
    assert (await press.poll()).added == 1
    assert await press.plan() == 1


async def test_the_items_of_a_first_look_are_found_in_the_language_that_the_feed_names(press: Press) -> None:
    await press.add_feed()
    item, head = story(1, title="Häuser am Rhein"), "<title>The Paper</title><language>de-DE</language>"
    press.web.answers[URL] = rss(item, head=head)
    await press.poll()
    found = await press.store.cards.search_cards(CardQuery('haus -"nothing"'), 1, limit=5)
    assert [each.card.title for each in found.cards] == ["Häuser am Rhein"]
    assert found.phrases[0].languages == ("de",)


@pytest.mark.parametrize("policy", [None, *FollowPolicy])
@pytest.mark.parametrize("is_killed", [False, True])
async def test_trap_1_a_first_fetch_floods_nobody(
    press: Press, policy: FollowPolicy | None, is_killed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither channels nor reviews get what was there before, of everybody's feeds (None) and of a server's."""
    if policy is None:
        await press.add_feed()
    else:
        source_id = (await press.store.feeds.add_followed([NewFeed(URL)], press.clock()))[URL].source_id
        await press.store.cards.follows.follow_source(Follow(1, source_id, policy, press.clock(), created_by=3))
    await press.store.moderation.reviews.set_channel(1, 4, 25, press.clock(), MAX_AGE)
    await press.store.subscriptions.add_subscription(
        guild_id=1, channel_id=5, created_by=3, now=NOW, options=SubscriptionOptions(frequency=Frequency.HOURLY)
    )
    now = f"{press.clock():%a, %d %b %Y %H:%M:%S} GMT"
    old = [story(number, date=date) for number in range(60) for date in (now if number % 3 else None,)]
    press.web.write_feed(URL, *old)
    if is_killed:
        with monkeypatch.context() as patch:
            patch.setattr(press.store.feeds, "note_results", _die)
            with pytest.raises(KilledError):
                await press.poll()
        press.start_poller()
        old.insert(0, story(60, date=now))
        press.web.write_feed(URL, *old)
    await press.poll(hours=1)
    assert await press.plan() == 0
    pool = await press.store.outbox.candidates.load_pool([1], NOW - MAX_AGE, NOW - MAX_AGE)
    assert pool.for_guild(1) == []
    press.web.write_feed(URL, story(61), *old)
    await press.poll()
    # A message in the channel or in the review channel, for the one that came since.
    assert await press.plan() == (policy is not FollowPolicy.ARCHIVE)


async def test_an_unchanged_feed_is_neither_read_nor_stored(press: Press) -> None:
    await press.add_feed()
    press.web.write_feed(URL, story(1))
    await press.poll()
    assert await press.poll() == PollReport(fetched=1, unchanged=1)
    assert await press.poll(minutes=1) == PollReport()


def break_off(body: str, etag: str = "") -> FetchResult:
    """The answer of a site that stops within a feed's last item."""
    return FetchResult(
        FetchStatus.NEW,
        url=URL,
        http_status=200,
        body=body[: body.rindex("</guid>")].encode(),
        etag=etag,
        body_hash="half",
    )


async def test_a_feed_that_breaks_off_brings_its_whole_items_and_is_asked_again_without_validators(
    press: Press,
) -> None:
    await press.add_feed()
    press.web.write_feed(URL, story(1))
    await press.poll()
    press.web.answers[URL] = break_off(rss(story(3), story(2), story(1)), etag='"whole"')
    assert await press.poll() == PollReport(fetched=1, added=2)
    press.web.write_feed(URL, story(3), story(2), story(1))
    assert await press.poll() == PollReport(fetched=1)
    assert (press.web.requests[-1].etag, press.web.requests[-1].body_hash) == ("", "")
    assert await press.list_titles() == ["Story 1", "Story 2", "Story 3"]
    assert await press.plan() == 2


async def test_a_first_look_that_breaks_off_makes_nothing_new_of_what_it_missed(press: Press) -> None:
    await press.add_feed()
    press.web.answers[URL] = break_off(rss(story(3), story(2), story(1)))
    assert (await press.poll()).added == 2
    press.web.write_feed(URL, story(3), story(2), story(1))
    assert (await press.poll()).added == 1
    assert await press.plan() == 0
    press.web.answers[URL] = break_off(rss(story(4), story(3), story(2), story(1)))
    await press.poll()
    assert await press.plan() == 1


async def test_a_feed_that_always_breaks_off_posts_its_news_all_the_same(press: Press) -> None:
    await press.add_feed()
    press.web.answers[URL] = break_off(rss(story(2), story(1)))
    await press.poll()
    await press.poll()
    press.web.answers[URL] = break_off(rss(story(3), story(2), story(1)))
    await press.poll()
    assert await press.plan() == 1


async def test_an_edit_is_no_news(press: Press) -> None:
    await press.add_feed()
    press.web.write_feed(URL, story(1))
    await press.poll()
    press.web.write_feed(URL, story(2), story(1))
    await press.poll()
    assert await press.plan() == 1
    before = await press.list_cards()
    press.web.write_feed(URL, story(2, title="Story 2, corrected"), story(1))
    assert await press.poll() == PollReport(fetched=1, changed=1)
    assert await press.plan() == 0
    after = await press.list_cards()
    assert [each.card.title for each in after] == ["Story 1", "Story 2, corrected"]
    assert [(each.id, each.card.published_at) for each in after] == [
        (each.id, each.card.published_at) for each in before
    ]


async def test_trap_7_and_8_an_item_leaves_the_window_and_returns_after_40_days(press: Press) -> None:
    await press.add_feed()
    press.web.write_feed(URL, story(1))
    await press.poll()
    press.web.write_feed(URL, story(2))
    await press.poll()
    assert await press.list_titles() == ["Story 1", "Story 2"]
    assert await press.plan() == 1
    press.web.write_feed(URL, story(1), story(2))
    assert await press.poll(days=40) == PollReport(fetched=1)
    assert await press.plan() == 0


@pytest.mark.parametrize("date", [None, "Fri, 01 Jan 2099 00:00:00 GMT"], ids=["trap 9", "trap 10"])
async def test_an_item_without_a_usable_time_is_of_when_it_was_first_seen(press: Press, date: str | None) -> None:
    await press.add_feed()
    press.web.write_feed(URL)
    await press.poll()
    press.web.write_feed(URL, story(2, date=date), story(1, date=date))
    await press.poll()
    seen = press.clock()
    assert [each.card.published_at for each in await press.list_cards()] == [seen, seen]
    assert await press.list_titles() == ["Story 1", "Story 2"], "feeds list the newest first"
    assert await press.plan() == 2
    press.web.write_feed(URL, story(2, date=date, title="Corrected"), story(1, date=date))
    assert (await press.poll()).changed == 1
    assert [each.card.published_at for each in await press.list_cards()] == [seen, seen]


async def test_trap_11_all_items_are_dated_anew(press: Press) -> None:
    await press.add_feed()
    press.web.write_feed(URL, story(1))
    await press.poll()
    press.web.write_feed(URL, story(2), story(1))
    await press.poll()
    await press.plan()
    before = await press.list_cards()
    now = f"{press.clock() + timedelta(days=1):%a, %d %b %Y %H:%M:%S} GMT"
    press.web.write_feed(URL, story(2, date=now), story(1, date=now))
    assert await press.poll() == PollReport(fetched=1)
    assert await press.list_cards() == before
    assert await press.plan() == 0


@pytest.mark.parametrize("is_later", [False, True])
async def test_trap_24_one_address_in_two_feeds_is_two_cards_and_one_post(press: Press, is_later: bool) -> None:
    await press.add_feed(URL, OTHER)
    press.web.write_feed(URL)
    press.web.write_feed(OTHER)
    await press.poll()
    press.web.write_feed(URL, story(1))
    if is_later:
        assert (await press.poll()).added == 1
        assert await press.plan() == 1
    press.web.write_feed(OTHER, story(1, guid="elsewhere"))
    await press.poll()
    assert await press.plan() == (not is_later)
    assert await press.list_titles() == ["Story 1", "Story 1"]


async def test_traps_25_and_47_a_title_that_comes_every_day_is_a_card_and_a_post_every_day(press: Press) -> None:
    await press.add_feed()
    press.web.write_feed(URL)
    await press.poll()
    briefings: list[str] = []
    for day in range(7):
        date = f"{press.clock():%a, %d %b %Y %H:%M:%S} GMT"
        link = f"https://paper.example/briefing/{day}"
        briefings.insert(0, story(day, title="Morning briefing", link=link, date=date))
        press.web.write_feed(URL, *briefings)
        assert (await press.poll()).added == 1
        assert await press.plan() == 1
    assert await press.list_titles() == ["Morning briefing"] * 7


async def test_trap_26_two_releases_are_two_stories(press: Press) -> None:
    await press.add_feed()
    press.web.write_feed(URL)
    await press.poll()
    releases = [story(number, title=f"Gadget 1.{number} released") for number in (21, 20)]
    press.web.write_feed(URL, *releases)
    assert (await press.poll()).added == 2
    assert await press.plan() == 2


async def test_trap_2_other_guids_bring_nothing_again(press: Press) -> None:
    await press.add_feed()
    press.web.write_feed(URL, story(2), story(1))
    await press.poll()
    before = await press.list_cards()
    press.web.write_feed(URL, story(2, guid="new-2"), story(1, guid="new-1"))
    assert await press.poll() == PollReport(fetched=1)
    after = await press.list_cards()
    assert [each.id for each in after] == [each.id for each in before]
    assert [each.card.slug for each in after] != [each.card.slug for each in before]
    press.web.write_feed(URL, story(2, guid="new-2", title="Corrected"), story(1, guid="new-1"))
    assert await press.poll() == PollReport(fetched=1, changed=1)
    assert [each.id for each in await press.list_cards()] == [each.id for each in before]


async def test_trap_42_a_kill_between_storing_and_noting(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    await press.add_feed()
    press.web.write_feed(URL, story(1))
    await press.poll()
    press.web.write_feed(URL, story(2), story(1))
    with monkeypatch.context() as patch:
        patch.setattr(press.store.feeds, "note_results", _die)
        with pytest.raises(KilledError):
            await press.poll()
    assert (await press.list_titles())[-1] == "Story 2"
    press.start_poller()
    assert await press.poll(seconds=1) == PollReport(fetched=1)
    assert await press.list_titles() == ["Story 1", "Story 2"]
    assert await press.plan() == 1


async def test_trap_42_a_kill_before_storing_loses_nothing(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    await press.add_feed()
    press.web.write_feed(URL, story(1))
    await press.poll()
    press.web.write_feed(URL, story(2), story(1))
    with monkeypatch.context() as patch:
        patch.setattr(press.store.cards.importer, "import_batches", _die)
        with pytest.raises(KilledError):
            await press.poll()
    press.start_poller()
    assert (await press.poll(seconds=1)).added == 1
    assert await press.plan() == 1


async def test_trap_42_the_clock_is_set_back(press: Press) -> None:
    press.clock.now += timedelta(days=400)
    await press.add_feed()
    press.web.write_feed(URL, story(1))
    await press.poll(seconds=1)
    press.clock.now -= timedelta(days=400)
    press.web.write_feed(URL, story(2), story(1))
    assert (await press.poll(seconds=1)).added == 1
    assert await press.poll(seconds=1) == PollReport(), "and it is not looked at all the time from then on"


async def test_a_feed_that_fails_is_left_alone_for_longer_and_keeps_its_cards(press: Press) -> None:
    await press.add_feed()
    press.web.write_feed(URL, story(1))
    await press.poll()
    press.web.answers[URL] = FetchResult(FetchStatus.FAILED, problem=FetchProblem.SERVER_ERROR, http_status=503)
    waits = []
    for _ in range(3):
        report = await press.poll()
        assert report == PollReport(fetched=1, failed=1)
        state = (await press.feed()).state
        assert state.next_fetch_at
        waits.append(state.next_fetch_at - press.clock())
    assert waits == sorted(set(waits))
    assert (await press.feed()).state.problem == "server_error"
    assert await press.list_titles() == ["Story 1"]
    press.web.write_feed(URL, story(2), story(1))
    await press.poll()
    assert (await press.feed()).state.problem == ""
    assert await press.plan() == 1


async def test_a_page_instead_of_the_feed_is_a_failure_and_is_read_again(press: Press) -> None:
    await press.add_feed()
    press.web.answers[URL] = "<!doctype html><html><body><p>Maintenance</p></body></html>"
    for _ in range(2):
        assert await press.poll() == PollReport(fetched=1, failed=1)
    assert (await press.feed()).state.problem == "web_page"


async def test_a_feed_that_is_gone_stops(press: Press) -> None:
    await press.add_feed()
    press.web.answers[URL] = FetchResult(FetchStatus.FAILED, problem=FetchProblem.GONE, http_status=410)
    await press.poll()
    assert (await press.feed()).is_stopped
    assert await press.poll(days=100) == PollReport()
    assert await press.store.feeds.count_states() == {"fine": 0, "failing": 0, "stopped": 1, "paused": 0}


@pytest.mark.parametrize(
    ("policy", "state", "posts"),
    [
        (FollowPolicy.PUBLISH, CardState.PUBLISHED, 1),
        (FollowPolicy.REVIEW, CardState.HELD, 0),
        (FollowPolicy.ARCHIVE, CardState.PUBLISHED, 0),
    ],
)
async def test_a_policy_holds_for_what_comes(press: Press, policy: FollowPolicy, state: CardState, posts: int) -> None:
    await press.add_feed(policy=policy, quality=70, topics=("Harbour",))
    press.web.write_feed(URL)
    await press.poll()
    press.web.write_feed(URL, story(1))
    await press.poll()
    feed = await press.feed()
    (key,) = await press.store.feeds.items.list_keys(feed.source_id)
    stored = await press.store.cards.get_by_slug(make_slug(feed.name, key), 1, hidden=True)
    assert stored
    assert (stored.card.state, stored.card.quality, stored.card.topics) == (state, 70, ("Harbour",))
    assert await press.plan() == posts


async def test_categories_count_if_other_cards_have_them(press: Press) -> None:
    await press.add_feed(OTHER, topics=("Ships",))
    press.web.write_feed(OTHER, story(1))
    await press.poll()
    await press.store.cards.importer.recount_names()
    await press.add_feed(URL)
    press.web.write_feed(URL, story(2).replace("</item>", "<category>ships</category><category>x17</category></item>"))
    await press.poll()
    assert [each.card.topics for each in await press.list_cards()] == [("Ships",), ("Ships",)]


async def test_one_request_to_a_host_at_a_time_and_the_others_meanwhile(press: Press) -> None:
    urls = [f"https://paper.example/{number}" for number in range(50)] + [OTHER]
    await press.add_feed(*urls)
    for url in urls:
        press.web.write_feed(url)
    assert (await press.poll()).fetched == 51
    assert sorted(press.web.requested_urls) == sorted(urls)
    assert press.web.requested_urls.index(OTHER) < 5, "it must not wait for fifty of another host"


async def test_a_bug_costs_one_feed_a_failure(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    await press.add_feed(URL, OTHER)
    press.web.write_feed(URL, story(1))  # and nothing under the other address, which raises
    report = await press.poll()
    assert (report.fetched, report.failed, report.added) == (2, 1, 1)


async def test_what_was_paused_for_long_begins_anew(press: Press) -> None:
    await press.add_feed()
    press.web.write_feed(URL, story(1))
    await press.poll()
    feed = await press.feed()
    assert await press.store.feeds.pause_feeds([feed.source_id], press.clock()) == 1
    assert await press.poll(days=3) == PollReport()
    press.web.write_feed(URL, story(2), story(1))
    assert await press.store.feeds.resume_feeds([feed.source_id], press.clock()) == 1
    assert (await press.poll()).added == 1
    assert await press.plan() == 0, "it came while nobody wanted it"


async def test_a_feed_that_is_removed_and_added_again_brings_nothing_twice(press: Press) -> None:
    await press.add_feed()
    press.web.write_feed(URL, story(1))
    await press.poll()
    await press.store.feeds.remove_feed((await press.feed()).source_id)
    assert await press.poll() == PollReport()
    await press.add_feed()
    assert await press.poll() == PollReport(fetched=1)
    assert await press.list_titles() == ["Story 1"]


async def test_trap_41_one_feed_two_servers_two_policies(press: Press) -> None:
    source_id = (await press.store.feeds.add_followed([NewFeed(URL)], press.clock()))[URL].source_id
    press.web.write_feed(URL, story(1))
    for guild_id, policy in ((1, FollowPolicy.PUBLISH), (9, FollowPolicy.REVIEW)):
        await press.store.cards.follows.follow_source(Follow(guild_id, source_id, policy, press.clock(), created_by=3))
    assert (await press.poll()).added == 1
    assert await press.plan() == 0, "it was there before"
    press.web.write_feed(URL, story(2), story(1))
    await press.poll()
    assert await press.plan() == 1
    press.web.write_feed(URL, story(2, title="Story 2, corrected"), story(1))
    assert await press.poll() == PollReport(fetched=1, changed=1)
    assert await press.plan() == 0
    assert await press.list_titles() == ["Story 1", "Story 2, corrected"]
    assert (await press.store.cards.list_latest(9, limit=10)).cards == ()
    assert (await press.store.cards.list_latest(5, limit=10)).cards == ()


async def test_a_stop_waits_until_what_is_being_stored_is_noted(press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    await press.add_feed()
    press.web.write_feed(URL, story(1))
    storing, store_batch = asyncio.Event(), press.store.cards.importer.import_batches

    async def store_slowly(*args: Any, **options: Any) -> Any:
        storing.set()
        await asyncio.sleep(0.05)
        return await store_batch(*args, **options)

    monkeypatch.setattr(press.store.cards.importer, "import_batches", store_slowly)
    polling = asyncio.create_task(press.poller.run_polling(lambda: True))
    await storing.wait()
    await press.poller.stop()
    await polling
    assert await press.list_titles() == ["Story 1"]
    assert (await press.feed()).fetched_at == press.clock()


class KilledError(BaseException):
    """The process ends here."""


async def _die(*_: object, **_more: object) -> None:
    raise KilledError
