"""The same job by Newsdesk and by what a user would run instead, one after the other against the wire Discord.

python -m tests.bench.peers [FEEDS [CHANNELS [ROUNDS]]]

200 feeds are spread over 50 channels, and in each of 10 rounds every feed has a new item. Halfway through the posts of
the middle round the program is killed by SIGKILL and started again. Discord's limits are off, so that the programs are
measured and not these. An item's time counts from the first request of its round, since when a program looks is a
setting in each. That round counts only for what was lost, repeated or out of order; the CPU time is that of the process
and those it started, in the other rounds.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Protocol

from bot.domain.feed import FeedOptions, NewFeed
from bot.domain.subscription import SubscriptionOptions
from bot.store import open_store
from tests.bench.feed_site import ITEMS, FeedSite, serve_site
from tests.bench.feeds import find_reader_python
from tests.bench.table import p50, p99, print_table
from tests.crash.process import BotProcess
from tests.soak.process import TICKS, resident_memory
from tests.support.polling import poll_until, wait_until
from tests.wire.client import WireDiscord
from tests.wire.results import WireMessage

HOSTS = 50
_PROGRAMS = Path(__file__).with_name("peer_programs.py")
_ITEM = re.compile(r"\b(\d+)-(\d+)\b")
_QUIET = 20.0
"""Seconds without a post after which nothing more is expected of a program that has looked."""
_PATIENCE = 120.0


class Program(Protocol):
    """A program that posts the feeds' new items."""

    @property
    def pid(self) -> int: ...

    async def prepare(self, channels: Mapping[str, int], guild_id: int) -> None:
        """Take the feeds over, with the channel of each; what they hold now is not posted."""

    async def start(self) -> None: ...

    async def look(self) -> None:
        """Have it look at all feeds now."""

    def kill(self) -> None: ...


class Newsdesk:
    """`newsdesk run`: the feeds are everybody's, and each channel has a topic that its feeds give their cards."""

    def __init__(self, folder: Path, api: str, site: FeedSite) -> None:
        private = ",".join(f"{site.host_of(place)}:{site.port}" for place in range(site.hosts))
        self._bot = BotProcess(folder, api, fetch_private=private)

    @property
    def pid(self) -> int:
        return self._bot.pid

    async def prepare(self, channels: Mapping[str, int], guild_id: int) -> None:
        await self._bot.prepare_store([], guild_id, 0)
        now = datetime.now(UTC)
        async with open_store(self._bot.url) as store:
            feeds = [NewFeed(url, options=FeedOptions(topics=(_topic_of(place),))) for url, place in channels.items()]
            await store.feeds.add_feeds(feeds, now)
            for channel_id in set(channels.values()):
                options = SubscriptionOptions(topics=(_topic_of(channel_id),))
                await store.subscriptions.add_subscription(
                    guild_id=guild_id, channel_id=channel_id, created_by=1, now=now, options=options
                )
        await self.start()
        await wait_until(self._has_read_all, within=_PATIENCE)

    async def start(self) -> None:
        self._bot.start()

    async def look(self) -> None:
        async with open_store(self._bot.url) as store:
            now = datetime.now(UTC)
            await store.feeds.reschedule_all(now, latest=now)

    def kill(self) -> None:
        self._bot.kill()

    async def _has_read_all(self) -> bool:
        async with open_store(self._bot.url) as store:
            return all(feed.read_at for feed in await store.feeds.list_feeds())


class Peer:
    """A program of `peer_programs.py`."""

    def __init__(self, python: Path | str, kind: str, folder: Path, api: str) -> None:
        self._command = [str(python), str(_PROGRAMS), kind, str(folder), api]
        folder.mkdir()

    @property
    def pid(self) -> int:
        return self._process.pid

    async def prepare(self, channels: Mapping[str, int], guild_id: int) -> None:
        self._lines = [f"{url} {channel}" for url, channel in channels.items()]
        await self.start()
        await self.look()
        assert self._process.stdout
        await asyncio.to_thread(self._process.stdout.readline)

    async def start(self) -> None:
        self._process = subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin
        print(*self._lines, "", sep="\n", file=self._process.stdin, flush=True)

    async def look(self) -> None:
        assert self._process.stdin
        print("look", file=self._process.stdin, flush=True)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@dataclass(slots=True)
class Tally:
    """What came of a program's run. Times are in seconds from the round's first request to the post's arrival."""

    posts: int = 0
    lost: int = 0
    repeated: int = 0
    disordered: int = 0
    cpu: float = 0.0
    memory: float = 0.0
    times: list[float] = field(default_factory=list)


def _topic_of(channel_id: int) -> str:
    return f"Topic {channel_id}"


def _find_processes(pid: int) -> list[int]:
    """Return a process and all that it started, as far as they live."""
    parents = {}
    for each in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(each.parent.name)] = int(each.read_text("utf-8").rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
    found = [pid]
    for ancestor in found:
        found += [child for child, parent in parents.items() if parent == ancestor]
    return found


def _cpu_seconds(pid: int) -> float:
    ticks = 0
    for each in _find_processes(pid):
        values = Path(f"/proc/{each}/stat").read_text("utf-8").rpartition(")")[2].split()
        ticks += int(values[11]) + int(values[12])
    return ticks / TICKS


async def run_job(wire: WireDiscord, site: FeedSite, program: Program, size: tuple[int, int, int]) -> Tally:
    """Let a program do the whole job, and count."""
    feeds, count, rounds = size
    await wire.reset_world(limits=False)
    guild = await wire.add_guild(*["text"] * count)
    channels = [channel.id for channel in guild.channels]
    first = site.editions[0] + ITEMS + 1
    await program.prepare({site.url_of(number): channels[number % count] for number in range(feeds)}, guild.id)
    tally = Tally()
    for number in range(rounds):
        before, cpu = (number + 1) * feeds, _cpu_seconds(program.pid)
        site.publish_items()
        await program.look()
        if number == rounds // 2:
            await _wait_for_posts(wire, before - feeds // 2)
            program.kill()
            await program.start()
            await program.look()
            await _wait_for_posts(wire, before)
            continue
        await _wait_for_posts(wire, before)
        tally.cpu += _cpu_seconds(program.pid) - cpu
        item = first + number
        messages = [each for id_ in channels for each in await wire.list_messages(id_) if _item_of(each)[1] == item]
        tally.times += [each.at - site.asked_at.value for each in messages]
    tally.memory = sum(resident_memory(each) for each in _find_processes(program.pid))
    await _count_posts(wire, channels, range(first, first + rounds), feeds, tally)
    return tally


async def _wait_for_posts(wire: WireDiscord, number: int) -> None:
    """Wait for so many posts in all, or until no more come: one that was lost will not."""
    last, since = -1, monotonic()

    async def count_posts() -> int:
        return sum((await wire.get_totals()).messages.values())

    def is_over(posts: int) -> bool:
        nonlocal last, since
        if posts != last:
            last, since = posts, monotonic()
        return posts >= number or (posts > 0 and monotonic() - since > _QUIET)

    await poll_until(count_posts, is_over, within=_PATIENCE)


async def _count_posts(
    wire: WireDiscord, channels: Sequence[int], items: Sequence[int], feeds: int, tally: Tally
) -> None:
    counts: Counter[tuple[int, int]] = Counter()
    for channel_id in channels:
        order: dict[int, list[int]] = defaultdict(list)
        for message in await wire.list_messages(channel_id):
            feed, item = _item_of(message)
            counts[feed, item] += 1
            order[feed].append(item)
        tally.disordered += sum(earlier > later for each in order.values() for earlier, later in pairwise(each))
    tally.posts = counts.total()
    tally.lost = sum(not counts[feed, item] for feed in range(feeds) for item in items)
    tally.repeated = sum(count - 1 for count in counts.values())


def _item_of(message: WireMessage) -> tuple[int, int]:
    """Return the numbers of feed and item that a post's title or text names."""
    found = _ITEM.search(message.title or message.content)
    assert found, message
    return int(found[1]), int(found[2])


def _format_row(name: str, tally: Tally, measured: int) -> list[str]:
    times = [f"{p50(tally.times):.2f}", f"{p99(tally.times):.2f}"] if tally.times else ["", ""]
    faults = [str(tally.lost), str(tally.repeated), str(tally.disordered)]
    return [name, str(tally.posts), *faults, f"{tally.cpu * 1000 / measured:.1f}", *times, f"{tally.memory:.0f}"]


async def main(feeds: int = 200, channels: int = 50, rounds: int = 10) -> bool:
    day = format_datetime(datetime.now(UTC)).rpartition(" ")[0].rpartition(" ")[0]
    rows, tallies = [], []
    async with WireDiscord() as wire:
        with TemporaryDirectory() as name, serve_site(HOSTS, day=day) as site:
            api, folder = wire.address.api, Path(name)
            programs: dict[str, Program] = {"Newsdesk": Newsdesk(folder / "newsdesk", api, site)}
            if python := find_reader_python():
                programs["reader and a poster"] = Peer(python, "reader", folder / "reader", api)
            programs["feedparser and channel.send"] = Peer(sys.executable, "plain", folder / "plain", api)
            for name, program in programs.items():
                try:
                    tallies.append(await run_job(wire, site, program, (feeds, channels, rounds)))
                finally:
                    program.kill()
                rows.append(_format_row(name, tallies[-1], feeds * (rounds - 1)))
                print(f"{name}: done", flush=True)
    print(f"\n{feeds * rounds:,} items of {feeds} feeds in {channels} channels, killed once, {os.cpu_count()} cores")
    head = ["", "posts", "lost", "repeated", "out of order", "CPU ms an item", "s to post, half", "99 %", "MB"]
    print_table(head, rows)
    ours, peers = tallies[0], tallies[1:]
    return not (ours.lost or ours.repeated or ours.disordered) and all(ours.cpu <= each.cpu for each in peers)


if __name__ == "__main__":
    sys.exit(not asyncio.run(main(*map(int, sys.argv[1:4]))))
