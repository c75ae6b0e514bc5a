"""List a folder's card files and read them. Blocking: the loader calls it off the event loop."""

from __future__ import annotations

import errno
import os
import stat as modes
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

from bot.cards.model import FileStat, Problem, Reading, Severity
from bot.cards.reading import MAX_FILE_BYTES, read_card

SUFFIXES = (".md", ".markdown")
"""The files that are taken for cards, in upper or lower case."""
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
"""Without waiting: a pipe may have taken the place of a file since it was listed."""
_MOST = 2**63 - 1


def is_card_file(name: str) -> bool:
    """Whether a file of this name is taken for a card, wherever it is met: by a scan, the watcher or `check FILE`."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def slug_of(path: str) -> str:
    """A card's identity: its path below the root, without the suffix.

    A letter with an accent is one sign here, however the file system writes it: some change that when a file is copied.
    """
    return normalize("NFC", path.rpartition(".")[0] if path.lower().endswith(SUFFIXES) else path)


class Rules(NamedTuple):
    """How files are read: as `bot.cards.reading.read_card` has it."""

    need_category: bool = False
    now: datetime | None = None


ORDINARY = Rules()


class CardFile(NamedTuple):
    """A file to read: where it lies, how it was listed, and the digest of what it held when it was last read."""

    path: str
    stat: FileStat
    digest: str | None = None
    rules: Rules = ORDINARY


@dataclass(slots=True)
class Listing:
    """What lies in a folder: card files by path, problems with what is none, and what could not be looked into."""

    files: list[FileStat] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    """What could not be looked into, as the beginning of the paths concerned."""

    def is_closed(self, path: str) -> bool:
        """Whether nobody can say if there is such a file."""
        return bool(self.closed) and path.startswith(tuple(self.closed))


def scan(root: Path) -> list[FileStat]:
    """Every card file below `root`, sorted by path. Hidden folders and linked folders are left out."""
    return list_folder(root).files


def list_folder(root: Path) -> Listing:
    """Look through a folder and those in it. Raises `OSError` when the folder itself cannot be listed."""
    found = Listing()
    folders = [(str(root), "")]
    while folders:
        folder, prefix = folders.pop()
        try:
            folders += _look_into(folder, prefix, found)
        except OSError as error:
            if not prefix:
                raise
            found.closed.append(prefix)
            found.problems.append(Problem(prefix, 1, "", f"the folder cannot be listed: {error.strerror}"))
    found.files.sort()
    return found


def _look_into(folder: str, prefix: str, found: Listing) -> Iterator[tuple[str, str]]:
    """Add a folder's own files; the folders in it come out."""
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
    yield from within


def _is_text(name: str) -> bool:
    """Whether the name can be stored and shown."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _add_file(entry: os.DirEntry[str], path: str, found: Listing) -> None:
    """One that vanished since it was listed is no longer there."""
    try:
        info = entry.stat()
    except FileNotFoundError:
        if not entry.is_symlink():
            return
        found.problems.append(Problem(path, 1, "", "left out: a link that leads nowhere", Severity.NOTE))
    except OSError as error:
        found.closed.append(path)
        found.problems.append(Problem(path, 1, "", f"cannot be read: {error.strerror}"))
    else:
        if modes.S_ISREG(info.st_mode):
            found.files.append(stat_of(path, info))
        else:
            found.problems.append(Problem(path, 1, "", "left out: not an ordinary file", Severity.NOTE))


def stat_of(path: str, info: os.stat_result) -> FileStat:
    """The numbers as the store can keep them: some file systems number files with 64 bits, and count any time."""
    times_and_number = (number & _MOST for number in (info.st_mtime_ns, info.st_ctime_ns, info.st_ino))
    return FileStat(path, info.st_size, *times_and_number)


def untried(stat: FileStat) -> FileStat:
    """The file as one that the next load has to try again, changed or not."""
    return stat._replace(mtime_ns=-1)


def read_bytes(path: Path) -> bytes:
    """What an ordinary file holds, up to one byte more than a card may have. Raises `OSError`."""
    handle = os.open(path, _READ)
    with os.fdopen(handle, "rb") as file:
        if not modes.S_ISREG(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "not an ordinary file")
        return file.read(MAX_FILE_BYTES + 1)


def reading_of(content: bytes, name: str, rules: Rules) -> Reading:
    """What a file of this name and content gives."""
    return read_card(content, file=name, slug=slug_of(name), need_category=rules.need_category, now=rules.now)
