"""The help, the version and completion: what they say, and that they stay light."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

from bot.cli.commands import app

COMMANDS: dict[str, Any] = dict(typer.main.get_group(app).commands)
WITH_STORE = ("backup", "export", "health", "import", "load", "migrate", "search", "token")

runner = CliRunner()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("calls", "unneeded"),
    [
        ([["--help"], ["--version"]], "aiohttp alembic asyncio babel discord feedparser pydantic sqlalchemy"),
        ([["demo", "--help"], ["check", "--help"], ["new", "--help"]], "aiohttp alembic discord feedparser sqlalchemy"),
        ([[name, "--help"] for name in WITH_STORE], "aiohttp alembic discord feedparser"),
    ],
)
def test_a_command_imports_only_what_it_needs(calls: list[list[str]], unneeded: str) -> None:
    script = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from bot.cli.commands import app\n"
        f"assert not any(CliRunner().invoke(app, words).exit_code for words in {calls!r})\n"
        f"print([name for name in {unneeded.split()!r} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_line_of_the_help_is_the_first_sentence_of_the_commands_own(name: str) -> None:
    line = COMMANDS[name].help
    own = " ".join(COMMANDS[name].load().help.split())
    assert own == line or own.startswith(f"{line} "), name


def test_the_version_is_said() -> None:
    assert runner.invoke(app, ["--version"]).stdout == f"newsdesk {version('newsdesk')}\n"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [("newsdesk he", "health"), ("newsdesk token re", "revoke"), ("newsdesk check --format gi", "github")],
)
def test_a_shell_completes_commands_and_values(typed: str, offered: str) -> None:
    asking = {
        "_NEWSDESK_COMPLETE": "complete_bash",
        "COMP_WORDS": typed,
        "COMP_CWORD": str(len(typed.split()) - 1),
    }
    assert runner.invoke(app, [], prog_name="newsdesk", env=asking).stdout.split() == [offered]


def test_a_mistyped_command_is_answered_with_the_right_one() -> None:
    result = runner.invoke(app, ["serch", "words"])
    assert result.exit_code == 2
    assert "search" in result.stderr


def test_a_port_that_does_not_exist_is_wrong_use() -> None:
    result = runner.invoke(app, ["demo", "--no-browser", "--port", "80000"])
    assert result.exit_code == 2
    assert "Traceback" not in result.output
