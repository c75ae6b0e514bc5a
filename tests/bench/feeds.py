"""What looks at feeds cost, beside plain feedparser and the library `reader`, which do the same: fetch, read, store.

python -m tests.bench.feeds [FEEDS [ROUNDS]]
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import venv
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from time import clock_gettime, perf_counter, process_time
from typing import NamedTuple, Protocol
from unittest.mock import patch

from bot.domain.feed import NewFeed
from bot.domain.feed_schedule import FetchInterval
from bot.metrics import Metrics
from bot.sources.feeds import address_guard
from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.feed_importer import FeedImporter
from bot.sources.feeds.fetcher import Fetcher
from bot.sources.feeds.poller import FeedPoller
from bot.store import Store, open_store
from tests.bench.feed_site import ITEMS, FeedSite, serve_site
from tests.bench.table import format_verdict, p50, print_table
from tests.support.stage import ManualClock

HOSTS = 50
ROUNDS = 5
UNCHANGED_BAR, CHANGED_BAR = 1.0, 1.1
"""How many times plain feedparser's CPU time a look may take where nothing has changed, and where there is a new item.

The first was set as 0.6 ms, where plain feedparser took 0.60; on a busy machine both take longer.
"""
NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
_ROOT = Path(__file__).parents[2]
_REFERENCES = Path(__file__).with_name("feed_references.py")
_READER_VENV = _ROOT / "build" / "reader"


class Cost(NamedTuple):
    """What a look at all feeds took, in seconds, and how many items are stored since."""

    cpu: float
    wall: float
    items: int


class Contender(Protocol):
    """What is measured."""

    async def look(self) -> Cost: ...


class Reference:
    """A program of `feed_references.py` in its own process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    async def look(self) -> Cost:
        return await asyncio.to_thread(self._ask)

    def _ask(self) -> Cost:
        assert self._process.stdin
        assert self._process.stdout
        print("look", file=self._process.stdin, flush=True)
        return Cost(**json.loads(self._process.stdout.readline()))


@contextmanager
def start_reference(python: Path | str, kind: str, urls: Sequence[str]) -> Iterator[Reference]:
    with TemporaryDirectory() as folder:
        words = [str(python), str(_REFERENCES), kind, folder]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin
        print(*urls, "", sep="\n", file=process.stdin, flush=True)
        try:
            yield Reference(process)
        finally:
            process.stdin.close()
            process.wait()


def find_reader_python() -> Path | None:
    """Return a Python that has `reader`, in an environment of its own; None, with the reason, if there can be none."""
    python = _READER_VENV / "bin" / "python"
    try:
        if not python.exists():
            venv.create(_READER_VENV, with_pip=True)
        if subprocess.run([str(python), "-c", "import reader, sgmllib"], capture_output=True, check=False).returncode:
            # Its own copy of feedparser needs the second, which it does not ask for.
            install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "reader==3.*", "sgmllib3k"]
            subprocess.run(install, capture_output=True, check=True, timeout=300)
    except (OSError, subprocess.SubprocessError) as error:
        print(f"Without the library `reader`, which cannot be installed here: {type(error).__name__}")
        return None
    return python


class Newsdesk:
    """Our own poller with everything that belongs to it: store, fetcher, and the process that reads."""

    def __init__(self, store: Store, port: int, reader: DocumentReader) -> None:
        self._store = store
        self._reader = reader
        self.clock = ManualClock(NOW)
        interval = FetchInterval(timedelta(minutes=15), timedelta(days=1))
        importer = FeedImporter(store.feeds.items, store.cards.importer)
        self.poller = FeedPoller(
            store.feeds, importer, lambda: Fetcher(ports=[port]), reader, self.clock, interval, Metrics()
        )

    async def look(self) -> Cost:
        self.clock.advance(hours=1)
        wall, cpu = perf_counter(), self.cpu_seconds()
        report = await self.poller.poll_due()
        wall, cpu = perf_counter() - wall, self.cpu_seconds() - cpu
        assert not report.failed, report
        counts = await self._store.feeds.count_cards(self.clock())
        return Cost(cpu, wall, sum(each.cards for each in counts.values()))

    def cpu_seconds(self) -> float:
        """CPU time of this process and of the one that reads."""
        return process_time() + child_cpu_seconds(self._reader)


def child_cpu_seconds(reader: DocumentReader) -> float:
    """CPU time of the process that reads documents; 0 before the first. Linux only: by the process's own clock."""
    process = reader._reader._process
    return clock_gettime(~process.popen.pid << 3 | 2) if process else 0.0


@asynccontextmanager
async def open_newsdesk(port: int, urls: Sequence[str]) -> AsyncIterator[Newsdesk]:
    judge = address_guard.is_public_address
    reader = DocumentReader()
    with (
        TemporaryDirectory() as folder,
        # The server is let through, but judged as any other.
        patch.object(address_guard, "is_public_address", lambda text: judge(text) or True),
    ):
        async with open_store(f"sqlite+aiosqlite:///{Path(folder, 'newsdesk.db')}") as store:
            await store.feeds.add_feeds([NewFeed(url) for url in urls], NOW)
            try:
                yield Newsdesk(store, port, reader)
            finally:
                reader.close()


async def measure(site: FeedSite, feeds: int, rounds: int) -> dict[str, dict[str, list[Cost]]]:
    """Costs by kind of look and contender. The contenders take turns, so that all meet the same machine."""
    urls = [site.url_of(number) for number in range(feeds)]
    costs: dict[str, dict[str, list[Cost]]] = {"unchanged": defaultdict(list), "one new item": defaultdict(list)}
    python = find_reader_python()
    with ExitStack() as stack:
        contenders: dict[str, Contender] = {}
        contenders["plain feedparser"] = stack.enter_context(start_reference(sys.executable, "plain", urls))
        if python:
            contenders["reader"] = stack.enter_context(start_reference(python, "reader", urls))
        async with open_newsdesk(site.port, urls) as ours:
            contenders["Newsdesk"] = ours
            for contender in contenders.values():
                assert (await contender.look()).items == feeds * ITEMS
            for turn in range(1, rounds + 1):
                for kind, number in costs.items():
                    if kind != "unchanged":
                        site.publish_items()
                    for name, contender in contenders.items():
                        cost = await contender.look()
                        assert cost.items == feeds * (ITEMS + turn - (kind == "unchanged")), (name, cost)
                        number[name].append(cost)
    return costs


def print_costs(costs: dict[str, dict[str, list[Cost]]], feeds: int) -> None:
    for kind, by_name in costs.items():
        cpu = {name: p50([each.cpu for each in found]) * 1000 / feeds for name, found in by_name.items()}
        wall = {name: p50([each.wall for each in found]) * 1000 / feeds for name, found in by_name.items()}
        plain = cpu["plain feedparser"]
        bar = plain * (UNCHANGED_BAR if kind == "unchanged" else CHANGED_BAR)
        print_table(
            (f"{feeds:,} feeds, {kind}: ms a look", "CPU", "of plain feedparser", "wall", ""),
            [
                (
                    name,
                    f"{cpu[name]:.2f}",
                    f"{cpu[name] / plain:.2f}",
                    f"{wall[name]:.2f}",
                    format_verdict(cpu[name], bar) if name == "Newsdesk" else "",
                )
                for name in by_name
            ],
        )


def main(feeds: int = 1000, rounds: int = ROUNDS) -> None:
    with serve_site(HOSTS) as site:
        print_costs(asyncio.run(measure(site, feeds, rounds)), feeds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
