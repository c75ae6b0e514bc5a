"""A bot process with a store and cards of its own, pointed at the wire Discord."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from bot.store import open_store
from tests.crash import steps
from tests.support.polling import PATIENCE
from tests.support.stores import query_database

ROOT = Path(__file__).parents[2]
_CARD = """---
category: news
title: "Card {number} of the crash test"
excerpt: "One of many cards that are on their way when the process is killed."
publishedDateTime: {moment:%Y-%m-%dT%H:%M:%SZ}
webUrl: "https://example.org/{number}"
quality: 80
heat: 80
published: true
topics: [Testing]
---
"""


def card_text(number: int, moment: datetime) -> str:
    """The file of a card that says its number."""
    return _CARD.format(number=number, moment=moment)


def start_bot(
    folder: Path, api: str, database: str, cards: Path, settings: Mapping[str, str], *words: str, module: str = "bot"
) -> subprocess.Popen[bytes]:
    """`newsdesk run` with these settings and none of the developer's own; its log is `folder/log`.

    `module` stands for the program, to do something to it before it runs.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEWSDESK_")}
    environment |= {
        "NEWSDESK_TOKEN": "a.test.token",
        "NEWSDESK_DISCORD_API": api,
        "NEWSDESK_DATABASE_URL": database,
        "NEWSDESK_CARDS": str(cards),
        "PYTHONFAULTHANDLER": "1",
        **settings,
    }
    command = [sys.executable, "-m", module, "run", *words]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)


class BotProcess:
    """`newsdesk run` in a folder of its own; or one of several on `database`, the address of a store that they share,
    with the cards beside their folders.
    """

    def __init__(self, folder: Path, api: str, database: str = "", only: str = "", **settings: str) -> None:
        self.folder = folder
        self.database = folder / "crash.db"
        self.url = database or f"sqlite+aiosqlite:///{self.database}"
        self.cards = (folder.parent if database else folder) / "cards"
        self._words = ("--only", only) if only else ()
        self._api = api
        self._settings = {f"NEWSDESK_{name.upper()}": value for name, value in settings.items()}
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.running:
            self.kill()

    async def prepare_store(self, channels: Sequence[int], guild_id: int, cards: int) -> None:
        """Subscribe the channels, then write the cards."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.cards.mkdir()
        now = datetime.now(UTC)
        async with open_store(self.url) as store:
            for channel_id in channels:
                await store.subscriptions.add_subscription(
                    guild_id=guild_id, channel_id=channel_id, created_by=1, now=now - timedelta(minutes=1)
                )
        for number in range(cards):
            moment = now - timedelta(days=1, seconds=-number)
            (self.cards / f"{number}.md").write_text(card_text(number, moment), "utf-8")

    def start(self, kill_at: str = "") -> None:
        """Start it. With `kill_at` it kills itself at a step: see `tests.crash.steps`."""
        usual = {
            "NEWSDESK_TICK_SECONDS": "0.5",
            "NEWSDESK_WATCH": "false",
            "NEWSDESK_REQUESTS_PER_SECOND": "100000",
            "NEWSDESK_LOG_LEVEL": "ERROR",
        }
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = usual | self._settings | ({steps.VARIABLE: kill_at} if kill_at else {})
        self._process = start_bot(
            self.folder, self._api, self.url, self.cards, settings, *self._words, module=steps.__name__
        )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        self._end_process(signal.SIGKILL)

    def terminate(self) -> int:
        """SIGTERM; gives the exit code."""
        return self._end_process(signal.SIGTERM)

    def wait_for_end(self, within: float = PATIENCE) -> int:
        """Waits for the process to end by itself; gives the exit code."""
        assert self._process is not None
        return self._process.wait(timeout=within)

    def _end_process(self, how: signal.Signals) -> int:
        """One that hangs is made to say where, and the log with it."""
        assert self._process is not None
        self._process.send_signal(how)
        try:
            return self._process.wait(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.send_signal(signal.SIGABRT)
            self._process.wait()
            raise AssertionError(f"It does not end:\n{self.log}") from None

    def count_waiting(self) -> tuple[int, int]:
        """How many deliveries there are, and how many of them are still due."""
        ((planned, due),) = query_database(self.url, "SELECT count(*), count(due_at) FROM deliveries")
        return planned, due

    def missing(self) -> int:
        """How many files were not found at the first look; their cards stay until the second."""
        ((number,),) = query_database(self.url, "SELECT count(*) FROM source_items WHERE missing_since IS NOT NULL")
        return int(number)

    def count_sending(self) -> int:
        """How many posts the store believes to be under way."""
        ((number,),) = query_database(self.url, "SELECT count(*) FROM deliveries WHERE status = 'sending'")
        return int(number)

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8")
