"""The real bot and its store on the wire Discord, over HTTP alone, its clock in the test's hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.app import open_bot
from bot.client.bot import NewsBot
from bot.domain.subscription import Subscription, SubscriptionOptions
from bot.settings import Settings, load_settings
from tests.support.stage import BotStage, ManualClock
from tests.support.stores import new_database
from tests.wire.client import WireDiscord
from tests.wire.results import WireChannel, WireGuild, WireMessage
from tests.wire.sample_bot import run_client


@dataclass
class WireHarness:
    """A bot that is logged in, a folder of cards, and the one channel that is subscribed."""

    wire: WireDiscord
    settings: Settings
    folder: Path
    stack: AsyncExitStack
    clock: ManualClock = field(default_factory=ManualClock)
    bot: NewsBot = field(init=False)
    guild: WireGuild = field(init=False)
    channel: int = 0

    async def log_in(self) -> None:
        opening = open_bot(self.settings, clock=self.clock, background=False)
        self.bot = await self.stack.enter_async_context(opening)
        await self.bot.login("a.test.token")

    async def connect_gateway(self) -> None:
        """Start over with a gateway, from which the bot knows its servers and channels."""
        await self.stack.aclose()
        opening = open_bot(self.settings, clock=self.clock, background=False)
        self.bot = await self.stack.enter_async_context(opening)
        await self.stack.enter_async_context(run_client(self.bot, "a.test.token"))

    async def restart_bot(self) -> None:
        """What a new process finds: the store, and nothing that was only in memory."""
        await self.stack.aclose()
        await self.log_in()

    async def subscribe_channel(
        self, kind: str, options: SubscriptionOptions | None = None, **guild: Any
    ) -> Subscription:
        """Make a server whose last channel is of this kind (``text``, ``forum``, ``thread`` …), and subscribe that."""
        self.guild = await self.wire.add_guild(*(("text", kind) if kind == "thread" else (kind,)), **guild)
        self.channel = [*self.guild.channels, *self.guild.threads][-1].id
        return await self.bot.store.subscriptions.add_subscription(
            guild_id=self.guild.id,
            channel_id=self.channel,
            created_by=1,
            now=self.clock(),
            options=options,
            forum=kind == "forum",
        )

    def write_card(self, slug: str, **fields: object) -> None:
        BotStage.write_card(self, slug, **fields)  # type: ignore[arg-type]  # it only needs the folder

    async def deliver_due(self, **later: float) -> None:
        """Load the folder, then plan and deliver what is due."""
        self.clock.advance(**(later or {"seconds": 1}))
        await self.bot.worker.load_cards(accept_withdrawals=True)
        await self.bot.pipeline.plan_and_deliver()

    async def send_card(self, slug: str, **fields: object) -> None:
        """Write one card and deliver it."""
        self.write_card(slug, **fields)
        await self.deliver_due()

    async def list_messages(self) -> list[WireMessage]:
        return await self.wire.list_messages(self.channel)

    async def message_titles(self) -> list[str | None]:
        return [message.title for message in await self.list_messages()]

    async def forum_posts(self) -> list[WireChannel]:
        """The forum's posts."""
        return await self.wire.list_posts(self.channel)

    async def starter_titles(self) -> list[str | None]:
        """What the first message of each of the forum's posts shows; None where it is deleted."""
        return [post.starter.title if post.starter else None for post in await self.forum_posts()]

    async def is_closed(self) -> bool:
        return any(each.channel_id == self.channel for each in await self.bot.store.outbox.circuits.list_all())


@asynccontextmanager
async def open_wire_harness(wire: WireDiscord, place: Path) -> AsyncIterator[WireHarness]:
    """A line with an empty folder and nothing subscribed; the limits of single channels do not hold it up."""
    folder = place / "cards"
    folder.mkdir()
    url = new_database(place / "line.db")
    settings = load_settings(_env_file=None, database_url=url, cards=folder, discord_api=wire.address.api)
    await wire.configure_settings(buckets={name: [1000, 1] for name in ("create", "edit", "delete", "thread", "other")})
    async with AsyncExitStack() as stack:
        line = WireHarness(wire, settings, folder, stack)
        await line.log_in()
        yield line
