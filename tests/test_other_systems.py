"""What runs where signals of the loop, process groups and other things of POSIX do not exist, as on Windows."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import bot
import cogs
from tests.test_docs import ROOT

pytestmark = [pytest.mark.sqlite("the processes' own files")]
_MODULES = [
    module.name
    for package in (bot, cogs)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    if not module.name.endswith("__main__") and ".migrations." not in module.name
]


def run_elsewhere(tmp_path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEWSDESK_")}
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, cwd=ROOT,
        env=kept | {"HOME": str(tmp_path), "NEWSDESK_DATABASE_URL": f"sqlite+aiosqlite:///{tmp_path / 'a.db'}"},
    )  # fmt: skip


@pytest.mark.slow
def test_every_module_can_be_imported(tmp_path: Path) -> None:
    imports = "from tests.support.other_system import leave_posix; leave_posix(); import importlib\n"
    imports += f"for name in {_MODULES!r}: importlib.import_module(name)"
    done = run_elsewhere(tmp_path, "-c", imports)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--version",), "newsdesk"),
        (("check", "data/cards"), "0 errors"),
        (("load",), "cards"),
        (("demo", "--headless"), ""),
    ],
)
def test_the_commands_run(tmp_path: Path, words: tuple[str, ...], expected: str) -> None:
    done = run_elsewhere(tmp_path, "-m", "tests.support.other_system", *words)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stdout + done.stderr
    assert expected in done.stdout
