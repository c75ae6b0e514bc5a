"""Try an image of the bot against the wire Discord: `python -m tests.support.container ENGINE IMAGE [OPTION …]`.

It runs as `compose.yaml` runs it: read-only, without capabilities, its state in a volume. Options go to the engine's
`run`. The engine needs the host's network, since this Discord is on loopback.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.polling import poll_until
from tests.wire.client import Person, WireDiscord
from tests.wire.permissions import MANAGER

_CARD = """---
category: news
title: {title}
webUrl: https://paper.example/{slug}
publishedDateTime: {at}
published: true
---
"""
_UID = "10001"


class Container:
    """The image under a name of its own, with a volume and a folder of cards."""

    def __init__(self, engine: Sequence[str], image: str, options: Sequence[str], folder: Path, api: str) -> None:
        self._engine = engine
        self._image = image
        self.folder = folder
        self._name = self._volume = f"newsdesk-test-{folder.name}"
        environment = {"NEWSDESK_TOKEN": "a.test.token", "NEWSDESK_DISCORD_API": api, "NEWSDESK_CARDS": "/cards"}
        self._options = [
            *("--network", "host", "--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"),
            *("--tmpfs", "/tmp:size=64m", "--volume", f"{self._volume}:/var/lib/newsdesk"),
            *("--volume", f"{folder}:/cards:ro"),
            *(word for name, value in environment.items() for word in ("--env", f"{name}={value}")),
            *options,
        ]

    def run(self, *words: str, entrypoint: str | None = None) -> str:
        """Run a command in a container of its own; return what it prints. Raises `CalledProcessError` if it fails."""
        instead = ("--entrypoint", entrypoint) if entrypoint else ()
        return self._call("run", "--rm", *self._options, *instead, self._image, *words)

    @contextmanager
    def start(self) -> Iterator[None]:
        """Run the bot until the block ends, then expect that SIGTERM ends it in order."""
        self._call("run", "--detach", "--name", self._name, *self._options, self._image)
        try:
            yield
            self._call("stop", "--time", "15", self._name)
            state = json.loads(self._call("inspect", self._name))[0]["State"]
            _expect(state["ExitCode"] == 0, "SIGTERM ends it in order")
        except BaseException:
            sys.stderr.write(self._call("logs", self._name))
            raise
        finally:
            self._call("rm", "--force", self._name)

    def is_healthy(self) -> bool:
        """Ask as the engine's timer would: some machines have none that calls it."""
        (image,) = json.loads(self._call("image", "inspect", self._image))
        check = image.get("Healthcheck") or image["Config"]["Healthcheck"]  # Podman's place, and Docker's
        try:
            self._call("exec", self._name, *check["Test"][1:])
        except subprocess.CalledProcessError:
            return False
        return True

    def remove_volume(self) -> None:
        self._call("volume", "rm", "--force", self._volume)

    def _call(self, *words: str) -> str:
        done = subprocess.run([*self._engine, *words], capture_output=True, text=True)
        if done.returncode:
            sys.stderr.write(done.stderr)
            raise subprocess.CalledProcessError(done.returncode, words, done.stdout, done.stderr)
        return done.stdout + done.stderr


def _expect(holds: bool, what: str) -> None:
    if not holds:
        raise AssertionError(what)
    sys.stdout.write(f"{what}\n")


async def try_image(engine: Sequence[str], image: str, options: Sequence[str], folder: Path) -> None:
    """Raise `AssertionError` or `CalledProcessError` where the image does not do what it should."""
    folder.chmod(0o755)
    manager = Person("manager", permissions=int(MANAGER))
    write_card(folder, "old", "An old story", "2026-01-01T00:00:00Z")
    async with WireDiscord() as wire:
        guild = await wire.add_guild("text")
        channel = guild.channels[0].id
        box = Container(engine, image, options, folder, wire.address.api)
        try:
            check_contents(box)
            with box.start():
                await wire.wait_for_sessions()
                await poll_until(lambda: asyncio.to_thread(box.is_healthy), bool)
                _expect(True, "It turns healthy")
                added = await wire.run_slash(channel, "digest subscribe", {"channel": channel}, manager)
                sys.stdout.write(f"{added.text}\n")
                write_card(folder, "new", "A new story", datetime.now(UTC).isoformat(timespec="seconds"))
                (post,) = await wire.wait_for_messages(channel, 1)
                _expect(post.title == "A new story", "A new card is posted")
            with box.start():
                await wire.wait_for_sessions()
                listed = await wire.run_slash(channel, "digest list", {}, manager)
                _expect(f"<#{channel}>" in str(listed.reply), "The volume keeps subscriptions")
            _expect(len(await wire.list_messages(channel)) == 1, "Nothing is posted twice")
        finally:
            box.remove_volume()


def check_contents(box: Container) -> None:
    """Look at what the image holds, before the bot has run."""
    _expect("1 news card" in box.run("check", "/cards"), "`newsdesk check` reads cards")
    _expect(box.run("-u", entrypoint="id").strip() == _UID, f"It runs as user {_UID}")
    _expect(not box.run("-A", "/var/lib/newsdesk", entrypoint="ls").strip(), "Its folder of state is empty at first")


def write_card(folder: Path, slug: str, title: str, at: str) -> None:
    (folder / f"{slug}.md").write_text(_CARD.format(slug=slug, title=title, at=at), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.container", description=__doc__)
    parser.add_argument("engine")
    parser.add_argument("image")
    given, options = parser.parse_known_args()
    with TemporaryDirectory() as folder:
        asyncio.run(try_image(given.engine.split(), given.image, options, Path(folder)))


if __name__ == "__main__":
    main()
