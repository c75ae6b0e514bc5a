"""The endpoints: `/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from bot.errors import StoreError
from bot.gateway.client import NewsBot
from bot.metrics import CONTENT_TYPE, Gauges
from bot.store.vitals import Vitals

_log = logging.getLogger(__name__)
LATE = timedelta(minutes=15)
"""Maximum age of a waiting delivery: about the longest backoff, which follows ten attempts."""
_LAST_ANSWERS = 1.0
"""Seconds to wait at shutdown for a query in progress."""
_PATIENCE = 5.0
"""Query timeout in seconds; probes often give up after 10."""


class Monitor:
    """Inspects the bot on request. Writes only one row, to prove that the database is writable."""

    def __init__(self, bot: NewsBot, patience: float = _PATIENCE) -> None:
        self._bot = bot
        self._patience = patience
        self._asked: dict[str, asyncio.Task[Any]] = {}

    def application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/healthz", self.alive)
        application.router.add_get("/readyz", self.ready)
        application.router.add_get("/metrics", self.measured)
        application.on_cleanup.append(self._finish)
        return application

    async def alive(self, _request: web.Request) -> web.Response:
        """Liveness: responding at all proves that the event loop is running."""
        return web.json_response({"alive": True})

    async def ready(self, _request: web.Request) -> web.Response:
        """Readiness: 503 with what is not ready. `stands_by` lists what another process currently does."""
        troubles, stands_by = await self.troubles(), self._stands_by()
        status = 503 if troubles else 200
        answer: dict[str, Any] = {"ready": not troubles, "troubles": troubles}
        return web.json_response(answer | ({"stands_by": stands_by} if stands_by else {}), status=status)

    def _stands_by(self) -> dict[str, str]:
        found = {}
        if self._bot.standby.is_waiting:
            found["gateway"] = "another process answers commands and buttons"
        if self._bot.works and not self._bot.newsroom.on_duty:
            found["duty"] = "another process loads and plans"
        return found

    async def measured(self, _request: web.Request) -> web.Response:
        self._bot.metrics.show(await self._gauges())
        return web.Response(body=self._bot.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def troubles(self) -> dict[str, str]:
        """Return what prevents the bot from working, by component; empty if it is ready."""
        found = {"gateway": "" if self._bot.is_connected else "not connected to Discord's gateway"}
        gate = self._bot.gate
        found["discord"] = "" if gate.is_open else f"nothing is sent: {gate.reason}"
        if self._bot.works:
            found |= self._bot.newsroom.troubles()
        try:
            await self._answered("probe", self._bot.store.health.probe(self._bot.clock()))
            found["deliveries"] = _lateness(await self._vitals(), self._bot.clock())
        except StoreError as error:
            found["database"] = str(error)
        return {part: words for part, words in found.items() if words}

    async def _gauges(self) -> Gauges:
        connected = self._bot.is_connected
        latency, on_duty = self._bot.latency, self._bot.newsroom.on_duty
        down = len(self._bot.newsroom.supervisor.troubles())
        try:
            vitals = await self._vitals()
        except StoreError:
            return Gauges(gateway_connected=connected, gateway_latency=latency, on_duty=on_duty, tasks_down=down)
        return Gauges(
            cards=vitals.cards,
            queue_depth=vitals.waiting,
            oldest_waiting=_waited(vitals, self._bot.clock()).total_seconds(),
            open_circuits=vitals.closed_channels,
            database_up=True,
            gateway_connected=connected,
            gateway_latency=latency,
            on_duty=on_duty,
            tasks_down=down,
        )

    async def _vitals(self) -> Vitals:
        found: Vitals = await self._answered("vitals", self._bot.store.health.vitals(self._bot.clock()))
        return found

    async def _answered(self, name: str, question: Coroutine[Any, Any, Any]) -> Any:
        """Run a query. Raises `StoreError` if it fails or times out.

        A hanging query is not cancelled, which would break its connection, but shared by later callers: frequent probes
        must not pile up behind a locked database.
        """
        if name in self._asked:
            question.close()
        else:
            self._asked[name] = asyncio.create_task(question, name=name)
            self._asked[name].add_done_callback(self._answered_at_last)
        task = self._asked[name]
        await asyncio.wait([task], timeout=self._patience)
        if not task.done():
            raise StoreError(f"The database has not answered for {self._patience:g} s.")
        return task.result()

    def _answered_at_last(self, task: asyncio.Task[Any]) -> None:
        """Log the error here, since the caller may have given up."""
        self._asked.pop(task.get_name(), None)
        if not task.cancelled() and (error := task.exception()):
            _log.warning("Store %s failed: %s", task.get_name(), error)

    async def _finish(self, _application: web.Application) -> None:
        """Wait for queries in progress before the store is closed."""
        if self._asked:
            await asyncio.wait(self._asked.values(), timeout=_LAST_ANSWERS)


def _waited(vitals: Vitals, now: datetime) -> timedelta:
    return max(now - vitals.oldest, timedelta(0)) if vitals.oldest else timedelta(0)


def _lateness(vitals: Vitals, now: datetime) -> str:
    waited = _waited(vitals, now)
    return f"a delivery has waited for {waited.total_seconds():.0f} s" if waited > LATE else ""
