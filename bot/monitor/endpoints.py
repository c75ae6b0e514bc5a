"""The endpoints: `/healthz`, `/readyz`, `/metrics`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from bot.client.bot import NewsBot
from bot.errors import StoreError
from bot.metrics import CONTENT_TYPE, Gauges
from bot.store.health import StoreHealth

_log = logging.getLogger(__name__)
LATE = timedelta(minutes=15)
"""Maximum age of a waiting delivery: about the longest backoff, which follows ten attempts."""
_GRACE_SECONDS = 1.0
"""Seconds to wait at shutdown for a query in progress."""
_PATIENCE = 5.0
"""Query timeout in seconds; probes often give up after 10."""


class Monitor:
    """Inspects the bot on request. Writes only one row, to prove that the database is writable."""

    def __init__(self, bot: NewsBot, patience: float = _PATIENCE) -> None:
        self._bot = bot
        self._patience = patience
        self._pending_queries: dict[str, asyncio.Task[Any]] = {}

    def build_application(self) -> web.Application:
        application = web.Application()
        application.router.add_get("/healthz", self.handle_healthz)
        application.router.add_get("/readyz", self.handle_readyz)
        application.router.add_get("/metrics", self.handle_metrics)
        application.on_cleanup.append(self._on_cleanup)
        return application

    async def handle_healthz(self, _request: web.Request) -> web.Response:
        """Liveness: responding at all proves that the event loop is running."""
        return web.json_response({"alive": True})

    async def handle_readyz(self, _request: web.Request) -> web.Response:
        """Readiness: 503 with what is not ready. `stands_by` lists what another process currently does."""
        troubles, stands_by = await self.find_problems(), self._standby_parts()
        status = 503 if troubles else 200
        answer: dict[str, Any] = {"ready": not troubles, "troubles": troubles}
        return web.json_response(answer | ({"stands_by": stands_by} if stands_by else {}), status=status)

    def _standby_parts(self) -> dict[str, str]:
        parts = {}
        if self._bot.standby.is_waiting:
            parts["gateway"] = "another process answers commands and buttons"
        if self._bot.runs_worker and not self._bot.worker.is_leader:
            parts["leader election"] = "another process loads and plans"
        return parts

    async def handle_metrics(self, _request: web.Request) -> web.Response:
        self._bot.metrics.set_gauges(await self._read_gauges())
        return web.Response(body=self._bot.metrics.render_text(), headers={"Content-Type": CONTENT_TYPE})

    async def find_problems(self) -> dict[str, str]:
        """Return what prevents the bot from working, by component; empty if it is ready."""
        problems = {"gateway": "" if self._bot.is_connected else "not connected to Discord's gateway"}
        gate = self._bot.gate
        problems["discord"] = "" if gate.is_open else f"nothing is sent: {gate.reason}"
        problems |= self._bot.discord_wait.problems
        if self._bot.runs_worker:
            problems |= self._bot.worker.find_problems()
        try:
            # A read may succeed on a full disk or a read-only server: only a write proves that deliveries can be noted.
            await self._run_query("probe", self._bot.store.health.probe_write(self._bot.clock()))
            problems["deliveries"] = _describe_lateness(await self._read_health(), self._bot.clock())
        except StoreError as error:
            problems["database"] = str(error)
        return {part: words for part, words in problems.items() if words}

    async def _read_gauges(self) -> Gauges:
        connected = self._bot.is_connected
        latency, is_leader = self._bot.latency, self._bot.worker.is_leader
        down = len(self._bot.worker.supervisor.find_problems())
        try:
            health = await self._read_health()
        except StoreError:
            # A scrape must work without the database: that is when its metrics are needed most.
            return Gauges(gateway_connected=connected, gateway_latency=latency, is_leader=is_leader, tasks_down=down)
        now = self._bot.clock()
        return Gauges(
            cards=health.cards,
            queue_depth=health.waiting,
            oldest_waiting=_wait_since(health.oldest, now).total_seconds(),
            feeds=health.feeds.states,
            feeds_due=health.feeds.due,
            feed_lag=_wait_since(health.feeds.due_since, now).total_seconds(),
            open_circuits=health.closed_channels,
            database_up=True,
            gateway_connected=connected,
            gateway_latency=latency,
            is_leader=is_leader,
            tasks_down=down,
        )

    async def _read_health(self) -> StoreHealth:
        found: StoreHealth = await self._run_query("vitals", self._bot.store.health.read_health(self._bot.clock()))
        return found

    async def _run_query(self, name: str, query: Coroutine[Any, Any, Any]) -> Any:
        """Run a query. Raises `StoreError` if it fails or times out.

        A hanging query is not cancelled, which would break its connection, but shared by later callers: frequent probes
        must not pile up behind a locked database.
        """
        if name in self._pending_queries:
            # Never awaited, it would warn at garbage collection.
            query.close()
        else:
            self._pending_queries[name] = asyncio.create_task(query, name=name)
            self._pending_queries[name].add_done_callback(self._on_query_done)
        task = self._pending_queries[name]
        await asyncio.wait([task], timeout=self._patience)
        if not task.done():
            raise StoreError(f"The database has not answered for {self._patience:g} s.")
        return task.result()

    def _on_query_done(self, task: asyncio.Task[Any]) -> None:
        """Log the error here, since the caller may have given up."""
        self._pending_queries.pop(task.get_name(), None)
        if not task.cancelled() and (error := task.exception()):
            _log.warning("Store %s failed: %s", task.get_name(), error)

    async def _on_cleanup(self, _application: web.Application) -> None:
        """Wait for queries in progress before the store is closed."""
        if self._pending_queries:
            await asyncio.wait(self._pending_queries.values(), timeout=_GRACE_SECONDS)


def _wait_since(oldest: datetime | None, now: datetime) -> timedelta:
    return max(now - oldest, timedelta(0)) if oldest else timedelta(0)


def _describe_lateness(health: StoreHealth, now: datetime) -> str:
    waited = _wait_since(health.oldest, now)
    return f"a delivery has waited for {waited.total_seconds():.0f} s" if waited > LATE else ""
