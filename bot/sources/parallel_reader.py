"""Read card files in supervised subprocesses, off the event loop and ahead of the batch being stored."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import functools
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, ParamSpec, TypeVar

from bot.cards.model import FileStat, ParseResult, Problem
from bot.errors import UserError
from bot.i18n import tr
from bot.sources.folder import CardFile
from bot.sources.reader_process import BUDGET, CAN_COUNT, READY, Outcome, error_result
from bot.store.cards.importer import BATCH

_MANY = 2000
"""Number of files from which starting more processes pays off."""
_AHEAD = 3  # batches being read, or read and not yet consumed
_PATIENCE = 30.0 if CAN_COUNT else 5.0
"""Seconds without an answer (and, where it can be measured, without CPU usage) before giving up: the disk hangs."""
_TRIES = 3
_PIPE = subprocess.PIPE
_FROM_OUTSIDE = (-9, -15, 1)
"""Exit codes of a killed process: by the watchdog, the OOM killer, or an administrator."""
_OVER_BUDGET = f"took too long to read: more than {BUDGET:g} seconds of processor time"

_Params = ParamSpec("_Params")
_Result = TypeVar("_Result")
Answer = tuple[FileStat, Outcome]


class ReadingStoppedError(Exception):
    """The read was aborted."""


@dataclass(slots=True)
class _ReaderProcess:
    """A reader subprocess. It reports that it is ready before the first request."""

    popen: subprocess.Popen[bytes]
    requests: IO[bytes]
    answers: IO[bytes]
    is_ready: bool = False

    def send_files(self, files: Sequence[CardFile]) -> None:
        if not self.is_ready and pickle.load(self.answers) != READY:  # noqa: S301 - from the process that was started
            raise EOFError
        self.is_ready = True
        pickle.dump(files, self.requests)
        self.requests.flush()

    def end_process(self) -> int:
        """Stop the process and return its exit code."""
        with contextlib.suppress(OSError):
            self.requests.close()
        if self.popen.poll() is None and not _ends_soon(self.popen):
            self.popen.kill()
        self.answers.close()
        return self.popen.wait()


class Reader:
    """A reader subprocess, started on demand and restarted after a file crashed it. Blocking."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: _ReaderProcess | None = None
        self._stop: threading.Event | None = None
        self._answered_at = 0.0
        self._hung = False
        self._again = ""

    def read_files(self, files: Sequence[CardFile], stop: threading.Event | None = None) -> list[Answer]:
        """Read files and return their results in order.

        Raises `UserError` if no process can be started, `ReadingStoppedError` once `stop` is set.
        """
        with self._lock:
            self._stop = stop = stop or threading.Event()
            self._again = ""
            try:
                answers: list[Answer] = []
                while len(answers) < len(files):
                    if stop.is_set():
                        raise ReadingStoppedError
                    answers += self._read_some(files[len(answers) :])
                return answers
            finally:
                self._stop = None

    def abort_read(self, stop: threading.Event) -> None:
        """Abort the `read_files` that was given `stop`. Thread-safe."""
        stop.set()
        if self._stop is stop and self._process:
            self._process.popen.kill()

    def start(self) -> None:
        """Start the process before it is needed."""
        with self._lock, contextlib.suppress(OSError):
            self._running_process()

    def close(self) -> None:
        """Stop the process."""
        with self._lock:
            self._end_process()

    def _read_some(self, files: Sequence[CardFile]) -> list[Answer]:
        """Read results until all are there or the process dies; the file it died on then gets a problem."""
        process = self._send_files(files)
        answers: list[Answer] = []
        with self._watch_progress(process):
            try:
                for _ in files:
                    answers.append(pickle.load(process.answers))  # noqa: S301 - from the process that was started
                    self._answered_at = monotonic()
            except (EOFError, OSError, pickle.UnpicklingError):
                answers += self._blame_file(files[len(answers)].stat)
        return answers

    def _send_files(self, files: Sequence[CardFile]) -> _ReaderProcess:
        """Send the files to a ready process, restarting one that died before it got them."""
        reason = ""
        for _ in range(_TRIES):
            try:
                process = self._running_process()
                with self._watch_progress(process):
                    process.send_files(files)
            except (EOFError, OSError, pickle.UnpicklingError) as error:
                reason = str(error) or "it ended"
                self._end_process()
            else:
                return process
        raise UserError(
            tr("Cards cannot be read: the process that reads them does not start ({reason}).", reason=reason)
        )

    def _running_process(self) -> _ReaderProcess:
        if self._process and self._process.popen.poll() is not None:
            self._end_process()
        if self._process is None:
            popen = subprocess.Popen(_reader_command(), stdin=_PIPE, stdout=_PIPE, env=_reader_environment())  # noqa: S603 - our own code
            if popen.stdin is None or popen.stdout is None:
                raise OSError("it has no pipes")
            self._process = _ReaderProcess(popen, popen.stdin, popen.stdout)
        return self._process

    def _blame_file(self, stat: FileStat) -> list[Answer]:
        """The result for the file on which the process died; empty, to retry once, if it may have been killed.

        A file that crashes the reader is not read again until it changes.
        """
        code, hung, self._hung = self._end_process(), self._hung, False
        if code in _FROM_OUTSIDE and not hung and stat.path != self._again:
            self._again = stat.path
            return []
        if hung or code in _FROM_OUTSIDE:
            return [error_result(stat, "took too long to read, or the process that read it was ended")]
        over = CAN_COUNT and code == -signal.SIGPROF
        why = _OVER_BUDGET if over else f"cannot be read: it ends the reader (code {code})"
        return [(stat, ParseResult(None, (Problem(stat.path, 1, "", why),)))]

    def _end_process(self) -> int:
        process, self._process = self._process, None
        return process.end_process() if process else 0

    @contextmanager
    def _watch_progress(self, process: _ReaderProcess) -> Iterator[None]:
        """Kill the process if it neither answers nor uses CPU for `_PATIENCE` s. Its own budget limits CPU time."""
        done = threading.Event()
        self._answered_at = monotonic()

        def watch_process() -> None:
            ticks = 0
            while not done.wait(1.0):
                before, ticks = ticks, _cpu_ticks(process.popen.pid)
                if CAN_COUNT and ticks != before:
                    self._answered_at = monotonic()
                if monotonic() - self._answered_at > _PATIENCE:
                    self._hung = True
                    process.popen.kill()
                    return

        threading.Thread(target=watch_process, name="watching the reader", daemon=True).start()
        try:
            yield
        finally:
            done.set()


def _cpu_ticks(process_id: int) -> int:
    """CPU time used by a process, in clock ticks; 0 if unavailable."""
    try:
        fields = Path(f"/proc/{process_id}/stat").read_text("ascii", "replace").rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])  # proc(5): utime, stime
    except (OSError, LookupError, ValueError):
        return 0


def _ends_soon(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(0.5)
    except subprocess.TimeoutExpired:
        return False
    return True


def _reader_command() -> list[str]:
    """The reader's command, isolated (`-I`) with this process's `sys.path`: never import modules beside cards."""
    begin = f"import sys; sys.path[:] = {[os.path.abspath(path) for path in sys.path]!r}; "  # noqa: PTH100 - text
    return [sys.executable, "-I", "-c", f"{begin}from bot.sources.reader_process import main; main()"]


def _reader_environment() -> dict[str, str]:
    """The environment for the reader, without the bot's settings, which include its token."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith("NEWSDESK_")}


@functools.cache
def warm_reader() -> Reader:
    """The long-lived reader of this process; once started, it reads a saved file within milliseconds."""
    reader = Reader()
    atexit.register(reader.close)
    return reader


def read_all(files: Sequence[CardFile]) -> Iterator[Answer]:
    """Read files synchronously, yielding results in order. Blocking."""
    with closing(Reader()) as reader:
        for start in range(0, len(files), BATCH):
            yield from reader.read_files(files[start : start + BATCH])


async def read_ahead(files: Sequence[CardFile]) -> AsyncGenerator[list[Answer], None]:
    """Yield the results of reading files, in order and in batches. Closing the generator aborts reads in flight."""
    batches = deque(files[start : start + BATCH] for start in range(0, len(files), BATCH))
    under_way: deque[asyncio.Future[list[Answer]]] = deque()
    stop = threading.Event()
    readers = [warm_reader(), *(Reader() for _ in range(_reader_count(len(files)) - 1))]
    idle: queue.SimpleQueue[Reader] = queue.SimpleQueue()
    for reader in readers:
        idle.put(reader)

    def read_batch(batch: Sequence[CardFile]) -> list[Answer]:
        reader = idle.get()
        try:
            return reader.read_files(batch, stop)
        finally:
            idle.put(reader)

    try:
        while batches or under_way:
            while batches and len(under_way) < _AHEAD:
                under_way.append(run_in_background(read_batch, batches.popleft()))
            yield await under_way.popleft()
    finally:
        for reader in readers:
            reader.abort_read(stop)
        for future in under_way:
            future.cancel()
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
