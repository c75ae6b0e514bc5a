"""Parse a file's bytes into a `Card`, or the problems that prevent it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bot.cards import slips
from bot.cards.building import build_card, has_time
from bot.cards.fields import Fields, Findings, named
from bot.cards.frontmatter import FrontMatter, FrontMatterError, split, without_broken_bytes
from bot.cards.model import Problem, Reading, Severity
from bot.cards.text import folded
from bot.cards.values import shape

MAX_FILE_BYTES = 1024 * 1024
"""Maximum file size; a card has a few kilobytes."""

_NOTHING = b"\0 \t\r\n\f\v\xef\xbb\xbf"  # whitespace, NUL bytes left by a crash, and a byte order mark


def read_card(
    content: bytes, *, file: str, slug: str, need_category: bool = False, now: datetime | None = None
) -> Reading:
    """Parse one file. `file` is its name in problems, `slug` the card's identity. Never raises.

    A file without a category is a card if it has a title, a `webUrl` and a time, unless `need_category`. If `now` is
    given, a time in the future gets a note.
    """
    try:
        return _read(content, file, slug, need_category, now)
    except Exception as error:  # noqa: BLE001  # one file must not stop the others, whatever a library raises
        return _failed(file, 1, f"cannot be read: {type(error).__name__}")


def _read(content: bytes, file: str, slug: str, need_category: bool, now: datetime | None) -> Reading:
    if len(content) > MAX_FILE_BYTES:
        return _failed(file, 1, f"the file is {len(content):,} bytes; a card has at most {MAX_FILE_BYTES:,}")
    if not content.strip(_NOTHING):
        what = "consists of NUL bytes" if b"\0" in content else "is empty"
        return Reading(None, (Problem(file, 1, "", f"the file {what}"),), is_empty=True)
    try:
        matter = split(_decoded(content))
    except UnicodeDecodeError as error:
        return _failed(file, _line(content, error.start), f"not UTF-8 text (byte {error.start + 1})")
    except FrontMatterError as error:
        return _failed(file, error.line, error.problem)
    if matter is None:
        return _without_matter(content, file)
    return _from_matter(matter, file, slug, need_category, now)


def _decoded(content: bytes) -> str:
    """Decode UTF-8, tolerating invalid bytes in `secured`, which is not used. Raises `UnicodeDecodeError`."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        text = without_broken_bytes(content.decode("utf-8", "surrogateescape"))
        if text is None:
            raise
        return text


def _line(content: bytes, place: int) -> int:
    return content.count(b"\n", 0, place) + 1


def _failed(file: str, line: int, problem: str) -> Reading:
    return Reading(None, (Problem(file, line, "", problem),))


_STRAY = re.compile(rb"""^[ \t]*+["']?category["']?[ \t]*+[:=][ \t]*+["']?news\b""", re.MULTILINE | re.IGNORECASE)


def _without_matter(content: bytes, file: str) -> Reading:
    if b"\0" in content:
        return _failed(file, _line(content, content.index(b"\0")), "not UTF-8 text: it holds NUL bytes")
    line, field, why = 1, "", "it has no front matter"
    if stray := _STRAY.search(content):
        line, field, why = (
            _line(content, stray.start()),
            "category",
            "front matter stands first, between two lines of ---",
        )
    return Reading(None, (Problem(file, line, field, f"not a news card: {why}", Severity.NOTE),))


def _from_matter(matter: FrontMatter, file: str, slug: str, need_category: bool, now: datetime | None) -> Reading:
    findings = Findings()
    fields = Fields(matter.fields, findings)
    card, is_other = None, False
    if (why := _why_no_card(fields, slug, need_category, matter)) is not None:
        fields.note("category", f"not a news card: {why}")
        slips.note_missed_keys(fields)
        is_other = fields.values.get("category") not in (None, "")
    else:
        card = build_card(fields, slug)
        slips.note_slips(matter, fields, findings)
        if now is not None:
            slips.note_ahead(fields, card.published_at, now)
    problems = tuple(_problems(matter, findings, file))
    return Reading(None if findings.has_error else card, problems, is_other=is_other)


def _why_no_card(fields: Fields, slug: str, need_category: bool, matter: FrontMatter) -> str | None:
    """Why the file is not a card; None if it is. Folders also hold other collections, so a file without a category must
    have everything that a card needs.
    """
    category = fields.values.get("category")
    if isinstance(category, str) and folded(category) == "news":
        return None
    if category is not None and category != "":
        return f"its category is {shape(category)}"
    if need_category:
        return "it has no category"
    missing = [name for name in ("title", "webUrl") if not fields.has(name)]
    missing += [] if has_time(fields, slug) else ["publishedDateTime"]
    if missing:
        return f"it has no category, and without one a card needs {', '.join(missing)}"
    return "it has no category, and is a page of its own" if slips.is_page(matter) else None


def _problems(matter: FrontMatter, findings: Findings, file: str) -> Iterator[Problem]:
    """Convert findings to problems, ordered by line."""
    placed = [(found.line or matter.line(*found.path), found) for found in findings.kept]
    for line, found in sorted(placed, key=lambda each: each[0]):
        yield Problem(file, line, named(found.path), found.problem, found.severity)
    if findings.left_out:
        severity = Severity.ERROR if findings.has_error else Severity.NOTE
        yield Problem(file, 1, "", f"{findings.left_out:,} more of its findings are left out", severity)
