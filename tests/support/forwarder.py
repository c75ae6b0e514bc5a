"""A way to a server on this machine that can be missing at first, as a proxy that starts late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


@asynccontextmanager
async def forward_port(port: int, target: int) -> AsyncIterator[None]:
    """Pass what comes to `port` of loopback on to `target`, and the answers back."""

    async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        target_reader, target_writer = await asyncio.open_connection("127.0.0.1", target)
        await asyncio.gather(copy_bytes(reader, target_writer), copy_bytes(target_reader, writer))

    async with await asyncio.start_server(serve_connection, "127.0.0.1", port):
        yield


async def copy_bytes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what is read until its end, or until a connection breaks."""
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
