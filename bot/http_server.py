"""Serve an application over HTTP on an address from the settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from bot.errors import SettingsError
from bot.settings import PREFIX, ListenAddress

_GRACE_SECONDS = 1.0
"""Grace period in seconds for responses in progress at shutdown."""


@asynccontextmanager
async def serve_http(
    application: web.Application, address: ListenAddress, setting: str, **options: Any
) -> AsyncIterator[int]:
    """Serve at this address while the context is open; yields the port, in case 0 was requested.

    `options` are those of `aiohttp.web.AppRunner`. Raises `SettingsError`, naming the `setting` that the address is
    from, if the address is unavailable.
    """
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=_GRACE_SECONDS, **options)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, address.host, address.port).start()
        except OSError as error:
            raise SettingsError(
                f"{PREFIX}{setting.upper()} cannot be used: {error.strerror}.", "Choose another, or leave it unset."
            ) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
