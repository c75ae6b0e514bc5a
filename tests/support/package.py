"""Try what is built for users: `python -m tests.support.package contents DIST`, or `… program newsdesk`.

`contents` compares an sdist and a wheel with what git knows, `program` uses an installed `newsdesk` as its users do.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tarfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from bot.i18n import available_languages
from tests.support.container import write_card
from tests.wire.client import Person, WireDiscord
from tests.wire.permissions import MANAGER

ROOT = Path(__file__).parents[2]
_CODE = ("bot/", "cogs/")
_DATA = ("data/cards/", "data/assets/")
_META = {"pyproject.toml", "README.md", "LICENSE"}
_STOP_WITHIN = 60.0
_INSPECTION = """
import bot, bot.demo.cards, bot.i18n, bot.render.chart
print(bot.__file__, bot.demo.cards.find_sample_data(), ",".join(bot.i18n.available_languages()))
assert bot.render.chart.draw_bar_chart([1, 2], ["a", "b"], title="With the font").startswith(b"\\x89PNG")
"""


def check_contents(dist: Path) -> None:
    """Raise `AssertionError` if a file is missing from the packages, or does not belong there."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    code = {name for name in listed if name.startswith(_CODE)}
    data = {name for name in listed if name.startswith(_DATA)}
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    with ZipFile(wheel) as archive:
        names = set(archive.namelist())
    _expect_same({name for name in names if name.startswith(_CODE)}, code, "code files of the wheel")
    (share,) = {name.partition("/data/share/")[0] for name in names if "/data/share/" in name}
    prefix = f"{share}/data/share/newsdesk/"
    _expect_same(
        {name.removeprefix(prefix) for name in names if name.startswith(prefix)}, data, "data files of the wheel"
    )
    with tarfile.open(sdist) as archive:
        packed = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    made = {name for name in packed if name.partition("/")[0] in ("PKG-INFO", "setup.cfg", "newsdesk.egg-info")}
    _expect_same(packed - made - {"MANIFEST.in"}, code | data | _META, "files of the sdist")


def _expect_same(found: set[str], wanted: set[str], what: str) -> None:
    assert found == wanted, (
        f"The {what} are not the right ones: missing {sorted(wanted - found)}, not wanted {sorted(found - wanted)}"
    )
    sys.stdout.write(f"The {what} are complete: {len(found)}\n")


class Program:
    """An installed `newsdesk`, run in a folder without a checkout and with no settings but the given ones."""

    def __init__(self, path: Path, folder: Path, **settings: str) -> None:
        self._path = path
        self._folder = folder
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("NEWSDESK_", "PYTHON"))}
        self._environment = kept | {f"NEWSDESK_{name.upper()}": value for name, value in settings.items()}

    def run(self, *words: str | Path) -> str:
        """Run a command; return what it prints."""
        return self._call(self._path, *words)

    def run_python(self, code: str) -> str:
        """Run code in the same environment."""
        return self._call(self._path.with_name("python"), "-c", code)

    @contextmanager
    def start(self) -> Iterator[None]:
        """Run the bot until the block ends, then expect that SIGTERM ends it in order."""
        log = self._folder / "log"
        with log.open("wb") as out, subprocess.Popen(
            [self._path, "run"], cwd=self._folder, env=self._environment, stdout=out, stderr=out
        ) as process:  # fmt: skip
            try:
                yield
                process.terminate()
                assert process.wait(_STOP_WITHIN) == 0
            except BaseException:
                sys.stderr.write(log.read_text("utf-8"))
                process.kill()
                raise

    def _call(self, *words: str | Path) -> str:
        done = subprocess.run(words, cwd=self._folder, env=self._environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{words}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        return done.stdout


async def try_program(path: Path, folder: Path) -> None:
    """Raise `AssertionError` where the program does not do what it should."""
    cards = folder / "cards"
    cards.mkdir()
    async with WireDiscord() as wire:
        program = Program(
            path, folder, token="a.test.token", discord_api=wire.address.api, cards=str(cards),
            database_url=f"sqlite+aiosqlite:///{folder}/news.db",
        )  # fmt: skip
        version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
        assert program.run("--version") == f"newsdesk {version}\n"
        code, data, languages = program.run_python(_INSPECTION).split()
        for place in (code, data):
            assert Path(place).is_relative_to(path.parent.parent), f"{place} is not that of the environment"
        assert languages == ",".join(available_languages())
        samples = Path(data, "cards")
        assert "news cards" in program.run("check", samples)
        assert "added" in program.run("load", samples)
        assert "result" in program.run("search", "rust")
        assert program.run("demo", "--headless")
        await _try_run(program, wire, cards)
    python = program.run_python("import platform; print(platform.python_version())").strip()
    sys.stdout.write(f"The wheel works with Python {python}\n")


async def _try_run(program: Program, wire: WireDiscord, cards: Path) -> None:
    guild = await wire.add_guild("text")
    channel = guild.channels[0].id
    with program.start():
        await wire.wait_for_sessions()
        await wire.run_slash(
            channel, "digest subscribe", {"channel": channel}, Person("manager", permissions=int(MANAGER))
        )
        write_card(cards, "new", "A new story", datetime.now(UTC).isoformat(timespec="seconds"))
        (post,) = await wire.wait_for_messages(channel, 1)
        assert post.title == "A new story"


def main() -> None:
    what, place = sys.argv[1:]
    if what == "contents":
        check_contents(Path(place))
    else:
        with TemporaryDirectory() as folder:
            asyncio.run(try_program(Path(place).absolute(), Path(folder)))


if __name__ == "__main__":
    main()
