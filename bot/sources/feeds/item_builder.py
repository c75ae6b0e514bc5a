"""Build a feed's items from what a parser found: clean the texts, choose link and picture, give each item its key."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from urllib.parse import urlsplit

from bot.cards.card_builder import MAX_NAME, MAX_TITLE, MAX_TOPICS
from bot.cards.model import Image, Provider
from bot.cards.text import clean_text, normalize_name, strip_unstorable
from bot.cards.urls import is_svg, normalize_host, normalize_url
from bot.sources.feeds.html_text import cut_at_sentence, extract_text, find_image, resolve_link
from bot.sources.feeds.model import FeedItem, FeedProblem

MAX_ITEMS = 1000
"""Maximum number of items read from a feed. Most have 10 to 50, archives of podcasts up to a few thousand."""
MAX_EXCERPT = 500
"""Maximum characters of an excerpt. In card files it has 200 on average; feeds may carry whole articles."""
_MAX_GUID = 2000
_HEADLINE = 120  # characters of the text that stand for a missing title
_MAX_RAW = 2000
_MIN_SIDE = 100
"""Minimum width and height in pixels of a picture that the feed names apart from its text."""
_FIRST_FEED = datetime(1995, 1, 1, tzinfo=UTC)
"""An earlier time stands for a missing or misread one: there was no web to publish on."""


@dataclass(slots=True)
class RawItem:
    """An item as its format gives it: texts may hold markup. `base` resolves relative addresses.

    `origin` is the address behind a redirecting link, if the feed gives it. `images` are (address, width, height), best
    first.
    """

    guid: str = ""
    title: str = ""
    summary: str = ""
    content: str = ""
    base: str = ""
    link: str = ""
    origin: str = ""
    images: list[tuple[str, int, int]] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
    type: str = "article"
    provider: str = ""
    provider_url: str = ""
    published_at: datetime | None = None


def collect_items(raw_items: Iterator[RawItem], now: datetime, problems: list[FeedProblem]) -> tuple[FeedItem, ...]:
    """Build the items and give them keys, adding to `problems` what is wrong with them."""
    built = [build_item(raw, now) for raw in raw_items]
    items, is_repeated = give_keys([item for item in built if item])
    problems += [FeedProblem.REPEATED] * is_repeated + [FeedProblem.EMPTY_ITEMS] * (None in built)
    return tuple(items)


def build_item(raw: RawItem, now: datetime) -> FeedItem | None:
    """Build an item, still without a key; None if nothing of it can be shown."""
    excerpt = cut_at_sentence(extract_text(raw.summary) or extract_text(raw.content), MAX_EXCERPT)
    title = clean_text(raw.title[:MAX_TITLE]) or cut_at_sentence(excerpt, _HEADLINE)
    link = resolve_link(raw.link, raw.base) if raw.link else None
    if not title:
        return None
    provider = build_provider(raw.provider, raw.provider_url)
    if provider:  # feeds that gather others put the publisher behind each title
        title = title.removesuffix(f" - {provider.name}") or title
    item = FeedItem(
        key="",
        title=title,
        excerpt="" if normalize_name(excerpt) == normalize_name(title) else excerpt,
        raw_title=strip_unstorable(raw.title[:MAX_TITLE]),
        raw_excerpt=strip_unstorable((raw.summary or raw.content)[:_MAX_RAW]),
        guid=strip_unstorable(" ".join(raw.guid[:_MAX_GUID].split())),
        link=link,
        canonical=normalize_url((raw.origin and resolve_link(raw.origin, raw.base)) or link) if link else "",
        image=_choose_image(raw),
        provider=provider,
        categories=clean_categories(raw.categories),
        type=raw.type,
        published_at=_check_time(raw.published_at, now),
    )
    return replace(item, content_hash=_hash_content(item))


def build_provider(name: str, url: str | None, icon: str | None = None) -> Provider | None:
    """Build a publisher named by its name or else its domain; None without either."""
    domain = normalize_host(urlsplit(url).hostname or "") if (url := resolve_link(url or "", "")) else ""
    name = clean_text(name[:MAX_TITLE])[:MAX_NAME]
    return Provider(name or domain, domain, icon) if name or domain else None


def clean_categories(categories: Iterable[str]) -> tuple[str, ...]:
    """Return the display names of categories, deduplicated ignoring case; those that are URLs are left out."""
    named: dict[str, str] = {}
    for category in categories:
        if "://" not in category and (name := clean_text(category[:MAX_NAME])):
            named.setdefault(normalize_name(name), name)
        if len(named) == MAX_TOPICS:
            break
    return tuple(named.values())


def _choose_image(raw: RawItem) -> Image | None:
    for address, width, height in raw.images:
        small = any(0 < side < _MIN_SIDE for side in (width, height))
        if not small and (url := resolve_link(address, raw.base)) and not is_svg(url):
            return Image(url, width, height)
    return find_image(raw.content, raw.base) or find_image(raw.summary, raw.base)


def _check_time(moment: datetime | None, now: datetime) -> datetime | None:
    return moment if moment and _FIRST_FEED <= moment <= now else None


def _hash_content(item: FeedItem) -> str:
    # Some feeds give every item a new time, link parameters and signed pictures with each fetch: none of that may edit
    # all posts.
    image = item.image and item.image.url.partition("?")[0]
    shown = (item.title, item.excerpt, item.canonical, image, item.provider, item.categories, item.type)
    return _short_hash(repr(shown))


def _short_hash(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=10).hexdigest()


def give_keys(items: Sequence[FeedItem]) -> tuple[list[FeedItem], bool]:
    """Give each item a key that is unique in the feed; return them and whether any was repeated.

    The identity is the guid, else the link, else title and time. One that different items share identifies none of
    them, and the next applies; a repeated item is kept once, in its newest form.
    """
    keyed: dict[int, FeedItem] = {}
    places = {id(item): place for place, item in enumerate(items)}
    repeated, unkeyed = False, list(items)
    taken: set[str] = set()  # the guid of one item may be the link of another
    for identify, is_same in _LADDER:
        groups: defaultdict[str, list[FeedItem]] = defaultdict(list)
        for item in unkeyed:
            groups[identify(item)].append(item)
        unkeyed = groups.pop("", [])
        for identity, group in groups.items():
            repeated |= len(group) > 1
            if identity in taken or len({is_same(item) for item in group}) > 1:
                unkeyed += group
                continue
            taken.add(identity)
            newest = max(group, key=lambda item: item.published_at or _FIRST_FEED)  # the first of equals
            keyed[places[id(newest)]] = replace(newest, key=_short_hash(identity))
    return [keyed[place] for place in sorted(keyed)], repeated


def _identify_by_guid(item: FeedItem) -> str:
    return _strip_scheme(item.guid)


def _identify_by_link(item: FeedItem) -> str:
    return _strip_scheme(item.link or "")


def _identify_by_title(item: FeedItem) -> str:
    return f"{normalize_name(item.title)}\n{_timestamp(item)}"


def _strip_scheme(address: str) -> str:
    # A site that changes to https changes the guids that are addresses as well.
    return address.removeprefix("https://").removeprefix("http://")


def _timestamp(item: FeedItem) -> str:
    return item.published_at.isoformat() if item.published_at else ""


_LADDER: tuple[tuple[Callable[[FeedItem], str], Callable[[FeedItem], object]], ...] = (
    (_identify_by_guid, lambda item: item.canonical or normalize_name(item.title)),
    (_identify_by_link, _identify_by_title),
    (_identify_by_title, lambda _: None),
)
"""Identities, and what items of one identity have in common if they are the same item."""


_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{1,8}){0,3}")


def clean_language(value: object) -> str:
    """Normalize a language tag such as `en` or `pt_BR`; empty if it is none."""
    match = _LANGUAGE.fullmatch(value.strip()) if isinstance(value, str) else None
    return match[0].replace("_", "-") if match else ""
