"""Run `newsdesk` as on a system without POSIX: `python -m tests.support.other_system WORDS`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from importlib.abc import MetaPathFinder
from typing import Any

_MODULES = {"fcntl", "grp", "pwd", "resource", "termios", "uvloop"}
_OF_OS = ("fchmod", "fork", "getpgid", "geteuid", "getuid", "killpg", "mkfifo", "sched_getaffinity", "setsid")
_OF_SIGNAL = ("SIGALRM", "SIGHUP", "SIGKILL", "SIGPROF", "SIGUSR1", "setitimer", "alarm", "pthread_sigmask")


class _Missing(MetaPathFinder):
    def find_spec(self, name: str, path: object, target: object = None) -> None:
        if name in _MODULES:
            raise ModuleNotFoundError(name, name=name)


def _add_no_signal_handler(*_: Any) -> None:
    raise NotImplementedError


def leave_posix() -> None:
    """Take away what Windows has not."""
    # What Python itself has imported already keeps its own references, as far as it needs them.
    import multiprocessing.util  # noqa: F401
    import subprocess

    subprocess.Popen.kill = subprocess.Popen.terminate  # type: ignore[method-assign]  # as on Windows

    for name in _OF_OS:
        if hasattr(os, name):
            delattr(os, name)
    for name in _OF_SIGNAL:
        if hasattr(signal, name):
            delattr(signal, name)
    for name in _MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, _Missing())
    asyncio.SelectorEventLoop.add_signal_handler = _add_no_signal_handler  # type: ignore[assignment]


def main() -> None:
    leave_posix()
    from bot.__main__ import main as run_newsdesk

    run_newsdesk()


if __name__ == "__main__":
    main()
