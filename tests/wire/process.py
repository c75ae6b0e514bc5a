"""Starts and ends the server's process."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import discord.gateway
import discord.http
import yarl

_ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Address:
    """Where it listens: ``api`` is the REST base, ``gateway`` the websocket, ``control`` is for tests."""

    port: int
    api: str
    gateway: str
    control: str


class WireProcess:
    """The server as a child process. It ends with its parent even if that is killed, since its stdin then
    closes.
    """

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._child: subprocess.Popen[str] | None = None
        self.address = Address(0, "", "", "")

    def start(self) -> Address:
        command = [sys.executable, "-m", "tests.wire", "--port", str(self._port), "--until-stdin-closes"]
        self._child = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError("the wire server ended before it listened")
        self.address = Address(**json.loads(line))
        return self.address

    def stop(self) -> None:
        if self._child is None:
            return
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        try:
            self._child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(timeout=5)
        self._child = None

    def __enter__(self) -> "WireProcess":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextmanager
def point_discord_at(address: Address) -> Iterator[None]:
    """Has discord.py in this process talk to the server.

    The REST base alone is not enough: a plain ``Client`` never asks for ``/gateway/bot`` but goes to the
    address that is written into ``DiscordWebSocket``, as any client does after its session was invalidated.
    """
    route, socket = discord.http.Route, discord.gateway.DiscordWebSocket
    before = route.BASE, socket.DEFAULT_GATEWAY
    route.BASE, socket.DEFAULT_GATEWAY = address.api, yarl.URL(address.gateway)
    try:
        yield
    finally:
        route.BASE, socket.DEFAULT_GATEWAY = before
