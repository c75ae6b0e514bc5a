"""Lint cards for likely mistakes; `newsdesk check` reports them as notes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from bot.cards import known_keys
from bot.cards.card_builder import MAX_TOPICS
from bot.cards.fields import Fields, Findings
from bot.cards.frontmatter import FrontMatter, YamlScalar
from bot.cards.model import Severity, is_scheduled
from bot.cards.parsed_matter import Path
from bot.cards.text import normalize_name

_NAMED_KEYS = known_keys.CARD | known_keys.PROVIDER | known_keys.IMAGE
_MAKE_A_CARD = {"category", "title", "webUrl", "publishedDateTime"}


def note_slips(matter: FrontMatter, fields: Fields, findings: Findings) -> None:
    """Add notes for unknown keys, duplicate keys, text parsed as a comment, and a body."""
    _note_unknown(fields, known_keys.CARD)
    _note_unknown(fields.peek_map("provider"), known_keys.PROVIDER)
    for path, line in matter.duplicate_keys():
        if path[-1] in _NAMED_KEYS:  # others are unused, and must not be revealed if they are in `secured`
            findings.add_finding(path, "given twice: the last one counts", Severity.NOTE, line)
    for path, comment, line in _find_comments(matter, fields.values):
        findings.add_finding(
            path, f"`{comment}` was taken for a comment: put the value in quotes to keep it", Severity.NOTE, line
        )
    if (line_of_body := matter.body_line()) is not None:
        findings.add_finding((), "the text below the front matter is not shown", Severity.NOTE, line_of_body)


def note_missed_keys(fields: Fields) -> None:
    """Add notes for misspelled keys that may be why a file is not a card."""
    if normalize_name(str(fields.values.get("Category", ""))) == "news" or any(
        map(fields.has_value, ("webUrl", "publishedDateTime"))
    ):
        for key, meant in known_keys.find_unknown_keys(fields.values, known_keys.CARD):
            if meant in _MAKE_A_CARD:
                fields.add_note(key, f"not read: did you mean `{meant}`?")


def _note_unknown(fields: Fields, known: frozenset[str]) -> None:
    if known.issuperset(fields.values):
        return
    for key, meant in known_keys.find_unknown_keys(fields.values, known):
        fields.add_note(key, f"not read: did you mean `{meant}`?" if meant else "not read: no key of a card")


def note_future_time(fields: Fields, published_at: datetime, now: datetime) -> None:
    """Add a note for a time in the future."""
    if is_scheduled(published_at, now):
        fields.add_note(
            "publishedDateTime", f"in the future: the card comes out on {published_at:%Y-%m-%d at %H:%M} UTC"
        )
    elif published_at > now:
        fields.add_note("publishedDateTime", "some hours in the future: the card counts as published now")


_PAGE = re.compile(r"\s*<(?:!doctype|html)\b", re.IGNORECASE)


def is_page(matter: FrontMatter) -> bool:
    """Whether the body is a complete HTML page."""
    return _PAGE.match(matter.text, matter.place.body) is not None


_COMMENT = re.compile(r"[ \t]++(#[^\n]{0,40})")
_COMMENT_ALONE = re.compile(r"""["']?[ \t]*+:[ \t]++(#[^\s][^\n]{0,40})""")
_COMMENT_AS_ITEM = re.compile(
    r"(?:[^\n]*+\n(?=[ \t]*+(?:-|\r?\n))(?![ \t]*+-[ \t]++#))*+[^\n]*+\n[ \t]*+-[ \t]++(#[^\n]{0,40})"
)


def _find_comments(matter: FrontMatter, fields: dict[Any, Any]) -> Iterator[tuple[Path, str, int]]:
    """Yield YAML comments that may have been meant as text: path, comment and line in the file."""
    raw = matter.raw_text()
    if matter.place.language != "yaml" or "#" not in raw:
        return
    for path, pattern, place in _text_endings(fields):
        if match := pattern.match(raw, place):
            yield path, match[1].rstrip(), matter.first_line + raw.count("\n", 0, match.start(1))


def _text_endings(fields: dict[Any, Any]) -> Iterator[tuple[Path, re.Pattern[str], int]]:
    """Yield the texts after which a comment is suspicious: path, comment pattern and offset."""
    provider, topics = fields.get("provider"), fields.get("topics")
    yield from _endings_of(fields, "title", "excerpt")
    for path, pattern, place in _endings_of(provider, "name") if isinstance(provider, dict) else ():
        yield ("provider", *path), pattern, place
    if isinstance(topics, list):
        for index, topic in enumerate(topics[:MAX_TOPICS]):
            if isinstance(topic, YamlScalar) and topic.plain:
                yield ("topics", index), _COMMENT, topic.end
        if None in topics:
            yield ("topics",), _COMMENT_AS_ITEM, _find_key(fields, "topics").end
    else:
        yield from _endings_of(fields, "topics")


def _endings_of(fields: dict[Any, Any], *names: str) -> Iterator[tuple[Path, re.Pattern[str], int]]:
    for name in names:
        value = fields.get(name)
        if isinstance(value, YamlScalar) and value.plain:
            yield (name,), _COMMENT, value.end
        elif name in fields and value is None:
            yield (name,), _COMMENT_ALONE, _find_key(fields, name).end


def _find_key(fields: dict[Any, Any], name: str) -> YamlScalar:
    """The key object from the file, which carries its position; a dict lookup only compares by equality."""
    found: YamlScalar = next(key for key in fields if key == name)
    return found
