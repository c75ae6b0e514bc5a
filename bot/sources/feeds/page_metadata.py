"""What a web page says about itself: OpenGraph, JSON-LD, its title and links. What is not certain stays empty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import orjson

from bot.cards.card_builder import MAX_TITLE
from bot.cards.model import Image, Provider
from bot.cards.text import clean_text
from bot.cards.urls import InvalidUrlError, is_svg, normalize_url, parse_link, sanitize_url
from bot.sources.feeds.encoding import to_ascii_superset
from bot.sources.feeds.html_text import cut_at_sentence, extract_text, parse_size, resolve_link
from bot.sources.feeds.item_builder import MAX_EXCERPT, build_provider, clean_language
from bot.sources.feeds.model import DocumentError, FetchedDocument, RefusalReason
from bot.sources.feeds.non_feed import classify_non_feed
from bot.sources.feeds.web_page import WebPage

_MAX_OEMBED = 64 * 1024
_MIN_SIDE = 100  # pixels; a smaller picture is an icon
_MAX_SCRIPTS, _MAX_NODES = 20, 200
_SEPARATORS = (" | ", " - ", " – ", " — ", " · ", " :: ", " » ")


@dataclass(frozen=True, slots=True)
class PageMetadata:
    """Facts of a page or file behind a link.

    `url` is the page's canonical address if that is of the same host, else the one that answered; None if it must not
    be linked. `oembed_url` is where the site describes the page as JSON (see `apply_oembed`). `media_type` is that of a
    file that is no page, such as `application/pdf`; the file's content is not looked into.
    """

    url: str | None
    title: str = ""
    excerpt: str = ""
    image: Image | None = None
    provider: Provider | None = None
    type: str = "article"
    published_at: datetime | None = None
    language: str = ""
    oembed_url: str | None = None
    media_type: str = ""


_REFUSED = (RefusalReason.EMPTY, RefusalReason.FIREWALL_PAGE, RefusalReason.LOGIN_PAGE)


def read_page(document: FetchedDocument) -> PageMetadata:
    """Read what a page says about itself. Raises `DocumentError` for a page that stands in the way of the one meant."""
    reason = classify_non_feed(to_ascii_superset(document.body), document.url)
    if reason in _REFUSED:
        raise DocumentError(reason)
    media_type = document.content_type.partition(";")[0].strip().lower()
    if reason is not RefusalReason.WEB_PAGE:
        return _describe_file(document.url, media_type)
    page = WebPage(document)
    meta = _read_meta(page)
    article = _find_article(page)
    site_name = _first(meta, "og:site_name") or _text(_mapping(article.get("publisher")).get("name"))
    url = _choose_url(page, meta)
    return PageMetadata(
        url=url,
        title=_choose_title(page, meta, article, site_name),
        excerpt=cut_at_sentence(
            extract_text(
                _first(meta, "og:description")
                or _text(article.get("description"))
                or _first(meta, "description", "twitter:description")
            ),
            MAX_EXCERPT,
        ),
        image=_choose_image(page, meta, article),
        provider=build_provider(site_name, url),
        type="video" if _first(meta, "og:type").startswith("video") or _is_video(article) else "article",
        published_at=_parse_time(
            _first(meta, "article:published_time") or _text(article.get("datePublished")), document.now
        ),
        language=_find_language(page, meta),
        oembed_url=next((link.href for link in page.iter_links() if link.type == "application/json+oembed"), None),
    )


def apply_oembed(metadata: PageMetadata, body: bytes) -> PageMetadata:
    """Add what the answer from `oembed_url` says; it is made for this very purpose, and takes precedence."""
    try:
        answer = _mapping(orjson.loads(body[:_MAX_OEMBED]))
    except orjson.JSONDecodeError:
        return metadata
    title = clean_text(_text(answer.get("title"))[:MAX_TITLE])
    address = _text(answer.get("thumbnail_url"))
    image = _check_image(address, answer.get("thumbnail_width"), answer.get("thumbnail_height"))
    provider = build_provider(_text(answer.get("provider_name")), _text(answer.get("provider_url")) or metadata.url)
    return replace(
        metadata,
        title=title or metadata.title,
        image=image or metadata.image,
        provider=provider if _text(answer.get("provider_name")) else metadata.provider,
        type="video" if answer.get("type") == "video" else metadata.type,
    )


def _describe_file(url: str, media_type: str) -> PageMetadata:
    link = parse_link(url)
    image = Image(link) if link and media_type.startswith("image/") and not is_svg(link) else None
    kind = media_type.partition("/")[0]
    type_ = kind if kind in ("video", "audio") else "article"
    return PageMetadata(link, image=image, provider=build_provider("", url), type=type_, media_type=media_type)


def _read_meta(page: WebPage) -> dict[str, str]:
    """Collect the first value of each `<meta>`, by its property or name in lower case."""
    meta: dict[str, str] = {}
    for node in page.tree.css("meta[content]"):
        attributes = node.attributes
        name = (attributes.get("property") or attributes.get("name") or "").strip().lower()
        if name and (content := (attributes.get("content") or "").strip()):
            meta.setdefault(name, content)
    return meta


def _first(meta: Mapping[str, str], *names: str) -> str:
    return next((meta[name] for name in names if name in meta), "")


def _choose_url(page: WebPage, meta: Mapping[str, str]) -> str | None:
    """Choose the canonical address, unless it leads to another host, or to the front page, as a template's may."""
    own = parse_link(page.url)
    canonical = [link.href for link in page.iter_links() if "canonical" in link.relations]
    for address in [*canonical, page.resolve(_first(meta, "og:url"))]:
        link = parse_link(address)
        if own and link and _host(link) == _host(own) and (_has_path(link) or not _has_path(own)):
            return link
    return own


def _has_path(url: str) -> bool:
    return bool(urlsplit(url).path.strip("/"))


def _host(url: str) -> str:
    return normalize_url(url).partition("/")[0].partition("?")[0]


def _choose_title(page: WebPage, meta: Mapping[str, str], article: Mapping[str, Any], site_name: str) -> str:
    for given in (_first(meta, "og:title"), _text(article.get("headline")), _first(meta, "twitter:title")):
        if title := clean_text(given[:MAX_TITLE]):
            return title
    node = page.tree.css_first("head > title")
    title, name = clean_text((node.text() if node else "")[:MAX_TITLE]), clean_text(site_name[:MAX_TITLE])
    for separator in _SEPARATORS if name else ():
        title = title.removesuffix(separator + name).removeprefix(name + separator)
    return title


def _choose_image(page: WebPage, meta: Mapping[str, str], article: Mapping[str, Any]) -> Image | None:
    size = _first(meta, "og:image:width"), _first(meta, "og:image:height")
    for name in ("og:image:secure_url", "og:image", "og:image:url"):
        if image := _check_image(page.resolve(address) if (address := _first(meta, name)) else "", *size):
            return image
    for address, width, height in (*_iter_ld_images(article), (_first(meta, "twitter:image"), 0, 0)):
        if address and (image := _check_image(page.resolve(address), width, height)):
            return image
    return None


def _check_image(address: str, width: object, height: object) -> Image | None:
    sides = parse_size(width), parse_size(height)
    small = any(0 < side < _MIN_SIDE for side in sides)
    link = resolve_link(address, "")
    return Image(link, *sides) if link and not small and not is_svg(link) else None


def _find_language(page: WebPage, meta: Mapping[str, str]) -> str:
    node = page.tree.css_first("html")
    return clean_language(node.attributes.get("lang") if node else None) or clean_language(_first(meta, "og:locale"))


def _parse_time(value: str, now: datetime) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value.strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if moment <= now else None


_ARTICLES = ("Article", "BlogPosting", "Report", "VideoObject", "SocialMediaPosting")


def _find_article(page: WebPage) -> Mapping[str, Any]:
    """Find the one article that the page describes as JSON-LD; empty if there is none, or several compete."""
    articles = [node for node in _iter_ld_nodes(page) if _types(node) and _is_article(node)]
    if len(articles) > 1:
        own = {normalize_url(page.url)}
        articles = [node for node in articles if own & set(_iter_ld_urls(node, page))]
    return articles[0] if len(articles) == 1 else {}


def _iter_ld_nodes(page: WebPage) -> Iterator[Mapping[str, Any]]:
    """Yield the nodes on the first levels of the page's JSON-LD: an object, a list, or an `@graph`."""
    left = _MAX_NODES
    for script in page.tree.css('script[type="application/ld+json"]')[:_MAX_SCRIPTS]:
        try:
            content = orjson.loads(script.text())
        except orjson.JSONDecodeError:
            continue
        for node in _as_list(content):
            for each in (node, *_as_list(_mapping(node).get("@graph"))):
                left -= 1
                if left < 0:
                    return
                yield _mapping(each)


def _types(node: Mapping[str, Any]) -> list[str]:
    return [_text(each).rpartition("/")[2] for each in _as_list(node.get("@type"))]


def _is_article(node: Mapping[str, Any]) -> bool:
    return any(each.endswith(_ARTICLES) for each in _types(node))


def _is_video(node: Mapping[str, Any]) -> bool:
    return "VideoObject" in _types(node)


def _iter_ld_urls(node: Mapping[str, Any], page: WebPage) -> Iterator[str]:
    main = node.get("mainEntityOfPage")
    for address in (node.get("url"), node.get("@id"), main, _mapping(main).get("@id")):
        if isinstance(address, str):
            try:
                yield normalize_url(sanitize_url(page.resolve(address)))
            except InvalidUrlError:
                continue


def _iter_ld_images(node: Mapping[str, Any]) -> Iterator[tuple[str, object, object]]:
    for image in [*_as_list(node.get("image")), *_as_list(node.get("thumbnailUrl"))]:
        if isinstance(image, str):
            yield image, 0, 0
        else:
            described = _mapping(image)
            yield _text(described.get("url")), described.get("width"), described.get("height")


def _as_list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
