"""The process that reads card files: what a file does to it, it does to nobody else.

It knows the cards alone, neither Discord nor the store. Files come in at its standard input, what each gave goes out at
its standard output, one by one, so that the other side (`bot.sources.ahead`) knows which file it is at. It ends with
the processor time that one file may take, and when its input ends.
"""

from __future__ import annotations

import contextlib
import enum
import hashlib
import os
import pickle
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bot.cards.model import FileStat, Problem, Reading
from bot.sources.folder import CardFile, read_bytes, reading_of, untried

BUDGET = 2.0
"""Seconds of processor time that one file may take; an ordinary card takes a third of a millisecond."""
CAN_COUNT = hasattr(signal, "setitimer")
"""Whether the process ends by itself with its budget. On Windows somebody has to look at the clock."""
_MEMORY = 1 << 30
"""Bytes of address space, ten times what it takes for any card."""
READY = "ready"


class Unread(enum.Enum):
    """Why a file was not read."""

    SAME = "it holds what it held when it was last read"
    GONE = "it is not there any more"


Outcome = Reading | Unread


def main() -> None:
    """Serve until the input ends. Whoever started this process ends it; a signal to all of a terminal does not."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _limit_memory()
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever else is written goes where nobody takes it for an answer
    pickle.dump(READY, answers)
    answers.flush()
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            for file in pickle.load(requests):  # noqa: S301 - from the process that started this one
                with _budget():
                    answer = pickle.dumps(look(file))
                answers.write(answer)
                answers.flush()


def look(file: CardFile) -> tuple[FileStat, Outcome]:
    """Read one file, unless it holds what it held before. Whatever goes wrong is this file's problem alone."""
    stat = file.stat
    try:
        content = read_bytes(Path(file.path))
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        if digest == file.digest:
            return stat, Unread.SAME
        return stat, replace(reading_of(content, stat.path, file.rules), digest=digest)
    except (FileNotFoundError, NotADirectoryError):
        return stat, Unread.GONE
    except OSError as error:
        return failed(stat, f"cannot be read: {error.strerror}")
    except Exception as error:  # noqa: BLE001 - a fault of the program must not cost other files their cards
        return failed(stat, f"cannot be read: {type(error).__name__}")


def failed(stat: FileStat, problem: str) -> tuple[FileStat, Reading]:
    """A file that the next load tries again."""
    return untried(stat), Reading(None, (Problem(stat.path, 1, "", problem),))


@contextmanager
def _budget() -> Iterator[None]:
    """Let the system end this process with its budget: nothing in it could stop a regular expression or a parser."""
    if CAN_COUNT:
        signal.setitimer(signal.ITIMER_PROF, BUDGET)
    yield
    if CAN_COUNT:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_memory() -> None:
    if sys.platform == "linux":
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY if most < 0 else min(_MEMORY, most), most))
