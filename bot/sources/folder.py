"""List a folder's card files and read them. Blocking: the loader calls it off the event loop."""

from __future__ import annotations

import logging
import os
import stat as modes
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from bot.cards.model import FileStat, Problem, Reading
from bot.cards.reading import MAX_FILE_BYTES, read_card

_log = logging.getLogger(__name__)

SUFFIXES = (".md", ".markdown")
"""The files that are taken for cards, in upper or lower case."""


def is_card_file(name: str) -> bool:
    """Whether a file of this name is taken for a card, wherever it is met: by a scan, the watcher or `check FILE`."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def slug_of(path: str) -> str:
    """A card's identity: its path below the root, without the suffix."""
    return path.rpartition(".")[0] if path.lower().endswith(SUFFIXES) else path


def scan(root: Path) -> list[FileStat]:
    """Every card file below `root`, sorted by path. Hidden folders and linked folders are left out."""
    found = [FileStat(path, info.st_size, info.st_mtime_ns) for path, info in _walk(str(root), "")]
    return sorted(found, key=lambda file: file.path)


def _walk(folder: str, prefix: str) -> Iterator[tuple[str, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or not _speakable(entry):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(entry.path, f"{prefix}{entry.name}/")
            elif is_card_file(entry.name) and (info := _info(entry)):
                yield prefix + entry.name, info


def _speakable(entry: os.DirEntry[str]) -> bool:
    """Whether the name is text: other bytes can neither be stored nor shown."""
    try:
        entry.name.encode()
    except UnicodeEncodeError:
        _log.warning("%r is left out: its name is not UTF-8", entry.path)
        return False
    return True


def _info(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Nothing for a dangling link, a pipe, or a file that vanished since it was listed."""
    try:
        info = entry.stat()
    except OSError:
        return None
    return info if modes.S_ISREG(info.st_mode) else None


def read(root: Path, stats: Sequence[FileStat]) -> list[tuple[FileStat, Reading]]:
    """Read the given files. One that cannot be opened gives a problem, and is tried again at the next load."""
    return [_read(root, stat) for stat in stats]


def _read(root: Path, stat: FileStat) -> tuple[FileStat, Reading]:
    try:
        return stat, read_file(root / stat.path, stat.path)
    except OSError as error:
        problem = Problem(stat.path, 1, "", f"cannot be read: {error.strerror}")
        return untried(stat), Reading(None, (problem,))


def untried(stat: FileStat) -> FileStat:
    """The file as one that the next load has to try again, changed or not."""
    return replace(stat, mtime_ns=-1)


def read_file(path: Path, name: str, *, need_category: bool = False, now: datetime | None = None) -> Reading:
    """Read one file, named `name` in problems, as `read_card` does. Raises `OSError`."""
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    return read_card(content, file=name, slug=slug_of(name), need_category=need_category, now=now)
