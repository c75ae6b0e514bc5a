"""The demo's page: a list of channels next to simcord's page of one of them, on one origin.

simcord forbids framing and loads its resources from the root path. So this server proxies all unknown paths, and
replaces the header to allow framing by its own origin only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import aiohttp
from aiohttp import web

from bot.demo.fake_discord import FakeDiscord, MessageChange
from bot.demo.page_texts import render_page
from bot.demo.preview_page import PreviewPage
from bot.errors import UserError

_HERE = Path(__file__).parent
_FRAME = "/channel/"
_STYLE = "/preview.css"
_OURS = ("/newsdesk.css", "/newsdesk.js", "/frame.js")
# Without these headers simcord's page refuses the request: they carry its secret.
_PASSED_ON = ("Content-Type", "X-Simcord-Capability", "X-Simcord-Context")
# They describe the connection to simcord, or a body that has been unpacked meanwhile.
_DROPPED = {"content-length", "content-encoding", "transfer-encoding", "connection", "date", "server"}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class DemoSite:
    """Serves on localhost only."""

    def __init__(self, world: FakeDiscord, screen: PreviewPage) -> None:
        self._world = world
        self._screen = screen
        self._unread = dict.fromkeys(world.channels, 0)
        self._names = {channel.id: name for name, channel in world.channels.items()}
        self._switching = asyncio.Lock()
        self._runner: web.AppRunner | None = None
        self._client: aiohttp.ClientSession | None = None
        self.port = 0
        world.on_change(self._on_change)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def start(self, ports: Sequence[int]) -> None:
        """Listen on the first free port; 0 is any. Raises `UserError` if none is free."""
        app = web.Application(middlewares=[self._reject_foreign_hosts])
        app.router.add_get("/newsdesk/state", self._serve_state)
        app.router.add_post("/newsdesk/open/{channel}", self._open_channel)
        app.router.add_post("/newsdesk/apps/{command}/{message}/{context}", self._run_message_command)
        app.router.add_get("/", self._serve_page)
        for path in _OURS:
            app.router.add_get(path, self._serve_file)
        app.router.add_route("*", "/{path:.*}", self._proxy_request)
        self._client = aiohttp.ClientSession()
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        for port in ports:
            try:
                await web.TCPSite(self._runner, "127.0.0.1", port).start()
            except OSError:
                continue
            self.port = self._runner.addresses[0][1]
            return
        await self.close()
        raise UserError(f"Port {ports[0]} is taken. Give another one: newsdesk demo --port {ports[0] + 1}")

    async def close(self) -> None:
        if self._runner:
            await self._runner.cleanup()
        await self._screen.close()
        if self._client:
            await self._client.close()

    def _on_change(self, change: MessageChange) -> None:
        name = self._names.get(change.channel_id)
        # Edits do not count as unread, as in Discord.
        if name and change.new and self._screen.channel != self._world.channels[name]:
            self._unread[name] += 1

    @web.middleware
    async def _reject_foreign_hosts(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Check the `Host` header: other sites must not reach the demo via DNS rebinding."""
        if request.headers.get("Host") not in (f"127.0.0.1:{self.port}", f"localhost:{self.port}"):
            raise web.HTTPForbidden(text="The demo is at " + self.address)
        return await handler(request)

    async def _serve_file(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(_HERE / request.path.lstrip("/"), headers={"Cache-Control": "no-store"})

    async def _serve_page(self, _request: web.Request) -> web.Response:
        page = render_page(self._world.language)
        return web.Response(text=page, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _serve_state(self, _request: web.Request) -> web.Response:
        return web.json_response(self._state_payload())

    def _state_payload(self) -> dict[str, Any]:
        channel = self._screen.channel
        shown = self._names[channel.id] if channel else None
        secret = urlsplit(self._screen.address or "").fragment
        return {
            "channels": [
                {
                    "name": name,
                    "id": str(self._world.channels[name].id),
                    "unread": count,
                    "readers": self._screen.readers_of(self._world.channels[name]),
                }
                for name, count in self._unread.items()
            ],
            "commands": self._world.message_commands(),
            "command_names": self._world.command_names(),
            "shown": shown,
            "frame": f"{_FRAME}{shown}#{secret}" if shown else None,
        }

    async def _open_channel(self, request: web.Request) -> web.Response:
        """Switch to a channel; the bot and its state are unaffected."""
        channel = self._world.channels.get(request.match_info["channel"])
        if channel is None or "X-Newsdesk" not in request.headers:  # a cross-site form cannot send this header
            raise web.HTTPNotFound
        # Two quick clicks would otherwise open two pages, of which one is never closed.
        async with self._switching:
            if self._screen.channel != channel:
                zone, viewer = request.query.get("zone", ""), request.query.get("viewer", "")
                await self._screen.show_channel(channel, zone if zone in available_timezones() else "UTC", viewer)
            self._unread[self._names[channel.id]] = 0
        return web.json_response(self._state_payload())

    async def _run_message_command(self, request: web.Request) -> web.Response:
        """Run a command of a message's menu for the viewer of a page."""
        if "X-Newsdesk" not in request.headers:
            raise web.HTTPNotFound
        asked = request.match_info
        try:
            await self._screen.run_message_command(asked["context"], asked["command"], int(asked["message"]))
        except LookupError as error:
            raise web.HTTPNotFound(text=str(error)) from error
        return web.json_response({})

    async def _proxy_request(self, request: web.Request) -> web.Response:
        origin = self._screen.address
        if origin is None or self._client is None:
            raise web.HTTPServiceUnavailable(text="The channel is being opened.")
        # The frame has a URL of its own for each channel, or the browser would not load it again after a change.
        path = "/" if request.path.startswith(_FRAME) else request.path_qs
        headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
        try:
            async with self._client.request(
                request.method, origin.partition("/#")[0] + path, headers=headers, data=await request.read()
            ) as answer:
                return self._rewrite_frame(request.path, answer, await answer.read())
        except aiohttp.ClientError as error:
            raise web.HTTPServiceUnavailable(text="The channel is being changed.") from error

    def _rewrite_frame(self, path: str, answer: aiohttp.ClientResponse, body: bytes) -> web.Response:
        headers = {name: value for name, value in answer.headers.items() if name.lower() not in _DROPPED}
        headers["X-Frame-Options"] = "SAMEORIGIN"
        policy = headers.get("Content-Security-Policy", "")
        headers["Content-Security-Policy"] = policy.replace("frame-ancestors 'none'", "frame-ancestors 'self'")
        if path == _STYLE:
            # Appended, so that it wins over simcord's own rules.
            body += (_HERE / "frame.css").read_bytes()
        return web.Response(status=answer.status, body=body, headers=headers)
