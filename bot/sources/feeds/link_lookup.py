"""Find out what a link leads to, before somebody submits it; nothing is stored."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from bot.cards.model import Card, CardState
from bot.cards.urls import normalize_url, parse_link, unwrap_url
from bot.domain.fetch_result import FetchRequest, FetchResult, FetchStatus
from bot.sources.feeds.document_reader import DocumentReader
from bot.sources.feeds.fetcher import Fetcher
from bot.sources.feeds.model import FetchedDocument, RefusalReason
from bot.sources.feeds.page_metadata import PageMetadata, apply_oembed

NO_LINK = "no_link"
"""The problem of an address that must not be linked, such as one of a machine by its number."""


@dataclass(frozen=True, slots=True)
class LinkLookup:
    """What a link leads to, or why that is unknown.

    `problem` is a `FetchProblem`, a `RefusalReason` or `NO_LINK`, empty if the page was read. `url` is its address as
    it is shown, `aliases` are the addresses by which it is known (`normalize_url`).
    """

    page: PageMetadata | None = None
    url: str = ""
    aliases: tuple[str, ...] = ()
    problem: str = ""
    http_status: int | None = None


async def find_page(fetcher: Fetcher, reader: DocumentReader, url: str, now: datetime) -> LinkLookup:
    """Fetch and read the page at an address."""
    # The page itself, and not what a redirector shows on the way to it.
    link = parse_link(url)
    result = await fetcher.fetch(FetchRequest(unwrap_url(link) if link else url), now)
    if result.status is not FetchStatus.NEW:
        return LinkLookup(problem=str(result.problem), http_status=result.http_status)
    page = await reader.read_page(_to_document(result, now))
    if isinstance(page, RefusalReason):
        return LinkLookup(problem=str(page))
    if page.url is None:
        return LinkLookup(problem=NO_LINK)
    if page.oembed_url:
        page = await _fetch_oembed(fetcher, page, page.oembed_url, now)
    # The address that was given comes with the others: who gives it again need not wait for its redirects.
    addresses = filter(None, map(parse_link, (url, result.url, page.url or "")))
    return LinkLookup(page, page.url or "", tuple(dict.fromkeys(map(normalize_url, addresses))))


def _to_document(result: FetchResult, now: datetime) -> FetchedDocument:
    return FetchedDocument(result.body, result.content_type, result.url, now)


async def _fetch_oembed(fetcher: Fetcher, page: PageMetadata, url: str, now: datetime) -> PageMetadata:
    """Complete what a page says by its site's description of it; without that, it stays as it is."""
    result = await fetcher.fetch(FetchRequest(url), now)
    return apply_oembed(page, result.body) if result.status is FetchStatus.NEW else page


@dataclass(frozen=True, slots=True)
class LinkDetails:
    """What a person says about a link. `title` counts only where the page names none."""

    title: str = ""
    topics: tuple[str, ...] = ()
    comment: str = field(default="", repr=False)
    """For the moderators alone."""


def make_key(lookup: LinkLookup) -> str:
    """Return what identifies a link among those of its server."""
    return hashlib.blake2b(normalize_url(lookup.url).encode(), digest_size=12).hexdigest()


def make_link_card(lookup: LinkLookup, details: LinkDetails, guild_id: int, now: datetime) -> Card:
    """Make the card of a link that was read; its title is empty if neither the page nor the person names one."""
    page = lookup.page or PageMetadata(None)
    return Card(
        slug=f"links/{guild_id}/{make_key(lookup)}",
        title=page.title or details.title,
        published_at=page.published_at or now,
        excerpt=page.excerpt,
        url=lookup.url,
        type=page.type,
        state=CardState.HELD,
        provider=page.provider,
        topics=details.topics,
        image=page.image,
        aliases=lookup.aliases,
    )
