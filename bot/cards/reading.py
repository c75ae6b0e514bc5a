"""From a file's bytes to a `Card`, or to the problems that keep it from being one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import Any

from bot.cards.frontmatter import FrontMatter, FrontMatterError, Written, split
from bot.cards.links import LinkError, link, normalised
from bot.cards.model import Card, HeldReason, Image, Problem, Provider, Reading, Related, Severity, State
from bot.cards.text import folded, repaired

MAX_FILE_BYTES = 1024 * 1024
"""A card is a few kilobytes; anything over 1 MiB is not one."""


class _WrongError(Exception):
    """A field has the wrong shape; the reading of this file ends here."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field
        self.problem = problem


def read_card(content: bytes, *, file: str, slug: str) -> Reading:
    """Read one file. `file` names it in problems, `slug` is the card's identity. Never raises for bad content."""
    if len(content) > MAX_FILE_BYTES:
        return _failed(file, 1, "", f"the file is {len(content):,} bytes; a card has at most {MAX_FILE_BYTES:,}")
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
        shown = "it has no category" if category is None else f"its category is {_shape(category)}"
        return _note(file, matter.line("category"), "category", f"not a news card: {shown}")
    notes: list[tuple[str, str]] = []
    try:
        card = _card(matter.fields, slug, notes)
    except _WrongError as wrong:
        return _failed(file, matter.line(wrong.field.partition("[")[0].partition(".")[0]), wrong.field, wrong.problem)
    return Reading(card, tuple(Problem(file, matter.line(f.partition("[")[0]), f, p, Severity.NOTE) for f, p in notes))


def _failed(file: str, line: int, field: str, problem: str) -> Reading:
    return Reading(None, (Problem(file, line, field, problem),))


def _note(file: str, line: int, field: str, problem: str) -> Reading:
    return Reading(None, (Problem(file, line, field, problem, Severity.NOTE),))


def _card(fields: dict[str, Any], slug: str, notes: list[tuple[str, str]]) -> Card:
    raw_title = _text(fields, "title")
    title = repaired(raw_title)
    if not title:
        raise _WrongError("title", "a card needs a title")
    raw_excerpt = _text(fields, "excerpt")
    excerpt = repaired(raw_excerpt)
    heat = _whole(fields, "heat")
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
        type=folded(_text(fields, "type")) or "article",
        quality=_whole(fields, "quality"),
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
    if _flag(fields, "removed"):
        return State.WITHDRAWN, None
    published = _flag(fields, "published")
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
        raw = _text(fields, name)
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
        if usable := _link_or_none(_text(fields, name)):
            found[normalised(usable)] = None
    return tuple(found)


def _link_or_none(raw: str) -> str | None:
    try:
        return link(raw) if raw.strip() else None
    except LinkError:
        return None


def _provider(value: Any) -> Provider | None:
    fields = _map(value, "provider")
    name = repaired(_text(fields, "name", "provider.name"))
    domain = _text(fields, "domain", "provider.domain").strip()
    if not name and not domain:
        return None
    icon = next(_images(fields.get("images"), "provider.images"), None)
    return Provider(name or domain, domain, icon.url if icon else None)


def _topics(value: Any) -> tuple[str, ...]:
    """Display names, each once however it is written; nulls are left out."""
    found: dict[str, str] = {}
    for item in _list([value] if isinstance(value, str) else value, "topics"):
        name = repaired(_scalar(item, "topics"))
        if name:
            found.setdefault(folded(name), name)
    return tuple(found.values())


def _images(value: Any, field: str) -> Iterator[Image]:
    for item in _list(value, field):
        fields = _map(item, field)
        raw = _text(fields, "url", field).strip()
        usable = raw if raw.startswith("/") and not raw.startswith("//") else _link_or_none(raw)
        if usable:
            yield Image(usable, _whole(fields, "width", field) or 0, _whole(fields, "height", field) or 0)


def _related(value: Any, seen: set[str], notes: list[tuple[str, str]]) -> tuple[Related, ...]:
    """Other publishers' versions, best first; without address, repeated or the card's own address: left out."""
    found = []
    for index, item in enumerate(_list(value, "related")):
        fields = _map(item, "related")
        usable = _link_or_none(_text(fields, "webUrl", "related")) or _link_or_none(
            _text(fields, "originalUrl", "related")
        )
        title = repaired(_text(fields, "title", "related"))
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
        raise _WrongError("publishedDateTime", "a card needs the time at which it was published")
    moment = _moment(value)
    if moment.year not in _YEARS:
        raise _WrongError("publishedDateTime", f"the year {moment.year} is not one of news")
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


# YAML 1.1 allows one-digit months and hours, a space before the zone, and a zone of hours alone.
_TIMESTAMP = re.compile(
    r"^(\d{4})-(\d\d?)-(\d\d?)"
    r"(?:(?:[Tt]|[ \t]+)(\d\d?):(\d\d)(?::(\d\d)(?:\.\d*)?)?[ \t]*(Z|z|UTC|[-+]\d\d?(?::?\d\d)?)?)?$"
)


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        return value
    if isinstance(value, date):
        return datetime.combine(value, time())
    parts = _TIMESTAMP.match(value.strip()) if isinstance(value, str) else None
    if parts is None:
        raise _WrongError("publishedDateTime", f"{_shape(value)} is not a time such as 2026-11-24T09:30:00Z")
    year, month, day, hour, minute, second, zone = parts.groups(default="")
    iso = f"{year}-{month:0>2}-{day:0>2}T{hour or 0:0>2}:{minute or 0:0>2}:{second or 0:0>2}{_zone(zone)}"
    try:
        return datetime.fromisoformat(iso)
    except ValueError as error:
        raise _WrongError("publishedDateTime", f"{value[:40]!r} is not a time: {error}") from None


def _zone(written: str) -> str:
    if not written or written in ("Z", "z", "UTC"):
        return "+00:00" if written else ""
    hours, _, minutes = written[1:].partition(":")
    if len(hours) > 2:
        hours, minutes = hours[:-2], hours[-2:]
    return f"{written[0]}{hours:0>2}:{minutes or '00'}"


def _scalar(value: Any, field: str) -> str:
    if value is None:
        return ""
    if isinstance(value, dict | list):
        raise _WrongError(field, f"should be text, not {_shape(value)}")
    return str(value)


def _text(fields: dict[str, Any], name: str, field: str = "") -> str:
    return _scalar(fields.get(name), field or name)


def _flag(fields: dict[str, Any], name: str) -> bool | None:
    value = fields.get(name)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Written) and value.plain and (known := _FLAGS.get(value.lower())) is not None:
        return known
    raise _WrongError(name, f"should be true or false, not {_shape(value)}")


_FLAGS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_WHOLE = re.compile(r"^[-+]?[0-9]{1,9}$")


def _whole(fields: dict[str, Any], name: str, field: str = "") -> int | None:
    value = fields.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**9):
        return value
    if isinstance(value, Written) and value.plain and _WHOLE.match(value):
        return int(value)
    raise _WrongError(field or name, f"should be a whole number, not {_shape(value)}")


def _map(value: Any, field: str) -> dict[str, Any]:
    if value is None or isinstance(value, dict):
        return value or {}
    raise _WrongError(field, f"should be a map, not {_shape(value)}")


def _list(value: Any, field: str) -> list[Any]:
    if value is None or isinstance(value, list):
        return value or []
    raise _WrongError(field, f"should be a list, not {_shape(value)}")


def _shape(value: Any) -> str:
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list):
        return "a list"
    return repr(str(value)[:40])
