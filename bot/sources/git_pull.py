"""Update folders that are git checkouts, without running any code that their content could supply.

Repository content is untrusted; `.git/config` belongs to the operator. Content alone cannot define a hook, filter or
fsmonitor, only refer to a configured one: all of them are disabled here, as are submodules, symlinks and other
protocols.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Iterable, Sequence
from pathlib import Path

_log = logging.getLogger(__name__)

LONGEST = 60.0
"""Timeout in seconds for the fetch and for the merge of one folder; after it, git and its children are killed."""
_GRACE = 2.0
"""Seconds for git to remove its lock files; a stale lock file would block all later pulls."""
_SAFE = (
    "core.hooksPath=/dev/null", "core.fsmonitor=false", "core.symlinks=false", "core.attributesFile=/dev/null",
    "protocol.file.allow=user", "protocol.ext.allow=never", "safe.bareRepository=explicit",
    "filter.lfs.process=", "filter.lfs.smudge=", "filter.lfs.required=false",
    "submodule.recurse=false", "fetch.recurseSubmodules=false", "gc.autoDetach=false", "maintenance.autoDetach=false",
)  # fmt: skip
_FETCH = ("fetch", "--quiet", "--no-recurse-submodules")
_MERGE = ("merge", "--quiet", "--ff-only", "--no-stat", "--no-autostash")
_ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_KEPT = 8192  # bytes of git's output; a remote can send any amount


class GitCheckouts:
    """Pull those of the `folders` that are the top level of a checkout. Failures are only logged."""

    def __init__(self, folders: Iterable[Path], longest: float = LONGEST) -> None:
        self._folders = tuple(folders)
        self._longest = longest
        self._troubles: dict[Path, str] = {}

    async def pull_all(self, load_lock: asyncio.Lock) -> frozenset[Path]:
        """Pull all checkouts concurrently. A problem is logged when it starts, changes or ends, not every time.

        `load_lock` is held only while files change (merge), not during network access (fetch). Returns the folders that
        moved to another commit: files missing there were deleted by git.
        """
        checkouts = [folder for folder in self._folders if (folder / ".git").exists()]
        async with asyncio.TaskGroup() as pulls:
            tasks = [pulls.create_task(self._update_checkout(folder, load_lock)) for folder in checkouts]
        return frozenset(folder for folder, task in zip(checkouts, tasks, strict=True) if task.result())

    async def _update_checkout(self, folder: Path, load_lock: asyncio.Lock) -> bool:
        """Fetch and fast-forward one checkout. Returns whether it moved to another commit without an error."""
        is_new = False
        trouble = await self._run_git(folder, _FETCH)
        if not trouble:
            async with load_lock:
                before = _read_commit(folder)
                trouble = await self._run_git(folder, _MERGE)
                is_new = not trouble and _read_commit(folder) != before
        self._log_problem(folder, trouble)
        return is_new

    def _log_problem(self, folder: Path, trouble: str) -> None:
        before = self._troubles.get(folder, "")
        self._troubles[folder] = trouble
        if trouble and trouble != before:
            _log.warning("Could not pull %s: %s", folder, trouble)
        if before and not trouble:
            _log.info("Pulling %s works again", folder)

    async def _run_git(self, folder: Path, words: Sequence[str]) -> str:
        """Run git and return what went wrong; empty on success."""
        try:
            git = await _start_git(folder, words)
        except OSError as error:
            return f"git cannot be started ({error.strerror})"
        try:
            async with asyncio.timeout(self._longest):
                output = await _read_error(git)
                code = await git.wait()
        except TimeoutError:
            return f"git took longer than {self._longest:g} seconds"
        finally:
            await _kill_git(git)
        return "" if code == 0 else _complaint_text(output) or f"git ended with {code}"


def _read_commit(folder: Path) -> str:
    """The last reflog entry of HEAD, empty if unreadable; a merge without new commits adds none."""
    try:
        with (folder / ".git" / "logs" / "HEAD").open("rb") as log:
            log.seek(max(log.seek(0, os.SEEK_END) - _KEPT, 0))
            return log.read().rpartition(b"\n")[0].rpartition(b"\n")[2].decode(errors="replace")
    except OSError:
        return ""


async def _start_git(folder: Path, words: Sequence[str]) -> Process:
    """Start git in a new session: it has no terminal to prompt on, and its children can be killed with it."""
    safe = [word for setting in _SAFE for word in ("-c", setting)]
    return await asyncio.create_subprocess_exec(
        "git", "-C", str(folder), *safe, *words,
        stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, env=_git_environment(folder), start_new_session=True,
    )  # fmt: skip


def _git_environment(folder: Path) -> dict[str, str]:
    """The environment for git, without the bot's settings (which include its token) and other repositories' paths."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith("NEWSDESK_") and name not in _ELSEWHERE
    }
    return kept | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "",
        "SSH_ASKPASS": "",
        "GIT_CEILING_DIRECTORIES": str(folder.resolve().parent),
        "LC_ALL": "C",
    }


async def _read_error(git: Process) -> str:
    output = b""
    # Read to the end, or git would block on a full pipe; only the last lines are kept.
    while git.stderr and (piece := await git.stderr.read(_KEPT)):
        output = (output + piece)[-_KEPT:]
    return output.decode(errors="replace")


async def _kill_git(git: Process) -> None:
    with contextlib.suppress(ProcessLookupError, TimeoutError):
        _end_git(git)
        await asyncio.wait_for(git.wait(), _GRACE)
    with contextlib.suppress(ProcessLookupError):
        _end_git(git, at_once=True)
    await git.wait()


def _end_git(git: Process, *, at_once: bool = False) -> None:
    """End the whole process group, where there are groups: git starts ssh and other helpers."""
    if hasattr(os, "killpg"):
        os.killpg(git.pid, signal.SIGKILL if at_once else signal.SIGTERM)
    elif at_once:
        git.kill()
    else:
        git.terminate()


def _complaint_text(output: str) -> str:
    """Git's own error messages, without hints, output of the remote, and credentials in URLs."""
    lines = [line for line in output.splitlines() if line.startswith(("fatal:", "error:"))]
    text = "".join(sign for sign in " ".join(lines) if sign.isprintable())
    return _CREDENTIALS.sub("", text)[:300]
