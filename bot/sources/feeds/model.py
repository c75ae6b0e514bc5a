"""Value types for feeds and web pages; immutable and picklable, without any library's own types."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.cards.model import Image, Provider


class RefusalReason(enum.StrEnum):
    """Why a document could not be read as what was expected of it."""

    EMPTY = "empty"
    WEB_PAGE = "web_page"
    LOGIN_PAGE = "login_page"
    FIREWALL_PAGE = "firewall_page"
    """A page by which a site keeps bots out, whatever its status code."""
    FEED_LIST = "feed_list"
    """OPML, which is imported instead of followed."""
    OTHER_JSON = "other_json"
    """JSON without the items of a JSON Feed."""
    OTHER = "other"
    """Neither XML, HTML nor JSON: an image, a PDF, plain text."""
    UNREADABLE = "unreadable"
    """The parser failed on it, or it crashed the reader."""
    TOO_COSTLY = "too_costly"
    """Reading it takes more CPU time than any honest document needs."""


class DocumentError(Exception):
    """A document is not what was expected of it. Whoever asked for it words the `reason` for people."""

    def __init__(self, reason: RefusalReason) -> None:
        super().__init__(reason)
        self.reason = reason


class FeedProblem(enum.StrEnum):
    """A shortcoming of a feed that was read nevertheless."""

    MALFORMED = "malformed"
    """Not well-formed, or not in the encoding that it declares."""
    BROKEN_OFF = "broken_off"
    """It ends in the middle. The item that is not whole was left out: half of it looks like another item."""
    CUT = "cut"
    """It has more items than are read."""
    REPEATED = "repeated"
    """Several items have the same identity."""
    EMPTY_ITEMS = "empty_items"
    """Items without title, text and link were left out."""


@dataclass(frozen=True, slots=True)
class FetchedDocument:
    """A response to be read. `url` is its final address, `now` the time of the fetch (aware UTC)."""

    body: bytes
    content_type: str
    url: str
    now: datetime


@dataclass(frozen=True, slots=True)
class FeedItem:
    """An item of a feed, cleaned for display.

    `key` identifies it within the feed. `link` is the address as given, None if it must not be linked; `canonical` is
    for comparison only. `published_at` is None if the feed gives no usable time, or one in the future.
    `content_hash` covers what readers see except for what feeds change without need: the time, and parameters of links
    and pictures.
    """

    key: str
    title: str
    excerpt: str = ""
    raw_title: str = ""
    raw_excerpt: str = ""
    guid: str = ""
    link: str | None = None
    canonical: str = ""
    image: Image | None = None
    provider: Provider | None = None
    categories: tuple[str, ...] = ()
    type: str = "article"
    published_at: datetime | None = None
    content_hash: str = ""


@dataclass(frozen=True, slots=True)
class FeedReadResult:
    """A feed's own facts and its items in document order. `site` is the address of the site that it belongs to."""

    title: str = ""
    site: str | None = None
    icon: str | None = None
    language: str = ""
    ttl: timedelta | None = None
    items: tuple[FeedItem, ...] = ()
    problems: tuple[FeedProblem, ...] = ()
