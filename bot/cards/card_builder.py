"""Build a card from its front matter fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from bot.cards.fields import Fields
from bot.cards.known_keys import ALIASES, LINKS
from bot.cards.model import Card, CardState, HeldReason, Image, Provider, RelatedArticle
from bot.cards.text import clean_text, normalize_name, strip_unstorable
from bot.cards.urls import InvalidUrlError, is_svg, normalize_url, parse_link, sanitize_url

MAX_TOPICS, MAX_IMAGES, MAX_RELATED = 64, 16, 200
"""Maximum lengths of a card's lists. Real cards have up to 3 topics, 2 images and 179 related stories."""
MAX_TITLE, MAX_EXCERPT, MAX_NAME, MAX_URL_LENGTH = 1000, 10_000, 200, 8192
"""Maximum lengths of texts in characters: more than Discord shows (256, 4,096, 256) or accepts in a link (2,048)."""


def build_card(fields: Fields, slug: str) -> Card:
    """Build the card. Problems are added to the fields' findings; if these contain an error, discard the card."""
    raw_title = fields.get_text("title", MAX_TITLE)
    title = clean_text(raw_title)
    if not title and not isinstance(fields.values.get("title"), dict | list):
        fields.add_error("title", "nothing of the title can be seen" if raw_title.strip() else "a card needs a title")
    raw_excerpt = fields.get_text("excerpt", MAX_EXCERPT)
    excerpt = clean_text(raw_excerpt)
    heat = fields.get_int("heat")
    state, held_reason = _parse_state(fields, heat)
    addresses = {name: fields.get_text(name, MAX_URL_LENGTH) for name in ALIASES}
    url = _parse_url(fields, addresses)
    return Card(
        slug=slug,
        title=title,
        published_at=_parse_published_at(fields, slug),
        # Producers repeat the title where an article has no summary.
        excerpt="" if normalize_name(excerpt) == normalize_name(title) else excerpt,
        raw_title=strip_unstorable(raw_title),
        raw_excerpt=strip_unstorable(raw_excerpt),
        url=url,
        type=normalize_name(clean_text(fields.get_text("type", MAX_NAME))) or "article",
        quality=fields.get_int("quality"),
        heat=heat,
        state=state,
        held_reason=held_reason,
        provider=_parse_provider(fields),
        topics=_parse_topics(fields),
        image=next(iter(_parse_images(fields)), None),
        related=_parse_related(fields, {normalize_url(url)} if url else set()),
        aliases=_parse_aliases(addresses),
    )


def _parse_state(fields: Fields, heat: int | None) -> tuple[CardState, HeldReason | None]:
    removed, published = fields.get_bool("removed"), fields.get_bool("published")
    if removed:
        return CardState.WITHDRAWN, None
    if published:
        return CardState.PUBLISHED, None
    if heat == -1:
        return CardState.HELD, HeldReason.COVERED
    return CardState.HELD, HeldReason.UNSCORED if published is None or heat is None else HeldReason.BELOW_BAR


def _parse_url(fields: Fields, addresses: Mapping[str, str]) -> str | None:
    for name in LINKS:
        if not addresses[name].strip():
            continue
        try:
            return sanitize_url(addresses[name])
        except InvalidUrlError as error:
            fields.add_note(name, f"not linked: {error}")
    fields.add_note("webUrl", "the card has no address to open")
    return None


def _parse_aliases(addresses: Mapping[str, str]) -> tuple[str, ...]:
    usable = [link for link in map(parse_link, addresses.values()) if link]
    return tuple(dict.fromkeys(map(normalize_url, usable)))


def _parse_provider(card: Fields) -> Provider | None:
    fields = card.get_map("provider")
    name = clean_text(fields.get_text("name", MAX_NAME))
    domain = strip_unstorable(fields.get_text("domain", MAX_NAME)).strip()
    if not name and not domain:
        return None
    icon = next(iter(_parse_images(fields)), None)
    return Provider(name or domain, domain, icon.url if icon else None)


_SEPARATOR = re.compile(r"[,;]")


def _parse_topics(fields: Fields) -> tuple[str, ...]:
    """Display names of the topics, deduplicated ignoring case; nulls are skipped."""
    value = fields.values.get("topics")
    if isinstance(value, str):
        written = _SEPARATOR.split(fields.get_text("topics", MAX_TOPICS * MAX_NAME), MAX_TOPICS)[:MAX_TOPICS]
        if len(written) > 1:
            fields.add_note("topics", f"read as {len(written)} topics: better write them as a list")
    else:
        written = list(fields.get_texts("topics", MAX_NAME, MAX_TOPICS))
    result: dict[str, str] = {}
    for each in written:
        if name := clean_text(each[:MAX_NAME]):
            result.setdefault(normalize_name(name), name)
    return tuple(result.values())


def _parse_images(fields: Fields) -> list[Image]:
    result = []
    for each in fields.get_maps("images", MAX_IMAGES):
        raw = each.get_text("url", MAX_URL_LENGTH).strip()
        # A path on the producer's site, unlike `//host/path`, which names another host.
        usable = raw if raw.startswith("/") and not raw.startswith("//") else parse_link(raw)
        size = each.get_int("width") or 0, each.get_int("height") or 0
        if usable and is_svg(usable):
            each.add_note("url", "left out: Discord shows no SVG pictures")
        elif usable:
            result.append(Image(usable, *size))
    return result


def _parse_related(card: Fields, seen: set[str]) -> tuple[RelatedArticle, ...]:
    """Other publishers' versions, best first; skip those without a URL, duplicates, and the card's own URL."""
    result = []
    for fields in card.get_maps("related", MAX_RELATED):
        web, original = (fields.get_text(name, MAX_URL_LENGTH) for name in ("webUrl", "originalUrl"))
        usable = parse_link(web) or parse_link(original)
        title = clean_text(fields.get_text("title", MAX_TITLE))
        if not usable or not title:
            fields.add_own_note("left out: it has no title or no usable address")
            continue
        if (key := normalize_url(usable)) in seen:
            continue
        # The first one is kept: the list is ordered, best first.
        seen.add(key)
        result.append(RelatedArticle(title, usable, _parse_provider_name(fields)))
    return tuple(result)


def _parse_provider_name(related: Fields) -> str:
    fields = related.get_map("provider")
    return (
        clean_text(fields.get_text("name", MAX_NAME)) or strip_unstorable(fields.get_text("domain", MAX_NAME)).strip()
    )


_YEARS = range(1000, 3000)
"""Years that the store can sort by."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # placeholder for a file that has an error anyway
_DAY_IN_NAME = re.compile(r"(?:^|/)(\d{4}-\d{2}-\d{2})(?=[-_]|$)", re.ASCII)


def has_time(fields: Fields, slug: str) -> bool:
    """Whether the file or its name gives a publication time."""
    return fields.has_value("publishedDateTime") or _DAY_IN_NAME.search(slug) is not None


def _parse_published_at(fields: Fields, slug: str) -> datetime:
    """The publication time in UTC, falling back to the date in the file name. A time without a zone is UTC."""
    day = _DAY_IN_NAME.search(slug)
    if not fields.has_value("publishedDateTime") and day is None:
        fields.add_error("publishedDateTime", "a card needs the time at which it was published")
        return _NEVER
    found = fields.get_moment("publishedDateTime", day and day[1]) or _NEVER
    if found.year not in _YEARS:
        fields.add_error("publishedDateTime", f"the year {found.year} is not one of news")
        return _NEVER
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
