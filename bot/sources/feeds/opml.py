"""Lists of feeds as OPML: read those that other readers export, write our own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit
from xml.etree import ElementTree

import listparser

from bot.cards.card_builder import MAX_NAME, MAX_TOPICS
from bot.cards.text import clean_text, normalize_name
from bot.sources.feeds.encoding import decode_html
from bot.sources.feeds.model import DocumentError, FetchedDocument, RefusalReason
from bot.sources.feeds.non_feed import classify_non_feed

MAX_FEEDS = 10_000
"""Maximum number of feeds read from a list."""
_MAX_DEPTH = 20
_MAX_URL = 2048


@dataclass(frozen=True, slots=True)
class OpmlFeed:
    """A feed of a list. `topics` are the names of the folders that it is in, and of its categories."""

    url: str
    title: str = ""
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OpmlImport:
    """What a list holds. `refused` are addresses that are none of the web; `left_out` counts feeds above the limit."""

    title: str
    feeds: tuple[OpmlFeed, ...]
    refused: tuple[str, ...] = ()
    left_out: int = 0


def read_opml(document: FetchedDocument) -> OpmlImport:
    """Read a list of feeds; one that is repeated is in all its folders. Raises `DocumentError`."""
    text = decode_html(document.body, document.content_type)
    try:
        parsed: dict[str, Any] = listparser.parse(text.encode("utf-8", "replace"))
    except Exception as error:  # it expects that elements are closed in order
        raise DocumentError(RefusalReason.UNREADABLE) from error
    if not parsed["version"]:
        reason = classify_non_feed(document.body, document.url)
        raise DocumentError(RefusalReason.OTHER if reason is RefusalReason.FEED_LIST else reason)
    feeds: dict[str, OpmlFeed] = {}
    refused: dict[str, None] = {}
    for each in parsed["feeds"]:
        feed = OpmlFeed(normalize_address(each["url"]), _clean_name(each["title"]), _flatten(each["categories"]))
        if not is_web_address(feed.url):
            refused[each["url"][:_MAX_URL]] = None
        elif known := feeds.get(feed.url):
            feeds[feed.url] = replace(known, topics=_merge_names((*known.topics, *feed.topics)))
        else:
            feeds[feed.url] = feed
    kept = tuple(feeds.values())[:MAX_FEEDS]
    return OpmlImport(_clean_name(parsed["meta"].get("title", "")), kept, tuple(refused), len(feeds) - len(kept))


def write_opml(title: str, feeds: Iterable[OpmlFeed]) -> bytes:
    """Write a list with a folder for each topic; a feed of several topics is in each of their folders.

    Addresses are written as they are: who exports them takes credentials out before.
    """
    root = ElementTree.Element("opml", version="2.0")
    ElementTree.SubElement(ElementTree.SubElement(root, "head"), "title").text = clean_text(title)
    body = ElementTree.SubElement(root, "body")
    folders: dict[str, ElementTree.Element] = {}
    for feed in feeds:
        name = clean_text(feed.title) or feed.url
        for topic in feed.topics or ("",):
            if topic and topic not in folders:
                folders[topic] = ElementTree.SubElement(body, "outline", text=topic)
            ElementTree.SubElement(folders.get(topic, body), "outline", type="rss", text=name, xmlUrl=feed.url)
    ElementTree.indent(root)
    written: bytes = ElementTree.tostring(root, "utf-8", xml_declaration=True)
    return written


def normalize_address(raw: str) -> str:
    """Replace the scheme `feed` of some readers: `feed://host/…`, `feed:https://…`."""
    address = raw.strip()
    scheme, _, rest = address.partition(":")
    if scheme.lower() == "feed":
        return f"https:{rest}" if rest.startswith("//") else rest
    return address


def is_web_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and len(address) <= _MAX_URL


def _flatten(paths: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return _merge_names(name for path in paths for name in list(path)[:_MAX_DEPTH])


def _merge_names(names: Iterable[str]) -> tuple[str, ...]:
    merged: dict[str, str] = {}
    for name in map(_clean_name, names):
        if name:
            merged.setdefault(normalize_name(name), name)
    return tuple(merged.values())[:MAX_TOPICS]


def _clean_name(name: str) -> str:
    return clean_text(name[: 5 * MAX_NAME])[:MAX_NAME]
