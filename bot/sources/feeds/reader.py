"""Read a feed: bytes → plain rows. RSS and Atom are parsed by feedparser, JSON Feed by `bot.sources.feeds.json_feed`.

Called in the isolated process (`bot.sources.feeds.document_reader`): hostile bytes may take any time and memory here.
"""

from __future__ import annotations

import io
import re
from calendar import timegm
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import feedparser

from bot.cards.card_builder import MAX_NAME
from bot.cards.text import clean_text
from bot.sources.feeds.encoding import to_ascii_superset
from bot.sources.feeds.html_text import join_url, parse_size, resolve_link
from bot.sources.feeds.item_builder import MAX_ITEMS, RawItem, clean_language, collect_items
from bot.sources.feeds.model import (
    DocumentError,
    FeedProblem,
    FeedReadResult,
    FetchedDocument,
    RefusalReason,
)
from bot.sources.feeds.non_feed import classify_non_feed

_BLANK = b" \t\r\n\f\v\0"
_ROOT = re.compile(rb"<((?:[\w.-]{1,40}:)?(?:rss|feed|rdf|channel))[\s>]", re.IGNORECASE)
_ROOT_WITHIN = 16 * 1024


def read_feed(document: FetchedDocument) -> FeedReadResult:
    """Read a feed. Raises `DocumentError`, and nothing else."""
    try:
        return _read_document(document)
    except DocumentError:
        raise
    except Exception as error:  # whatever a parser raises for bytes that nobody foresaw
        raise DocumentError(RefusalReason.UNREADABLE) from error


def _read_document(document: FetchedDocument) -> FeedReadResult:
    body = to_ascii_superset(document.body).lstrip(_BLANK)
    if body.startswith((b"{", b"[")):
        # pydantic takes longer to import than a hundred feeds to read, and few feeds are JSON.
        from bot.sources.feeds.json_feed import read_json_feed

        return read_json_feed(body, document)
    root = _ROOT.search(body, 0, _ROOT_WITHIN)
    if root is None:
        raise DocumentError(classify_non_feed(body, document.url))
    return _read_xml(body, root[1], document)


# What XML 1.0 forbids, as bytes and as references. One of them would send the whole feed to the tolerant parser, which
# is slower and knows no namespaces.
_FORBIDDEN = bytes({*range(32)} - {9, 10, 13})
_FORBIDDEN_REFERENCE = re.compile(
    rb"&#(?:x0*(?:0|[1-8bcef]|1[0-9a-f]|d[89a-f][0-9a-f]{2}|fff[ef])|0*(?:[0-8]|1[124-9]|2[0-9]|3[01]));", re.IGNORECASE
)
_ITEM_START = re.compile(rb"<(?:[\w.-]{1,40}:)?(?:item|entry)[\s>]", re.IGNORECASE)
_ITEM_END = re.compile(rb"</(?:[\w.-]{1,40}:)?(?:item|entry)\s*>", re.IGNORECASE)


def _read_xml(body: bytes, root: bytes, document: FetchedDocument) -> FeedReadResult:
    body = body.translate(None, _FORBIDDEN)
    if b"&#" in body:
        body = _FORBIDDEN_REFERENCE.sub(b"", body)
    # Entities could multiply: feedparser drops those that refer to others, but not where several stand on one line.
    body, is_broken_off = _drop_partial_item(body.replace(b"<!ENTITY", b"<!IGNORED"), root)
    body, is_cut = _cut_items(body)
    # On each call it looks for a driver of libxml2's, which takes 4 % of its time where there is none. What is held
    # against hostile documents is held with expat.
    feedparser.api.PREFERRED_XML_PARSERS.clear()
    # As a stream: feedparser takes bytes that happen to be a path for a file's name. Without the document's address:
    # it would resolve guids against it as well, and a feed that moves would bring all its items again.
    parsed = feedparser.parse(
        io.BytesIO(body),
        sanitize_html=False,  # its sanitizer is quadratic, and no markup survives the reading anyway
        resolve_relative_uris=False,
        response_headers={"content-type": _WIDE_CHARSET.sub("", document.content_type)},
    )
    if not parsed["version"] and not parsed["entries"]:
        raise DocumentError(classify_non_feed(body, document.url))
    feed: dict[str, Any] = dict(parsed["feed"])
    problems = [FeedProblem.BROKEN_OFF] * is_broken_off + [FeedProblem.CUT] * is_cut
    if not problems and _is_malformed(parsed):  # what was taken away left it malformed
        problems = [FeedProblem.MALFORMED]
    raw_items = (_to_raw_item(dict(entry), document.url) for entry in parsed["entries"][:MAX_ITEMS])
    items = collect_items(raw_items, document.now, problems)
    title, base = feed.get("title") or "", document.url
    image = feed.get("image")
    icon = feed.get("icon") or feed.get("logo") or (isinstance(image, dict) and image.get("href")) or ""
    return FeedReadResult(
        title=clean_text(title[: 5 * MAX_NAME])[:MAX_NAME],
        site=resolve_link(feed.get("link") or "", base),
        icon=resolve_link(icon, base) if isinstance(icon, str) and icon else None,
        language=clean_language(feed.get("language")),
        ttl=_parse_interval(feed),
        items=items,
        problems=tuple(problems),
    )


_WIDE_CHARSET = re.compile(r";\s*charset=[\"']?(?:utf-?(?:16|32)|ucs-?[24])[^;]*", re.IGNORECASE)  # decoded already


def _drop_partial_item(body: bytes, root: bytes) -> tuple[bytes, bool]:
    """Drop the last item of a feed whose root element does not end; return the rest, and whether that is so."""
    root_end = re.compile(rb"</" + re.escape(root) + rb"\s*>")
    if root_end.search(body, max(body.rfind(b"</item"), body.rfind(b"</entry"), 0)):
        return body, False
    ends, first = [match.end() for match in _ITEM_END.finditer(body)], _ITEM_START.search(body)
    end = ends[-1] if ends else first.start() if first else 0
    return body[: end or len(body)], True


def _cut_items(body: bytes) -> tuple[bytes, bool]:
    """Cut items out of the middle of a feed that has too many: some list the newest first, some last."""
    if body.count(b"</") <= MAX_ITEMS:
        return body, False
    ends = [match.end() for match in _ITEM_END.finditer(body)]
    if len(ends) <= MAX_ITEMS:
        return body, False
    half = MAX_ITEMS // 2
    return body[: ends[half - 1]] + body[ends[-half - 1] :], True


def _is_malformed(parsed: dict[str, Any]) -> bool:
    # A wrong media type or encoding label is so common that telling anybody is pointless.
    harmless = (feedparser.NonXMLContentType, feedparser.CharacterEncodingOverride)
    return bool(parsed["bozo"]) and not isinstance(parsed.get("bozo_exception"), harmless)


def _to_raw_item(entry: dict[str, Any], url: str) -> RawItem:
    contents = [part for part in entry.get("content") or () if _is_text(part)]
    content = contents[0] if contents else {}
    detail = entry.get("summary_detail") or content
    links = [dict(link) for link in entry.get("links") or ()]
    media = [dict(each) for each in entry.get("media_content") or ()]
    source = entry.get("source")
    return RawItem(
        guid=_string(entry.get("id")),
        title=_string(entry.get("title")),
        summary=_string(entry.get("summary")),
        content=_string(content.get("value")),
        base=join_url(url, _string(content.get("base")) or _string(detail.get("base"))),
        link=join_url(url, link) if (link := _choose_link(entry, links)) else "",
        origin=_string(entry.get("feedburner_origlink")),
        images=list(_iter_images(entry, links, media)),
        categories=[_string(tag.get("label") or tag.get("term")) for tag in entry.get("tags") or ()],
        type=_detect_type(entry, links, media),
        provider=_string(source.get("title")) if isinstance(source, dict) else "",
        provider_url=_string(source.get("href") or source.get("link")) if isinstance(source, dict) else "",
        published_at=_parse_time(entry),
    )


def _is_text(part: dict[str, Any]) -> bool:
    return (part.get("type") or "").startswith(("text/", "application/xhtml"))


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _choose_link(entry: dict[str, Any], links: list[dict[str, Any]]) -> str:
    """Return the address of the item's page, or else of its enclosure."""
    link = _string(entry.get("link"))
    if link and ("://" in link or link != entry.get("id")):  # a guid is taken for a link unless it says otherwise
        return link
    by_relation = {link.get("rel"): _string(link.get("href")) for link in reversed(links)}
    return by_relation.get("alternate") or by_relation.get("enclosure") or ""


_PICTURE = re.compile(r"\.(?:jpe?g|png|webp|gif)(?:[?#]|$)", re.IGNORECASE)
_SOUND = re.compile(r"\.(?:mp3|m4a|ogg|opus|aac|flac)(?:[?#]|$)", re.IGNORECASE)
_MOTION = re.compile(r"\.(?:mp4|m4v|webm|mov)(?:[?#]|$)", re.IGNORECASE)


def _media_kind(part: dict[str, Any]) -> str:
    """Classify an enclosure or media element as image, audio or video; empty if it is something else."""
    kind = _string(part.get("medium")) or _string(part.get("type")).partition("/")[0]
    if kind in ("image", "audio", "video"):
        return kind
    address = _string(part.get("href") or part.get("url"))
    if kind == "application" and "shockwave" in part.get("type", ""):  # how YouTube labels its player
        return "video"
    by_suffix = (("image", _PICTURE), ("audio", _SOUND), ("video", _MOTION))
    return next((name for name, suffix in by_suffix if suffix.search(address)), "")


def _detect_type(entry: dict[str, Any], links: list[dict[str, Any]], media: list[dict[str, Any]]) -> str:
    kinds = {_media_kind(link) for link in links if link.get("rel") == "enclosure"} | {
        _media_kind(each) for each in media
    }
    if "video" in kinds or entry.get("yt_videoid"):
        return "video"
    return "audio" if "audio" in kinds else "article"


def _iter_images(
    entry: dict[str, Any], links: list[dict[str, Any]], media: list[dict[str, Any]]
) -> Iterator[tuple[str, int, int]]:
    """Yield the pictures that the item names: the widest media:content, media:thumbnail, enclosure, itunes:image."""
    sized = [
        [(_string(each.get("url")), parse_size(each.get("width")), parse_size(each.get("height"))) for each in group]
        for group in (
            [each for each in media if _media_kind(each) == "image"],
            [dict(each) for each in entry.get("media_thumbnail") or ()],
        )
    ]
    for group in sized:
        yield from sorted(group, key=lambda image: -image[1])
    for link in links:
        if link.get("rel") == "enclosure" and _media_kind(link) == "image":
            yield _string(link.get("href")), 0, 0
    image = entry.get("image")
    if isinstance(image, dict) and (address := _string(image.get("href"))):
        yield address, 0, 0


def _parse_time(entry: dict[str, Any]) -> datetime | None:
    for name in ("published_parsed", "updated_parsed", "created_parsed"):
        if parsed := entry.get(name):
            try:
                return datetime.fromtimestamp(timegm(parsed), UTC)
            except (ValueError, OverflowError):  # a year before 1 or after 9999
                continue
    return None


_PERIODS = {
    "hourly": timedelta(hours=1),
    "daily": timedelta(days=1),
    "weekly": timedelta(weeks=1),
    "monthly": timedelta(days=30),
    "yearly": timedelta(days=365),
}
_MAX_INTERVAL = timedelta(days=365)
_NUMBER = re.compile(r"\s*(\d{1,9})\s*$")


def _parse_interval(feed: dict[str, Any]) -> timedelta | None:
    """Parse how long the feed stays the same, from `<ttl>` (minutes) or the syndication module; None if unsaid."""
    if minutes := _NUMBER.match(_string(feed.get("ttl"))):
        return min(timedelta(minutes=int(minutes[1])), _MAX_INTERVAL) or None
    period = _PERIODS.get(_string(feed.get("sy_updateperiod")).strip().lower())
    frequency = _NUMBER.match(_string(feed.get("sy_updatefrequency")) or "1")
    return period / int(frequency[1]) if period and frequency and int(frequency[1]) else None
