"""Hostile documents cost themselves: the next one is read, and nothing but the reader's own error is raised."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from bot.sources.feeds.autodiscovery import DiscoveredFeed, find_feeds
from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.html_text import MAX_FRAGMENT
from bot.sources.feeds.model import DocumentError, FeedReadResult, FetchedDocument, RefusalReason
from bot.sources.feeds.opml import OpmlImport, read_opml, write_opml
from bot.sources.feeds.page_metadata import PageMetadata, read_page
from bot.sources.feeds.reader import read_feed
from bot.sources.isolated_reader import _reader_environment
from tests.sources.feeds.documents import atom, document, element, read, rss, rss_item

FEED = document(rss(rss_item()))
DEEP = (
    rss("<a>" * 20_000),
    rss(rss_item("<a>" * 20_000 + "</a>" * 20_000)),
    atom('<entry><content type="xhtml">' + "<div>" * 20_000 + "</div>" * 20_000 + "</content></entry>"),
    '{"items": ' + "[" * 20_000 + "]" * 20_000 + "}",
    '{"items": [{"title": ' + '{"a":' * 20_000 + "1" + "}" * 20_000 + "}]}",
    "<rss " + 'a="b" ' * 20_000 + "/>",
    "<rss>" + "<!--" * 50_000,
    rss("<item>" * 20_000),
)
"""Documents that take long, or more stack than there is."""


@pytest.fixture(scope="module")
def reader() -> Iterator[DocumentReader]:
    own = DocumentReader()
    yield own
    own.close()


def endless_read(_: FetchedDocument) -> None:
    """Stands for what hangs in a parser written in C."""
    while True:
        pass


def deadly_read(_: FetchedDocument) -> None:
    import os

    os._exit(11)


def greedy_read(_: FetchedDocument) -> bytearray:
    return bytearray(1 << 40)


def buggy_read(_: FetchedDocument) -> None:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("read", "reason"),
    [
        (endless_read, RefusalReason.TOO_COSTLY),
        (deadly_read, RefusalReason.UNREADABLE),
        (greedy_read, RefusalReason.UNREADABLE),
        (buggy_read, RefusalReason.UNREADABLE),
    ],
)
async def test_whatever_a_document_does_to_the_process_the_next_one_is_read(
    reader: DocumentReader, read: Callable[[FetchedDocument], Any], reason: RefusalReason
) -> None:
    assert await reader._run(read, [FEED]) == [reason]
    (feed,) = await reader.read_feeds([FEED])
    assert isinstance(feed, FeedReadResult)


@pytest.mark.slow
async def test_documents_of_one_batch_are_answered_in_order(reader: DocumentReader) -> None:
    """Those of great depth end in whichever answer, and in one within their CPU budget."""
    answers = await reader.read_feeds([document(b""), FEED, *map(document, DEEP), FEED, document("<p>x</p>")])
    assert len(answers) == len(DEEP) + 4
    assert answers[0] is RefusalReason.EMPTY
    assert answers[1] == answers[-2]
    assert isinstance(answers[1], FeedReadResult)
    assert answers[-1] is RefusalReason.WEB_PAGE


async def test_pages_and_lists_are_read_there_too(reader: DocumentReader) -> None:
    page = document("<title>T</title><link rel=feed href=/f>", "text/html", "https://paper.example/")
    assert await reader.find_feeds(page) == (DiscoveredFeed("https://paper.example/f", ""),)
    found = await reader.read_page(page)
    assert isinstance(found, PageMetadata)
    assert found.title == "T"
    assert await reader.read_page(document(b"")) is RefusalReason.EMPTY
    assert await reader.read_opml(document(write_opml("T", []))) == OpmlImport("T", ())


@pytest.mark.slow
async def test_a_read_that_is_cancelled_ends_the_process(reader: DocumentReader) -> None:
    """The document is never read to its end: without the cancelling, closing would wait for its CPU budget."""
    await reader.read_feeds([FEED])
    process = reader._reader._process
    assert process
    task = asyncio.create_task(reader._run(endless_read, [FEED]))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (feed,) = await reader.read_feeds([FEED])
    assert isinstance(feed, FeedReadResult)


def test_trap_38_a_text_is_cut_before_an_html_engine_sees_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    parse = LexborHTMLParser

    def count_characters(source: str) -> object:
        sizes.append(len(source))
        return parse(source)

    monkeypatch.setattr("bot.sources.feeds.html_text.LexborHTMLParser", count_characters)
    for part in ("<!--", "<div>", "<p><b>", "<img src=x>", "&amp;<a>"):
        sizes.clear()
        read(rss(rss_item(element("content:encoded", part * 20_000), description=part * 20_000)))
        assert sizes
        assert max(sizes) <= 1.5 * MAX_FRAGMENT  # a space is added before each block
    assert MAX_FRAGMENT <= 32 * 1024, "more hangs every engine that was tried"


_PARTS = st.sampled_from([
    "<rss>", "<channel>", "<item>", "<title>", "</title>", "<link>", "</link>", "<guid>", "</item>", "<feed>", "<html>",
    '<feed xmlns="http://www.w3.org/2005/Atom">', "<entry>", "<![CDATA[", "]]>", "<!--", "-->", "<?xml version='1.0'?>",
    "&#0;", "&nbsp;", "<!DOCTYPE x [", "<!ENTITY a 'b'>", "]>", "<media:content url='x' width='9'/>", "<svg>", "&amp;",
    "<pubDate>", "2026-01-01", "</pubDate>", "<updated>99999-99-99</updated>", "http://[::1", "https://a.example/", "é",
    "<source url='x'>", "<category/>", "<ttl>9</ttl>", "<enclosure/>", "<content type='xhtml'>", "<div>", "\x00",
    '{"items":[', '{"id":1,', '"title":"x"', "}", "]", "<link href='/x' rel='alternate'/>", "xml:base='http://[x'",
    "<opml>", "<outline text='a'>", "<outline xmlUrl='https://a.example/'>", "</outline>", "<base href='//[x'>",
    '<script type="application/ld+json">', "</script>", '<meta property="og:image" content="//[x">',
])  # fmt: skip
_JSON_KEYS = st.sampled_from(["items", "id", "url", "title", "tags", "attachments", "date_published", "image"])
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_JSON_KEYS, inner, max_size=6),
    max_leaves=12,
)
_BODIES = st.one_of(
    st.binary(max_size=200),
    st.lists(_PARTS | st.text(max_size=9), max_size=25).map(lambda parts: "".join(parts).encode("utf-8", "replace")),
    _JSON.map(lambda value: json.dumps(value).encode()),
)
_TYPES = st.sampled_from(["", "text/xml", "text/html; charset=utf-16", "a; charset=idna", "application/json"])


@pytest.mark.parametrize("reads", [read_feed, read_page, find_feeds, read_opml])
@given(body=_BODIES, content_type=_TYPES)
def test_any_bytes_are_read_or_refused(
    reads: Callable[[FetchedDocument], object], body: bytes, content_type: str
) -> None:
    with contextlib.suppress(DocumentError):
        reads(document(body, content_type))


def test_the_process_that_parses_knows_neither_discord_nor_the_store() -> None:
    modules = "autodiscovery, document_job, opml, page_metadata, reader"
    code = (
        f"import sys; from bot.sources.feeds import {modules}; print(*(name.partition('.')[0] for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=300)
    loaded = set(done.stdout.split())
    assert "feedparser" in loaded
    assert not {"discord", "sqlalchemy", "apscheduler", "alembic", "aiohttp", "pydantic"} & loaded


def test_the_process_keeps_its_memory_and_gets_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the operator says about memory comes first."""
    monkeypatch.setenv("NEWSDESK_TOKEN", "secret")
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "7")
    given = _reader_environment()
    assert given["MALLOC_TRIM_THRESHOLD_"] == "7"
    assert int(given["MALLOC_MMAP_THRESHOLD_"]) > 100_000
    assert "secret" not in given.values()
