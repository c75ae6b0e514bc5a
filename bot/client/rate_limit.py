"""Client-side limiter for Discord's global rate limit (50 requests/s), and the gate that stops requests in outages."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from types import SimpleNamespace

import aiohttp

from bot.delivery.error_classification import ErrorScope, classify_error
from bot.delivery.gate import Admission, Gate
from bot.metrics import Metrics

_OnAnswer = Callable[[aiohttp.ClientSession, SimpleNamespace, aiohttp.TraceRequestEndParams], Awaitable[None]]
_Connecting = aiohttp.TraceConnectionCreateStartParams | aiohttp.TraceConnectionReuseconnParams
GLOBAL_LIMIT = 50
"""Requests per second for one bot (Discord's documentation, "Global Rate Limit"); interaction replies do not count."""


class RequestLimiter:
    """A semaphore with one slot per allowed request, released a second after the response.

    However slowly or quickly Discord responds, no second can hold more requests than there are slots. Per-channel
    limits are left to discord.py, which reads them from each response. As it may sleep for seconds after a response,
    slots are acquired and released around the HTTP request itself.
    """

    def __init__(self, slots: int = GLOBAL_LIMIT, seconds: float = 1.0, gate: Gate | None = None) -> None:
        """Send nothing that `gate` refuses; it is consulted once the slot is acquired, which may be late."""
        self._slots = asyncio.Semaphore(slots)
        self._count = slots
        self._excess = 0
        """Slots to withhold when they are released next."""
        self._seconds = seconds
        self._gate = gate

    async def set_slots(self, slots: int) -> None:
        """Change the number of slots: free ones are withheld at once, the others as soon as they are released."""
        self._excess += self._count - slots
        self._count = slots
        while self._excess > 0 and not self._slots.locked():
            await self._slots.acquire()  # does not wait
            self._excess -= 1
        while self._excess < 0:
            self._slots.release()
            self._excess += 1

    def trace_config(self) -> aiohttp.TraceConfig:
        """Return the config for `discord.Client(http_trace=...)`."""
        trace = aiohttp.TraceConfig()
        trace.on_request_start.append(self._on_request_start)
        trace.on_connection_create_start.append(self._on_connection_start)
        trace.on_connection_reuseconn.append(self._on_connection_start)
        trace.on_request_end.append(self._on_request_end)
        trace.on_request_exception.append(self._on_request_end)
        return trace

    async def _on_request_start(
        self, _session: aiohttp.ClientSession, request: SimpleNamespace, about: aiohttp.TraceRequestStartParams
    ) -> None:
        request.paced, request.tried, request.probes = not _is_exempt(about.url.path), False, False
        if request.paced:
            await self._slots.acquire()
            # Only deliveries wait at the gate; what people ask for is tried. After a 401 nothing can succeed.
            if self._gate and (_is_delivery.get() or not self._gate.is_authorized):
                admission = self._gate.admit_request()
                request.probes = admission is Admission.PROBE
                if admission is Admission.REFUSED:
                    self._release()  # aiohttp reports no exception before the request has begun
                    raise GateShutError(self._gate.reason)

    async def _on_connection_start(
        self, _session: aiohttp.ClientSession, request: SimpleNamespace, _about: _Connecting
    ) -> None:
        """Acquire a new slot when aiohttp itself retries a `GET`, `PUT` or `DELETE` on a broken connection.

        The first slot is released meanwhile: otherwise requests that break together would deadlock.
        """
        if request.paced and request.tried:
            request.paced = False
            self._release_later()
            await self._slots.acquire()
            request.paced = True
        request.tried = True

    async def _on_request_end(
        self,
        _session: aiohttp.ClientSession,
        request: SimpleNamespace,
        _about: aiohttp.TraceRequestEndParams | aiohttp.TraceRequestExceptionParams,
    ) -> None:
        if request.paced:
            request.paced = False
            self._release_later()

    def _release_later(self) -> None:
        asyncio.get_running_loop().call_later(self._seconds, self._release)

    def _release(self) -> None:
        if self._excess > 0:
            self._excess -= 1  # this slot is withdrawn
        else:
            self._slots.release()


class GateShutError(aiohttp.ClientConnectionError):
    """The request was not sent because the gate is shut."""


class EdgePageError(aiohttp.ClientError):
    """The response is not Discord's but a page of a proxy in front of it. `retry_after` is its `Retry-After`."""

    def __init__(self, text: str, retry_after: timedelta | None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


_is_delivery: ContextVar[bool] = ContextVar("_is_delivery", default=False)
_PLACE = re.compile(r"/channels/(\d+)")
_SAT_OUT = timedelta(minutes=1)
"""Longer waits are raised by discord.py (set in `NewsBot`)."""
_TITLE = re.compile(r"<title>(.*?)</title>", re.IGNORECASE | re.DOTALL)


@contextmanager
def through_gate() -> Iterator[None]:
    """Mark the requests inside as subject to the gate."""
    before = _is_delivery.set(True)
    try:
        yield
    finally:
        _is_delivery.reset(before)


class GateReporter:
    """Reports the outcome of every request to the gate, except interaction replies."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    def attach_to(self, trace: aiohttp.TraceConfig) -> None:
        """Add the hooks to `trace`; call this after `RequestLimiter.trace_config`, and before adding hooks that
        raise."""
        trace.on_request_end.append(self._on_request_end)
        trace.on_request_exception.append(self._on_request_exception)

    async def _on_request_end(
        self, _session: aiohttp.ClientSession, _request: SimpleNamespace, about: aiohttp.TraceRequestEndParams
    ) -> None:
        """Report the response. Raise if a delivery got one that is not Discord's: discord.py would accept some."""
        if _is_exempt(about.url.path):
            return
        answer = about.response
        code = await _discord_code(answer)
        after = parse_retry_after(answer)
        reading = about.method == "GET"
        # One 5xx may concern one place only: the gate waits for several places to fail.
        if answer.status >= 500 and after is None:
            self._gate.report_suspect(_place_key(about.url.path), f"answered {answer.status}", reading=reading)
        elif classify_error(answer.status, code) is ErrorScope.WAY or _is_global_limit(answer, after):
            unauthorized = answer.status == HTTPStatus.UNAUTHORIZED and code is not None  # HTML: not Discord's
            self._gate.shut_gate(
                await _describe_answer(answer, code), after, unauthorized=unauthorized, reading=reading
            )
        else:
            self._gate.open_gate(reading=reading)
        if code is None and _is_delivery.get():
            raise EdgePageError(await _describe_answer(answer, code), after)

    async def _on_request_exception(
        self, _session: aiohttp.ClientSession, request: SimpleNamespace, about: aiohttp.TraceRequestExceptionParams
    ) -> None:
        if _is_exempt(about.url.path) or isinstance(about.exception, EdgePageError):
            return
        if isinstance(about.exception, aiohttp.ClientError | TimeoutError | OSError):
            self._gate.report_suspect(
                _place_key(about.url.path), type(about.exception).__name__, reading=about.method == "GET"
            )
        elif request.probes:  # cancelled: outcome unknown, so the next probe may follow soon
            self._gate.shut_gate(self._gate.reason)


def _is_global_limit(answer: aiohttp.ClientResponse, after: timedelta | None) -> bool:
    """Return whether discord.py does not wait out this 429: no `Via` (it assumes Cloudflare), or global and long."""
    if answer.status != HTTPStatus.TOO_MANY_REQUESTS:
        return False
    is_global = answer.headers.get("X-RateLimit-Global", "").lower() == "true"
    return "Via" not in answer.headers or (is_global and after is not None and after > _SAT_OUT)


def _place_key(path: str) -> str:
    match = _PLACE.search(path)
    return match[1] if match else path


async def _discord_code(answer: aiohttp.ClientResponse) -> int | None:
    """Return Discord's error code, 0 if there is none; None if the body is not Discord's JSON."""
    if answer.status < 300 and "Content-Type" not in answer.headers:
        return 0  # a 204 has no body, so no type either
    if answer.content_type != "application/json":
        return None
    if answer.status < 400:
        return 0
    try:
        text = json.loads(await answer.text(encoding="utf-8"))
        return int(text.get("code", 0))
    except (ValueError, AttributeError, TypeError):
        return None


async def _describe_answer(answer: aiohttp.ClientResponse, code: int | None) -> str:
    """Return a one-line summary for the log, never a whole page."""
    if code is not None:
        return f"answered {answer.status}, code {code}"
    title = _TITLE.search(await answer.text(encoding="utf-8", errors="replace"))
    words = f"page ({answer.status})"
    return f"{words}: {' '.join(title[1].split())[:100]}" if title else words


def parse_retry_after(answer: aiohttp.ClientResponse) -> timedelta | None:
    """Parse `Retry-After`: seconds, or a date relative to the response's own `Date`; None if absent."""
    options = answer.headers.get("Retry-After", "").strip()
    try:
        if options.replace(".", "", 1).isdecimal():
            return timedelta(seconds=min(float(options), 1e9))  # beyond, a timedelta overflows
        # By the response's own clock: this machine's may be wrong.
        then, now = parsedate_to_datetime(options), parsedate_to_datetime(answer.headers["Date"])
        return max(then - now, timedelta(0))
    except (ValueError, KeyError, TypeError, OverflowError):
        return None


def count_rate_limits(metrics: Metrics) -> _OnAnswer:
    """Count rate limit responses, including those that discord.py waits out itself."""

    async def on_request_end(
        _session: aiohttp.ClientSession, _request: SimpleNamespace, about: aiohttp.TraceRequestEndParams
    ) -> None:
        if about.response.status == HTTPStatus.TOO_MANY_REQUESTS:
            metrics.count_rate_limit(about.response.headers.get("X-RateLimit-Scope"))

    return on_request_end


_RETRIED = (500, 502, 504, 524)
"""Status codes that discord.py retries itself."""


async def forbid_resend(
    _session: aiohttp.ClientSession, _request: SimpleNamespace, about: aiohttp.TraceRequestEndParams
) -> None:
    """Prevent discord.py's retries for forum posts: they take no nonce, so recovery must search first.

    Raising from the trace hook is the only way to end its retry loop.
    """
    if about.method == "POST" and about.url.path.endswith("/threads") and about.response.status in _RETRIED:
        raise aiohttp.ServerConnectionError(f"answered {about.response.status}; the post may have arrived")


def _is_exempt(path: str) -> bool:
    """Return whether the request bypasses the limiter: interaction replies are exempt from the global limit."""
    return "/interactions/" in path or "/webhooks/" in path or path.endswith("/gateway/bot")
