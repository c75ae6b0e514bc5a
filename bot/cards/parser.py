"""Parse a file's bytes into a `Card`, or the problems that prevent it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from bot.cards import lint
from bot.cards.card_builder import build_card, has_time
from bot.cards.converters import describe_type
from bot.cards.fields import Fields, Findings, format_path
from bot.cards.frontmatter import FrontMatter, FrontMatterError, drop_broken_bytes, split_front_matter
from bot.cards.model import ParseResult, Problem, Severity
from bot.cards.text import normalize_name

MAX_FILE_BYTES = 1024 * 1024
"""Maximum file size; a card has a few kilobytes."""

_NOTHING = b"\0 \t\r\n\f\v\xef\xbb\xbf"  # whitespace, NUL bytes left by a crash, and a byte order mark


def parse_card(
    content: bytes, *, file: str, slug: str, need_category: bool = False, now: datetime | None = None
) -> ParseResult:
    """Parse one file. `file` is its name in problems, `slug` the card's identity. Never raises.

    A file without a category is a card if it has a title, a `webUrl` and a time, unless `need_category`. If `now` is
    given, a time in the future gets a note.
    """
    try:
        return _parse_content(content, file, slug, need_category, now)
    except Exception as error:  # noqa: BLE001  # one file must not stop the others, whatever a library raises
        return _error_result(file, 1, f"cannot be read: {type(error).__name__}")


def _parse_content(content: bytes, file: str, slug: str, need_category: bool, now: datetime | None) -> ParseResult:
    if len(content) > MAX_FILE_BYTES:
        return _error_result(file, 1, f"the file is {len(content):,} bytes; a card has at most {MAX_FILE_BYTES:,}")
    if not content.strip(_NOTHING):
        # An editor that is saving leaves such a file for a moment: as an error it costs no card.
        what = "consists of NUL bytes" if b"\0" in content else "is empty"
        return _error_result(file, 1, f"the file {what}")
    try:
        matter = split_front_matter(_decode_text(content))
    except UnicodeDecodeError as error:
        return _error_result(file, _line_at(content, error.start), f"not UTF-8 text (byte {error.start + 1})")
    except FrontMatterError as error:
        return _error_result(file, error.line, error.problem)
    if matter is None:
        return _result_without_matter(content, file)
    return _parse_front_matter(matter, file, slug, need_category, now)


def _decode_text(content: bytes) -> str:
    """Decode UTF-8, tolerating invalid bytes in `secured`, which is not used. Raises `UnicodeDecodeError`."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        text = drop_broken_bytes(content.decode("utf-8", "surrogateescape"))
        if text is None:
            raise
        return text


def _line_at(content: bytes, place: int) -> int:
    return content.count(b"\n", 0, place) + 1


def _error_result(file: str, line: int, problem: str) -> ParseResult:
    return ParseResult(None, (Problem(file, line, "", problem),))


_STRAY = re.compile(rb"""^[ \t]*+["']?category["']?[ \t]*+[:=][ \t]*+["']?news\b""", re.MULTILINE | re.IGNORECASE)


def _result_without_matter(content: bytes, file: str) -> ParseResult:
    if b"\0" in content:
        return _error_result(file, _line_at(content, content.index(b"\0")), "not UTF-8 text: it holds NUL bytes")
    line, field, why = 1, "", "it has no front matter"
    if stray := _STRAY.search(content):
        line, field, why = (
            _line_at(content, stray.start()),
            "category",
            "front matter stands first, between two lines of ---",
        )
    return ParseResult(None, (Problem(file, line, field, f"not a news card: {why}", Severity.NOTE),))


def _parse_front_matter(
    matter: FrontMatter, file: str, slug: str, need_category: bool, now: datetime | None
) -> ParseResult:
    findings = Findings()
    fields = Fields(matter.fields, findings)
    card, is_other = None, False
    if (why := _reason_not_a_card(fields, slug, need_category, matter)) is not None:
        fields.add_note("category", f"not a news card: {why}")
        lint.note_missed_keys(fields)
        is_other = fields.values.get("category") not in (None, "")
    else:
        card = build_card(fields, slug)
        lint.note_slips(matter, fields, findings)
        if now is not None:
            lint.note_future_time(fields, card.published_at, now)
    problems = tuple(_collect_problems(matter, findings, file))
    return ParseResult(None if findings.has_error else card, problems, is_other=is_other)


def _reason_not_a_card(fields: Fields, slug: str, need_category: bool, matter: FrontMatter) -> str | None:
    """Why the file is not a card; None if it is. Folders also hold other collections, so a file without a category must
    have everything that a card needs.
    """
    category = fields.values.get("category")
    if isinstance(category, str) and normalize_name(category) == "news":
        return None
    if category is not None and category != "":
        return f"its category is {describe_type(category)}"
    if need_category:
        return "it has no category"
    missing = [name for name in ("title", "webUrl") if not fields.has_value(name)]
    missing += [] if has_time(fields, slug) else ["publishedDateTime"]
    if missing:
        return f"it has no category, and without one a card needs {', '.join(missing)}"
    return "it has no category, and is a page of its own" if lint.is_page(matter) else None


def _collect_problems(matter: FrontMatter, findings: Findings, file: str) -> Iterator[Problem]:
    """Convert findings to problems, ordered by line."""
    placed = [(found.line or matter.line_of(*found.path), found) for found in findings.items]
    for line, found in sorted(placed, key=lambda each: each[0]):
        yield Problem(file, line, format_path(found.path), found.problem, found.severity)
    if findings.dropped:
        severity = Severity.ERROR if findings.has_error else Severity.NOTE
        yield Problem(file, 1, "", f"{findings.dropped:,} more of its findings are left out", severity)
