"""SIGTERM ends a real process, whatever is under way in it."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.stores import new_database
from tests.support.stubborn import WHAT
from tests.test_docs import ROOT
from tests.wire.client import WireDiscord

pytestmark = [pytest.mark.sqlite("the processes' own files")]
_ENOUGH, _CUT_SHORT = 60, 2
"""Seconds for a process to end: in order it may take its time on a busy machine; what hangs is cut short soon."""
_ORDERLY = {
    "load hangs", "plan hangs", "login hangs", "nothing",
    "look at a feed hangs", "name of a feed is looked up for ever",
}  # fmt: skip
"""What being cancelled ends; everything else is cut short."""


@contextmanager
def _start_process(place: Path, *words: str, **settings: str) -> Iterator[subprocess.Popen[str]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSDESK_")}
    (place / "cards").mkdir(exist_ok=True)
    selected = {
        "TOKEN": "a.test.token",
        "DATABASE_URL": f"sqlite+aiosqlite:///{place}/stop.db",
        "CARDS": str(place / "cards"),
        "WATCH": "false",
        "TICK_SECONDS": "0.5",
        "LOG_FORMAT": "human",
    } | settings
    environment = kept | {f"NEWSDESK_{name}": value for name, value in selected.items()}
    process = subprocess.Popen(
        [sys.executable, "-m", *words], cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def _terminate_process(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGTERM)
    try:
        _, text = process.communicate(timeout=2 * _ENOUGH)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        pytest.fail(f"it does not end: {process.communicate()[1]}")
    return process.returncode, text


def _wait_until_reached(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if line == "reached\n":
            return
    pytest.fail(f"it never came there: {process.communicate()[1]}")


@pytest.mark.parametrize("what", WHAT)
async def test_a_process_with_something_that_hangs_ends(wire: WireDiscord, tmp_path: Path, what: str) -> None:
    new_database(tmp_path / "stop.db")
    within = str(_ENOUGH if what in _ORDERLY else _CUT_SHORT)
    with _start_process(tmp_path, "tests.support.stubborn", what, within, DISCORD_API=wire.address.api) as process:
        _wait_until_reached(process)
        code, text = _terminate_process(process)
    assert "Traceback" not in text, text
    if what in _ORDERLY:
        assert code == 0, text
    else:
        assert code in (0, 1), text
        assert "cut short" in text or "abandoned" in text, text


@contextmanager
def _silent_server() -> Iterator[tuple[int, threading.Event]]:
    """Takes connections and never says a word."""
    requests, connections = threading.Event(), []
    with closing(socket.create_server(("127.0.0.1", 0))) as server:

        def accept() -> None:
            while True:
                try:
                    connections.append(server.accept()[0])
                except OSError:
                    return
                requests.set()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield server.getsockname()[1], requests
        server.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    for each in connections:
        each.close()


def test_a_discord_that_never_answers_the_login(tmp_path: Path) -> None:
    with _silent_server() as (port, requests), _start_process(
        tmp_path, "bot", "run", DISCORD_API=f"http://127.0.0.1:{port}/api/v10"
    ) as process:  # fmt: skip
        assert requests.wait(_ENOUGH)
        code, text = _terminate_process(process)
    assert (code, "Traceback" in text) == (0, False), text


def test_a_database_server_that_never_answers(tmp_path: Path) -> None:
    pytest.importorskip("asyncpg")
    with _silent_server() as (port, requests), _start_process(
        tmp_path, "bot", "run", DATABASE_URL=f"postgresql+asyncpg://someone@127.0.0.1:{port}/newsdesk"
    ) as process:  # fmt: skip
        assert requests.wait(_ENOUGH)
        code, text = _terminate_process(process)
    assert code in (0, 1), text
    assert "Traceback" not in text


def test_a_store_that_another_process_has_locked(tmp_path: Path) -> None:
    new_database(tmp_path / "stop.db")
    with closing(sqlite3.connect(tmp_path / "stop.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with _start_process(tmp_path, "bot", "run", DISCORD_API="http://127.0.0.1:9") as process:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(3)  # it opens the store, and waits
            code, text = _terminate_process(process)
    assert code in (0, 1, -signal.SIGTERM), text
    assert "Traceback" not in text


async def test_a_discord_that_stops_answering_in_the_middle(tmp_path: Path) -> None:
    async with WireDiscord() as wire:
        await wire.add_guild("text")
        new_database(tmp_path / "stop.db")
        with _start_process(
            tmp_path, "tests.support.stubborn", "nothing", str(_CUT_SHORT), DISCORD_API=wire.address.api
        ) as process:
            _wait_until_reached(process)
            await wire.wait_for_sessions()
            assert wire._process is not None
            assert wire._process._child is not None
            wire._process._child.send_signal(signal.SIGSTOP)
            try:
                code, text = _terminate_process(process)
            finally:
                wire._process._child.send_signal(signal.SIGCONT)
    assert code in (0, 1), text
    assert "Traceback" not in text
