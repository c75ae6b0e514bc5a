"""Build a card from its front matter fields."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from bot.cards.fields import Fields
from bot.cards.keys import ALIASES, LINKS
from bot.cards.links import LinkError, is_svg, link, normalised
from bot.cards.model import Card, HeldReason, Image, Provider, Related, State
from bot.cards.text import folded, repaired, storable

MOST_TOPICS, MOST_IMAGES, MOST_RELATED = 64, 16, 200
"""Maximum lengths of a card's lists. Real cards have up to 3 topics, 2 images and 179 related stories."""
LONGEST_TITLE, LONGEST_EXCERPT, LONGEST_NAME, LONGEST_URL = 1000, 10_000, 200, 8192
"""Maximum lengths of texts in characters: more than Discord shows (256, 4,096, 256) or accepts in a link (2,048)."""


def build_card(fields: Fields, slug: str) -> Card:
    """Build the card. Problems are added to the fields' findings; if these contain an error, discard the card."""
    raw_title = fields.text("title", LONGEST_TITLE)
    title = repaired(raw_title)
    if not title and not isinstance(fields.values.get("title"), dict | list):
        fields.error("title", "nothing of the title can be seen" if raw_title.strip() else "a card needs a title")
    raw_excerpt = fields.text("excerpt", LONGEST_EXCERPT)
    excerpt = repaired(raw_excerpt)
    heat = fields.whole("heat")
    state, held_reason = _state(fields, heat)
    addresses = {name: fields.text(name, LONGEST_URL) for name in ALIASES}
    url = _url(fields, addresses)
    return Card(
        slug=slug,
        title=title,
        published_at=_published_at(fields, slug),
        excerpt="" if folded(excerpt) == folded(title) else excerpt,
        raw_title=storable(raw_title),
        raw_excerpt=storable(raw_excerpt),
        url=url,
        type=folded(repaired(fields.text("type", LONGEST_NAME))) or "article",
        quality=fields.whole("quality"),
        heat=heat,
        state=state,
        held_reason=held_reason,
        provider=_provider(fields),
        topics=_topics(fields),
        image=next(iter(_images(fields)), None),
        related=_related(fields, {normalised(url)} if url else set()),
        aliases=_aliases(addresses),
    )


def _state(fields: Fields, heat: int | None) -> tuple[State, HeldReason | None]:
    removed, published = fields.flag("removed"), fields.flag("published")
    if removed:
        return State.WITHDRAWN, None
    if published:
        return State.PUBLISHED, None
    if heat == -1:
        return State.HELD, HeldReason.COVERED
    return State.HELD, HeldReason.UNSCORED if published is None or heat is None else HeldReason.BELOW_BAR


def _url(fields: Fields, addresses: Mapping[str, str]) -> str | None:
    for name in LINKS:
        if not addresses[name].strip():
            continue
        try:
            return link(addresses[name])
        except LinkError as error:
            fields.note(name, f"not linked: {error}")
    fields.note("webUrl", "the card has no address to open")
    return None


def _aliases(addresses: Mapping[str, str]) -> tuple[str, ...]:
    usable = [link for link in map(_link_or_none, addresses.values()) if link]
    return tuple(dict.fromkeys(map(normalised, usable)))


def _link_or_none(raw: str) -> str | None:
    try:
        return link(raw) if raw.strip() else None
    except LinkError:
        return None


def _provider(card: Fields) -> Provider | None:
    fields = card.inner("provider")
    name = repaired(fields.text("name", LONGEST_NAME))
    domain = storable(fields.text("domain", LONGEST_NAME)).strip()
    if not name and not domain:
        return None
    icon = next(iter(_images(fields)), None)
    return Provider(name or domain, domain, icon.url if icon else None)


_SEPARATOR = re.compile(r"[,;]")


def _topics(fields: Fields) -> tuple[str, ...]:
    """Display names of the topics, deduplicated ignoring case; nulls are skipped."""
    value = fields.values.get("topics")
    if isinstance(value, str):
        written = _SEPARATOR.split(fields.text("topics", MOST_TOPICS * LONGEST_NAME), MOST_TOPICS)[:MOST_TOPICS]
        if len(written) > 1:
            fields.note("topics", f"read as {len(written)} topics: better write them as a list")
    else:
        written = list(fields.texts("topics", LONGEST_NAME, MOST_TOPICS))
    found: dict[str, str] = {}
    for each in written:
        if name := repaired(each[:LONGEST_NAME]):
            found.setdefault(folded(name), name)
    return tuple(found.values())


def _images(fields: Fields) -> list[Image]:
    found = []
    for each in fields.maps("images", MOST_IMAGES):
        raw = each.text("url", LONGEST_URL).strip()
        usable = raw if raw.startswith("/") and not raw.startswith("//") else _link_or_none(raw)
        size = each.whole("width") or 0, each.whole("height") or 0
        if usable and is_svg(usable):
            each.note("url", "left out: Discord shows no SVG pictures")
        elif usable:
            found.append(Image(usable, *size))
    return found


def _related(card: Fields, seen: set[str]) -> tuple[Related, ...]:
    """Other publishers' versions, best first; skip those without a URL, duplicates, and the card's own URL."""
    found = []
    for fields in card.maps("related", MOST_RELATED):
        web, original = (fields.text(name, LONGEST_URL) for name in ("webUrl", "originalUrl"))
        usable = _link_or_none(web) or _link_or_none(original)
        title = repaired(fields.text("title", LONGEST_TITLE))
        if not usable or not title:
            fields.note_here("left out: it has no title or no usable address")
            continue
        if (key := normalised(usable)) in seen:
            continue
        seen.add(key)
        found.append(Related(title, usable, _provider_name(fields)))
    return tuple(found)


def _provider_name(related: Fields) -> str:
    fields = related.inner("provider")
    return repaired(fields.text("name", LONGEST_NAME)) or storable(fields.text("domain", LONGEST_NAME)).strip()


_YEARS = range(1000, 3000)
"""Years that the store can sort by."""
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)  # placeholder for a file that has an error anyway
_DAY_IN_NAME = re.compile(r"(?:^|/)(\d{4}-\d{2}-\d{2})(?=[-_]|$)", re.ASCII)


def has_time(fields: Fields, slug: str) -> bool:
    """Whether the file or its name gives a publication time."""
    return fields.has("publishedDateTime") or _DAY_IN_NAME.search(slug) is not None


def _published_at(fields: Fields, slug: str) -> datetime:
    """The publication time in UTC, falling back to the date in the file name. A time without a zone is UTC."""
    day = _DAY_IN_NAME.search(slug)
    if not fields.has("publishedDateTime") and day is None:
        fields.error("publishedDateTime", "a card needs the time at which it was published")
        return _NEVER
    found = fields.moment("publishedDateTime", day and day[1]) or _NEVER
    if found.year not in _YEARS:
        fields.error("publishedDateTime", f"the year {found.year} is not one of news")
        return _NEVER
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
