"""Parse the head of a web page and resolve the addresses in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from selectolax.lexbor import LexborHTMLParser

from bot.sources.feeds.encoding import decode_html
from bot.sources.feeds.html_text import join_url
from bot.sources.feeds.model import FetchedDocument

MAX_PAGE = 256 * 1024
"""Maximum bytes of a page that are parsed: the head comes first. Hostile nesting of this size takes longer than the
isolated process has (see `bot.sources.feeds.html_text`), and is killed there."""
_MAX_LINKS = 500


@dataclass(frozen=True, slots=True)
class LinkElement:
    """A `<link>` of a page's head. `relations` and `type` are in lower case, `href` is absolute."""

    relations: frozenset[str]
    type: str
    href: str
    title: str


class WebPage:
    """A parsed page."""

    def __init__(self, document: FetchedDocument) -> None:
        self.tree = LexborHTMLParser(decode_html(document.body[:MAX_PAGE], document.content_type))
        base = self.tree.css_first("base[href]")
        self.url = document.url
        self.base = join_url(document.url, (base.attributes.get("href") or "") if base else "")

    def iter_links(self) -> Iterator[LinkElement]:
        """Yield the `<link>` elements that have an address."""
        for node in self.tree.css("link[href][rel]")[:_MAX_LINKS]:
            attributes = {name: value or "" for name, value in node.attributes.items()}
            yield LinkElement(
                relations=frozenset(attributes.get("rel", "").lower().split()),
                type=attributes.get("type", "").partition(";")[0].strip().lower(),
                href=self.resolve(attributes.get("href", "")),
                title=attributes.get("title", ""),
            )

    def resolve(self, address: str) -> str:
        """Resolve an address of the page; the result need not be a link that may be shown."""
        return join_url(self.base, address.strip())
