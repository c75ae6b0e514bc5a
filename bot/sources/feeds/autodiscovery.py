"""Find the feeds that a web page names."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.cards.card_builder import MAX_NAME
from bot.cards.text import clean_text
from bot.sources.feeds.model import FetchedDocument
from bot.sources.feeds.web_page import LinkElement, WebPage

MAX_FEEDS = 25
"""Maximum number of feeds offered: Discord's limit for the options of a select."""

_TYPES = frozenset({
    "application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json",
    "application/rss", "application/atom", "text/rss+xml", "text/atom+xml",
})  # fmt: skip
# Generic types name a feed only if the address looks like one: the API of a site is called JSON as well.
_GENERIC_TYPES = frozenset({"application/xml", "text/xml", "application/json", ""})
_FEED_ADDRESS = re.compile(r"/(?:rss|feed|atom)\b|\b(?:rss|atom|feed)\.(?:xml|json|php)\b|[?&]feed=", re.IGNORECASE)
_COMMENTS = re.compile(r"\bcomments?\b|\bkommentare?\b|\bcommentaires?\b|\bcomentarios?\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class DiscoveredFeed:
    """A feed that a page names. `is_comments`: it brings what readers write, not the news."""

    url: str
    title: str
    is_comments: bool = False


def find_feeds(document: FetchedDocument) -> tuple[DiscoveredFeed, ...]:
    """Find the feeds of a page in its order, those of comments last; empty if it names none."""
    found: dict[str, DiscoveredFeed] = {}
    for link in WebPage(document).iter_links():
        if _is_feed(link):
            is_comments = bool(_COMMENTS.search(link.title) or _COMMENTS.search(link.href))
            found.setdefault(link.href, DiscoveredFeed(link.href, clean_text(link.title)[:MAX_NAME], is_comments))
    return tuple(sorted(found.values(), key=lambda feed: feed.is_comments)[:MAX_FEEDS])


def _is_feed(link: LinkElement) -> bool:
    if not link.relations & {"alternate", "feed"} or not link.href.startswith(("http://", "https://")):
        return False
    if link.type in _TYPES or "feed" in link.relations:
        return True
    return link.type in _GENERIC_TYPES and _FEED_ADDRESS.search(link.href) is not None
