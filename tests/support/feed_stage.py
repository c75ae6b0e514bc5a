"""A feed on command, servers that follow it, and what each of them has: posts, reviews, the desk, search."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.cards.model import Provider
from bot.domain.feed import NewFeed
from bot.domain.followed_feed import FollowedFeed
from bot.domain.follows import Follow, FollowPolicy
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.domain.subscription import SubscriptionOptions
from bot.metrics import Metrics
from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.fetch_processor import PollReport
from bot.sources.feeds.lookup_service import LookupService
from bot.store.cards.card_query import CardQuery
from bot.store.cards.rows import StoredCard
from bot.store.moderation.queue import QueueFilters
from bot.worker.server_feeds import ServerFeeds
from tests.support.cards import make_card, store_cards
from tests.support.feeds import FakeFetcher, make_poller
from tests.support.worker import WorkerHarness, open_harness

URL = "https://paper.example/feed"
MEMBER = 3
_TITLE = re.compile(r"<item><title>(\w+)")


@dataclass(frozen=True, slots=True)
class ServerView:
    """What a server has of the feed, each title by its first word, in alphabetical order."""

    posts: str = ""
    reviews: str = ""
    """The messages in the review channel: what waits, and the record of what came out."""
    desk: str = ""
    """What `/desk queue` shows."""
    backlog: str = ""
    found: str = ""
    """What members find, in lists, search and completion alike."""


class FeedStage:
    """A worker whose only feed answers on command. Servers have an instant subscription and a review channel each."""

    def __init__(self, harness: WorkerHarness, reader: DocumentReader) -> None:
        self.harness = harness
        self.store, self.clock = harness.store, harness.clock
        self.web = FakeFetcher()
        self.words: set[str] = set()
        """First words of all titles that the feed ever held."""
        self.poller = make_poller(self.store, self.web, reader, self.clock, Metrics())
        lookups = LookupService(self.web.open, reader)  # type: ignore[arg-type]  # nothing is looked up
        self.feeds = ServerFeeds(self.store, lookups, self.clock, most=50)

    async def open_server(self, guild_id: int) -> None:
        # Cards of feeds have a quality, those of the folder have none unless they say so.
        options = SubscriptionOptions(min_quality=1)
        await self.store.subscriptions.add_subscription(
            guild_id=guild_id,
            channel_id=_posts_channel(guild_id),
            created_by=MEMBER,
            now=self.clock(),
            options=options,
        )
        await self.harness.pipeline.set_review_channel(guild_id, _review_channel(guild_id), 25)

    async def follow(self, guild_id: int, policy: FollowPolicy) -> None:
        follow = Follow(guild_id, 0, policy, self.clock(), MEMBER)
        assert (await self.feeds.follow_feeds([NewFeed(URL)], follow)).added == 1

    async def edit_policy(self, guild_id: int, policy: FollowPolicy) -> None:
        await self.feeds.change_follow(replace((await self._followed(guild_id)).follow, policy=policy))

    async def unfollow(self, guild_id: int, *, keep_posts: bool) -> None:
        await self.feeds.unfollow_feed(await self._followed(guild_id), keep_posts=keep_posts)
        await self.deliver()

    async def _followed(self, guild_id: int) -> FollowedFeed:
        (followed,) = await self.feeds.list_feeds(guild_id)
        return followed

    async def publish(self, guild_id: int, word: str) -> None:
        """Publish a held card at the desk."""
        (stored,) = [each for each in await self._list_held(guild_id) if each.card.title.startswith(word)]
        decision = Decision(guild_id, stored.id, Verdict.PUBLISH, MEMBER, self.clock())
        decisions = self.store.moderation.decisions
        outcome = await decisions.decide_card(decision, source=DecisionSource.COMMAND, expected=None)
        assert outcome.accepted
        await self.deliver()

    async def store_gazette(self, title: str) -> None:
        """Store everybody's card of a story, by another publisher; no channel wants it."""
        slug = title.split()[0].casefold()
        card = make_card(
            slug,
            title=title,
            url=f"https://gazette.example/{slug}",
            aliases=(f"gazette.example/{slug}",),
            provider=Provider("Gazette", "gazette.example"),
            published_at=self.clock() - timedelta(hours=1),
        )
        await store_cards(self.store, card, now=self.clock())
        await self.deliver()

    async def look(self, *items: str, **later: float) -> PollReport:
        """Let time pass, look at the feed, which holds these items, and deliver."""
        self.clock.advance(**(later or {"days": 1}))
        self.web.write_feed(URL, *items)
        self.words.update(_TITLE.findall("".join(items)))
        report = await self.poller.poll_due()
        await self.deliver()
        return report

    async def deliver(self) -> None:
        """Do what the schedule does: plan, deliver, delete what nobody needs."""
        await self.harness.pipeline.plan_loaded_cards()
        await self.harness.pipeline.plan_and_deliver()
        await self.store.cards.importer.recount_names()
        await self.store.cards.follows.delete_unused(self.clock())

    async def view(self, guild_id: int) -> ServerView:
        backlog = await self._list_held(guild_id, is_backlog=True)
        return ServerView(
            _first_words(self.harness.channels.titles_in(_posts_channel(guild_id))),
            _first_words(self.harness.channels.titles_in(_review_channel(guild_id))),
            _titles_of(await self._list_held(guild_id)),
            _titles_of(backlog),
            await self._find_all(guild_id),
        )

    async def _list_held(self, guild_id: int, **filters: Any) -> list[StoredCard]:
        page = await self.store.moderation.queue.get_page(guild_id, QueueFilters(**filters), limit=50, offset=0)
        assert page.total == len(page.waiting)
        return [each.card for each in page.waiting]

    async def _find_all(self, guild_id: int) -> str:
        """What a member finds in each way, which must be the same."""
        cards = self.store.cards
        listed = _titles_of((await cards.list_latest(guild_id, limit=50, every_card=True)).cards)
        assert _titles_of(await cards.complete_cards("", guild_id, limit=25, every_card=True)) == listed
        searched: list[StoredCard] = []
        completed: list[StoredCard] = []
        for word in sorted(self.words):
            searched += (await cards.search_cards(CardQuery(word, every_card=True), guild_id, limit=25)).cards
        for word in listed.split():
            completed += await cards.complete_cards(word, guild_id, limit=25, every_card=True)
        assert _titles_of(searched) == _titles_of(completed) == listed
        return listed


def _posts_channel(guild_id: int) -> int:
    return 10 * guild_id


def _review_channel(guild_id: int) -> int:
    return 10 * guild_id + 1


def _first_words(titles: list[str]) -> str:
    return " ".join(sorted(title.split()[0] for title in titles))


def _titles_of(cards: Any) -> str:
    """First words of the titles of a feed's cards: those of everybody's stand beside them."""
    return _first_words([stored.card.title for stored in cards if stored.card.slug.startswith("feeds/")])


@asynccontextmanager
async def open_feed_stage(place: Path, reader: DocumentReader) -> AsyncIterator[FeedStage]:
    async with open_harness(place) as harness:
        yield FeedStage(harness, reader)
