"""The consoles, files, exit codes and errors that commands share."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from rich.console import Console

from bot.errors import file_error

OUT = Console()
ERR = Console(stderr=True)
PROBLEMS = 1
"""Exit code of a command that found problems."""


def format_count(count: int, noun: str) -> str:
    """Format a number of things: `1 card`, `1,000 cards`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def is_terminal() -> bool:
    """Return whether somebody can be asked."""
    return sys.stdin is not None and sys.stdin.isatty()


@contextmanager
def report_write_errors(what: str) -> Iterator[None]:
    """Raise an `OSError` as an error that says what cannot be written."""
    try:
        yield
    except OSError as error:
        raise file_error(f"{what} cannot be written", error) from error


@contextmanager
def replace_file(path: Path) -> Iterator[TextIO]:
    """Write a file that atomically replaces `path` on success; readable by its owner only."""
    # In the same folder: a rename is atomic only within a file system.
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            yield out
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
