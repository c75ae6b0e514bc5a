"""Feeds and pages to be read, written for these tests."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape

from bot.sources.feeds.model import FeedItem, FeedReadResult, FetchedDocument
from bot.sources.feeds.reader import read_feed

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
FEED_URL = "https://paper.example/feeds/all.xml"
_NAMESPACES = (
    'xmlns:atom="http://www.w3.org/2005/Atom" xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" xmlns:yt="http://www.youtube.com/xml/schemas/2015" '
    'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/"'
)


def document(body: bytes | str, content_type: str = "application/rss+xml", url: str = FEED_URL) -> FetchedDocument:
    return FetchedDocument(body.encode() if isinstance(body, str) else body, content_type, url, NOW)


def element(name: str, text: str, **attributes: str) -> str:
    written = "".join(f' {key}="{escape(value)}"' for key, value in attributes.items())
    return f"<{name}{written}>{escape(text)}</{name}>"


def rss_item(
    *more: str,
    title: str | None = "Harbour opens",
    link: str | None = "https://paper.example/harbour",
    guid: str | None = None,
    date: str | None = "Sun, 29 Nov 2026 08:00:00 GMT",
    description: str | None = None,
) -> str:
    """An item; None leaves an element out. Texts are escaped once, as XML demands."""
    given = (("title", title), ("link", link), ("guid", guid), ("pubDate", date), ("description", description))
    return f"<item>{''.join(element(name, text) for name, text in given if text is not None)}{''.join(more)}</item>"


def rss(*items: str, head: str = "<title>The Paper</title><link>https://paper.example/</link>") -> str:
    return (
        f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0" {_NAMESPACES}><channel>{head}{"".join(items)}'
        "</channel></rss>"
    )


def atom(*entries: str, head: str = "<title>The Paper</title>") -> str:
    return (
        f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom" {_NAMESPACES}>{head}{"".join(entries)}</feed>'
    )


def read(body: bytes | str, content_type: str = "application/rss+xml", url: str = FEED_URL) -> FeedReadResult:
    return read_feed(document(body, content_type, url))


def read_item(item: str) -> FeedItem:
    """The only item of an RSS feed."""
    (read_one,) = read(rss(item)).items
    return read_one
