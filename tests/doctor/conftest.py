"""A wire Discord, a store with a subscription, a folder of cards and a token file: all well to begin with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.doctor import Finding, run_checks
from bot.settings import PREFIX, Settings, load_settings
from bot.store import open_store
from tests.support.stage import BotStage
from tests.wire.client import WireDiscord


@dataclass
class Installation:
    """An installation, and the clock of its machine."""

    wire: WireDiscord
    settings: Settings
    folder: Path
    ahead: timedelta = timedelta(0)

    @property
    def database(self) -> Path:
        return Path(self.settings.database_url.partition("///")[2])

    def write_card(self, slug: str, **fields: object) -> None:
        BotStage.write_card(self, slug, **fields)  # type: ignore[arg-type]  # it only needs the folder

    def clock(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def subscribe_channel(self, kind: str = "text", **guild: object) -> int:
        """Subscribe the last channel of a new server; gives its id."""
        made = await self.wire.add_guild(*(("text", kind) if kind == "thread" else (kind,)), **guild)
        channel = [*made.channels, *made.threads][-1].id
        async with open_store(self.settings.database_url) as store:
            now = self.clock()
            await store.subscriptions.add_subscription(guild_id=made.id, channel_id=channel, created_by=1, now=now)
        return channel

    async def run_checks(self, *, offline: bool = False) -> list[Finding]:
        return await run_checks(self.settings, self.clock, offline=offline)

    async def find_problems(self, *, offline: bool = False) -> list[Finding]:
        return [finding for finding in await self.run_checks(offline=offline) if finding.is_trouble]


@pytest.fixture
async def installation(wire: WireDiscord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Installation:
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    folder, token = tmp_path / "cards", tmp_path / "token"
    folder.mkdir()
    token.write_text("a.test.token\n")
    token.chmod(0o600)
    url = f"sqlite+aiosqlite:///{tmp_path / 'state' / 'news.db'}"
    settings = load_settings(database_url=url, cards=folder, token_file=token, discord_api=wire.address.api)
    async with open_store(url):
        pass
    house = Installation(wire, settings, folder)
    house.write_card("good")
    return house
