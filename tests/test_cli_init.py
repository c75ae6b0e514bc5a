"""`newsdesk init`: what it writes, what it keeps, and that it never hangs or shows the token."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values
from typer.testing import CliRunner, Result

from bot.cli.commands import app
from tests.support.polling import PATIENCE
from tests.test_cli import folder  # noqa: F401 - a fixture
from tests.test_docs import ROOT

SECRET = "abcdefghijklmnopqrstuvwxyz-_0123456789"
TOKEN = base64.urlsafe_b64encode(b"123456789012345678").decode().rstrip("=") + f".Gabcde.{SECRET}"
FEED = "https://example.org/feed"
TERMINAL = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"

runner = CliRunner()


@pytest.fixture
def place(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811 - the fixture
    """An empty folder to start in, with nothing set, and Discord out of reach."""
    folder.rmdir()
    monkeypatch.delenv("NEWSDESK_CARDS")
    monkeypatch.setenv("NEWSDESK_DISCORD_API", "http://127.0.0.1:9")
    return tmp_path


def run_init(*words: str, token: str = TOKEN) -> Result:
    result = runner.invoke(app, ["init", "--token-stdin", *words], input=token)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert SECRET not in result.output
    return result


def read_env(place: Path) -> dict[str, str | None]:
    return dotenv_values(place / ".env", interpolate=False)


def test_a_token_is_enough_and_what_is_missing_is_said(place: Path) -> None:
    result = run_init(token=f"  {TOKEN}\n")
    assert result.exit_code == 0, result.output
    assert read_env(place) == {"NEWSDESK_TOKEN": TOKEN}
    assert (place / ".env").stat().st_mode & 0o777 == 0o600
    assert "client_id=123456789012345678&" in result.stdout
    assert "the token was not checked" in result.stdout
    assert "Missing: cards." in result.stdout
    assert [each.name for each in place.iterdir()] == [".env"]


def test_addresses_of_feeds_become_a_list_that_the_settings_name(place: Path) -> None:
    result = run_init("--feed", FEED, "--feed", "feed://b.example/?a=1&b=2", "--cards", "news", "--offline")
    assert result.exit_code == 0, result.output
    assert read_env(place) == {"NEWSDESK_TOKEN": TOKEN, "NEWSDESK_CARDS": "news", "NEWSDESK_FEEDS": "feeds.opml"}
    assert "Missing: the folder news." in result.stdout
    assert runner.invoke(app, ["feeds", "import", "feeds.opml"]).stdout.startswith("Added 2 feeds.")
    again = run_init("--feed", FEED, "--force", "--offline")
    assert (again.exit_code, "feeds.opml is there already" in again.stderr) == (2, True)
    named = run_init("--feed", "feeds.opml", "--force", "--offline")
    assert (named.exit_code, read_env(place)["NEWSDESK_FEEDS"]) == (0, "feeds.opml")


def test_other_lines_of_an_env_file_stay_and_it_changes_only_if_that_is_meant(place: Path) -> None:
    former = "# mine\nNEWSDESK_TOKEN=\nNEWSDESK_MAX_AGE_DAYS=3\nOTHER=a b\n"
    (place / ".env").write_text(former)
    refused = run_init("--offline")
    assert (refused.exit_code, (place / ".env").read_text()) == (2, former)
    assert refused.stderr.count("\n") == 1
    assert run_init("--offline", "--force").exit_code == 0
    assert (place / ".env").read_text() == former.replace("TOKEN=", f"TOKEN={TOKEN}")
    assert (place / ".env").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "token", "said"),
    [
        ([], "", "This is no bot token."),
        ([], "nonsense", "This is no bot token."),
        ([], f"Bot {TOKEN}", "This is no bot token."),
        ([], f"{TOKEN}\n{TOKEN}", "This is no bot token."),
        ([], "x" * 1_000_000, "This is no bot token."),
        (["--feed", "nowhere.opml"], TOKEN, "nowhere.opml is neither an OPML file nor"),
        (["--feed", ""], TOKEN, "is neither an OPML file nor"),
        (["--feed", "note.txt"], TOKEN, "note.txt is no list of feeds."),
        (["--feed", "note.txt", "--feed", FEED], TOKEN, "Give either one OPML file or addresses"),
        (["--cards", "note.txt"], TOKEN, "note.txt is no folder."),
        (["--cards", "a #b"], TOKEN, "cannot be written to .env"),
        (["--cards", "a", "--cards", "a/b"], TOKEN, "NEWSDESK_CARDS names a"),
    ],
)
def test_wrong_use_is_one_line_and_nothing_is_written(place: Path, words: list[str], token: str, said: str) -> None:
    (place / "note.txt").write_text("a note")
    result = run_init("--offline", *words, token=token)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1), result.output
    assert said in result.stderr
    assert [each.name for each in place.iterdir()] == ["note.txt"]


def test_nobody_is_asked_where_there_is_no_terminal(place: Path) -> None:
    result = runner.invoke(app, ["init"])
    assert (result.exit_code, result.stderr) == (2, "Nobody can be asked here. Give the token with --token-stdin.\n")


class Dialogue:
    """A command on a terminal of its own, and somebody who types when asked."""

    def __init__(self, *words: str) -> None:
        program = [sys.executable, "-c", "from bot.__main__ import main; main()", *words]
        self._process = subprocess.Popen(
            [sys.executable, "-c", TERMINAL, *program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        self.shown = ""

    def answer(self, question: str, text: str) -> None:
        """Type a line when the question has come. Type-ahead would be lost: hidden input begins with a flush."""
        assert self._process.stdin
        assert self._process.stdout
        start = len(self.shown)
        while not self.shown[start:].endswith(question):
            letter = self._process.stdout.read(1)
            assert letter, self.shown
            self.shown += letter.decode("latin-1")
        self._process.stdin.write(text.encode() + b"\n")
        self._process.stdin.flush()

    def finish(self) -> int:
        rest, _ = self._process.communicate(timeout=PATIENCE)
        self.shown += rest.decode()
        return self._process.returncode


@pytest.mark.slow
def test_somebody_at_a_terminal_is_asked_and_the_token_is_not_shown(place: Path) -> None:
    setup = Dialogue("init", "--offline")
    setup.answer("(it is not shown): ", TOKEN)
    setup.answer("(Enter: none): ", "")
    setup.answer("(Enter: none): ", FEED)
    assert setup.finish() == 0, setup.shown
    assert SECRET not in setup.shown
    assert read_env(place) == {"NEWSDESK_TOKEN": TOKEN, "NEWSDESK_FEEDS": "feeds.opml"}
    former = (place / ".env").read_bytes()
    second = Dialogue("init", "--offline")
    second.answer("[y/N]: ", "n")
    assert (second.finish(), (place / ".env").read_bytes()) == (0, former)
