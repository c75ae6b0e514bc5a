"""A local HTTP port for those who watch the bot: does it live, can it work, and how much of everything."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bot.errors import SettingsError
from bot.gateway.client import NewsBot
from bot.monitor.answers import Monitor
from bot.settings import Address

__all__ = ["Monitor", "watched"]

_LAST_ANSWERS = 1.0
"""Seconds that an answer under way has when the program stops."""


@asynccontextmanager
async def watched(bot: NewsBot, address: Address) -> AsyncIterator[int]:
    """Answer at this address for as long as the context is open; gives the port, for the case that it was 0.

    Raises `SettingsError` when the address cannot be had.
    """
    runner = web.AppRunner(Monitor(bot).application(), access_log=None, shutdown_timeout=_LAST_ANSWERS)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, address.host, address.port).start()
        except OSError as error:
            raise SettingsError(
                f"NEWSDESK_METRICS_ADDR: cannot listen there: {error.strerror}. Choose another, or leave it unset."
            ) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
