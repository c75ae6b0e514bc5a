"""The real bot on an offline Discord: a server with three channels, an administrator and a plain member."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import discord
import simcord

from bot.app import open_bot
from bot.cards.model import Card, CardState, ParseResult, SourceItem, SourceKind
from bot.client.bot import NewsBot
from bot.demo.fake_discord import localize_simcord
from bot.settings import Settings, load_settings
from tests.support.stores import new_database

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
_PATIENCE = 30.0
"""Seconds that an answer may take: the machine may have much else to do."""
OptionRefusedError = simcord.OptionError
ImpossibleError = simcord.SetupError
"""Raised for what Discord's own clients would not let a person do."""


@dataclass
class ManualClock:
    """A clock that a test moves."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class BotStage:
    """The bot, its Discord, and the people in it."""

    folder: Path
    settings: Settings
    clock: ManualClock
    stack: AsyncExitStack
    server_locale: str = "en-US"
    bot: NewsBot = field(init=False)
    env: simcord.Env = field(init=False)
    guild: Any = None
    news: Any = None
    digest: Any = None
    admin: Any = None
    member: Any = None
    moderators: Any = None
    locales: dict[int, str] = field(default_factory=dict)
    """Whose Discord is not in American English, by user."""

    async def start_bot(self) -> None:
        self.bot = await self._open_bot()
        self.env = simcord.Env(self.bot, shard_count=1, check_errors=False, settle_timeout=_PATIENCE)
        await self.env.start()
        self._localize_people()
        self.guild = self.env.create_guild("Test", preferred_locale=self.server_locale)
        self.news = self.guild.create_text_channel("news")
        self.digest = self.guild.create_text_channel("digest")
        rights = discord.Permissions(manage_messages=True, manage_channels=True, manage_guild=True)
        self.moderators = self.guild.create_role("Admins", permissions=rights)
        self.admin = self.guild.add_member(self.env.create_user("admin"), roles=[self.moderators])
        self.member = self.guild.add_member(self.env.create_user("member"))

    async def _open_bot(self) -> NewsBot:
        return await self.stack.enter_async_context(open_bot(self.settings, clock=self.clock, background=False))

    def private_channel(self, name: str) -> Any:
        """A channel that only moderators and the bot can read."""
        may, may_not = discord.PermissionOverwrite(view_channel=True), discord.PermissionOverwrite(view_channel=False)
        readers = {self.moderators: may, self.bot.user: may}
        return self.guild.create_text_channel(name, overwrites={self.guild.default_role: may_not, **readers})

    async def restart_bot(self) -> None:
        """The process ends and starts again on the same store."""
        await self.stack.aclose()
        self.bot = await self._open_bot()
        await self.env.restart_bot(self.bot)
        self._localize_people()

    def _localize_people(self) -> None:
        localize_simcord(self.bot, lambda user_id: self.locales.get(user_id, "en-US"))

    async def load_cards(self, *slugs: str, **fields: Any) -> None:
        """Write card files, then load and deliver."""
        for slug in slugs:
            self.write_card(slug, **fields)
        self.clock.advance(seconds=1)
        await self.bot.worker.load_cards()
        await self.bot.pipeline.plan_and_deliver()

    async def send_card(self, slug: str, **fields: Any) -> int:
        """Store a card that a program sent, then deliver; return its id. Servers may edit such a card."""
        self.clock.advance(seconds=1)
        importer = self.bot.store.cards.importer
        source = await importer.ensure_source(SourceKind.HTTP, "wire")
        usual: dict[str, Any] = {
            "title": f"Title of {slug}",
            "excerpt": f"Excerpt of {slug}",
            "published_at": self.clock(),
            "state": CardState.PUBLISHED,
            "quality": 80,
            "topics": ("Python",),
        }
        batch = [(SourceItem(slug, str(self.clock())), ParseResult(Card(slug=slug, **usual | fields)))]
        await importer.import_batch(source, batch, vanished=(), now=self.clock(), withdraw=True)
        await self.bot.pipeline.plan_and_deliver()
        stored = await self.bot.store.cards.get_by_slug(slug, 0, hidden=True)
        assert stored
        return stored.id

    def write_card(self, slug: str, **fields: Any) -> Path:
        """Write one card file; the fields given replace those of an ordinary published card."""
        values = {
            "category": "news",
            "title": f"Title of {slug}",
            "excerpt": f"Excerpt of {slug}",
            "publishedDateTime": "2026-06-01T10:00:00Z",
            "webUrl": f"https://example.org/{slug}",
            "quality": 80,
            "heat": 80,
            "published": "true",
            "topics": "[Python]",
            "provider": "{name: Example, domain: example.org}",
        } | fields
        path = self.folder / f"{slug}.md"
        path.write_text("---\n" + "".join(f"{key}: {value}\n" for key, value in values.items()) + "---\n", "utf-8")
        return path

    async def subscribe_channel(self, channel: Any | None = None, **options: Any) -> Any:
        return await self.admin.slash(channel or self.news, "digest subscribe", channel=channel or self.news, **options)

    def take_permissions(self, channel: Any) -> None:
        """The channel grants nobody more than the server does any more."""
        self.env.backend.channels[channel.id].overwrites.clear()

    def list_posts(self, channel: Any | None = None) -> list[discord.Message]:
        """What a channel holds, oldest first."""
        return [message for message in (channel or self.news).history() if message.embeds]

    def file_of(self, result: Any) -> str:
        """The text of the one file of a reply."""
        (attachment,) = result.response.attachments
        content = self.env.backend.cdn.get(attachment.url)
        assert content is not None
        return content.decode("utf-8")

    def list_titles(self, channel: Any | None = None) -> list[str | None]:
        return [message.embeds[0].title for message in self.list_posts(channel)]


def newest(result: Any) -> Any:
    """The newest message of an answer: what a person hears of a click that changed nothing comes as a new one."""
    return (result.followups or [result.response])[-1]


def button_ids(message: Any) -> dict[str, str]:
    """The `custom_id`s of a message's buttons by label; ephemeral replies come as plain data."""
    found = {}
    for row in message.components:
        for button in row["components"] if isinstance(row, dict) else row.children:
            plain = button if isinstance(button, dict) else button.to_dict()
            found[str(plain.get("label"))] = str(plain.get("custom_id") or plain.get("url"))
    return found


@asynccontextmanager
async def open_stage(folder: Path, server_locale: str = "en-US", **options: Any) -> AsyncIterator[BotStage]:
    """A stage with an empty folder of cards. Closes the bot: simcord never does."""
    cards = folder / "cards"
    cards.mkdir()
    url = new_database(folder / "test.db")
    settings = load_settings(_env_file=None, database_url=url, cards=cards, **options)
    async with AsyncExitStack() as stack:
        stage = BotStage(cards, settings, ManualClock(), stack, server_locale)
        await stage.start_bot()
        try:
            yield stage
        finally:
            await stack.aclose()
            await stage.env.shutdown()
            await asyncio.sleep(0)
