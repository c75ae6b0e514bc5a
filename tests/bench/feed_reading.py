"""What reading feeds in the isolated process costs, in CPU time, against feedparser called as its manual says.

python -m tests.bench.feed_reading [FEEDS]
"""

from __future__ import annotations

import asyncio
import io
import random
import resource
import sys
from collections.abc import Sequence

import feedparser

from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.model import FeedReadResult, FetchedDocument
from tests.bench.table import format_verdict, print_table
from tests.sources.feeds.documents import document, element, rss, rss_item

ITEMS = 20
BATCH = 25
READ_BAR = 1.0
"""Reading may take this many times feedparser's own CPU time, the way to the process and back included."""
_WORDS = [
    "sea",
    "wind",
    "harbour",
    "boat",
    "light",
    "storm",
    "tide",
    "crew",
    "sail",
    "coast",
    "island",
    "chart",
    "anchor",
    "wave",
    "night",
    "north",
]


def main(feeds: int) -> None:
    rows = []
    for name, paragraphs in (("with a teaser", 0), ("with the whole text", 8)):
        documents = [_make_feed(number, paragraphs) for number in range(feeds)]
        parsed = _parse_plainly(documents) * 1000 / feeds
        started = asyncio.run(_read_isolated(documents[:1]))  # the process lives as long as the bot
        read = (asyncio.run(_read_isolated(documents)) - started) * 1000 / (feeds - 1)
        verdict = format_verdict(read, READ_BAR * parsed)
        rows.append([f"{ITEMS} items {name}", f"{parsed:.2f}", f"{read:.2f}", f"{read / parsed:.2f}", verdict])
    print_table([f"{feeds:,} feeds, ms of CPU time each", "feedparser", "ours", "ratio", ""], rows)


def _make_feed(number: int, paragraphs: int) -> FetchedDocument:
    chance = random.Random(number)

    def write_text(words: int) -> str:
        return " ".join(chance.choices(_WORDS, k=words)).capitalize() + "."

    items = []
    for item in range(ITEMS):
        text = "".join(f"<p>{write_text(60)} <a href='/x'>{write_text(3)}</a></p>" for _ in range(paragraphs))
        picture = f'<media:thumbnail url="https://img.example/{item}.jpg" width="480" height="270"/>'
        more = element("content:encoded", f"{text}<img src='/{item}.jpg' width='600'>") if paragraphs else picture
        address = f"https://paper.example/{number}/{item}?utm_source=rss"
        teaser = f"<p>{write_text(40)}</p>"
        items.append(rss_item(more, title=write_text(9), link=address, guid=f"{number}-{item}", description=teaser))
    return document(rss(*items))


def _parse_plainly(documents: Sequence[FetchedDocument]) -> float:
    before = _cpu_seconds(resource.RUSAGE_SELF)
    for each in documents:
        headers = {"content-type": each.content_type, "content-location": each.url}
        assert len(feedparser.parse(io.BytesIO(each.body), response_headers=headers)["entries"]) == ITEMS
    return _cpu_seconds(resource.RUSAGE_SELF) - before


async def _read_isolated(documents: Sequence[FetchedDocument]) -> float:
    """CPU seconds of both processes."""
    before = _cpu_seconds(resource.RUSAGE_SELF) + _cpu_seconds(resource.RUSAGE_CHILDREN)
    reader = DocumentReader()
    for start in range(0, len(documents), BATCH):
        for result in await reader.read_feeds(documents[start : start + BATCH]):
            assert isinstance(result, FeedReadResult)
            assert len(result.items) == ITEMS
    reader.close()  # the CPU time of a process counts once it has ended
    return _cpu_seconds(resource.RUSAGE_SELF) + _cpu_seconds(resource.RUSAGE_CHILDREN) - before


def _cpu_seconds(who: int) -> float:
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
