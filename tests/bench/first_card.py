"""How long a new user waits, and how much they type, until the first card: in the demo, and from a token in a channel.

python -m tests.bench.first_card

It works in a fresh clone of the last commit with an empty home, so packages are installed from the index.
"""

from __future__ import annotations

import asyncio
import base64
import os
import pty
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path
from signal import SIGTERM
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import NamedTuple

from tests.bench.table import print_table
from tests.support.feed_server import serve_feeds
from tests.support.feeds import story
from tests.wire.client import Person, WireDiscord
from tests.wire.permissions import MANAGER, Permission

ROOT = Path(__file__).parents[2]
TOKEN = base64.urlsafe_b64encode(b"123456789012345678").decode().rstrip("=") + ".Gabcde." + "x" * 38
ANSWERS = {"token": TOKEN, "card files": "", "Feeds": ""}
"""To the questions that have these words."""
DEMO = "make demo ARGS=--headless"
FIRST_POST = "Newsdesk posts in #"
"""What the demo's story prints before each message of the bot in a channel."""
_PASTE = "v"
COMMANDS = ("/digest subscribe channel:#news", f"/feed add url:{_PASTE} policy:publish newest:1")
"""What is typed in Discord without its completion, which saves most of it. Then a button is pressed."""


class Step(NamedTuple):
    """Something a new user does: how long it takes until the next one, and the keys pressed (a paste is one)."""

    name: str
    seconds: float
    keys: int


def count_keys(*lines: str) -> int:
    """Return the keys pressed for lines that are typed in full, with Enter after each."""
    return sum(len(line) + 1 for line in lines)


def clone_checkout(folder: Path) -> Path:
    clone = folder / "newsdesk"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
    return clone


def new_environment(home: Path) -> dict[str, str]:
    """Return the environment of somebody who has set nothing."""
    home.mkdir()
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEWSDESK_", "VIRTUAL_ENV"))}
    return kept | {"HOME": str(home)}


def time_demo(clone: Path, environment: Mapping[str, str]) -> float:
    """Return the seconds until the story shows its first card."""
    start = perf_counter()
    with subprocess.Popen(DEMO.split(), cwd=clone, env=environment, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout
        shown = next((perf_counter() for line in demo.stdout if line.startswith(FIRST_POST)), None)
        demo.stdout.read()
    if shown is None or demo.returncode:
        raise AssertionError(f"the demo showed no card; its exit code is {demo.returncode}")
    return shown - start


def type_answers(clone: Path, environment: Mapping[str, str]) -> float:
    """Run `newsdesk init` on a terminal and answer what it asks; return its seconds."""
    start = perf_counter()
    terminal, end = pty.openpty()
    with subprocess.Popen([".venv/bin/newsdesk", "init"], cwd=clone, env=environment, stdin=end, stdout=end) as program:
        os.close(end)
        shown = ""
        for question, answer in ANSWERS.items():
            while question not in shown:
                shown += os.read(terminal, 1024).decode()
            shown = ""
            # Hidden input begins with a flush of what was typed before.
            while "token" in question and termios.tcgetattr(terminal)[3] & termios.ECHO:
                pass
            os.write(terminal, answer.encode() + b"\n")
        _read_to_end(terminal)
    os.close(terminal)
    if program.returncode:
        raise AssertionError(f"newsdesk init ended with {program.returncode}")
    return perf_counter() - start


def _read_to_end(terminal: int) -> None:
    try:
        while os.read(terminal, 1024):
            pass
    except OSError:  # Linux reports the end of a terminal as an error.
        pass


async def time_bot(clone: Path, environment: dict[str, str]) -> list[Step]:
    """Set a bot up from a token as README.md says, follow a feed of this machine, and wait for the first post."""
    manager = Person("manager", permissions=int(MANAGER | Permission.MANAGE_GUILD))
    async with WireDiscord() as wire:
        with serve_feeds() as site:
            site.items["/feed"] = [story(1)]
            guild = await wire.add_guild("text")
            channel = guild.channels[0].id
            settings = environment | {"NEWSDESK_DISCORD_API": wire.address.api, "NEWSDESK_FETCH_PRIVATE": site.host}
            asked = await asyncio.to_thread(type_answers, clone, settings)
            steps = [Step("newsdesk init", asked, count_keys(".venv/bin/newsdesk init", _PASTE, "", ""))]
            start = perf_counter()
            bot = await asyncio.create_subprocess_exec("make", "run", cwd=clone, env=settings, process_group=0)
            try:
                await wire.wait_for_sessions()
                steps.append(Step("make run, until it is online", perf_counter() - start, count_keys("make run")))
                start = perf_counter()
                await wire.run_slash(channel, "digest subscribe", {"channel": channel}, manager)
                options = {"url": site.url_of("/feed"), "policy": "publish", "newest": 1}
                preview = await wire.run_slash(channel, "feed add", options, manager)
                assert preview.reply, preview
                await wire.click_component(preview.reply, label="Follow this feed", person=manager)
                await wire.wait_for_messages(channel, 1)
                steps.append(Step("commands, until the post", perf_counter() - start, count_keys(*COMMANDS) + 1))
            finally:
                os.killpg(bot.pid, SIGTERM)
                await bot.wait()
    return steps


def main() -> None:
    with TemporaryDirectory() as folder:
        clone, environment = clone_checkout(Path(folder)), new_environment(Path(folder) / "home")
        steps = [Step("demo, first time (installs)", time_demo(clone, environment), count_keys(DEMO))]
        steps.append(Step("demo, again", time_demo(clone, environment), count_keys(DEMO)))
        bot = asyncio.run(time_bot(clone, environment))
    steps += [*bot, Step("all from a token", sum(each.seconds for each in bot), sum(each.keys for each in bot))]
    print_table(["until the first card", "seconds", "keys"], [[s.name, f"{s.seconds:.1f}", str(s.keys)] for s in steps])


if __name__ == "__main__":
    main()
