"""Where the program is joined: settings in, a ready bot out, everything closed again on the way back."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from datetime import UTC, datetime

import discord

from bot.errors import LoginError
from bot.gateway.client import NewsBot
from bot.gateway.sender import DiscordPoster
from bot.metrics import Metrics
from bot.monitor import watched
from bot.newsroom import Newsroom
from bot.settings import Settings
from bot.sources.loader import Loader
from bot.store import open_store
from cogs import ALL

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The real clock."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_bot(settings: Settings, *, clock: Clock = utc_now, background: bool = True) -> AsyncIterator[NewsBot]:
    """The bot with store, newsroom and commands, not logged in yet.

    With `background` it loads, watches, plans and delivers by itself from the moment it is logged in; without, its
    `newsroom` is driven step by step.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.database_url))
        metrics = Metrics()
        bot = NewsBot(settings, store, clock, metrics=metrics, background=background)
        stack.push_async_callback(bot.close)
        loader = Loader(store.cabinet, *settings.cards)
        bot.newsroom = Newsroom(settings, store, loader, DiscordPoster(bot), clock, metrics)
        bot.newsroom.warn_operators = bot.warn_operators
        stack.push_async_callback(bot.newsroom.stop)
        for cog in ALL:
            await bot.add_cog(cog(bot))
        yield bot


def forget_the_past() -> None:
    """Spare the garbage collector what the start has made: it stays anyway, and each full look at it costs 50 ms."""
    gc.collect()
    gc.freeze()


async def run(settings: Settings, token: str) -> None:
    """Log in and serve until told to stop. Raises `LoginError` in one line when Discord does not let the bot in."""
    async with open_bot(settings) as bot, _watched(settings, bot):
        forget_the_past()
        serving = asyncio.create_task(_serve(bot, token), name="gateway")
        # Only the gateway ends: calls under way are answered and noted while `open_bot` closes.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, serving.cancel)
        await asyncio.wait([serving])
        if not serving.cancelled():
            serving.result()


def _watched(settings: Settings, bot: NewsBot) -> AbstractAsyncContextManager[object]:
    return watched(bot, settings.metrics_addr) if settings.metrics_addr else nullcontext()


async def _serve(bot: NewsBot, token: str) -> None:
    try:
        await bot.start(token)
    except discord.LoginFailure as error:
        raise LoginError(
            "Discord does not know this token. Copy it again from the Developer Portal → Bot → Reset Token."
        ) from error
    except discord.PrivilegedIntentsRequired as error:
        raise LoginError(f"Discord refuses the intents: {error}") from error
    except (OSError, discord.HTTPException, discord.GatewayNotFound) as error:
        raise LoginError(f"Discord cannot be reached: {error}. Check the network, then start again.") from error
