"""Local HTTP endpoint for monitoring: liveness, readiness, metrics."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from bot.client.bot import NewsBot
from bot.http_server import serve_http
from bot.monitor.endpoints import Monitor
from bot.settings import ListenAddress

__all__ = ["Monitor", "serve_monitor"]


def serve_monitor(bot: NewsBot, address: ListenAddress) -> AbstractAsyncContextManager[int]:
    """Serve at this address while the context is open; yields the port, in case 0 was requested.

    Raises `SettingsError` if the address is unavailable.
    """
    return serve_http(Monitor(bot).build_application(), address, "metrics_addr")
