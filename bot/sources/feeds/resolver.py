"""Look host names up without blocking anything else."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

from bot.sources.parallel_reader import run_in_background

_THREADS = 32


class HostResolver(AbstractResolver):
    """Resolves in daemon threads of its own: a name with slow servers keeps neither the loop's threads nor the program.

    A look-up that is given up keeps its thread until the system's resolver ends it.
    """

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(_THREADS)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()

        def look_up() -> list[Any]:
            try:
                return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
            finally:
                with suppress(RuntimeError):  # the loop is closed
                    loop.call_soon_threadsafe(self._room.release)

        await self._room.acquire()
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=port,
                family=each,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for each, _, protocol, _, address in await run_in_background(look_up)
        ]

    async def close(self) -> None:
        """Do nothing: aiohttp closes what it was given."""
