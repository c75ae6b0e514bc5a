"""Local HTTP endpoint for monitoring: liveness, readiness, metrics."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from bot.client.bot import NewsBot
from bot.errors import SettingsError
from bot.monitor.endpoints import Monitor
from bot.settings import ListenAddress

__all__ = ["Monitor", "serve_monitor"]

_GRACE_SECONDS = 1.0
"""Grace period in seconds for responses in progress at shutdown."""


@asynccontextmanager
async def serve_monitor(bot: NewsBot, address: ListenAddress) -> AsyncIterator[int]:
    """Serve at this address while the context is open; yields the port, in case 0 was requested.

    Raises `SettingsError` if the address is unavailable.
    """
    # No access log: probes come every few seconds.
    runner = web.AppRunner(Monitor(bot).build_application(), access_log=None, shutdown_timeout=_GRACE_SECONDS)
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
