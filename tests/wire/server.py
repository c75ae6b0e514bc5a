"""The front door: reads requests, applies faults and limits, calls the handler, and writes answers as Discord
does.
"""

import asyncio
import json
import math
import socket
import struct
import sys
import time
import traceback
from typing import Any

from aiohttp import web

from tests.wire.control import ControlApi
from tests.wire.errors import ControlError, DiscordError, LimitError, unauthorized, unknown_route
from tests.wire.faults import PAGES, REFUSALS, FaultRule
from tests.wire.journal import JournalEntry
from tests.wire.limits import Headers, RateLimitRefusal
from tests.wire.rest import all_routes
from tests.wire.rest.bodies import read_body
from tests.wire.rest.routing import Answer, Route, RouteCall
from tests.wire.wire import Wire

_API = "/api/v10"
_VIA = {"Via": "1.1 google"}
_CLOUDFLARE = "<html><head><title>Access denied | discord.com used Cloudflare to restrict access</title></head></html>"

Found = tuple[Route, tuple[str, ...]]
"""A route, and the segments of the path that it leaves open."""


class WireServer:
    """One port for everything: ``/api/v10`` and ``/gateway`` for the bot, ``/control`` for the test."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._routes = all_routes()
        self._control = ControlApi(wire)

    async def handle_request(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.rel_url.raw_path
        if path.startswith(_API + "/"):
            return await self._handle_api(request, path[len(_API) :])
        if path.rstrip("/") == "/gateway":
            return await self._wire.gateway.serve_connection(request)
        if path.startswith("/control/"):
            return await self._answer_control(request, path.removeprefix("/control/"))
        return _json_response(404, unknown_route().body(), {})

    async def _answer_control(self, request: web.BaseRequest, verb: str) -> web.Response:
        form = dict(request.query)
        try:
            if request.can_read_body:
                form |= await request.json()
            return _json_response(200, await self._control.answer_verb(verb, form), {})
        except (ControlError, DiscordError) as problem:
            return _json_response(400, {"problem": str(problem)}, {})
        except (KeyError, ValueError, TypeError, AttributeError) as problem:
            traceback.print_exc()
            return _json_response(400, {"problem": f"{type(problem).__name__}: {problem}"}, {})

    async def _handle_api(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        found = self._routes.find_route(request.method, path)
        body = await read_body(request)
        route = found[0] if found else None
        entry = JournalEntry(
            number=len(self._wire.journal.entries),
            time=time.time(),
            at=time.monotonic(),
            method=request.method,
            path=path,
            route=route.template if route else path,
            exempt=route.exempt if route else False,
        )
        self._wire.journal.add_entry(entry)
        rule = self._wire.faults.pick_rule(request.method, path)
        if rule is None:
            return self._carry_out_request(request, found, body, entry)
        entry.fault = rule.fault
        return await self._spoil_answer(request, found, body, entry, rule)

    async def _spoil_answer(
        self, request: web.BaseRequest, found: Found | None, body: Any, entry: JournalEntry, rule: FaultRule
    ) -> web.StreamResponse:
        if rule.fault == "stall" and not rule.after:
            await asyncio.sleep(rule.seconds)
        response = self._carry_out_request(request, found, body, entry) if rule.carries_out else None
        if rule.fault == "stall" and rule.after:
            await asyncio.sleep(rule.seconds)
        if rule.fault in ("lost", "reset"):
            entry.status = 0
            _break_connection(request, reset=rule.fault == "reset")
            return web.Response(status=500)
        if rule.fault == "stall" and response is not None:
            return response
        spoiled = _spoiled_answer(rule)
        self._finish_entry(entry, spoiled.status, shared=rule.scope == "shared")
        return spoiled

    def _carry_out_request(
        self, request: web.BaseRequest, found: Found | None, body: Any, entry: JournalEntry
    ) -> web.Response:
        if self._wire.limits.is_banned(time.monotonic()):
            self._finish_entry(entry, 429, shared=True)
            return _cloudflare_page()
        headers: Headers = {}
        refusal: RateLimitRefusal | None = None
        try:
            if found is None:
                raise unknown_route()
            headers, refusal = self._take_limits(*found, entry)
            status, payload = (429, refusal.body()) if refusal else self._call_handler(request, found, body)
        except LimitError as spent:
            refusal = RateLimitRefusal(spent.retry_after, "shared", spent.code, spent.message)
            status, payload = 429, refusal.body()
        except DiscordError as problem:
            status, payload = problem.status, problem.body()
            entry.code = problem.code
        self._finish_entry(entry, status, shared=refusal is not None and refusal.scope == "shared")
        return _json_response(status, payload, headers | (refusal.headers() if refusal else {}) | _VIA)

    def _take_limits(
        self, route: Route, args: tuple[str, ...], entry: JournalEntry
    ) -> tuple[Headers, RateLimitRefusal | None]:
        limits = self._wire.limits
        if not route.exempt:
            refusal = limits.take_global(entry.at)
            if refusal is not None:
                return {}, refusal
        if route.bucket is None:
            return {}, None
        entry.bucket = kind = self._wire.settings.bucket_for(route.bucket)
        # What is in none of the named buckets has one of its own for each route.
        bucket = kind if kind != "other" else f"{route.method} {route.template}"
        return limits.take_slot(kind, bucket, ":".join(args[: route.major]), entry.at)

    def _call_handler(self, request: web.BaseRequest, found: Found, body: Any) -> Answer:
        route, args = found
        if not route.exempt and not self._is_authorized(request.headers.get("Authorization", "")):
            raise unauthorized()
        if isinstance(body, DiscordError):
            raise body
        try:
            return route.handler(RouteCall(self._wire, args, request.query, body))
        except DiscordError:
            raise
        except Exception as defect:
            traceback.print_exc()
            raise DiscordError(500, 0, f"defect in tests.wire: {type(defect).__name__}: {defect}") from defect

    def _is_authorized(self, header: str) -> bool:
        scheme, _, token = header.partition(" ")
        return scheme == "Bot" and bool(token) and self._wire.settings.token in (None, token)

    def _finish_entry(self, entry: JournalEntry, status: int, *, shared: bool) -> None:
        entry.status = status
        entry.took = time.monotonic() - entry.at
        if status in (401, 403) or (status == 429 and not shared):
            self._wire.limits.count_invalid(entry.at)


def _json_response(status: int, payload: Any, headers: Headers) -> web.Response:
    if payload is None:
        return web.Response(status=status, headers=headers)
    # No charset after the type: client libraries compare it as it stands.
    body = json.dumps(payload, separators=(",", ":")).encode()
    return web.Response(status=status, body=body, headers={"Content-Type": "application/json"} | headers)


def _cloudflare_page() -> web.Response:
    return web.Response(status=429, text=_CLOUDFLARE, content_type="text/html", headers={"Retry-After": "3600"})


def _spoiled_answer(rule: FaultRule) -> web.Response:
    if rule.fault == "cloudflare":
        return _cloudflare_page()
    if rule.fault == "rate_limited":
        refusal = RateLimitRefusal(rule.retry_after, rule.scope)
        return _json_response(429, refusal.body(), refusal.headers() | _VIA)
    if rule.fault in PAGES:
        status, text = PAGES[rule.fault]
        wait = {"Retry-After": str(math.ceil(rule.retry_after))} if rule.names_wait else {}
        return web.Response(status=status, text=text, content_type="text/html", headers=_VIA | wait)
    refused = REFUSALS[rule.fault]
    return _json_response(refused.status, refused.body(), _VIA)


def _break_connection(request: web.BaseRequest, *, reset: bool) -> None:
    """Ends the connection without an answer; with ``reset`` the peer sees a TCP reset."""
    transport = request.transport
    if transport is None:
        return
    if reset:
        peer: socket.socket = transport.get_extra_info("socket")
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def serve_until_stopped(port: int, start: dict[str, Any], *, until_stdin_closes: bool) -> None:
    """Serves until it is stopped, and prints one line of JSON with the addresses once it listens."""
    wire = Wire()
    server = WireServer(wire)
    runner = web.ServerRunner(web.Server(server.handle_request, access_log=None), shutdown_timeout=0.5)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    await site.start()
    bound: int = runner.addresses[0][1]
    wire.resume_url = f"ws://127.0.0.1:{bound}/gateway"
    await ControlApi(wire).answer_verb("reset", start)
    base = f"http://127.0.0.1:{bound}"
    addresses = {"port": bound, "api": base + _API, "gateway": wire.resume_url, "control": base + "/control"}
    sys.stdout.write(json.dumps(addresses) + "\n")
    sys.stdout.flush()
    try:
        await (_wait_for_stdin_close() if until_stdin_closes else asyncio.Event().wait())
    finally:
        wire.reset_world()
        await runner.cleanup()


async def _wait_for_stdin_close() -> None:
    """Waits for the end of stdin, which comes when the process that started this one is gone, however it
    went.
    """
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    transport.close()
