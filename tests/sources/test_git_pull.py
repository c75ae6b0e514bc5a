"""Folders that are git checkouts, with real repositories on this machine."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from bot.sources.git_pull import GitCheckouts

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def run_git(folder: Path, *words: str) -> None:
    people = ["-c", "user.name=A Writer", "-c", "user.email=writer@example.org"]
    subprocess.run(["git", "-C", str(folder), *people, *words], check=True, capture_output=True, timeout=300)


def commit_file(folder: Path, name: str, text: str = "text") -> None:
    (folder / name).write_text(text)
    run_git(folder, "add", "-A")
    run_git(folder, "commit", "-m", name)


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    folder = tmp_path / "origin"
    folder.mkdir()
    run_git(folder, "init", "-b", "main")
    commit_file(folder, "one.md")
    return folder


@pytest.fixture
def clone(origin: Path, tmp_path: Path) -> Path:
    run_git(tmp_path, "clone", str(origin), "clone")
    return tmp_path / "clone"


@needs_git
async def test_what_is_new_comes_and_nothing_that_could_run_does(origin: Path, clone: Path, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    program = tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
    program.chmod(0o755)
    for hook in ("post-merge", "post-checkout", "reference-transaction", "pre-auto-gc", "pre-merge-commit"):
        shutil.copy(program, clone / ".git" / "hooks" / hook)
    run_git(clone, "config", "core.fsmonitor", str(program))
    run_git(clone, "config", "filter.lfs.smudge", str(program))
    commit_file(origin, ".gitattributes", "*.md filter=lfs")
    (origin / "link.md").symlink_to("/etc/hostname")
    commit_file(origin, "two.md")
    ran.unlink(missing_ok=True)
    await GitCheckouts([clone]).pull_all(asyncio.Lock())
    assert (clone / "two.md").read_text() == "text"
    assert not (clone / "link.md").is_symlink()
    assert not ran.exists()


@needs_git
async def test_a_history_that_went_another_way_is_told_once_and_so_is_its_mending(
    origin: Path, clone: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    commit_file(clone, "mine.md")
    commit_file(origin, "theirs.md")
    checkouts = GitCheckouts([clone])
    for _ in range(3):
        await checkouts.pull_all(asyncio.Lock())
    (messages,) = caplog.messages
    assert "fast-forward" in messages
    assert (clone / "mine.md").exists()
    run_git(clone, "reset", "--hard", "HEAD~1")
    await checkouts.pull_all(asyncio.Lock())
    assert caplog.messages[1:] == [f"Pulling {clone} works again"]
    assert (clone / "theirs.md").exists()


@needs_git
async def test_a_card_changed_by_hand_is_kept_and_told(
    origin: Path, clone: Path, caplog: pytest.LogCaptureFixture
) -> None:
    commit_file(origin, "one.md", "theirs")
    (clone / "one.md").write_text("mine")
    await GitCheckouts([clone]).pull_all(asyncio.Lock())
    (messages,) = caplog.messages
    assert "Your local changes" in messages
    assert (clone / "one.md").read_text() == "mine"


@needs_git
async def test_files_change_only_while_nobody_reads_them(origin: Path, clone: Path) -> None:
    commit_file(origin, "two.md")
    at_rest = asyncio.Lock()
    async with at_rest:
        pull = asyncio.create_task(GitCheckouts([clone]).pull_all(at_rest))
        fetched = clone / ".git" / "FETCH_HEAD"
        while not (fetched.exists() and fetched.stat().st_size):
            await asyncio.sleep(0.01)
        assert not (clone / "two.md").exists()
    await pull
    assert (clone / "two.md").exists()


def replace_git(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


async def test_a_remote_that_hangs_is_given_up_with_all_that_git_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    replace_git(tmp_path / "bin", monkeypatch, f"sleep 600 & echo $! > {tmp_path}/pid; wait")
    (tmp_path / "cards" / ".git").mkdir(parents=True)
    await GitCheckouts([tmp_path / "cards"], longest=1).pull_all(asyncio.Lock())
    assert "longer than 1 seconds" in caplog.text
    state = Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}/stat")
    assert not state.exists() or state.read_text().split()[2] == "Z"


async def test_a_git_that_hangs_ends_where_there_are_no_process_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    replace_git(tmp_path / "bin", monkeypatch, "exec sleep 600")
    monkeypatch.delattr("os.killpg")
    (tmp_path / "cards" / ".git").mkdir(parents=True)
    await GitCheckouts([tmp_path / "cards"], longest=1).pull_all(asyncio.Lock())
    assert "longer than 1 seconds" in caplog.text


async def test_git_learns_no_token_and_the_log_no_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    script = (
        f"env > {tmp_path}/env; printf 'remote: \\033[2J\\nfatal: no https://me:secret@example.org/x\\n' >&2; exit 1"
    )
    replace_git(tmp_path / "bin", monkeypatch, script)
    monkeypatch.setenv("NEWSDESK_TOKEN", "PLANTED")
    (tmp_path / "cards" / ".git").mkdir(parents=True)
    await GitCheckouts([tmp_path / "cards"]).pull_all(asyncio.Lock())
    assert caplog.messages == [f"Could not pull {tmp_path / 'cards'}: fatal: no https://example.org/x"]
    seen = (tmp_path / "env").read_text()
    assert "PLANTED" not in seen
    assert "GIT_TERMINAL_PROMPT=0" in seen


async def test_a_folder_below_a_checkout_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_git(tmp_path / "bin", monkeypatch, f"touch {tmp_path}/ran")
    (tmp_path / ".git").mkdir()
    (tmp_path / "cards").mkdir()
    await GitCheckouts([tmp_path / "cards"]).pull_all(asyncio.Lock())
    assert not (tmp_path / "ran").exists()
