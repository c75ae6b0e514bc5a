"""`newsdesk demo --headless`: it tells the whole story, and fails when the bot does not do its part."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from bot.demo import run_headless
from bot.demo.story import play_story
from bot.errors import UserError
from bot.worker.pipeline import Pipeline

ROOT = Path(__file__).parent.parent.parent
STEPS = (
    "/digest subscribe channel:#news",
    "Newsdesk posts in #news",
    "/latest count:3",
    "/search query:black hole",
    "/topics",
    "/desk queue",
    "InfoWorld’s 2020 Technology of the Year Award winners",
    "in this server. Its posts are being removed.",
    "/feed add url:http://harbour-gazette.example/",
    "Its newest card is published.",
    "in #news: /feed list",
    "/submit url:http://harbour-gazette.example/regatta",
    "[Edit] title:Regatta a week later",
    "You need the Manage Messages permission for this.",
    "The end",
)


def _make_environment(folder: Path) -> dict[str, str]:
    """An environment with an empty home, and settings that the demo must not mind."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "NEWSDESK_TOKEN": "of another bot",
        "NEWSDESK_CARDS": str(folder / "nowhere"),
        "NEWSDESK_TICK_SECONDS": "not a number",
    }


def test_the_story_is_told_in_order_into_a_pipe_from_an_empty_home(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bot", "demo", "--headless"]
    messages = subprocess.run(command, cwd=ROOT, env=_make_environment(tmp_path), capture_output=True, timeout=300)
    output = " ".join(messages.stdout.decode().replace("│", " ").split())
    assert messages.returncode == 0, output + messages.stderr.decode()
    assert messages.stderr == b""
    places = [output.find(step) for step in STEPS]
    assert -1 not in places, STEPS[places.index(-1)]
    assert places == sorted(places)
    assert "\x1b" not in output
    assert "<#" not in output
    assert list(tmp_path.iterdir()) == []


async def test_a_courier_that_posts_nothing_spoils_the_story(monkeypatch: pytest.MonkeyPatch) -> None:
    async def idle(_pipeline: Pipeline) -> None:
        return None

    monkeypatch.setattr(Pipeline, "plan_and_deliver", idle)
    console = Console(file=io.StringIO(), width=200)
    assert await play_story(console) == 1
    assert isinstance(console.file, io.StringIO)
    assert "The story went wrong: expected that #news holds 3 posts, not 0." in console.file.getvalue()


def test_without_simcord_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.demo.find_spec", lambda name: None if name == "simcord" else object())
    with pytest.raises(UserError, match=r'simcord.*pip install "newsdesk\[demo\]"'):
        run_headless()


def test_importing_the_demo_brings_no_simcord() -> None:
    script = "import sys, bot.demo, bot.cli.commands; sys.exit('simcord' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT).returncode == 0
