"""From a file's bytes to a `Card`, or to the problems that keep it from being one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from bot.cards.frontmatter import FrontMatter, FrontMatterError, split
from bot.cards.links import LinkError, link, normalised
from bot.cards.model import Card, HeldReason, Image, Problem, Provider, Reading, Related, Severity, State
from bot.cards.text import folded, repaired
from bot.cards.values import FieldError, flag, items, mapping, moment, scalar, shape, text, whole

MAX_FILE_BYTES = 1024 * 1024
"""A card is a few kilobytes; anything over 1 MiB is not one."""

_NOTHING = b"\0 \t\r\n\f\v\xef\xbb\xbf"  # white space, what a crash leaves behind, and a byte order mark


def read_card(content: bytes, *, file: str, slug: str) -> Reading:
    """Read one file. `file` names it in problems, `slug` is the card's identity. Never raises for bad content."""
    if len(content) > MAX_FILE_BYTES:
        return _failed(file, 1, "", f"the file is {len(content):,} bytes; a card has at most {MAX_FILE_BYTES:,}")
    if not content.strip(_NOTHING):
        what = "consists of NUL bytes" if b"\0" in content else "is empty"
        return Reading(None, (Problem(file, 1, "", f"the file {what}"),), is_empty=True)
    try:
        matter = split(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return _failed(file, line, "", f"not UTF-8 text (byte {error.start + 1})")
    except FrontMatterError as error:
        return _failed(file, error.line, "", error.problem)
    if matter is None:
        return _note(file, 1, "", "not a news card: it has no front matter")
    return _from_matter(matter, file, slug)


def _from_matter(matter: FrontMatter, file: str, slug: str) -> Reading:
    category = matter.fields.get("category")
    if not isinstance(category, str) or folded(category) != "news":
        shown = "it has no category" if category is None else f"its category is {shape(category)}"
        return _note(file, matter.line("category"), "category", f"not a news card: {shown}")
    notes: list[tuple[str, str]] = []
    try:
        card = _card(matter.fields, slug, notes)
    except FieldError as wrong:
        return _failed(file, matter.line(wrong.field.partition("[")[0].partition(".")[0]), wrong.field, wrong.problem)
    return Reading(card, tuple(Problem(file, matter.line(f.partition("[")[0]), f, p, Severity.NOTE) for f, p in notes))


def _failed(file: str, line: int, field: str, problem: str) -> Reading:
    return Reading(None, (Problem(file, line, field, problem),))


def _note(file: str, line: int, field: str, problem: str) -> Reading:
    return Reading(None, (Problem(file, line, field, problem, Severity.NOTE),))


def _card(fields: dict[str, Any], slug: str, notes: list[tuple[str, str]]) -> Card:
    raw_title = text(fields, "title")
    title = repaired(raw_title)
    if not title:
        raise FieldError("title", "a card needs a title")
    raw_excerpt = text(fields, "excerpt")
    excerpt = repaired(raw_excerpt)
    heat = whole(fields, "heat")
    state, held_reason = _state(fields, heat)
    url = _url(fields, notes)
    return Card(
        slug=slug,
        title=title,
        published_at=_published_at(fields, slug),
        excerpt="" if folded(excerpt) == folded(title) else excerpt,
        raw_title=raw_title,
        raw_excerpt=raw_excerpt,
        url=url,
        type=folded(text(fields, "type")) or "article",
        quality=whole(fields, "quality"),
        heat=heat,
        state=state,
        held_reason=held_reason,
        provider=_provider(fields.get("provider")),
        topics=_topics(fields.get("topics")),
        image=next(_images(fields.get("images"), "images"), None),
        related=_related(fields.get("related"), {normalised(url)} if url else set(), notes),
        aliases=_aliases(fields),
    )


def _state(fields: dict[str, Any], heat: int | None) -> tuple[State, HeldReason | None]:
    if flag(fields, "removed"):
        return State.WITHDRAWN, None
    published = flag(fields, "published")
    if published:
        return State.PUBLISHED, None
    if heat == -1:
        return State.HELD, HeldReason.COVERED
    return State.HELD, HeldReason.UNSCORED if published is None or heat is None else HeldReason.BELOW_BAR


# A video has no webUrl; AMP copies are never linked.
_LINKS = ("webUrl", "originalUrl", "sourceUrl")
_ALIASES = (*_LINKS, "ampWebUrl", "cdnAmpWebUrl", "ampUrl", "cdnAmpUrl")


def _url(fields: dict[str, Any], notes: list[tuple[str, str]]) -> str | None:
    for name in _LINKS:
        raw = text(fields, name)
        if not raw.strip():
            continue
        try:
            return link(raw)
        except LinkError as error:
            notes.append((name, f"not linked: {error}"))
    notes.append(("webUrl", "the card has no address to open"))
    return None


def _aliases(fields: dict[str, Any]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for name in _ALIASES:
        if usable := _link_or_none(text(fields, name)):
            found[normalised(usable)] = None
    return tuple(found)


def _link_or_none(raw: str) -> str | None:
    try:
        return link(raw) if raw.strip() else None
    except LinkError:
        return None


def _provider(value: Any) -> Provider | None:
    fields = mapping(value, "provider")
    name = repaired(text(fields, "name", "provider.name"))
    domain = text(fields, "domain", "provider.domain").strip()
    if not name and not domain:
        return None
    icon = next(_images(fields.get("images"), "provider.images"), None)
    return Provider(name or domain, domain, icon.url if icon else None)


def _topics(value: Any) -> tuple[str, ...]:
    """Display names, each once however it is written; nulls are left out."""
    found: dict[str, str] = {}
    for item in items([value] if isinstance(value, str) else value, "topics"):
        name = repaired(scalar(item, "topics"))
        if name:
            found.setdefault(folded(name), name)
    return tuple(found.values())


def _images(value: Any, field: str) -> Iterator[Image]:
    for item in items(value, field):
        fields = mapping(item, field)
        raw = text(fields, "url", field).strip()
        usable = raw if raw.startswith("/") and not raw.startswith("//") else _link_or_none(raw)
        if usable:
            yield Image(usable, whole(fields, "width", field) or 0, whole(fields, "height", field) or 0)


def _related(value: Any, seen: set[str], notes: list[tuple[str, str]]) -> tuple[Related, ...]:
    """Other publishers' versions, best first; without address, repeated or the card's own address: left out."""
    found = []
    for index, item in enumerate(items(value, "related")):
        fields = mapping(item, "related")
        usable = _link_or_none(text(fields, "webUrl", "related")) or _link_or_none(
            text(fields, "originalUrl", "related")
        )
        title = repaired(text(fields, "title", "related"))
        if not usable or not title:
            notes.append((f"related[{index}]", "left out: it has no title or no usable address"))
            continue
        if (key := normalised(usable)) in seen:
            continue
        seen.add(key)
        provider = _provider(fields.get("provider"))
        found.append(Related(title, usable, provider.name if provider else ""))
    return tuple(found)


_YEARS = range(1000, 3000)
"""The years that the store can order cards by."""
_DAY_IN_NAME = re.compile(r"(?:^|/)(\d{4}-\d{2}-\d{2})(?=[-_]|$)")


def _published_at(fields: dict[str, Any], slug: str) -> datetime:
    """The moment in UTC; of the file name's day when the field is missing. A time without zone is UTC."""
    value = fields.get("publishedDateTime")
    if value is None and (day := _DAY_IN_NAME.search(slug)):
        value = day[1]
    if value is None:
        raise FieldError("publishedDateTime", "a card needs the time at which it was published")
    found = moment(value)
    if found.year not in _YEARS:
        raise FieldError("publishedDateTime", f"the year {found.year} is not one of news")
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
