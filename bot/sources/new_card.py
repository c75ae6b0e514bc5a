"""Create a card file for an author to complete."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple

import yaml

from bot.cards.model import Problem, Severity
from bot.cards.text import clean_text, strip_unstorable
from bot.cards.urls import InvalidUrlError, sanitize_url
from bot.errors import UserError
from bot.sources.folder import SUFFIXES, ReadingRules, parse_file

_LONGEST_STEM = 80
"""Bytes of the title in a file name; file systems allow 255 for the whole name."""
_SEPARATORS = re.compile(r"[\W_]+")


class NewCard(NamedTuple):
    """A file that was created, and the notes that `newsdesk check` gives about it."""

    path: Path
    notes: tuple[Problem, ...]


def create_card_file(
    folder: Path, title: str, url: str | None, topics: Sequence[str], now: datetime, *, beside: Sequence[Path] = ()
) -> NewCard:
    """Create a file with a held card, named after the day and the title; existing files are never overwritten.

    No file in the folders `beside` has the same name either: of two such cards only one would be loaded. Raises
    `UserError` if the title or the URL makes no card, and `OSError` if the file cannot be written.
    """
    if not folder.is_dir():
        raise UserError(f"The folder {folder} does not exist.")
    content = _compose_file(title, url, topics, now)
    stem = f"{now:%Y-%m-%d}-{_shorten_title(title)}"
    notes = _check_content(content, stem, now)
    for name in _numbered_names(stem):
        if any((place / f"{name}{suffix}").exists() for place in (folder, *beside) for suffix in SUFFIXES):
            continue
        try:
            return NewCard(_write_new_file(folder / f"{name}.md", content), notes)
        except FileExistsError:
            continue  # somebody else was faster, or a link leads nowhere
    raise AssertionError("names never end")


def _compose_file(title: str, url: str | None, topics: Sequence[str], now: datetime) -> bytes:
    fields = {
        "category": "news",
        "title": _tidy(title),
        "excerpt": "",
        **({"webUrl": _check_url(url)} if url is not None else {}),
        "publishedDateTime": now.replace(microsecond=0),
        "topics": [name for topic in topics if (name := _tidy(topic))],
        # Held: a folder that is watched must not post what is still being written.
        "published": False,
    }
    # Endless lines: a folded title would be harder to edit by hand.
    matter = yaml.safe_dump(fields, allow_unicode=True, sort_keys=False, width=float("inf"))
    return f"---\n{matter}---\n".encode()


def _tidy(text: str) -> str:
    return strip_unstorable(" ".join(text.split()))


def _check_url(url: str) -> str:
    try:
        return sanitize_url(url)
    except InvalidUrlError as error:
        raise UserError(f"The address cannot be linked: {error}.") from error


def _check_content(content: bytes, stem: str, now: datetime) -> tuple[Problem, ...]:
    """Read the file back as a load would, and return its notes. Raises `UserError` if it holds no card."""
    result = parse_file(content, f"{stem}.md", ReadingRules(now=now))
    if result.card is None:
        errors = [f"{each.field}: {each.problem}" for each in result.problems if each.severity is Severity.ERROR]
        raise UserError(f"This makes no card ({'; '.join(errors)}).")
    return result.problems


def _shorten_title(title: str) -> str:
    """Words of the title in lower case, joined by hyphens, in whatever script it is written."""
    name = _SEPARATORS.sub("-", clean_text(title).casefold())
    return name.encode()[:_LONGEST_STEM].decode(errors="ignore").strip("-") or "card"


def _numbered_names(stem: str) -> Iterator[str]:
    yield stem
    yield from (f"{stem}-{number}" for number in count(2))


def _write_new_file(path: Path, content: bytes) -> Path:
    """Write a file that does not exist yet. Raises `FileExistsError`; after any other error no part of it is left."""
    with path.open("xb") as file:
        try:
            file.write(content)
            file.flush()
        except OSError:
            path.unlink()
            raise
    return path
