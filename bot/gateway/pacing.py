"""Stay under Discord's limit for the whole bot without ever being told to."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from types import SimpleNamespace

import aiohttp

from bot.metrics import Metrics

_OnAnswer = Callable[[aiohttp.ClientSession, SimpleNamespace, aiohttp.TraceRequestEndParams], Awaitable[None]]
_Connecting = aiohttp.TraceConnectionCreateStartParams | aiohttp.TraceConnectionReuseconnParams
GLOBAL_LIMIT = 50
"""Requests a second for one bot (Discord's documentation, "Global Rate Limit"); interaction replies do not count."""


class Pace:
    """As many slots as requests are allowed a second, each free again a second after its answer.

    However slow or fast Discord answers, no second can hold more requests than slots. The limits per channel are left
    to discord.py, which knows them from each answer: it keeps a caller waiting for seconds after the answer came, so
    the slots are taken and freed around the request itself.
    """

    def __init__(self, slots: int = GLOBAL_LIMIT, seconds: float = 1.0) -> None:
        self._slots = asyncio.Semaphore(slots)
        self._seconds = seconds

    def trace(self) -> aiohttp.TraceConfig:
        """For `discord.Client(http_trace=...)`."""
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._begin)
        trace.on_connection_create_start.append(self._connect)
        trace.on_connection_reuseconn.append(self._connect)
        trace.on_request_end.append(self._end)
        trace.on_request_exception.append(self._end)
        return trace

    async def _begin(
        self, _session: aiohttp.ClientSession, request: SimpleNamespace, about: aiohttp.TraceRequestStartParams
    ) -> None:
        request.paced, request.tried = not _is_exempt(about.url.path), False
        if request.paced:
            await self._slots.acquire()

    async def _connect(self, _session: aiohttp.ClientSession, request: SimpleNamespace, _about: _Connecting) -> None:
        """aiohttp sends a `GET`, `PUT` or `DELETE` whose connection broke once more by itself: that takes a new slot.

        The first one is freed meanwhile: requests that all broke at once would else wait for each other for ever.
        """
        if request.paced and request.tried:
            request.paced = False
            self._free_later()
            await self._slots.acquire()
            request.paced = True
        request.tried = True

    async def _end(
        self,
        _session: aiohttp.ClientSession,
        request: SimpleNamespace,
        _about: aiohttp.TraceRequestEndParams | aiohttp.TraceRequestExceptionParams,
    ) -> None:
        if request.paced:
            request.paced = False
            self._free_later()

    def _free_later(self) -> None:
        asyncio.get_running_loop().call_later(self._seconds, self._slots.release)


def count_refusals(metrics: Metrics) -> _OnAnswer:
    """Count the answers that ask for patience, those that discord.py sits out by itself as well."""

    async def look(
        _session: aiohttp.ClientSession, _request: SimpleNamespace, about: aiohttp.TraceRequestEndParams
    ) -> None:
        if about.response.status == HTTPStatus.TOO_MANY_REQUESTS:
            metrics.rate_limited(about.response.headers.get("X-RateLimit-Scope"))

    return look


_RETRIED = (500, 502, 504, 524)
"""discord.py sends a request that was answered so again by itself."""


async def refuse_second_try(
    _session: aiohttp.ClientSession, _request: SimpleNamespace, about: aiohttp.TraceRequestEndParams
) -> None:
    """A forum's posts take no nonce: one that may have arrived must be looked for before it is sent again.

    Raised from the trace, the error ends discord.py's own tries.
    """
    if about.method == "POST" and about.url.path.endswith("/threads") and about.response.status in _RETRIED:
        raise aiohttp.ServerConnectionError(f"answered {about.response.status}; the post may have arrived")


def _is_exempt(path: str) -> bool:
    """Replies to interactions never queue behind deliveries, and the limit does not count them."""
    return "/interactions/" in path or "/webhooks/" in path or path.endswith("/gateway/bot")
