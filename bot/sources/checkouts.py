"""Bring folders that are git checkouts up to date, without running anything that their content could bring along.

What a repository holds is a stranger's; its `.git/config` is the operator's own. Content alone can set no hook, filter
or monitor, only name one that is configured: all of them are off here, as are submodules, links and other protocols.
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
"""Seconds that either half of one folder's pull may take; then git and what it started are ended."""
_GRACE = 2.0
"""Seconds in which git takes its lock files away; one that stays would keep it from ever pulling again."""
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
_KEPT = 8192  # bytes of what git says; a remote can say as much as it likes


class Checkouts:
    """The folders among `folders` that are the top of a checkout. Blocking nobody; a failure only goes to the log."""

    def __init__(self, folders: Iterable[Path], longest: float = LONGEST) -> None:
        self._folders = tuple(folders)
        self._longest = longest
        self._troubles: dict[Path, str] = {}

    async def pull(self, at_rest: asyncio.Lock) -> frozenset[Path]:
        """Bring all up to date, side by side. A trouble is logged when it begins, changes or ends, not each time.

        `at_rest` is held only while a folder's own files change, not while its remote is asked. Returns the folders
        that are another commit now: what is missing there, git has taken away.
        """
        checkouts = [folder for folder in self._folders if (folder / ".git").exists()]
        async with asyncio.TaskGroup() as pulls:
            tasks = [pulls.create_task(self._bring_up_to_date(folder, at_rest)) for folder in checkouts]
        return frozenset(folder for folder, task in zip(checkouts, tasks, strict=True) if task.result())

    async def _bring_up_to_date(self, folder: Path, at_rest: asyncio.Lock) -> bool:
        """Whether another commit was brought in, and nothing went wrong."""
        is_new = False
        trouble = await self._trouble(folder, _FETCH)
        if not trouble:
            async with at_rest:
                before = _commit(folder)
                trouble = await self._trouble(folder, _MERGE)
                is_new = not trouble and _commit(folder) != before
        self._tell(folder, trouble)
        return is_new

    def _tell(self, folder: Path, trouble: str) -> None:
        before = self._troubles.get(folder, "")
        self._troubles[folder] = trouble
        if trouble and trouble != before:
            _log.warning("%s is not brought up to date: %s", folder, trouble)
        if before and not trouble:
            _log.info("%s is brought up to date again", folder)

    async def _trouble(self, folder: Path, words: Sequence[str]) -> str:
        """What went wrong; empty when nothing did."""
        try:
            git = await _start(folder, words)
        except OSError as error:
            return f"git cannot be started ({error.strerror})"
        try:
            async with asyncio.timeout(self._longest):
                said = await _last_words(git)
                code = await git.wait()
        except TimeoutError:
            return f"git took longer than {self._longest:g} seconds"
        finally:
            await _end(git)
        return "" if code == 0 else _sentence(said) or f"git ended with {code}"


def _commit(folder: Path) -> str:
    """What git wrote down last about where the checkout stands; a merge that brings nothing writes nothing."""
    try:
        with (folder / ".git" / "logs" / "HEAD").open("rb") as log:
            log.seek(max(log.seek(0, os.SEEK_END) - _KEPT, 0))
            return log.read().rpartition(b"\n")[0].rpartition(b"\n")[2].decode(errors="replace")
    except OSError:
        return ""


async def _start(folder: Path, words: Sequence[str]) -> Process:
    """In a session of its own: no terminal to ask on, and whatever git starts can be killed with it."""
    safe = [word for setting in _SAFE for word in ("-c", setting)]
    return await asyncio.create_subprocess_exec(
        "git", "-C", str(folder), *safe, *words,
        stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE, env=_environment(folder), start_new_session=True,
    )  # fmt: skip


def _environment(folder: Path) -> dict[str, str]:
    """Neither the bot's own settings, its token among them, nor another repository's place."""
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


async def _last_words(git: Process) -> str:
    said = b""
    while git.stderr and (piece := await git.stderr.read(_KEPT)):
        said = (said + piece)[-_KEPT:]
    return said.decode(errors="replace")


async def _end(git: Process) -> None:
    with contextlib.suppress(ProcessLookupError, TimeoutError):
        os.killpg(git.pid, signal.SIGTERM)
        await asyncio.wait_for(git.wait(), _GRACE)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(git.pid, signal.SIGKILL)
    await git.wait()


def _sentence(said: str) -> str:
    """Git's own complaint: no hints, nothing that the remote says, no name or password of an address."""
    lines = [line for line in said.splitlines() if line.startswith(("fatal:", "error:"))]
    text = "".join(sign for sign in " ".join(lines) if sign.isprintable())
    return _CREDENTIALS.sub("", text)[:300]
