"""The crash test with feeds as the source: `python -m tests.crash.feeds [--kills 100] [--feeds 6] [--postgres]`.

Two servers follow the feeds, one with the policy `publish`, the other with `review`, where a script publishes what is
held once its review is posted. In each, a channel has instant posts of all feeds, and another one a digest of one feed
every minute. A third server has two feeds of other publishers with the policy `covered`: of a story that the first one
brings, the second one brings its own report later, or never. The site fails and lies at every third request, and the
bot is killed at a named step or at any time. Exit code 1 on any loss.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from time import monotonic

from bot.domain.feed import NewFeed
from bot.domain.follows import Follow, FollowPolicy
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.domain.subscription import Frequency, Layout, SubscriptionOptions
from bot.store import open_store
from tests.crash.cluster import new_database
from tests.crash.process import BotProcess
from tests.crash.steps import STEPS
from tests.crash.story import CrashTally
from tests.sources.feeds.documents import element, rss_item
from tests.support.feed_server import FeedServer, serve_feeds
from tests.support.polling import wait_until
from tests.support.postgres import PostgresServer, find_programs, run_server
from tests.support.stores import query_database
from tests.wire.client import WireDiscord
from tests.wire.results import WireMessage

KILLS_A_RUN = 25
_FAILING = 0.35
_OLD = 12
"""Items of a feed before it is followed. Bodies that break off do so among them, and what is new stays in order."""
_PATIENCE = 240.0
_LIFE = (0.0, 4.0)
"""Seconds from the first fetch of a process to a kill at any time."""
_STEP_WITHIN, _DIGEST_WITHIN = 20.0, 75.0
"""Seconds from there in which it has to come to the step at which it is to be killed; else it is killed then."""
_HOUR, _MINUTE = timedelta(hours=1), timedelta(minutes=1)
_NUMBER = re.compile(r"\bCard (\d+)\b")
_OTHER = -1
"""Stands for a post of an old item: there should be none."""
_LARGEST_DIGEST = 25
_DIGEST_FEED, _TOPIC = 1, "Science"
_COVERING = 0.4
"""The probability with which the second publisher brings a story at the next occasion."""


@dataclass(slots=True)
class FeedTally(CrashTally):
    """What a run came to. `late` items were left out of digests that were full; `covered` ones had two publishers."""

    late: int = 0
    items: int = 0
    covered: int = 0
    steps: Counter[str] = field(default_factory=Counter, repr=False)
    """Where the process was killed."""
    answers: Counter[str] = field(default_factory=Counter, repr=False)


@dataclass(frozen=True, slots=True)
class _Server:
    """A server with a channel of each kind; None where there is nothing of the kind."""

    guild_id: int
    instant: int
    digests: int | None = None
    reviews: int | None = None


class FeedStory:
    """One run. The first feed is everybody's; the third server follows the last two, the others follow the rest."""

    def __init__(self, wire: WireDiscord, bot: BotProcess, site: FeedServer, feeds: int, seed: int) -> None:
        self.wire, self.bot, self.site = wire, bot, site
        self.chance = site.chance = random.Random(seed)
        names = ("127.0.0.1", "localhost")  # two hosts, so that two requests are under way at a time
        self.urls = [site.url_of(f"/{number}", names[number % 2]) for number in range(feeds + 2)]
        self.first_publisher, self.second_publisher = feeds, feeds + 1
        self.feed_of: list[int] = []
        """The feed of each item; of a story with two publishers, that of the first."""
        self.uncovered: list[int] = []
        self.covered: list[int] = []
        """Items of the first publisher which the second one has, too."""
        self.tally = FeedTally(runs=1)

    async def prepare(self) -> None:
        """Let the servers follow feeds that hold old items, which are looked at once."""
        for number in range(len(self.urls)):
            self.site.items[f"/{number}"] = [_write_item(f"Old {number} {each}") for each in range(_OLD)]
        # A channel for reviews has to be private.
        guilds = [await self.wire.add_guild("text", "text", "text", everyone=0) for _ in range(3)]
        await self.bot.prepare_store([], guilds[0].id, 0)
        channels = [[channel.id for channel in guild.channels] for guild in guilds]
        uses = zip(guilds, channels, (2, 3, 1), strict=True)
        self.servers = [_Server(guild.id, *ids[:count]) for guild, ids, count in uses]
        async with open_store(self.bot.url) as store:
            now = datetime.now(UTC) - _HOUR
            first, *others = (NewFeed(url) for url in self.urls)
            await store.feeds.add_feeds([first], now)
            sources = [feed.source_id for feed in (await store.feeds.add_followed(others, now)).values()]
            followed = (sources[:-2], sources[:-2], sources[-2:])
            policies = (FollowPolicy.PUBLISH, FollowPolicy.REVIEW, FollowPolicy.COVERED)
            for server, ids, policy in zip(self.servers, followed, policies, strict=True):
                for source_id in ids:
                    topics = (_TOPIC,) if source_id == sources[_DIGEST_FEED - 1] else ()
                    follow = Follow(server.guild_id, source_id, policy, now, 1, topics=topics)
                    await store.cards.follows.follow_source(follow)
                for channel, options in ((server.instant, None), (server.digests, _DIGEST)):
                    if channel:
                        await store.subscriptions.add_subscription(
                            guild_id=server.guild_id, channel_id=channel, created_by=1, now=now, options=options
                        )
                if server.reviews:
                    await store.moderation.reviews.set_channel(server.guild_id, server.reviews, 100, now, 24 * _HOUR)
        self.bot.start()
        await wait_until(lambda: self._count(_UNREAD) == 0, within=_PATIENCE)
        assert self.bot.terminate() == 0, self.bot.log

    async def run(self, kills: int) -> FeedTally:
        """Publish, start and kill again and again; then let everything come, and count."""
        self.site.failing = _FAILING
        while self.tally.kills < kills:
            self._publish_items()
            await self._live_and_die()
        self.site.failing = 0.0
        self._publish_items()  # a cache that lied has to have something new to tell
        await self._settle()
        await self._count_all()
        return self.tally

    def _publish_items(self) -> None:
        for number in range(self.second_publisher):
            for _ in range(self.chance.randint(0, 1 if number == _DIGEST_FEED else 2)):
                item = len(self.feed_of)
                if number == self.first_publisher:
                    self.uncovered.append(item)
                    self._publish(number, _write_report(item, number))
                else:
                    self._publish(number, _write_item(f"Card {item}"))
                self.feed_of.append(number)
        for item in [each for each in self.uncovered if self.chance.random() < _COVERING]:
            self.uncovered.remove(item)
            self.covered.append(item)
            self._publish(self.second_publisher, _write_report(item, self.second_publisher))
        self.tally.covered = len(self.covered)
        self.tally.items = len(self.feed_of) + len(self.covered)

    def _publish(self, feed: int, item: str) -> None:
        self.site.items[f"/{feed}"] = [item, *self.site.items[f"/{feed}"]]

    async def _live_and_die(self) -> None:
        """One life: killed at a step, or after some time; moderators decide before or meanwhile."""
        step = self.chance.choice([*STEPS, *[""] * (len(STEPS) // 2)])
        when, count = self.chance.choice(("before", "after")), self._choose_count(step)
        await self._start(f"{step}:{when}:{count}" if step else "")
        decides_meanwhile = self.chance.random() < 0.5
        await self._wait_for_fetch()
        within = _DIGEST_WITHIN if step == "digest" else _STEP_WITHIN if step else self.chance.uniform(*_LIFE)
        until = monotonic() + within
        while self.bot.running and monotonic() < until:
            await asyncio.sleep(0.05)
            if decides_meanwhile:
                await self._publish_held()
        self.tally.steps[step if step and not self.bot.running else "any time"] += 1
        assert self.bot.running or step, f"It ended by itself:\n{self.bot.log}"
        if self.bot.running:
            self.bot.kill()
        self.tally.kills += 1
        await self._publish_held()

    async def _wait_for_fetch(self) -> None:
        """Wait until a feed is asked for: what is to be interrupted comes after it."""
        before = self.site.answers.total()
        await wait_until(lambda: self.site.answers.total() > before or not self.bot.running, within=_PATIENCE)

    def _choose_count(self, step: str) -> int:
        return self.chance.randint(1, 150 if step == "statement" else 4 if step == "send" else 2)

    async def _start(self, kill_at: str = "") -> None:
        """Start with all feeds due: a test cannot wait for the minutes that a site is left alone."""
        async with open_store(self.bot.url) as store:
            now = datetime.now(UTC)
            await store.feeds.reschedule_all(now, latest=now)
        self.bot.start(kill_at)

    async def _publish_held(self) -> int:
        """Publish what is held and shown in the channel for reviews. Returns the number of cards."""
        guild_id = self.servers[1].guild_id
        held = query_database(self.bot.url, _HELD.format(guild_id=guild_id))
        if held:
            async with open_store(self.bot.url) as store:
                for (card_id,) in held:
                    decision = Decision(guild_id, card_id, Verdict.PUBLISH, 1, datetime.now(UTC))
                    await store.moderation.decisions.decide_card(decision, source=DecisionSource.COMMAND, expected=None)
        return len(held)

    async def _settle(self) -> None:
        """Let all items come, be decided and posted, in a last digest too."""
        wanted = self.tally.items
        await self._start()
        await wait_until(lambda: self._count(_STORED) == wanted, within=_PATIENCE)
        await wait_until(self._is_decided, within=_PATIENCE)  # and all reviews are posted
        await wait_until(lambda: self._count(_UNPLANNED) == 0, within=_PATIENCE)
        at = datetime.now(UTC).replace(second=0, microsecond=0) + _MINUTE
        slots = _OVERDUE.format(at=round(at.timestamp() * 1_000_000))
        await wait_until(lambda: self._count(slots) == 0, within=_PATIENCE)
        await wait_until(lambda: self._count(_UNSENT) == 0, within=_PATIENCE)
        assert self.bot.terminate() == 0, self.bot.log

    async def _is_decided(self) -> bool:
        await self._publish_held()
        return self._count(_UNDECIDED.format(guild_id=self.servers[1].guild_id)) == 0

    def _count(self, query: str) -> int:
        ((number,),) = query_database(self.bot.url, query)
        return int(number)

    async def _count_all(self) -> None:
        numbered = list(enumerate(self.feed_of))
        followed = [number for number, feed in numbered if feed != self.first_publisher]
        for server in self.servers[:2]:
            await self._count_channel(server.instant, followed)
            if server.digests:
                await self._count_digests(server.digests)
            if server.reviews:
                own = [number for number in followed if self.feed_of[number]]
                await self._count_channel(server.reviews, own, is_ordered=False)
        everybodys = [number for number, feed in numbered if not feed]
        # In the order in which the second publisher brought them.
        await self._count_channel(self.servers[2].instant, [*everybodys, *self.covered], is_ordered=False)
        self.tally.prevented = (await self.wire.get_totals()).prevented
        self.tally.answers = self.site.answers

    async def _count_channel(self, channel_id: int, wanted: Sequence[int], *, is_ordered: bool = True) -> None:
        """Count one item a message; of a feed, they are to come in its order."""
        # Notices of trouble with a feed have no embed.
        messages = [message for message in await self.wire.list_messages(channel_id) if message.embeds]
        held = [(_read_numbers([message]) or [_OTHER])[0] for message in messages]
        self._add_counts(held, wanted)
        for feed in range(len(self.urls)):
            numbers = [number for number in held if self.feed_of[number] == feed]
            self.tally.disordered += is_ordered and numbers != sorted(numbers)

    async def _count_digests(self, channel_id: int) -> None:
        """Count the items of all digests. Those that found no room in a full one are late, not lost."""
        messages = await self.wire.list_messages(channel_id)
        held, wanted = _read_numbers(messages), {n for n, feed in enumerate(self.feed_of) if feed == _DIGEST_FEED}
        if any(len(_read_message(message)) >= _LARGEST_DIGEST for message in messages):
            self.tally.late += len(wanted - set(held))
            wanted &= set(held)
        self._add_counts(held, wanted)

    def _add_counts(self, held: Sequence[int], wanted: Iterable[int]) -> None:
        if sorted(held) != sorted(wanted):
            print(f"wanted {sorted(wanted)}, held {held}")
        self.tally.posts += len(held)
        self.tally.repeated += len(held) - len(set(held))
        self.tally.lost += len(set(wanted) ^ set(held))


_DIGEST = SubscriptionOptions(
    frequency=Frequency.DAILY,
    times=tuple(time(*divmod(minute, 60)) for minute in range(24 * 60)),
    topics=(_TOPIC,),
    layout=Layout.LIST,
    max_cards=_LARGEST_DIGEST,
)
_UNDECIDED = (
    "SELECT count(*) FROM server_cards WHERE guild_id = {guild_id} AND state = 'held' AND NOT is_backlog"
    " AND card_id NOT IN (SELECT card_id FROM decisions WHERE guild_id = {guild_id})"
)
_HELD = (
    _UNDECIDED.replace("count(*)", "card_id")
    + " AND card_id IN (SELECT card_id FROM delivery_cards JOIN deliveries ON deliveries.id = delivery_id"
    " WHERE layout = 'review' AND message_id IS NOT NULL) ORDER BY card_id"
)
_STORED = "SELECT count(*) FROM cards WHERE title LIKE 'Card %'"
_UNREAD = "SELECT count(*) FROM feeds WHERE read_at IS NULL"
_OVERDUE = "SELECT count(*) FROM subscriptions WHERE next_digest_at <= {at}"
_UNSENT = "SELECT count(*) FROM deliveries WHERE due_at IS NOT NULL"
_UNPLANNED = (
    "SELECT (SELECT count(*) FROM cards WHERE needs_planning) + count(*) FROM server_cards WHERE needs_planning"
)


def _write_item(title: str) -> str:
    """An item of an hour ago, each from a publisher of its own: a digest takes few of one publisher."""
    slug = title.lower().replace(" ", "-")
    source = element("source", f"The {title} Paper", url=f"https://{slug}.example/feed")
    date = f"{datetime.now(UTC) - _HOUR:%a, %d %b %Y %H:%M:%S} GMT"
    return rss_item(source, title=title, link=f"https://paper.example/{slug}", guid=slug, date=date)


def _write_report(number: int, feed: int) -> str:
    """A publisher's report of a story. Its own words, spelt with the number's digits, tell it from other stories."""
    digits = str(number).translate(str.maketrans("0123456789", "bdfglmnprt"))
    title = f"Card {number} tells of harbour{digits} and bridge{digits}"
    source = element("source", f"The Paper {feed} of {number}", url=f"https://paper-{feed}-{number}.example/feed")
    date = f"{datetime.now(UTC) - _HOUR:%a, %d %b %Y %H:%M:%S} GMT"
    link = f"https://paper-{feed}-{number}.example/{digits}"
    return rss_item(source, title=title, link=link, guid=f"{feed}-{number}", date=date)


def _read_numbers(messages: Sequence[WireMessage]) -> list[int]:
    return [int(number) for message in messages for number in _read_message(message)]


def _read_message(message: WireMessage) -> list[str]:
    """The numbers of the items that a message shows; a title may be said more than once there."""
    return list(dict.fromkeys(_NUMBER.findall(json.dumps(message.embeds))))


async def run_feed_crash(
    wire: WireDiscord, folder: Path, *, kills: int, feeds: int, seed: int, server: PostgresServer | None = None
) -> FeedTally:
    """A run with so many kills, on a new database of the server if there is one."""
    await wire.reset_world(limits=False, seed=seed)
    with ExitStack() as stack:
        site = stack.enter_context(serve_feeds())
        database = stack.enter_context(new_database(server)) if server else ""
        hosts = f"{site.host},{site.host.replace('127.0.0.1', 'localhost')}"
        bot = stack.enter_context(BotProcess(folder, wire.address.api, database, fetch_private=hosts))
        story = FeedStory(wire, bot, site, feeds, seed)
        await story.prepare()
        return await story.run(kills)


async def _run_many(kills: int, feeds: int, seed: int, server: PostgresServer | None) -> FeedTally:
    total = FeedTally()
    async with WireDiscord() as wire:
        while total.kills < kills:
            with tempfile.TemporaryDirectory() as folder:
                some, at = min(KILLS_A_RUN, kills - total.kills), seed + total.runs
                done = await run_feed_crash(wire, Path(folder) / "run", kills=some, feeds=feeds, seed=at, server=server)
            total.add_tally(done)
            print(f"so far: {total}", flush=True)
    for name in ("steps", "answers"):
        print(f"{name}: {', '.join(f'{key} {value}' for key, value in sorted(getattr(total, name).items()))}")
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("kills", 100), ("feeds", 6), ("seed", 0)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--postgres", action="store_true", help="on a PostgreSQL of its own")
    options = parser.parse_args()
    with ExitStack() as stack:
        server = None
        if options.postgres:
            if (programs := find_programs()) is None:
                raise SystemExit("There is no PostgreSQL on this machine (apt-get install postgresql)")
            server = stack.enter_context(run_server(programs))
        total = asyncio.run(_run_many(options.kills, options.feeds, options.seed, server))
    return 1 if total.lost or total.repeated or total.disordered else 0


if __name__ == "__main__":
    sys.exit(main())
