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
_TESTS = (
    "tests/store",
    "tests/delivery",
    "tests/cogs",
    "tests/domain",
    "tests/sources",
    "tests/doctor/test_server.py",
    "tests/crash/test_cluster.py",
    "tests/worker/test_digest_planner.py",
    "tests/worker/test_worker.py",
)


def find_programs() -> Path | None:
    """The folder of the server's programs, where there is one."""
    return next((place for place in _PLACES if (place / "initdb").exists() and (place / "pg_ctl").exists()), None)


class PostgresServer:
    """A server in a folder of its own. It may be stopped, also as if its power were cut, and started again."""

    def __init__(self, bin_: Path, place: Path) -> None:
        self._bin = bin_
        self._place = place
        self._password, self._port = secrets.token_hex(8), free_port()

    @property
    def url(self) -> str:
        """The address of its first database."""
        return f"postgresql+asyncpg://tests:{self._password}@127.0.0.1:{self._port}/postgres"

    def create_cluster(self) -> None:
        word = self._place / "password"
        word.write_text(self._password)
        _chown_folder(self._place)
        made = ("--username=tests", "--auth=scram-sha-256", f"--pwfile={word}", "--encoding=UTF8", "--locale=C")
        _run_command(self._bin / "initdb", "-D", self._place / "data", "--no-sync", *made)

    def start_server(self) -> None:
        settings = " ".join(f"-c {name}={value}" for name, value in _UNSAFE.items())
        options = f"-p {self._port} -h 127.0.0.1 -k '' {settings}"
        self._run_pg_ctl("-l", self._place / "log", "-w", "-o", options, "start")

    def stop_server(self, mode: str = "immediate") -> None:
        """`immediate` is a crash as far as the database is concerned, `fast` ends sessions in order."""
        self._run_pg_ctl("-m", mode, "-w", "stop")

    def _run_pg_ctl(self, *words: object) -> None:
        _run_command(self._bin / "pg_ctl", "-D", self._place / "data", *words)


@contextmanager
def run_server(bin_: Path) -> Iterator[PostgresServer]:
    """Start one; it stops at the end, and its folder goes."""
    with TemporaryDirectory(prefix="newsdesk-postgres-") as folder:
        server = PostgresServer(bin_, Path(folder))
        server.create_cluster()
        server.start_server()
        try:
            yield server
        finally:
            server.stop_server()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _chown_folder(place: Path) -> None:
    """The server refuses to run as root."""
    if os.geteuid() == 0:
        for path in (place, *place.iterdir()):
            shutil.chown(path, "nobody")


def _run_command(*command: object) -> None:
    as_another = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups") if os.geteuid() == 0 else ()
    words = [*as_another, *map(str, command)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, cwd="/")


def main() -> int:
    """Run pytest on a server of its own; without one, say why not."""
    bin_ = find_programs()
    if bin_ is None:
        print("There is no PostgreSQL on this machine: its tests did not run (apt-get install postgresql)")  # noqa: T201
        return 1
    with run_server(bin_) as server:
        arguments = sys.argv[1:] or _TESTS
        command = [sys.executable, "-m", "pytest", "-q", "-n", "auto", "--dist", "worksteal", *arguments]
        return subprocess.run(command, env=os.environ | {VARIABLE: server.url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
