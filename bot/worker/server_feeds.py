"""The feeds that servers follow: look them up, follow, change and leave them, on request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.cards.model import Card
from bot.domain.feed import NewFeed
from bot.domain.feed_rate import estimate_weekly_items
from bot.domain.followed_feed import FollowedFeed
from bot.domain.follows import Follow
from bot.errors import UserError
from bot.i18n import tr
from bot.sources.feeds.feed_lookup import FeedLookup
from bot.sources.feeds.item_card import make_card
from bot.sources.feeds.lookup_service import LookupService
from bot.sources.feeds.model import FeedReadResult, FetchedDocument, RefusalReason
from bot.sources.feeds.opml import OpmlFeed, OpmlImport
from bot.store import Store

_POLL_SECONDS = 0.25
_READ_POLLS = 80
"""How often is looked whether a new feed has been read: for 20 s, as long as fetching it may take."""


@dataclass(frozen=True, slots=True)
class FollowResult:
    """What following feeds came to: those that are new here, followed already, everybody's, or above the limit."""

    added: int = 0
    known: int = 0
    shared: int = 0
    over_limit: int = 0


class ServerFeeds:
    """Feeds of servers, for commands and clicks. `most` is how many a server may follow."""

    def __init__(self, store: Store, lookups: LookupService, clock: Callable[[], datetime], most: int) -> None:
        self._store = store
        self._lookups = lookups
        self._clock = clock
        self.most = most

    async def list_feeds(self, guild_id: int) -> list[FollowedFeed]:
        """Return the feeds that a server follows, oldest first."""
        follows = await self._store.cards.follows.list_follows(guild_id)
        feeds = {feed.source_id: feed for feed in await self._store.feeds.fetch_feeds([f.source_id for f in follows])}
        counts = await self._store.feeds.count_weekly_cards(guild_id, self._clock())
        return [
            FollowedFeed(feeds[follow.source_id], follow, counts.get(follow.source_id, 0))
            for follow in follows
            if follow.source_id in feeds
        ]

    async def look_up(self, typed: str) -> FeedLookup:
        """Find the feed at an address. Raises `UserError` if too many others are being looked up."""
        return await self._lookups.find_feed(typed, self._clock())

    async def follow_feeds(self, new: Sequence[NewFeed], follow: Follow) -> FollowResult:
        """Follow feeds as `follow` says, whose source is ignored; each also has the topics of its own options.

        They are read at once; what they hold then is backlog. Repeating it changes nothing.
        """
        # Not all follows: a server's links and tokens have sources as well, which are no feeds.
        followed = {each.feed.source_id for each in await self.list_feeds(follow.guild_id)}
        own = await self._store.feeds.fetch_feeds(followed)
        # Also by the address to which one has moved since.
        addresses = {address for feed in own for address in (feed.key, feed.url)}
        unknown = [given for given in new if given.url not in addresses]
        feeds = await self._store.feeds.add_followed(unknown, self._clock())
        known, added, shared, over_limit = len(new) - len(unknown), 0, 0, 0
        for given in unknown:
            feed = feeds[given.url]
            if feed.is_shared:
                shared += 1
            elif feed.source_id in followed:
                known += 1
            elif len(followed) >= self.most:
                over_limit += 1
            else:
                topics = tuple(dict.fromkeys((*follow.topics, *given.options.topics)))
                await self._store.cards.follows.follow_source(replace(follow, source_id=feed.source_id, topics=topics))
                followed.add(feed.source_id)
                added += 1
        return FollowResult(added, known, shared, over_limit)

    async def wait_for_newest(self, guild_id: int, url: str, limit: int) -> list[int] | None:
        """Wait until the leader has read a feed that was just followed; return its newest cards, oldest first.

        None if it takes too long.
        """
        (feed,) = await self._store.feeds.find_feeds([url])
        for _ in range(_READ_POLLS):
            newest = await self._store.feeds.fetch_newest_cards(guild_id, feed.source_id, limit)
            if newest is not None:
                return newest
            await asyncio.sleep(_POLL_SECONDS)
        return None

    async def change_follow(self, follow: Follow) -> None:
        """Change what a server wants of a feed, for what comes from now on."""
        await self._store.cards.follows.edit_follow(follow)

    async def unfollow_feed(self, followed: FollowedFeed, *, keep_posts: bool) -> None:
        """Leave a feed. Its posts stay as they are for good, or are deleted."""
        follow = followed.follow
        await self._store.cards.follows.unfollow_source(
            follow.guild_id, follow.source_id, self._clock(), keep_posts=keep_posts
        )
        await self._store.feeds.rest_unfollowed(follow.source_id, self._clock())

    async def read_list(self, body: bytes, name: str) -> OpmlImport:
        """Read a list of feeds. Raises `UserError` if it is something else."""
        content = await self._lookups.reader.read_opml(FetchedDocument(body, "", name, self._clock()))
        if isinstance(content, RefusalReason):
            raise UserError(tr("This isn't a list of feeds. Export one as OPML from your feed reader."))
        return content


def preview_cards(lookup: FeedLookup, feed: FeedReadResult, follow: Follow, now: datetime) -> list[Card]:
    """Return the cards that a feed would bring, the newest first."""
    cards = [
        replace(
            make_card(item, feed, source="preview", url=lookup.url, first_seen=now, topics=follow.topics),
            quality=follow.quality,
        )
        for item in feed.items
    ]
    return sorted(cards, key=lambda card: card.published_at, reverse=True)


def estimate_rate(feed: FeedReadResult, now: datetime) -> float | None:
    """Estimate how many items a week a feed brings; None if its dates do not tell."""
    return estimate_weekly_items([item.published_at for item in feed.items], now)


def to_opml_feeds(feeds: Sequence[FollowedFeed], redact: Callable[[str], str]) -> list[OpmlFeed]:
    """Return the feeds as entries of a list, without what `redact` takes out of their addresses."""
    return [OpmlFeed(redact(each.feed.url), each.name, each.follow.topics) for each in feeds]
