"""Terminate within a deadline after SIGTERM, even if the event loop, a thread or the shutdown itself hangs."""

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
"""Seconds from the signal to exit; service managers often allow 10 (`docker stop`)."""


@contextmanager
def stop_on_sigterm(stop: Callable[[], object]) -> Iterator[None]:
    """Call `stop` in the running loop on SIGTERM, and kill the process if it is still alive `WITHIN` seconds later.

    Python runs signal handlers in the main thread and asyncio runs them in the loop; either may be what hangs.
    Instead, the interpreter's C handler writes the signal number to a socket that a thread reads.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    thread = threading.Thread(
        target=_listen_for_stop, args=(reader, asyncio.get_running_loop(), stop), name="SIGTERM", daemon=True
    )
    before = signal.signal(signal.SIGTERM, lambda *_: None)  # installs the C handler
    fd_before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(fd_before)
        signal.signal(signal.SIGTERM, before)
        writer.close()  # ends the thread, unless it has received the signal


def _listen_for_stop(events: socket.socket, loop: asyncio.AbstractEventLoop, stop: Callable[[], object]) -> None:
    with events:
        while numbers := events.recv(64):
            if signal.SIGTERM in numbers:
                with suppress(RuntimeError):  # the loop may be closed already
                    loop.call_soon_threadsafe(stop)
                time.sleep(WITHIN)
                _exit_at_once(loop)


def _exit_at_once(loop: asyncio.AbstractEventLoop) -> None:
    """Kill the process, bypassing whatever could hang: logging locks, other threads, interpreter finalization."""
    names: list[str] = []
    with suppress(RuntimeError):  # the set of tasks may change meanwhile
        names = sorted(task.get_name() for task in asyncio.all_tasks(loop))
    pending = ", ".join(names) or "a thread"
    os.write(2, f"The program did not end within {WITHIN:g} s, and was cut short. Under way: {pending}\n".encode())
    for child in multiprocessing.active_children():
        child.kill()
    os._exit(1)
