"""Run reads in a supervised subprocess: whatever one request does to it, the others get their answers."""

from __future__ import annotations

import contextlib
import enum
import os
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import IO, Generic, TypeVar

from bot.errors import UserError
from bot.i18n import tr
from bot.sources.reader_process import CAN_COUNT, READY

_PATIENCE = 30.0 if CAN_COUNT else 5.0
"""Seconds without an answer (and, where it can be measured, without CPU usage) before giving up: the disk hangs."""
_TRIES = 3
_PIPE = subprocess.PIPE
_FROM_OUTSIDE = (-9, -15, 1)
"""Exit codes of a killed process: by the watchdog, the OOM killer, or an administrator."""

_Request = TypeVar("_Request")
_Answer = TypeVar("_Answer")


class ReadingStoppedError(Exception):
    """The read was aborted."""


class ReadFailure(enum.Enum):
    """How a request ended the reader process."""

    OVER_BUDGET = "it used up its CPU budget"
    CRASHED = "it ended the process"
    KILLED = "the process hung, or was killed from outside"


@dataclass(slots=True)
class _ReaderProcess:
    """A reader subprocess. It reports that it is ready before the first request."""

    popen: subprocess.Popen[bytes]
    requests: IO[bytes]
    answers: IO[bytes]
    is_ready: bool = False

    def send_requests(self, work: object) -> None:
        if not self.is_ready and pickle.load(self.answers) != READY:  # noqa: S301 - from the process that was started
            raise EOFError
        self.is_ready = True
        pickle.dump(work, self.requests)
        self.requests.flush()

    def end_process(self) -> int:
        """Stop the process and return its exit code."""
        with contextlib.suppress(OSError):
            self.requests.close()
        if self.popen.poll() is None and not _ends_soon(self.popen):
            self.popen.kill()
        self.answers.close()
        return self.popen.wait()


class IsolatedReader(Generic[_Request, _Answer]):
    """A reader subprocess, started on demand and restarted after a request crashed it. Blocking.

    It calls `read`, a function of a module, which must answer every request; requests and answers are pickled. For a
    request that ended the process, `fail` gives the answer, with the process's exit code.
    """

    def __init__(
        self, read: Callable[[_Request], _Answer], fail: Callable[[_Request, ReadFailure, int], _Answer]
    ) -> None:
        self._read, self._fail = read, fail
        self._lock = threading.Lock()
        self._process: _ReaderProcess | None = None
        self._stop: threading.Event | None = None
        self._answered_at = 0.0
        self._hung = False
        self._again: _Request | None = None

    def read(self, requests: Sequence[_Request], stop: threading.Event | None = None) -> list[_Answer]:
        """Answer requests in order.

        Raises `UserError` if no process can be started, `ReadingStoppedError` once `stop` is set.
        """
        with self._lock:
            self._stop = stop = stop or threading.Event()
            self._again = None
            try:
                answers: list[_Answer] = []
                while len(answers) < len(requests):
                    if stop.is_set():
                        raise ReadingStoppedError
                    answers += self._read_some(requests[len(answers) :])
                return answers
            finally:
                self._stop = None
                self._again = None

    def abort_read(self, stop: threading.Event) -> None:
        """Abort the `read` that was given `stop`. Thread-safe."""
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

    def _read_some(self, requests: Sequence[_Request]) -> list[_Answer]:
        """Read answers until all are there or the process dies; `fail` then answers the request it died on."""
        process = self._send_requests(requests)
        answers: list[_Answer] = []
        with self._watch_progress(process):
            try:
                for _ in requests:
                    answers.append(pickle.load(process.answers))  # noqa: S301 - from the process that was started
                    self._answered_at = monotonic()
            except (EOFError, OSError, pickle.UnpicklingError):
                answers += self._blame_request(requests[len(answers)])
        return answers

    def _send_requests(self, requests: Sequence[_Request]) -> _ReaderProcess:
        """Send the requests to a ready process, restarting one that died before it got them."""
        reason = ""
        for _ in range(_TRIES):
            try:
                process = self._running_process()
                with self._watch_progress(process):
                    process.send_requests((self._read, requests))
            except (EOFError, OSError, pickle.UnpicklingError) as error:
                reason = str(error) or "it ended"
                self._end_process()
            else:
                return process
        raise UserError(tr("I can't read cards: the reader process doesn't start ({reason}).", reason=reason))

    def _running_process(self) -> _ReaderProcess:
        if self._process and self._process.popen.poll() is not None:
            self._end_process()
        if self._process is None:
            popen = subprocess.Popen(_reader_command(), stdin=_PIPE, stdout=_PIPE, env=_reader_environment())  # noqa: S603 - our own code
            if popen.stdin is None or popen.stdout is None:
                raise OSError("it has no pipes")
            self._process = _ReaderProcess(popen, popen.stdin, popen.stdout)
        return self._process

    def _blame_request(self, request: _Request) -> list[_Answer]:
        """Answer the request on which the process died; empty, to retry once, if it may have been killed."""
        code, hung, self._hung = self._end_process(), self._hung, False
        if code in _FROM_OUTSIDE and not hung and request is not self._again:
            self._again = request
            return []
        if hung or code in _FROM_OUTSIDE:
            return [self._fail(request, ReadFailure.KILLED, code)]
        over = CAN_COUNT and code == -signal.SIGPROF
        return [self._fail(request, ReadFailure.OVER_BUDGET if over else ReadFailure.CRASHED, code)]

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
    """Return the CPU time used by a process, in clock ticks; 0 if unavailable."""
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
    """Return the reader's command, isolated (`-I`) with our `sys.path`: never import modules beside cards."""
    begin = f"import sys; sys.path[:] = {[os.path.abspath(path) for path in sys.path]!r}; "  # noqa: PTH100 - text
    return [sys.executable, "-I", "-c", f"{begin}from bot.sources.reader_process import main; main()"]


# A parser of HTML takes some 100 kB at once and gives them back after each text. As it is, glibc returns them to the
# system, which clears them again for the next: that took a fifth of the time of reading a feed.
_ALLOCATION = {"MALLOC_TRIM_THRESHOLD_": str(4 << 20), "MALLOC_MMAP_THRESHOLD_": str(1 << 20)}


def _reader_environment() -> dict[str, str]:
    """Return the environment for the reader, without the bot's settings, which include its token."""
    own = {name: value for name, value in os.environ.items() if not name.upper().startswith("NEWSDESK_")}
    return _ALLOCATION | own
