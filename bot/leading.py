"""Requests between processes: made by those that answer people, carried out by the one that has the duty."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from bot.errors import NewsdeskError, UserError
from bot.language import ENGLISH, speaking, spoken, tr
from bot.store import Store
from bot.store.requests import Request, RequestState

_log = logging.getLogger(__name__)
_POLL_SECONDS = 0.25
"""How often a process that waits looks for the result."""
LOOK_SECONDS = 1.0
"""How often the process on duty looks for requests that it was not told of."""
_LANGUAGE = "language"
"""In a payload: whoever asked reads what the process on duty has to say."""

Payload = Mapping[str, Any]
Handler = Callable[[Payload], Awaitable[Payload]]


class RequestKind(StrEnum):
    """What only the process with the folder of cards can do."""

    ACCEPT_WITHDRAWALS = "accept_withdrawals"
    WRITE_BACK = "write_back"


class RequestWorker:
    """Both ends of the queue. `handlers` are what this process can do; they must bear being called twice."""

    def __init__(self, store: Store, clock: Callable[[], datetime], handlers: Mapping[RequestKind, Handler]) -> None:
        self._requests = store.requests
        self._clock = clock
        self._handlers = handlers
        self._working = asyncio.Lock()
        self._rung = asyncio.Event()

    def wake(self) -> None:
        """Look for requests now."""
        self._rung.set()

    async def run(self, is_on_duty: Callable[[], bool]) -> None:
        """Carry out requests while this process is on duty, for ever."""
        while True:
            try:
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._rung.wait()
            except TimeoutError:
                pass
            self._rung.clear()
            if is_on_duty():
                await self.work_off()

    async def work_off(self) -> None:
        """Carry out whatever waits, one after another."""
        async with self._working:
            while request := await self._requests.next_waiting(self._clock()):
                state, result = await self._carried_out(request)
                await self._requests.finish(request.id, state, result)

    async def _carried_out(self, request: Request) -> tuple[RequestState, Payload]:
        try:
            with speaking(request.payload.get(_LANGUAGE, ENGLISH)):
                return RequestState.DONE, await self._handlers[RequestKind(request.kind)](request.payload)
        except NewsdeskError as error:
            return RequestState.REFUSED, {"reason": str(error)}
        except Exception:  # noqa: BLE001 - the failure boundary: whoever asked is told
            reference = secrets.token_hex(4)
            _log.exception("Failure %s in request %s (%s)", reference, request.id, request.kind)
            return RequestState.FAILED, {"reference": reference}

    async def add(self, kind: RequestKind, payload: Payload, requested_by: int) -> int:
        """Queue a request. Returns its id, to wait for."""
        return await self._requests.add(kind, {**payload, _LANGUAGE: spoken()}, requested_by, self._clock())

    async def result(self, request_id: int, within: float) -> Payload | None:
        """The result; None when it has not come within so many seconds. Raises `UserError` with what it failed for."""
        loop = asyncio.get_running_loop()
        until = loop.time() + within
        while True:
            found = await self._requests.get(request_id)
            if found is None or found.state is not RequestState.WAITING:
                return _told(found)
            if loop.time() >= until:
                return None
            await asyncio.sleep(_POLL_SECONDS)


def _told(request: Request | None) -> Payload:
    result = (request and request.result) or {}
    if request and request.state is RequestState.DONE:
        return result
    if reason := result.get("reason"):
        raise UserError(reason)
    raise UserError(
        tr(
            "Sorry, something went wrong on our side. If it happens again, tell an administrator this code: `{code}`",
            code=result.get("reference", "-"),
        )
    )
