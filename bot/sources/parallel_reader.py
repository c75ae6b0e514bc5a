"""Read card files in supervised subprocesses, off the event loop and ahead of the batch being stored."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import functools
import os
import queue
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import closing
from typing import ParamSpec, TypeVar

from bot.cards.model import ParseResult, Problem
from bot.sources.folder import CardFile
from bot.sources.isolated_reader import IsolatedReader, ReadFailure
from bot.sources.reader_process import BUDGET, error_result, read_changed
from bot.sources.source import ReadItem

BATCH = 500
"""Files that are read together; they are stored together too, so no more than `bot.store.cards.importer.BATCH`, which
is not imported here: reading needs no store."""
_MANY = 2000
"""Number of files from which starting more processes pays off."""
_AHEAD = 3  # batches being read, or read and not yet consumed
_OVER_BUDGET = f"took too long to read: more than {BUDGET:g} seconds of processor time"

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")


class Reader(IsolatedReader[CardFile, ReadItem]):
    """A subprocess that reads card files."""

    def __init__(self) -> None:
        super().__init__(read_changed, _blame_file)


def _blame_file(file: CardFile, failure: ReadFailure, code: int) -> ReadItem:
    """The answer for a file on which the process died. One that crashes it is not read again until it changes."""
    if failure is ReadFailure.KILLED:
        return error_result(file.item, "took too long to read, or the process that read it was ended")
    over = failure is ReadFailure.OVER_BUDGET
    why = _OVER_BUDGET if over else f"cannot be read: it ends the reader (code {code})"
    return file.item, ParseResult(None, (Problem(file.item.key, 1, "", why),))


@functools.cache
def warm_reader() -> Reader:
    """The long-lived reader of this process; once started, it reads a saved file within milliseconds."""
    reader = Reader()
    atexit.register(reader.close)
    return reader


def start_warm_reader() -> None:
    """Start the long-lived reader in advance, for the next saved file."""
    run_in_background(warm_reader().start)


def read_all(files: Sequence[CardFile]) -> Iterator[ReadItem]:
    """Read files synchronously, yielding results in order. Blocking."""
    with closing(Reader()) as reader:
        for start in range(0, len(files), BATCH):
            yield from reader.read(files[start : start + BATCH])


async def read_ahead(files: Sequence[CardFile]) -> AsyncGenerator[list[ReadItem], None]:
    """Yield the results of reading files, in order and in batches. Closing the generator aborts reads in flight."""
    batches = deque(files[start : start + BATCH] for start in range(0, len(files), BATCH))
    under_way: deque[asyncio.Future[list[ReadItem]]] = deque()
    stop = threading.Event()
    readers = [warm_reader(), *(Reader() for _ in range(_reader_count(len(files)) - 1))]
    idle: queue.SimpleQueue[Reader] = queue.SimpleQueue()
    for reader in readers:
        idle.put(reader)

    def read_batch(batch: Sequence[CardFile]) -> list[ReadItem]:
        reader = idle.get()
        try:
            return reader.read(batch, stop)
        finally:
            idle.put(reader)

    try:
        while batches or under_way:
            # Bounded: results wait in memory while the database is slower than the readers.
            while batches and len(under_way) < _AHEAD:
                under_way.append(run_in_background(read_batch, batches.popleft()))
            yield await under_way.popleft()
    finally:
        for reader in readers:
            reader.abort_read(stop)
        for future in under_way:
            future.cancel()
        # The first one stays warm for the next saved file.
        for reader in readers[1:]:
            run_in_background(reader.close)


def _reader_count(files: int) -> int:
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(processors, _AHEAD) if files >= _MANY else 1


def run_in_background(
    work: Callable[_Params, _Result], *args: _Params.args, **kwargs: _Params.kwargs
) -> asyncio.Future[_Result]:
    """Run a function in a daemon thread: unlike with `asyncio.to_thread`, a hanging disk does not block interpreter
    exit."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[_Result] = loop.create_future()
    context = contextvars.copy_context()

    def set_result(result: _Result | None, error: BaseException | None) -> None:
        # The caller was cancelled; the thread cannot be, and ends only now.
        if future.done():
            return
        if error:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # set unless there is an error

    def run_work() -> None:
        result, failure = None, None
        try:
            result = context.run(work, *args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - set on the future
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(set_result, result, failure)

    threading.Thread(target=run_work, name=getattr(work, "__name__", "work"), daemon=True).start()
    return future
