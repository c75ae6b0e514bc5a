"""A process of the bot that follows a feed as it should be, and one of each hostile body on a host of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bot.domain.feed import NewFeed
from bot.domain.follows import Follow, FollowPolicy
from bot.store import open_store
from tests.crash.process import BotProcess
from tests.sources.feeds.web_server import WebServer
from tests.support.feed_server import FeedServer, serve_feeds
from tests.support.feeds import story
from tests.support.hostile_bodies import BODIES
from tests.support.stores import query_database
from tests.wire.client import WireDiscord

GOOD = "/good"


@dataclass
class HostileWeb:
    """The process, which is not started yet, its channel with instant posts, and the sites."""

    wire: WireDiscord
    bot: BotProcess
    channel_id: int
    site: FeedServer
    """Of the feed as it should be."""
    hostile: dict[str, WebServer]
    """Servers of hostile bodies, by their names."""
    source_ids: dict[str, int]
    """Feeds by the names of their bodies; the one as it should be has the name `GOOD`."""

    def publish_story(self) -> None:
        """Add an item to the feed as it should be."""
        self.site.items[GOOD] = [story(len(self.site.items[GOOD]) + 1), *self.site.items[GOOD]]

    def make_due(self, *names: str) -> int:
        """Let feeds be looked at now; all without names. Returns the time, in microseconds."""
        ids = ", ".join(str(self.source_ids[name]) for name in names or self.source_ids)
        now = round(datetime.now(UTC).timestamp() * 1_000_000)
        query_database(self.bot.url, f"UPDATE feeds SET next_fetch_at = {now} WHERE source_id IN ({ids})")
        return now

    def is_looked_at(self, name: str) -> bool:
        """Whether a hostile body is being sent. `silence` never notices that nobody listens any more."""
        return self.hostile[name].busy["*"] > 0

    def list_problems(self) -> dict[str, str]:
        """Problems of the feeds that have been looked at, by name; empty for those that were read."""
        rows = dict(query_database(self.bot.url, "SELECT source_id, problem FROM feeds WHERE fetched_at IS NOT NULL"))
        return {name: rows[source_id] for name, source_id in self.source_ids.items() if source_id in rows}


@asynccontextmanager
async def open_hostile_web(wire: WireDiscord, folder: Path, names: Iterable[str] = BODIES) -> AsyncIterator[HostileWeb]:
    """Serve the bodies of these names, each at an address of its own of this machine's (on Linux it has many)."""
    async with AsyncExitStack() as stack:
        site = stack.enter_context(serve_feeds())
        site.items[GOOD] = [story(1)]
        hostile: dict[str, WebServer] = {}
        urls = {GOOD: site.url_of(GOOD)}
        for number, name in enumerate(names, start=2):
            hostile[name] = server = WebServer()
            server.answers["/"] = [BODIES[name]()]
            await stack.enter_async_context(server.serve(address=f"127.0.0.{number}"))
            urls[name] = server.url("/", f"127.0.0.{number}")
        guild = await wire.add_guild("text")
        hosts = ",".join(url.split("/")[2] for url in urls.values())
        bot = stack.enter_context(BotProcess(folder, wire.address.api, fetch_private=hosts))
        await bot.prepare_store([guild.channels[0].id], guild.id, 0)
        source_ids = await _follow_feeds(bot, guild.id, urls)
        yield HostileWeb(wire, bot, guild.channels[0].id, site, hostile, source_ids)


async def _follow_feeds(bot: BotProcess, guild_id: int, urls: dict[str, str]) -> dict[str, int]:
    async with open_store(bot.url) as store:
        now = datetime.now(UTC)
        feeds = await store.feeds.add_followed([NewFeed(url) for url in urls.values()], now)
        for feed in feeds.values():
            await store.cards.follows.follow_source(Follow(guild_id, feed.source_id, FollowPolicy.PUBLISH, now, 1))
    return {name: feeds[url].source_id for name, url in urls.items()}
