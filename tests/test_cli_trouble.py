"""A disk, a database or a file in trouble: every command says so in a sentence, and leaves nothing half done."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import typer.main
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner, Result

from bot.cli.commands import app
from bot.client import discord_wait
from bot.errors import StoreError, StoreUnavailableError
from bot.store import open_store
from bot.store.error_messages import explain_store_error
from tests.support.stage import NOW
from tests.test_cli import folder, write_card  # noqa: F401 - a fixture
from tests.test_docs import ROOT

pytestmark = pytest.mark.sqlite("what happens to its file")
runner = CliRunner()
COMMANDS: dict[str, tuple[str, ...]] = {
    "check": (),
    "new": ("A title",),
    "load": (),
    "search": ("title",),
    "show": ("one",),
    "export": ("out.json",),
    "import": ("in.json",),
    "backup": ("copy.db",),
    "restore": ("backup.db", "--yes"),
    "migrate": ("--to", "sqlite+aiosqlite:///moved.db"),
    "privacy export": ("7",),
    "privacy erase": ("7",),
    "token create": ("ci",),
    "token list": (),
    "token revoke": ("ci",),
    "feeds add": ("https://example.com/feed.xml",),
    "feeds import": ("feeds.opml",),
    "feeds export": (),
    "feeds list": (),
    "feeds check": (),
    "feeds remove": ("https://example.com/feed.xml",),
    "health": (),
    "doctor": ("--offline",),
    "run": (),
}
"""Every command but the demo, which has a store of its own in memory, and `init`, which opens none."""
READING = {"health", "doctor", "search", "show", "privacy export", "token list"} | {
    f"feeds {word}" for word in ("check", "export", "list")
}
"""Those that work on a full disk, as they write nothing."""
KEPT = {"cards", "state", "in.json", "feeds.opml", "backup.db", "moved.db"}
"""What may lie in the folder: a move that broke off goes on with what it has copied."""


def test_no_command_is_forgotten() -> None:
    words = set()
    for name, entry in getattr(typer.main.get_command(app), "commands", {}).items():
        command = entry.load()
        words |= {f"{name} {sub}" for sub in getattr(command, "commands", ())} or {name}
    assert words == COMMANDS.keys() | {"demo", "init"}


def run_newsdesk(command: str) -> Result:
    return runner.invoke(app, [*command.split(), *COMMANDS[command]])


def assert_sentence(result: Result, place: Path) -> None:
    """A sentence and an exit code, and no file that was not there before."""
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code in (0, 1, 2)
    assert "Traceback" not in result.output
    if result.exit_code:
        assert result.output.strip() or result.stdout == ""
        assert len(result.stderr.splitlines()) <= 2, result.stderr
    done = {"out.json", "copy.db"} if result.exit_code == 0 else set()
    assert {each.name for each in place.iterdir()} <= KEPT | done


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with a card and a subscription, an export and a backup beside it."""
    place = tmp_path_factory.mktemp("made")
    for name in ("cards", "state"):
        (place / name).mkdir()
    write_card(place / "cards", "one")
    url = f"sqlite+aiosqlite:///{place}/state/cli.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("NEWSDESK_DATABASE_URL", url)
        patch.setenv("NEWSDESK_CARDS", "cards")
        assert run_newsdesk("load").exit_code == 0
        asyncio.run(_add_subscription(url))
        for words in (("export", "in.json"), ("feeds", "export", "feeds.opml"), ("backup", "backup.db")):
            assert runner.invoke(app, words).exit_code == 0
    return place


async def _add_subscription(url: str) -> None:
    async with open_store(url) as store:
        await store.subscriptions.add_subscription(guild_id=1, channel_id=2, created_by=7, now=NOW)


@pytest.fixture
def place(folder: Path, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811 - the fixture
    """What was made, in a folder of this test's own."""
    monkeypatch.setenv("NEWSDESK_TOKEN", "a.test.token")
    monkeypatch.setenv("NEWSDESK_DISCORD_API", "http://127.0.0.1:9")
    monkeypatch.setattr(discord_wait, "LIMIT", 0.1)
    return Path(shutil.copytree(made, tmp_path, dirs_exist_ok=True))


def _store(place: Path) -> Path:
    return place / "state" / "cli.db"


def _forget_log(place: Path) -> None:
    for each in (place / "state").iterdir():
        if each.name != "cli.db":
            each.unlink()


def _is_letter(place: Path) -> None:
    _forget_log(place)
    _store(place).write_text("Dear reader, " * 1000)


def _is_folder(place: Path) -> None:
    _forget_log(place)
    _store(place).unlink()
    _store(place).mkdir()


def _folder_is_file(place: Path) -> None:
    shutil.rmtree(place / "state")
    (place / "state").write_text("no folder")


def _is_cut(place: Path) -> None:
    _forget_log(place)
    with _store(place).open("r+b") as file:
        file.truncate(_store(place).stat().st_size // 2)


def _is_empty(place: Path) -> None:
    _forget_log(place)
    _store(place).write_bytes(b"")


def _header_only(place: Path) -> None:
    _forget_log(place)
    with _store(place).open("r+b") as file:
        file.truncate(100)


def _is_link_to_nowhere(place: Path) -> None:
    _forget_log(place)
    _store(place).unlink()
    _store(place).symlink_to(place / "nowhere" / "cli.db")


TROUBLES = [_is_letter, _is_folder, _folder_is_file, _is_cut, _is_empty, _header_only, _is_link_to_nowhere]


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_store_that_cannot_be_used_is_a_sentence_for_every_command(
    place: Path, trouble: Callable[[Path], None]
) -> None:
    for command in COMMANDS:
        _put_back(place)
        trouble(place)
        assert_sentence(run_newsdesk(command), place)


def _put_back(place: Path) -> None:
    state = place / "state"
    if state.is_dir():
        shutil.rmtree(state)
    state.unlink(missing_ok=True)
    state.mkdir()
    shutil.copy(place / "backup.db", _store(place))
    for each in (*place.glob("moved.db*"), place / "out.json", place / "copy.db"):
        each.unlink(missing_ok=True)


@pytest.mark.parametrize("seed", range(3))
def test_corrupted_pages_are_a_sentence_for_every_command(place: Path, seed: int) -> None:
    whole = (place / "backup.db").read_bytes()
    pages = len(whole) // 4096
    for command in COMMANDS:
        chance = random.Random(f"{seed}{command}")
        spoiled = bytearray(whole)
        for page in chance.sample(range(pages), 1 + seed * pages // 3):
            at = page * 4096 + (100 if page == 0 else 0)
            spoiled[at : (page + 1) * 4096] = chance.randbytes((page + 1) * 4096 - at)
        _put_back(place)
        _store(place).write_bytes(spoiled)
        assert_sentence(run_newsdesk(command), place)


@contextmanager
def _small_disk(at: Path, kibibytes: int) -> Iterator[None]:
    at.mkdir(exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(at)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("no right to mount a small disk here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(at)], check=True)


def _fill_disk(disk: Path) -> None:
    for size in (4096, 1):
        with (disk / "filler").open("ab", buffering=0) as filler:
            try:
                while filler.write(b"x" * size):
                    pass
            except OSError as error:
                assert error.errno == errno.ENOSPC  # noqa: PT017 - anything else is a failure of the test


def test_a_new_card_on_a_full_disk_is_a_sentence_and_leaves_no_part_of_it(place: Path) -> None:
    disk = place / "cards" / "disk"
    with _small_disk(disk, 64):
        _fill_disk(disk)
        result = runner.invoke(app, ["new", "A title", "--folder", str(disk)])
        assert (result.exit_code, [each.name for each in disk.iterdir()]) == (1, ["filler"])
        assert result.stderr == "The card cannot be written: No space left on device.\n"


@pytest.mark.parametrize("command", [each for each in COMMANDS if each not in ("check", "new")])
def test_a_full_disk_is_a_sentence_and_leaves_nothing_half_done(
    place: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    disk = place / "cards" / "disk"
    with _small_disk(disk, 2048):
        (disk / "state").mkdir()
        shutil.copy(place / "backup.db", disk / "state" / "cli.db")
        for name in ("in.json", "feeds.opml", "backup.db"):
            shutil.copy(place / name, disk / name)
        monkeypatch.setenv("NEWSDESK_DATABASE_URL", f"sqlite+aiosqlite:///{disk}/state/cli.db")
        monkeypatch.setenv("NEWSDESK_CARDS", str(place / "cards"))
        monkeypatch.chdir(disk)
        write_card(place / "cards", "two")
        _fill_disk(disk)
        before = (disk / "state" / "cli.db").read_bytes()
        result = run_newsdesk(command)
        monkeypatch.chdir(place)
        left = {each.name for each in disk.iterdir()}
        assert left <= KEPT | {"filler"}, left
        assert "Traceback" not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        only_reads = command in READING
        assert result.exit_code in ((0, 1) if only_reads else (1,)), result.output
        assert command != "restore" or (disk / "state" / "cli.db").read_bytes() == before


@pytest.mark.parametrize("command", ["load", "privacy erase", "import", "run", "export", "backup", "health", "search"])
def test_a_read_only_disk_is_a_sentence(place: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    disk = place / "cards" / "disk"
    with _small_disk(disk, 4096):
        (disk / "state").mkdir()
        shutil.copy(place / "backup.db", disk / "state" / "cli.db")
        shutil.copy(place / "in.json", disk / "in.json")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        monkeypatch.setenv("NEWSDESK_DATABASE_URL", f"sqlite+aiosqlite:///{disk}/state/cli.db")
        monkeypatch.chdir(disk)
        result = run_newsdesk(command)
        monkeypatch.chdir(place)
        assert "Traceback" not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
        assert result.exit_code in (0, 1, 2)
        assert len(result.stderr.splitlines()) <= 1, result.stderr


def test_a_locked_store_is_a_sentence(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.engines.sqlite._PRAGMAS", ("PRAGMA busy_timeout=50",))
    monkeypatch.setattr("bot.store.engines.sqlite._PATIENCE", 0.05)
    with closing(sqlite3.connect(_store(place), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for command in ("load", "privacy erase", "import", "run"):
            result = run_newsdesk(command)
            assert result.exit_code == 1, result.output
            assert "locked" in result.stderr
            assert len(result.stderr.splitlines()) == 1


def _error_of_code(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("words of SQLite's own")
    error.sqlite_errorcode = code
    return error


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (sqlite3.SQLITE_FULL, "full"),
        (sqlite3.SQLITE_IOERR, "cannot be read or written"),
        (sqlite3.SQLITE_IOERR_READ, "cannot be read or written"),
        (sqlite3.SQLITE_IOERR_WRITE, "cannot be read or written"),
        (sqlite3.SQLITE_IOERR_FSYNC, "cannot be read or written"),
        (sqlite3.SQLITE_IOERR_SHMMAP, "cannot be read or written"),
        (sqlite3.SQLITE_CORRUPT, "damaged"),
        (sqlite3.SQLITE_CORRUPT_INDEX, "damaged"),
        (sqlite3.SQLITE_READONLY, "read-only"),
        (sqlite3.SQLITE_READONLY_DBMOVED, "read-only"),
        (sqlite3.SQLITE_BUSY, "locked"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, "locked"),
        (sqlite3.SQLITE_LOCKED, "locked"),
    ],
)
def test_trouble_is_told_apart_however_it_is_wrapped(code: int, words: str) -> None:
    plain = _error_of_code(code)
    wrapped = OperationalError("SELECT a secret", {}, plain)
    caused = RuntimeError("something")
    caused.__cause__ = wrapped
    for error in (plain, wrapped, caused, ExceptionGroup("several", [ValueError("x"), wrapped])):
        found = explain_store_error(error)
        assert isinstance(found, StoreUnavailableError)
        assert words in str(found)
        assert "SELECT" not in str(found)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CANTOPEN_ISDIR])
def test_what_is_no_database_is_wrong_use(code: int) -> None:
    found = explain_store_error(_error_of_code(code))
    assert type(found) is StoreError
    assert found.exit_code == 2


@pytest.mark.parametrize(
    "error", [ValueError("x"), _error_of_code(sqlite3.SQLITE_CONSTRAINT), _error_of_code(sqlite3.SQLITE_ERROR)]
)
def test_a_defect_is_no_trouble_and_keeps_its_traceback(error: Exception) -> None:
    assert explain_store_error(error) is None


_EXPORT: dict[str, Any] = {"newsdesk": 1}
_SUBSCRIPTION: dict[str, Any] = {
    "id": 1, "guild_id": 1, "channel_id": 2, "when": "instant", "min_quality": 0, "created_by": 7,
    "created_at": "2026-06-01T12:00:00+00:00",
}  # fmt: skip


def _with(**values: Any) -> str:
    return json.dumps(_EXPORT | {"servers": [{"guild_id": 77}], "subscriptions": [_SUBSCRIPTION | values]})


BAD_EXPORTS: dict[str, bytes] = {
    "null": b"null",
    "number": b"1",
    "text": b'"export"',
    "list": b"[]",
    "true": b"true",
    "nothing": b"",
    "spaces": b"  \n",
    "truncated": _with().encode()[:-20],
    "version as text": b'{"newsdesk": "1"}',
    "version true": b'{"newsdesk": true}',
    "version later": b'{"newsdesk": 2}',
    "version null": b'{"newsdesk": null}',
    "kind null": b'{"newsdesk": 1, "subscriptions": null}',
    "kind an object": b'{"newsdesk": 1, "servers": {"guild_id": 1}}',
    "kind a text": b'{"newsdesk": 1, "saved": "all of them"}',
    "kind a number": b'{"newsdesk": 1, "log": 3}',
    "row null": b'{"newsdesk": 1, "servers": [{"guild_id": 77}], "saved": [null]}',
    "row a list": b'{"newsdesk": 1, "servers": [{"guild_id": 77}], "saved": [[["user_id", 1]]]}',
    "row a text": b'{"newsdesk": 1, "saved": ["x"]}',
    "card a number": b'{"newsdesk": 1, "saved": [{"user_id": 1, "card": 5, "saved_at": "2026-06-01T12:00:00+00:00"}]}',
    "card a list": b'{"newsdesk": 1, "saved": [{"user_id": 1, "card": ["one"]}]}',
    "id a text": _with(channel_id="2").encode(),
    "id a fraction": _with(channel_id=2.5).encode(),
    "id null": _with(channel_id=None).encode(),
    "id true": _with(channel_id=True).encode(),
    "id too large": _with(channel_id=2**63).encode(),
    "id huge": _with().replace('"channel_id": 2', '"channel_id": ' + "9" * 5000).encode(),
    "id infinite": _with().replace('"channel_id": 2', '"channel_id": Infinity').encode(),
    "text a number": _with(when=1).encode(),
    "list a text": _with(times="08:00").encode(),
    "list an object": _with(days={"0": 1}).encode(),
    "moment a number": _with(created_at=5).encode(),
    "moment a word": _with(created_at="yesterday").encode(),
    "moment without zone": _with(created_at="2026-06-01T12:00:00").encode(),
    "moment null": _with(created_at=None).encode(),
    "flag a number": _with(paused=1).encode(),
    "column missing": json.dumps(_EXPORT | {"servers": [{"guild_id": 77}], "subscriptions": [{"id": 1}]}).encode(),
    "nested": b'{"newsdesk": 1, "saved": ' + b"[" * 100_000,
    "nested and closed": b'{"newsdesk": 1, "saved": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "UTF-16": _with().encode("utf-16"),
    "Latin-1": '{"newsdesk": 1, "servers": [{"guild_id": "é"}]}'.encode("latin-1"),
    "binary": bytes(range(256)) * 10,
    "a database": b"SQLite format 3\0" + bytes(4096),
    "text after it": _with().encode() + b"x",
}


@pytest.mark.parametrize("name", BAD_EXPORTS)
def test_what_is_no_export_is_one_sentence_and_nothing_of_it_is_imported(place: Path, name: str) -> None:
    (place / "bad.json").write_bytes(BAD_EXPORTS[name])
    before = runner.invoke(app, ["export"]).stdout
    result = runner.invoke(app, ["import", "bad.json"])
    assert result.exit_code == 2, (result.output, result.exception)
    assert "nothing was imported" in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert len(result.stderr) < 400
    assert runner.invoke(app, ["export"]).stdout == before


def test_an_export_of_an_unlikely_size_is_not_read(place: Path) -> None:
    with (place / "bad.json").open("wb") as file:
        file.truncate(600 << 20)  # takes no room on the disk
    result = runner.invoke(app, ["import", "bad.json"])
    assert (result.exit_code, "larger than 512 MiB" in result.stderr) == (2, True)


def test_an_export_with_a_mark_of_its_encoding_is_taken(place: Path) -> None:
    (place / "in.json").write_bytes(b"\xef\xbb\xbf" + (place / "in.json").read_bytes())
    assert run_newsdesk("import").exit_code == 0


OUTPUTS = ("check", "search", "show", "export -", "doctor", "health", "privacy export")


@pytest.mark.parametrize("command", OUTPUTS)
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_an_output_that_is_full_is_told_and_one_that_is_closed_is_not(place: Path, command: str) -> None:
    words = ["export"] if command == "export -" else [*command.split(), *COMMANDS[command]]
    program = [sys.executable, "-c", "from bot.__main__ import main; main()", *words]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with Path("/dev/full").open("wb") as full:
        messages = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    assert messages.returncode == 1
    assert (messages.stderr.count("\n"), "Traceback" in messages.stderr) == (1, False), messages.stderr
    assert "No space left" in messages.stderr
    reading, writing = os.pipe()
    os.close(reading)
    try:
        quiet = subprocess.run(program, stdout=writing, stderr=subprocess.PIPE, text=True, env=environment, check=False)
    finally:
        os.close(writing)
    assert quiet.stderr == ""
    assert quiet.returncode in (0, 1)
