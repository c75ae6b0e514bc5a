"""A private PostgreSQL for tests: in a folder that goes with it, on loopback, forgetful on purpose.

`python -m tests.support.postgres [ARGUMENT …]` starts it and runs pytest, with the arguments, on it.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

VARIABLE = "TEST_POSTGRES"
"""Where tests find the server: the address of a database from which others can be made."""
_PLACES = (*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/local/bin"), Path("/usr/bin"))
_UNSAFE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "300"}
_TESTS = ("tests/store", "tests/delivery", "tests/cogs", "tests/desk", "tests/sources", "tests/doctor/test_server.py",
          "tests/test_editions.py", "tests/test_newsroom.py")  # fmt: skip


def programs() -> Path | None:
    """The folder of the server's programs, where there is one."""
    return next((place for place in _PLACES if (place / "initdb").exists() and (place / "pg_ctl").exists()), None)


@contextmanager
def a_server(bin_: Path) -> Iterator[str]:
    """Start one, and give the address of its first database. It stops at the end."""
    with TemporaryDirectory(prefix="newsdesk-postgres-") as folder:
        place, password, port = Path(folder), secrets.token_hex(8), _free_port()
        data, log, word = place / "data", place / "log", place / "password"
        word.write_text(password)
        options = f"-p {port} -h 127.0.0.1 -k '' " + " ".join(f"-c {name}={value}" for name, value in _UNSAFE.items())
        _hand_over(place)
        made = ("--username=tests", "--auth=scram-sha-256", f"--pwfile={word}", "--encoding=UTF8", "--locale=C")
        _run(bin_ / "initdb", "-D", data, "--no-sync", *made)
        _run(bin_ / "pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
        try:
            yield f"postgresql+asyncpg://tests:{password}@127.0.0.1:{port}/postgres"
        finally:
            _run(bin_ / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _hand_over(place: Path) -> None:
    """The server refuses to run as root."""
    if os.geteuid() == 0:
        for path in (place, *place.iterdir()):
            shutil.chown(path, "nobody")


def _run(*command: object) -> None:
    as_another = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups") if os.geteuid() == 0 else ()
    words = [*as_another, *map(str, command)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd="/")


def main() -> int:
    """Run pytest on a server of its own; without one, say why not."""
    bin_ = programs()
    if bin_ is None:
        print("There is no PostgreSQL on this machine: its tests did not run (apt-get install postgresql)")  # noqa: T201
        return 1
    with a_server(bin_) as url:
        arguments = sys.argv[1:] or _TESTS
        command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal", *arguments]
        return subprocess.run(command, env=os.environ | {VARIABLE: url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
