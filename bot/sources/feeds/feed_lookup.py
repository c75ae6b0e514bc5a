"""Find the feed behind an address that a person gives: the feed itself, or a page that names one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime

from bot.sources.feeds.autodiscovery import DiscoveredFeed
from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.feed_check import FeedCheck, check_feed
from bot.sources.feeds.fetcher import Fetcher
from bot.sources.feeds.model import FetchedDocument, RefusalReason
from bot.sources.feeds.opml import normalize_address

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*:", re.IGNORECASE)
_PORT = re.compile(r"[^/?#]*:\d+(?:[/?#]|$)")


@dataclass(frozen=True, slots=True)
class FeedLookup:
    """What was found: a feed, or the several `choices` that a page names, or neither, for the reason in `check`.

    `url` is where the feed is, after permanent redirects; it may hold credentials.
    """

    url: str = field(repr=False)
    check: FeedCheck
    choices: tuple[DiscoveredFeed, ...] = ()


async def find_feed(fetcher: Fetcher, reader: DocumentReader, typed: str, now: datetime) -> FeedLookup:
    """Find the feed at an address as a person typed it."""
    url = complete_address(typed)
    check = await check_feed(url, fetcher, reader, now)
    if check.problem != RefusalReason.WEB_PAGE:
        return _to_lookup(check)
    result = check.result
    found = await reader.find_feeds(FetchedDocument(result.body, result.content_type, result.url, now))
    if isinstance(found, RefusalReason) or not found:
        return FeedLookup(url, check)
    # Nobody who gives a page means its comments, as long as it has anything else.
    news = tuple(feed for feed in found if not feed.is_comments) or found
    if len(news) > 1:
        return FeedLookup(url, check, found)
    return _to_lookup(await check_feed(news[0].url, fetcher, reader, now))


def complete_address(typed: str) -> str:
    """Add the scheme that people leave out."""
    address = normalize_address(typed)
    return address if _SCHEME.match(address) and not _PORT.match(address) else f"https://{address.lstrip('/')}"


def _to_lookup(check: FeedCheck) -> FeedLookup:
    return FeedLookup(check.result.moved_to or check.url, check)
