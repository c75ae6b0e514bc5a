"""SIGTERM ends the program in time, whatever is under way: a blocked loop, a hanging thread, a closing that hangs."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

WITHIN = 9.0
"""Seconds from the signal to the end; service managers often give 10 (Docker's `stop`)."""


@contextmanager
def obeying_sigterm(stop: Callable[[], object]) -> Iterator[None]:
    """Have `stop` called in the running loop when SIGTERM comes, and the process ended `WITHIN` seconds after it.

    Python runs handlers in the main thread alone, and asyncio's in the loop, either of which may be what hangs. The
    interpreter's own C handler writes the signal's number to a socket, where a thread waits for it.
    """
    heard, rung = socket.socketpair()
    rung.setblocking(False)
    thread = threading.Thread(
        target=_listen, args=(heard, asyncio.get_running_loop(), stop), name="SIGTERM", daemon=True
    )
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # so that the C handler is there
    fd_before = signal.set_wakeup_fd(rung.fileno(), warn_on_full_buffer=False)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(fd_before)
        signal.signal(signal.SIGTERM, before)
        rung.close()  # ends the thread, unless it has heard the signal


def _listen(heard: socket.socket, loop: asyncio.AbstractEventLoop, stop: Callable[[], object]) -> None:
    with heard:
        while numbers := heard.recv(64):
            if signal.SIGTERM in numbers:
                with suppress(RuntimeError):  # the loop may be closed already
                    loop.call_soon_threadsafe(stop)
                time.sleep(WITHIN)
                _give_up(loop)


def _give_up(loop: asyncio.AbstractEventLoop) -> None:
    """Past all that could hang: the log's locks, other threads, the interpreter's own end."""
    names: list[str] = []
    with suppress(RuntimeError):  # the set of tasks may change meanwhile
        names = sorted(task.get_name() for task in asyncio.all_tasks(loop))
    left = ", ".join(names) or "a thread"
    os.write(2, f"The program did not end within {WITHIN:g} s, and was cut short. Under way: {left}\n".encode())
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(1)
