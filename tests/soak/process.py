"""The bot as its users run it, in a process of its own: limits, watching and ticks are on."""

from __future__ import annotations

import os
import re
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.domain.subscription import Frequency, Layout, SubscriptionOptions
from bot.store import open_store
from tests.crash.process import BotProcess, start_bot
from tests.soak.plan import Channel, Size, make_archive

_ENTRY = re.compile(r"^(?=\d{4}-\d\d-\d\d \S+ [A-Z]+ )", re.MULTILINE)
_SERIOUS = re.compile(r"\S+ \S+ (?:ERROR|CRITICAL) (.*)")
_VARIES = re.compile(r"\b[0-9a-f]{6,}\b|\d+")
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


def resident_memory(pid: int) -> float:
    """MB of memory that a process has now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("utf-8").split()[1])
    return pages * PAGE / 1e6


class SoakBot(BotProcess):
    """`newsdesk run` with the settings of a real one, but for where Discord is."""

    async def prepare_run(self, channels: list[Channel], size: Size) -> None:
        """Subscribe the channels, and file the cards that were there before."""
        self.cards.mkdir(parents=True)
        now = datetime.now(UTC)
        async with open_store(f"sqlite+aiosqlite:///{self.database}") as store:
            for channel in channels:
                await store.subscriptions.add_subscription(
                    guild_id=channel.guild_id,
                    channel_id=channel.id,
                    created_by=1,
                    now=now - timedelta(seconds=1),
                    options=_options_for(channel),
                )
        for name, text in make_archive(size, now):
            (self.cards / name).write_text(text, "utf-8")

    def run_with_ticks(self, tick: float) -> None:
        settings = {
            "NEWSDESK_TICK_SECONDS": str(tick),
            "NEWSDESK_LOG_LEVEL": "WARNING",
            "NEWSDESK_LOG_FORMAT": "human",
        }
        self._process = start_bot(self.folder, self._api, f"sqlite+aiosqlite:///{self.database}", self.cards, settings)

    @property
    def cpu(self) -> float:
        """Seconds of CPU that it has used so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def count_cards(self) -> int:
        """How many cards are in the store."""
        with closing(sqlite3.connect(f"{self.database.as_uri()}?mode=ro", uri=True, timeout=10)) as store:
            return int(store.execute("SELECT count(*) FROM cards").fetchone()[0])

    def count_errors(self) -> Counter[str]:
        """The log's entries of level ERROR with what was raised, alike but for numbers counted together."""
        entries = [entry for entry in _ENTRY.split(self.log) if _SERIOUS.match(entry)]
        return Counter(_VARIES.sub("#", _shorten_entry(entry)) for entry in entries)


def _shorten_entry(entry: str) -> str:
    """Its first line without time and level, and the last line of its traceback."""
    lines = entry.strip().splitlines()
    match = _SERIOUS.match(lines[0])
    text = match[1] if match else lines[0]
    return f"{text}: {lines[-1].strip()}" if len(lines) > 1 else text


def _options_for(channel: Channel) -> SubscriptionOptions:
    if not channel.times:
        return SubscriptionOptions(topics=(channel.topic,))
    layout = Layout.LIST if channel.listed else Layout.CARDS
    return SubscriptionOptions(Frequency.DAILY, times=channel.times, topics=(channel.topic,), layout=layout)
