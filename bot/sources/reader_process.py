"""Entry point of the reader subprocess, which isolates the bot from malicious card files, feeds and pages.

It depends on `bot.cards` only, not on Discord or the store. It reads requests from standard input, each batch with the
function that answers them, and writes answers to standard output one by one, so that the parent
(`bot.sources.isolated_reader`) knows which request it is working on. It exits when a request exceeds its CPU budget,
and on end of input.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pickle
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from bot.cards.model import ParseResult, Problem, SourceItem
from bot.sources.folder import CardFile, parse_file, read_bytes
from bot.sources.source import ReadItem, UnreadReason

BUDGET = 2.0
"""CPU time limit per request in seconds; an ordinary card takes a third of a millisecond, a feed a few."""
CAN_COUNT = hasattr(signal, "setitimer")
"""Whether the process can enforce its own CPU budget. On Windows, the parent applies a wall-clock timeout."""
_MEMORY = 1 << 30
"""Address space limit in bytes, several times what any card or feed needs."""
READY = "ready"


def main() -> None:
    """Serve until end of input. SIGINT and SIGTERM are ignored: a terminal sends them to the whole process group."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    _limit_memory()
    requests, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # stray prints go to stderr, so that they cannot corrupt the answers
    # The parent may be gone by now: on a busy machine it can start and end before this line.
    with contextlib.suppress(EOFError, BrokenPipeError):
        pickle.dump(READY, answers)
        answers.flush()
        while True:
            read, batch = pickle.load(requests)  # noqa: S301 - from the process that started this one
            for request in batch:
                with _limit_cpu():
                    answer = pickle.dumps(read(request))
                answers.write(answer)
                answers.flush()


def read_changed(file: CardFile) -> ReadItem:
    """Read one file unless its content is unchanged. Any error becomes a problem of this file."""
    item = file.item
    try:
        content = read_bytes(Path(file.path))
        digest = hashlib.blake2b(content, digest_size=16).hexdigest()
        if digest == file.digest:
            return item, UnreadReason.SAME
        return item, replace(parse_file(content, item.key, file.rules), digest=digest)
    except (FileNotFoundError, NotADirectoryError):
        return item, UnreadReason.GONE
    except OSError as error:
        return error_result(item, f"cannot be read: {error.strerror}")
    except Exception as error:  # noqa: BLE001 - a bug must not affect other files
        return error_result(item, f"cannot be read: {type(error).__name__}")


def error_result(item: SourceItem, problem: str) -> tuple[SourceItem, ParseResult]:
    """Return the result for a file that the next load should retry."""
    return item.as_untried(), ParseResult(None, (Problem(item.key, 1, "", problem),))


@contextmanager
def _limit_cpu() -> Iterator[None]:
    """Kill this process by signal once its CPU budget is spent: Python code cannot interrupt a regex or a C parser."""
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
