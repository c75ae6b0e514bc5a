"""Where the program is joined: settings in, a ready bot out, everything closed again on the way back."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from datetime import UTC, datetime
from enum import StrEnum

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
async def open_bot(
    settings: Settings, *, clock: Clock = utc_now, background: bool = True, answers: bool = True, leads: bool = True
) -> AsyncIterator[NewsBot]:
    """The bot with store, newsroom and commands, not logged in yet.

    With `background` it loads, watches, plans and delivers by itself from the moment it is logged in; without, its
    `newsroom` is driven step by step, and without `leads` not at all: what needs the folder of cards is then another
    process's. With `answers` it has commands and buttons.
    """
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.database_url))
        metrics = Metrics()
        bot = NewsBot(settings, store, clock, metrics=metrics, works=background, answers=answers)
        stack.push_async_callback(bot.close)
        loader = Loader(store.cabinet, *settings.cards, need_category=settings.cards_need_category)
        bot.newsroom = Newsroom(settings, store, loader, DiscordPoster(bot), clock, metrics, bot.gate)
        bot.newsroom.on_duty = leads and not background
        bot.newsroom.warn_operators = bot.warn_operators
        stack.push_async_callback(bot.newsroom.stop)
        for cog in ALL:
            await bot.add_cog(cog(bot))
        yield bot


def forget_the_past() -> None:
    """Spare the garbage collector what the start has made: it stays anyway, and each full look at it costs 50 ms."""
    gc.collect()
    gc.freeze()


class Part(StrEnum):
    """What a process does, where several share a bot."""

    COURIER = "courier"
    """Loads, plans and delivers; needs no gateway."""
    GATEWAY = "gateway"
    """Answers commands and buttons; needs no courier."""


async def run(settings: Settings, token: str, only: Part | None = None) -> None:
    """Log in and serve until told to stop, the whole of it or one part.

    Raises `LoginError` in one line when Discord does not let the bot in.
    """
    works = only is not Part.GATEWAY
    opening = open_bot(settings, background=works, leads=works, answers=only is not Part.COURIER)
    async with opening as bot, _watched(settings, bot):
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
        if bot.answers:
            await bot.start(token)
        else:
            await bot.login(token)
            await asyncio.Event().wait()
    except discord.LoginFailure as error:
        raise LoginError(
            "Discord does not know this token. Copy it again from the Developer Portal → Bot → Reset Token."
        ) from error
    except discord.PrivilegedIntentsRequired as error:
        raise LoginError(f"Discord refuses the intents: {error}") from error
    except (OSError, discord.HTTPException, discord.GatewayNotFound) as error:
        raise LoginError(f"Discord cannot be reached: {error}. Check the network, then start again.") from error
