"""HTTP endpoint for cards that other programs post."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.http_server import serve_http
from bot.intake.endpoints import CardEndpoint
from bot.settings import ListenAddress

__all__ = ["CardEndpoint", "serve_intake"]

_IDLE_SECONDS = 15
"""Seconds that a connection has for the headers of its first or next request."""
_LINGER_SECONDS = 2
"""Seconds for which the rest of a refused body is read and dropped, so that the client gets to see the answer."""
_HEADERS, _HEADER_LENGTH = 64, 4096


@asynccontextmanager
async def serve_intake(endpoint: CardEndpoint, address: ListenAddress) -> AsyncIterator[int]:
    """Serve at this address while the context is open; yields the port, in case 0 was requested.

    Raises `SettingsError` if the address is unavailable.
    """
    options = {
        # aiohttp logs malformed requests at length, and the endpoint logs its own failures.
        "logger": logging.Logger("silent", logging.CRITICAL + 1),
        "keepalive_timeout": _IDLE_SECONDS,
        "lingering_time": _LINGER_SECONDS,
        "max_headers": _HEADERS,
        "max_field_size": _HEADER_LENGTH,
        "max_line_size": _HEADER_LENGTH,
        # Compressed bodies are refused, so that a size is what came over the wire.
        "auto_decompress": False,
    }
    async with serve_http(endpoint.build_application(), address, "intake_addr", **options) as port:
        try:
            yield port
        finally:
            await endpoint.close()
