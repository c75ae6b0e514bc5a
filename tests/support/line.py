"""The real bot and its store on the wire Discord, over HTTP alone, its clock in the test's hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.app import open_bot
from bot.desk.subscription import Subscription, Wish
from bot.gateway.client import NewsBot
from bot.settings import Settings, load_settings
from tests.support.stage import Clock, Stage
from tests.support.stores import new_database
from tests.wire.client import WireDiscord
from tests.wire.results import WireChannel, WireGuild, WireMessage
from tests.wire.sample_bot import running


@dataclass
class Line:
    """A bot that is logged in, a folder of cards, and the one channel that is subscribed."""

    wire: WireDiscord
    settings: Settings
    folder: Path
    stack: AsyncExitStack
    clock: Clock = field(default_factory=Clock)
    bot: NewsBot = field(init=False)
    guild: WireGuild = field(init=False)
    channel: int = 0

    async def log_in(self) -> None:
        opening = open_bot(self.settings, clock=self.clock, background=False)
        self.bot = await self.stack.enter_async_context(opening)
        await self.bot.login("a.test.token")

    async def connect(self) -> None:
        """Begin anew with a gateway, from which the bot knows its servers and channels."""
        await self.stack.aclose()
        opening = open_bot(self.settings, clock=self.clock, background=False)
        self.bot = await self.stack.enter_async_context(opening)
        await self.stack.enter_async_context(running(self.bot, "a.test.token"))

    async def restart(self) -> None:
        """What a new process finds: the store, and nothing that was only in memory."""
        await self.stack.aclose()
        await self.log_in()

    async def subscribe(self, kind: str, wish: Wish | None = None, **guild: Any) -> Subscription:
        """Make a server whose last channel is of this kind (``text``, ``forum``, ``thread`` …), and subscribe that."""
        self.guild = await self.wire.add_guild(*(("text", kind) if kind == "thread" else (kind,)), **guild)
        self.channel = [*self.guild.channels, *self.guild.threads][-1].id
        return await self.bot.store.subscriptions.add(
            guild_id=self.guild.id,
            channel_id=self.channel,
            created_by=1,
            now=self.clock(),
            wish=wish,
            forum=kind == "forum",
        )

    def write(self, slug: str, **fields: object) -> None:
        Stage.write(self, slug, **fields)  # type: ignore[arg-type]  # it only needs the folder

    async def deliver(self, **later: float) -> None:
        """Load the folder, then plan and deliver what is due."""
        self.clock.move(**(later or {"seconds": 1}))
        await self.bot.newsroom.load(accept_withdrawals=True)
        await self.bot.newsroom.tick()

    async def send(self, slug: str, **fields: object) -> None:
        """Write one card and deliver it."""
        self.write(slug, **fields)
        await self.deliver()

    async def messages(self) -> list[WireMessage]:
        return await self.wire.messages(self.channel)

    async def titles(self) -> list[str | None]:
        return [message.title for message in await self.messages()]

    async def posts(self) -> list[WireChannel]:
        """The forum's posts."""
        return await self.wire.posts(self.channel)

    async def starters(self) -> list[str | None]:
        """What the first message of each of the forum's posts shows; None where it is deleted."""
        return [post.starter.title if post.starter else None for post in await self.posts()]

    async def is_closed(self) -> bool:
        return await self.bot.store.circuits.of_channel(self.channel) is not None


@asynccontextmanager
async def a_line(wire: WireDiscord, place: Path) -> AsyncIterator[Line]:
    """A line with an empty folder and nothing subscribed; the limits of single channels do not hold it up."""
    folder = place / "cards"
    folder.mkdir()
    url = new_database(place / "line.db")
    settings = load_settings(_env_file=None, database_url=url, cards=folder, discord_api=wire.address.api)
    await wire.configure(buckets={name: [1000, 1] for name in ("create", "edit", "delete", "thread", "other")})
    async with AsyncExitStack() as stack:
        line = Line(wire, settings, folder, stack)
        await line.log_in()
        yield line
