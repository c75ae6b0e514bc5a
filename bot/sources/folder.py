"""List a folder's card files and read them. Blocking; the loader calls this off the event loop."""

from __future__ import annotations

import errno
import os
import stat as modes
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from bot.cards.model import ParseResult, Problem, Severity, SourceItem
from bot.cards.parser import MAX_FILE_BYTES, parse_card
from bot.sources.source import Listing

SUFFIXES = (".md", ".markdown")
"""Suffixes of card files, case-insensitive."""
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Non-blocking: a pipe may have replaced a file since it was listed."""


def is_card_file(name: str) -> bool:
    """Whether a file of this name is a card file; used by scans, the watcher and `check FILE`."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def slug_for_path(path: str) -> str:
    """A card's identity: its path relative to the root, without the suffix, in Unicode NFC.

    Some file systems change the normalization form when a file is copied.
    """
    return normalize("NFC", path.rpartition(".")[0] if path.lower().endswith(SUFFIXES) else path)


class ReadingRules(NamedTuple):
    """Options for reading files; see `bot.cards.parser.parse_card`."""

    need_category: bool = False
    now: datetime | None = None


ORDINARY = ReadingRules()


class CardFile(NamedTuple):
    """A file to read: its path on disk, the item that it is, and the digest of its content when last read."""

    path: str
    item: SourceItem
    digest: str | None = None
    rules: ReadingRules = ORDINARY


def list_folder(root: Path) -> Listing:
    """List a folder recursively, sorted by path; hidden and symlinked folders are skipped.

    Raises `OSError` if the folder itself cannot be listed.
    """
    found = Listing()
    # A stack: recursion would fail in a tree that is nested deeply enough.
    folders = [(str(root), "")]
    while folders:
        folder, prefix = folders.pop()
        try:
            folders += _list_files(folder, prefix, found)
        except OSError as error:
            if not prefix:
                raise
            found.closed.append(prefix)
            found.problems.append(Problem(prefix, 1, "", f"the folder cannot be listed: {error.strerror}"))
    found.items.sort()
    return found


def _list_files(folder: str, prefix: str, found: Listing) -> Iterator[tuple[str, str]]:
    """Add a folder's files to `found` and yield its subfolders."""
    within = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if not entry.name.isascii() and not _is_text(entry.name):
                name = os.fsencode(prefix + entry.name).decode("utf-8", "backslashreplace")
                found.problems.append(Problem(name, 1, "", "left out: its name is not UTF-8", Severity.NOTE))
            elif entry.is_dir(follow_symlinks=False):
                within.append((entry.path, f"{prefix}{entry.name}/"))
            elif is_card_file(entry.name):
                _add_file(entry, prefix + entry.name, found)
    # After the scan, so that no level of the tree keeps a handle open.
    yield from within


def _is_text(name: str) -> bool:
    """Whether the name can be encoded as UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _add_file(entry: os.DirEntry[str], path: str, found: Listing) -> None:
    """Add an entry to `found`, as a file or as a problem."""
    try:
        # Follows links to files; linked folders are skipped, as they could lead in a circle.
        info = entry.stat()
    except FileNotFoundError:  # deleted since it was listed, or a dangling symlink
        if not entry.is_symlink():
            return
        found.problems.append(Problem(path, 1, "", "left out: a link that leads nowhere", Severity.NOTE))
    except OSError as error:
        found.closed.append(path)
        found.problems.append(Problem(path, 1, "", f"cannot be read: {error.strerror}"))
    else:
        if modes.S_ISREG(info.st_mode):
            found.items.append(SourceItem(path, fingerprint_stat(info)))
        else:
            found.problems.append(Problem(path, 1, "", "left out: not an ordinary file", Severity.NOTE))


def fingerprint_stat(info: os.stat_result) -> str:
    """Return the fingerprint of a file: it changes with every write, even one that sets the modification time back."""
    return f"{info.st_size} {info.st_mtime_ns} {info.st_ctime_ns} {info.st_ino}"


def read_bytes(path: Path) -> bytes:
    """Read a regular file, up to one byte more than the maximum size of a card. Raises `OSError`."""
    handle = os.open(path, _READ)
    with os.fdopen(handle, "rb") as file:
        if not modes.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not an ordinary file")
        return file.read(MAX_FILE_BYTES + 1)


def parse_file(content: bytes, name: str, rules: ReadingRules) -> ParseResult:
    """Parse a file of this name and content."""
    return parse_card(content, file=name, slug=slug_for_path(name), need_category=rules.need_category, now=rules.now)
