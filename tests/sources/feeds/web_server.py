"""A web server on loopback that answers with whatever bytes a test wants."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import Any

import pytest

from bot.sources.feeds.limited_socket import LimitedSocket
from tests.support.forwarder import copy_bytes

Answer = bytes | Callable[[asyncio.StreamWriter], Awaitable[None]]


def respond(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    """A response of HTTP/1.1; an underscore in a header's name stands for a hyphen."""
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name.replace('_', '-')}: {text}" for name, text in headers.items())]
    if status in (204, 304):
        body = b""
    else:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class WebServer:
    """Answers each path with its answers in turn, the last one again and again; any other path with 404.

    A function as an answer writes what it likes, and the connection is closed after it.
    """

    def __init__(self) -> None:
        self.port = 0
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        """Targets and headers, by lower-case names."""
        self.connections = 0
        self.busy: dict[str, int] = defaultdict(int)
        self.most_busy: dict[str, int] = defaultdict(int)
        """The most requests at a time, by `Host`, and by `*` for all."""

    def url(self, path: str, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    @property
    def targets(self) -> list[str]:
        return [target for target, _ in self.requests]

    @asynccontextmanager
    async def serve(self, ssl: SSLContext | None = None, address: str = "127.0.0.1") -> AsyncIterator[WebServer]:
        tasks: set[asyncio.Task[None]] = set()

        async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            tasks.add(task)
            self.connections += 1
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while await self._answer_one(reader, writer):
                    pass
            writer.close()
            tasks.discard(task)

        server = await asyncio.start_server(serve_connection, address, 0, ssl=ssl)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
        target = first.split(" ")[1]
        headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}
        self.requests.append((target, headers))
        answers = self.answers.get(target, [respond(404)])
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        names = (headers["host"].partition(":")[0], "*")
        for name in names:
            self.busy[name] += 1
            self.most_busy[name] = max(self.most_busy[name], self.busy[name])
        try:
            if not isinstance(answer, bytes):
                await answer(writer)
                return False
            writer.write(answer)
            await writer.drain()
            return True
        finally:
            for name in names:
                self.busy[name] -= 1


class TunnelProxy:
    """A proxy that answers CONNECT only, and leads every host to one port of this machine."""

    def __init__(self, upstream_port: int) -> None:
        self.port = 0
        self.targets: list[str] = []
        self._upstream_port = upstream_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[TunnelProxy]:
        server = await asyncio.start_server(self._open_tunnel, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield self

    async def _open_tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, target, _ = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split(" ", 2)
        self.targets.append(target)
        if method != "CONNECT":
            writer.write(respond(405))
            writer.close()
            return
        upstream_reader, upstream_writer = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
        await asyncio.gather(copy_bytes(reader, upstream_writer), copy_bytes(upstream_reader, writer))


def create_slow(answer: bytes, turns: int = 5) -> Answer:
    """An answer that comes after some turns of the loop, each of which lets others go on."""

    async def write(writer: asyncio.StreamWriter) -> None:
        for _ in range(turns):
            await asyncio.sleep(0.001)
        writer.write(answer)
        await writer.drain()

    return write


OUTSIDE = "93.184.215.14"
"""A public address. `route_public` leads it to this machine."""


def route_public(monkeypatch: pytest.MonkeyPatch, names: dict[str, list[list[str]]]) -> list[str]:
    """Let names resolve to the given addresses in turn, the last again and again; without one, a name is unknown.

    Return the names that were looked up. Connections to `OUTSIDE` reach the same port of the loopback address, below
    the guard, which sees the public address.
    """
    looked_up: list[str] = []
    look_up, connect = socket.getaddrinfo, socket.socket.connect

    def resolve(host: str, port: int, *rest: int, **more: int) -> list[Any]:
        if host not in names:
            return look_up(host, port, *rest, **more)
        looked_up.append(host)
        addresses = names[host].pop(0) if len(names[host]) > 1 else names[host][0]
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown name")
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (each, port)) for each in addresses]

    def connect_here(self: LimitedSocket, address: Any) -> None:
        connect(self, ("127.0.0.1", address[1]) if address[0] == OUTSIDE else address)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setattr(LimitedSocket, "connect", connect_here)
    return looked_up
