"""Requests between processes: queued by those that answer people, executed by the leader."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.errors import NewsdeskError, UserError
from bot.i18n import ENGLISH, current_language, override_language, tr
from bot.store import Store
from bot.store.worker_requests import RequestState, WorkerRequest

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.25
"""Seconds between two polls for a result."""
LOOK_SECONDS = 1.0
"""Seconds between two polls of the leader, in case a notification was missed."""
_LANGUAGE = "language"
"""Payload key: the requester's language, in which the leader words its reply."""

Payload = Mapping[str, Any]
Handler = Callable[[Payload], Awaitable[Payload]]


class RequestKind(StrEnum):
    """Operations that only the process with the card folder can perform."""

    ACCEPT_WITHDRAWALS = "accept_withdrawals"
    WRITE_BACK = "write_back"


class RequestClient:
    """The end of the request queue for those that answer people."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self._requests = store.requests
        self._clock = clock
        self.on_added: Callable[[], None] = lambda: None
        """Called after each request of this process, which may be the leader itself."""

    async def add_request(self, kind: RequestKind, payload: Payload, requested_by: int) -> int:
        """Queue a request for the leader, which may be this process. Returns the request's id."""
        request_id = await self._requests.add_request(
            kind, {**payload, _LANGUAGE: current_language()}, requested_by, self._clock()
        )
        self.on_added()
        return request_id

    async def wait_for_result(self, request_id: int, within: float) -> Payload | None:
        """Wait up to `within` seconds for the result; None on timeout. Raises `UserError` if the request failed."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        while True:
            request = await self._requests.get_request(request_id)
            if request is None or request.state is not RequestState.WAITING:
                return _unwrap_result(request)
            if loop.time() >= until:
                return None
            await asyncio.sleep(_POLL_SECONDS)


class RequestWorker:
    """The leader's end of the request queue. The `handlers` must be idempotent."""

    def __init__(self, store: Store, clock: Callable[[], datetime], handlers: Mapping[RequestKind, Handler]) -> None:
        self._requests = store.requests
        self._clock = clock
        self._handlers = handlers
        self._working = asyncio.Lock()
        self._wake_event = asyncio.Event()

    def wake(self) -> None:
        """Poll for requests immediately."""
        self._wake_event.set()

    async def run_requests(self, is_leader: Callable[[], bool]) -> None:
        """Handle requests whenever this process is the leader. Runs until cancelled."""
        while True:
            # Notifications are only faster: one that is lost with its connection must not delay a request for long.
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._wake_event.wait()
            except TimeoutError:
                pass
            self._wake_event.clear()
            if is_leader():
                await self.process_waiting()

    async def process_waiting(self) -> None:
        """Handle all waiting requests, one after another."""
        async with self._working:
            while request := await self._requests.fetch_next(self._clock()):
                state, result = await self._carry_out_request(request)
                await self._requests.finish_request(request.id, state, result)

    async def _carry_out_request(self, request: WorkerRequest) -> tuple[RequestState, Payload]:
        try:
            with override_language(request.payload.get(_LANGUAGE, ENGLISH)):
                return RequestState.DONE, await self._handlers[RequestKind(request.kind)](request.payload)
        except NewsdeskError as error:
            return RequestState.REFUSED, {"reason": str(error)}
        except Exception:  # noqa: BLE001 - failure boundary: reported to the requester
            reference = secrets.token_hex(4)
            _log.exception("Failure %s in request %s (%s)", reference, request.id, request.kind)
            return RequestState.FAILED, {"reference": reference}


def _unwrap_result(request: WorkerRequest | None) -> Payload:
    result = (request and request.result) or {}
    if request and request.state is RequestState.DONE:
        return result
    if reason := result.get("reason"):
        raise UserError(reason)
    raise UserError(
        tr(
            "Sorry, something went wrong. If it happens again, give an administrator this code: `{code}`",
            code=result.get("reference", "-"),
        )
    )
