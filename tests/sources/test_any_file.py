"""Nothing that one file does stops a load: each has its problem, and the next one is read."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from bot.cards.model import ParseResult, Problem, SourceItem, SourceKind
from bot.sources import isolated_reader, parallel_reader, reader_process
from bot.sources.folder import CardFile, fingerprint_stat, list_folder
from bot.sources.lint import check_paths
from bot.sources.parallel_reader import Reader, read_all, run_in_background, warm_reader
from bot.sources.source import UnreadReason
from bot.store import Store
from tests.sources.test_loader import CardFolder
from tests.support.cards import card_file, make_card

SLOW = "def look(file):\n    while True: pass"
HANGING = "def look(file):\n    while True: time.sleep(1)"
DEEP = 1500
"""Folders in one another: more than Python's own stack takes, fewer than a path may be long."""


@pytest.fixture
def folder(tmp_path: Path, store: Store) -> CardFolder:
    return CardFolder(tmp_path / "cards", store)


@pytest.fixture
def strange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Reader]]:
    """Let readers do this to a file whose name begins with "bad", and read the others. Gives the one for loads."""
    own = Reader()

    def be_strange(look: str) -> Reader:
        command = isolated_reader._reader_command()
        begin = command[-1].partition("from bot.sources.reader_process")[0]
        patch = (
            "import bot.sources.reader_process as reader, os, re, signal, sys, time\n"
            f"ordinary, kept = reader.read_changed, reader.parse_file\n{look}\nstrange = look\n"
            "def one_of_both(file):\n"
            "    return (strange if os.path.basename(file.path).startswith('bad') else ordinary)(file)\n"
            "reader.read_changed = one_of_both\n"
            "reader.BUDGET = 0.3\n"
            "reader.main()"
        )
        monkeypatch.setattr(isolated_reader, "_reader_command", lambda: [*command[:-1], f"{begin}\n{patch}"])
        monkeypatch.setattr(parallel_reader, "warm_reader", lambda: own)
        return own

    yield be_strange
    own.close()


def raise_inside(statement: str) -> str:
    """This happens inside the reading itself, which has to catch it."""
    return (
        f"def broken(*_): {statement}\n"
        "def look(file):\n"
        "    reader.parse_file = broken\n"
        "    try: return ordinary(file)\n"
        "    finally: reader.parse_file = kept"
    )


def card_files(root: Path, *names: str) -> list[CardFile]:
    for name in names:
        (root / name).write_bytes(card_file(title=name))
    return [CardFile(str(root / name), SourceItem(name, "1")) for name in names]


def is_card(answer: object) -> bool:
    return isinstance(answer, ParseResult) and answer.card is not None


def problem_text(answer: object) -> str:
    assert isinstance(answer, ParseResult)
    (problem,) = answer.problems
    return problem.problem


def test_the_process_that_reads_knows_the_cards_alone() -> None:
    requests = "import sys, bot.sources.reader_process; print(*sorted(name.partition('.')[0] for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", requests], check=True, capture_output=True, text=True, timeout=300)
    assert not {"discord", "sqlalchemy", "apscheduler", "alembic", "aiohttp", "pydantic"} & set(done.stdout.split())


def test_it_is_told_no_secret_and_looks_for_no_module_beside_the_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSDESK_TOKEN", "PLANTED")
    assert "PLANTED" not in isolated_reader._reader_environment().values()
    assert "-I" in isolated_reader._reader_command()


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (SLOW, "took too long to read: more than 2 seconds"),
        ("def look(file): re.match(r'(a|aa)+$', 'a' * 60 + 'b')", "took too long to read: more than 2 seconds"),
        (raise_inside("raise RecursionError"), "RecursionError"),
        (raise_inside("raise MemoryError"), "MemoryError"),
        (raise_inside("sys.stdout.write('x' * 9999); sys.stdout.flush(); raise ValueError"), "ValueError"),
        ("def look(file): os._exit(3)", "it ends the reader"),
        ("def look(file): os.kill(os.getpid(), signal.SIGSEGV)", "it ends the reader"),
        ("def look(file): os.kill(os.getpid(), signal.SIGKILL)", "was ended"),
    ],
)
def test_whatever_a_file_does_to_its_reader_the_others_are_read(
    tmp_path: Path, strange: Callable[[str], Reader], look: str, words: str
) -> None:
    strange(look)
    answers = [outcome for _, outcome in read_all(card_files(tmp_path, "a.md", "bad.md", "c.md", "bad-too.md", "e.md"))]
    for place in (0, 2, 4):
        assert is_card(answers[place])
    for place in (1, 3):
        assert words in problem_text(answers[place])


async def test_a_load_goes_on_behind_a_file_that_takes_too_long_and_does_not_try_it_again(
    folder: CardFolder, strange: Callable[[str], Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_file("a.md")
    folder.write_file("bad.md")
    folder.write_file("c.md")
    strange(SLOW)
    report = await folder.load_cards()
    monkeypatch.undo()
    assert (report.added, report.problems) == (2, 1)
    assert (await folder.load_cards()).findings == report.findings
    folder.write_file("bad.md", card_file(title="Mended"))
    assert (await folder.load_cards()).added == 1


async def test_a_card_stays_while_its_file_cannot_be_read(
    folder: CardFolder, strange: Callable[[str], Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_file("bad.md")
    await folder.load_cards()
    folder.write_file("bad.md", card_file(title="Changed"))
    strange("def look(file): os.kill(os.getpid(), signal.SIGKILL)")
    report = await folder.load_cards()
    monkeypatch.undo()
    assert (report.problems, report.withdrawn, await folder.visible_slugs()) == (1, 0, {"bad"})
    assert (await folder.load_cards()).changed == 1


async def test_a_load_that_is_cancelled_ends_at_once_whatever_is_being_read(
    folder: CardFolder, strange: Callable[[str], Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is never read to its end: without the cancelling, the test would not end."""
    folder.write_file("bad.md")
    own = strange(HANGING)
    monkeypatch.setattr(isolated_reader, "_PATIENCE", 3600.0)
    load = asyncio.create_task(folder.load_cards())
    while not (own._process and own._process.is_ready):
        await asyncio.sleep(0.05)
    process = own._process.popen
    load.cancel()
    with pytest.raises(asyncio.CancelledError):
        await load
    await run_in_background(process.wait)


async def test_a_disk_that_does_not_answer_is_given_up(
    tmp_path: Path, strange: Callable[[str], Reader], monkeypatch: pytest.MonkeyPatch
) -> None:
    strange(HANGING)
    monkeypatch.setattr(isolated_reader, "_PATIENCE", 5.0)
    answers = [
        outcome for _, outcome in await run_in_background(lambda: [*read_all(card_files(tmp_path, "bad.md", "b.md"))])
    ]
    assert "took too long to read" in problem_text(answers[0])
    assert is_card(answers[1])


def test_a_reader_that_was_ended_between_two_loads_is_no_files_fault(tmp_path: Path) -> None:
    own = Reader()
    requests = card_files(tmp_path, "a.md")
    for _ in range(3):
        ((_, outcome),) = own.read(requests)
        assert is_card(outcome)
        assert own._process
        own._process.popen.kill()
    own.close()


def test_a_program_that_cannot_start_one_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated_reader, "_reader_command", lambda: [sys.executable, "-c", "raise SystemExit(9)"])
    with pytest.raises(Exception, match="doesn't start"):
        list(read_all(card_files(tmp_path, "a.md")))


def _pipe(path: Path) -> None:
    os.mkfifo(path)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _nowhere(path: Path) -> None:
    path.symlink_to("/nowhere/at/all")


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _folder(path: Path) -> None:
    path.mkdir()


STRANGE: list[Callable[[Path], None]] = [_pipe, _socket, _loop, _nowhere, _device, _folder]


@pytest.mark.parametrize("make", STRANGE)
@pytest.mark.parametrize("late", [False, True])
async def test_what_is_no_ordinary_file_ends_nothing(
    folder: CardFolder, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], None], late: bool
) -> None:
    """`late`: it takes the place of a file between the look at the folder and the reading."""
    folder.write_file("a.md")
    path = folder.root / "m.md"
    if late:
        folder.write_file("m.md")

        def listing(root: Path) -> object:
            found = list_folder(root)
            path.unlink()
            make(path)
            return found

        monkeypatch.setattr("bot.sources.folder_source.list_folder", listing)
    else:
        make(path)
    os.chdir(folder.root.parent)
    report = await folder.load_cards()
    assert await folder.visible_slugs() == {"a"}
    monkeypatch.undo()
    assert check_paths([folder.root]).cards == 1
    assert report.added == 1


async def test_folders_in_one_another_without_end_are_walked(folder: CardFolder) -> None:
    folder.write_file("a.md")
    here = os.open(folder.root, os.O_RDONLY)
    for _ in range(DEEP):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    with os.fdopen(os.open("z.md", os.O_WRONLY | os.O_CREAT, dir_fd=here), "wb") as file:
        file.write(card_file(title="Deep", webUrl="https://news.example/deep"))
    os.close(here)
    try:
        report = await folder.load_cards()
        assert (report.added, report.problems) == (2, 0)
        assert check_paths([folder.root]).cards == 2
    finally:  # pytest's own clearing up is recursive
        subprocess.run(["rm", "-rf", str(folder.root / "d")], check=True, timeout=300)


async def test_a_path_longer_than_the_system_takes_is_a_problem_of_that_folder(folder: CardFolder) -> None:
    folder.write_file("a.md")
    here = os.open(folder.root, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("d" * 250, dir_fd=here)
        inner = os.open("d" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    report = await folder.load_cards()
    assert (report.added, report.problems) == (1, 1)
    assert "cannot be listed" in report.findings[0].problem
    assert check_paths([folder.root]).errors == 1


@pytest.mark.parametrize("inner", ["in", "in/deeper"])
async def test_a_folder_that_cannot_be_listed_keeps_its_cards_and_the_others_load(
    folder: CardFolder, monkeypatch: pytest.MonkeyPatch, inner: str
) -> None:
    folder.write_file(f"{inner}/one.md")
    folder.write_file("in-other.md")
    await folder.load_cards()
    folder.write_file("new.md")
    scan = os.scandir

    def refused(path: str) -> object:
        if path.endswith(inner):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", refused)
        for _ in range(2):
            report = await folder.look_again()
            assert report.withdrawn == 0
        assert [each.problem for each in report.findings] == ["the folder cannot be listed: Permission denied"]
        assert check_paths([folder.root]).errors == 1
    assert await folder.visible_slugs() == {f"{inner}/one", "in-other", "new"}
    assert (await folder.load_cards()).unchanged == 3


async def test_a_file_that_vanishes_between_the_look_and_the_reading_is_no_problem(
    folder: CardFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_file("a.md")
    known = folder.write_file("known.md")
    await folder.load_cards()
    new = folder.write_file("new.md")
    folder.write_file("known.md", card_file(title="Changed"))

    def listing(root: Path) -> object:
        found = list_folder(root)
        new.unlink()
        known.unlink()
        return found

    monkeypatch.setattr("bot.sources.folder_source.list_folder", listing)
    report = await folder.load_cards()
    assert (report.problems, report.missing, report.withdrawn) == (0, 1, 0)
    assert await folder.visible_slugs() == {"a", "known"}


@pytest.mark.parametrize("number", [2**63, 2**64 - 1, -1, 10**25])
async def test_numbers_of_strange_file_systems_are_kept(
    folder: CardFolder, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    folder.write_file("a.md")

    def strange_stat(_info: os.stat_result) -> str:
        info = SimpleNamespace(st_size=1, st_mtime_ns=number, st_ctime_ns=number, st_ino=number)
        return fingerprint_stat(cast("os.stat_result", info))

    monkeypatch.setattr("bot.sources.folder.fingerprint_stat", strange_stat)
    assert (await folder.load_cards()).added == 1
    assert (await folder.load_cards()).unchanged == 1


@pytest.mark.parametrize("many", [33_000, 64 * 500])
async def test_names_without_number_fit_into_no_one_question(folder: CardFolder, many: int) -> None:
    """SQLite takes 32,766 values at once. What the database does not take in a batch, it takes in halves."""
    topics = tuple(f"Topic {number}" for number in range(many))
    batch = [
        (SourceItem("a.md", "1"), ParseResult(make_card("a", topics=topics))),
        (SourceItem("b.md", "1"), ParseResult(make_card("b"))),
    ]
    importer = folder.store.cards.importer
    source_id = await importer.ensure_source(SourceKind.FOLDER, "/x")
    filing = await importer.import_batch(source_id, batch, vanished=(), now=folder.now, withdraw=True)
    assert (filing.added, filing.refused) == (2, [])


async def test_a_card_that_the_database_refuses_is_its_files_problem_in_a_short_line(folder: CardFolder) -> None:
    good = [(SourceItem(f"{n}.md", "1"), ParseResult(make_card(f"{n}"))) for n in range(9)]
    bad = (SourceItem("bad.md", "1"), ParseResult(make_card("bad", quality=10**30, heat=10**30)))
    importer = folder.store.cards.importer
    source_id = await importer.ensure_source(SourceKind.FOLDER, "/x")
    batch = [*good[:4], bad, *good[4:]]
    filing = await importer.import_batch(source_id, batch, vanished=(), now=folder.now, withdraw=True)
    assert filing.added == 9
    (problem,) = filing.refused
    assert isinstance(problem, Problem)
    assert problem.file == "bad.md"
    assert len(problem.problem) < 300
    assert "INSERT" not in problem.problem
    known = await importer.known_items(SourceKind.FOLDER, "/x")
    assert known["bad.md"].problems[0] == problem


def test_the_same_bytes_are_not_read_again(tmp_path: Path) -> None:
    (file,) = card_files(tmp_path, "a.md")
    stat, first = reader_process.read_changed(file)
    assert isinstance(first, ParseResult)
    assert reader_process.read_changed(file._replace(digest=first.digest)) == (stat, UnreadReason.SAME)
    (tmp_path / "a.md").write_bytes(card_file(title="Other"))
    assert isinstance(reader_process.read_changed(file._replace(digest=first.digest))[1], ParseResult)
    (tmp_path / "a.md").unlink()
    assert reader_process.read_changed(file) == (stat, UnreadReason.GONE)


def test_one_reader_serves_the_whole_program_and_no_thread_of_it_holds_up_the_end() -> None:
    assert warm_reader() is warm_reader()
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "watching the reader")
