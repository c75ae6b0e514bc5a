"""Periodic jobs. The tables say what is due, so a missed run loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler

Job = Callable[[], Awaitable[object]]

# Run late jobs anyway, combine missed runs into one, and never run a job twice at a time.
_DEFAULTS = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
_PULSE = 5.0
"""Seconds between heartbeats of the scheduler."""
_LAST_JOBS = 0.8
"""Seconds that running jobs have to finish on shutdown, so that transactions can complete."""


class StandstillError(Exception):
    """The scheduler stopped running jobs."""


class Scheduler:
    """Interval jobs, kept in memory."""

    def __init__(self, pulse: float = _PULSE) -> None:
        self._jobs: dict[str, tuple[float, Job]] = {}
        self._pulse = pulse
        self._last_pulse = False
        self._running: set[asyncio.Task[object]] = set()

    def add_interval_job(self, seconds: float, job: Job, name: str) -> None:
        """Run `job` every `seconds` while `run` is active, first after `seconds`.

        Jobs handle their own errors; an exception that escapes is only logged.
        """
        self._jobs[name] = (seconds, job)

    async def run(self) -> None:
        """Run the jobs until cancelled. Raises `StandstillError` if the scheduler stops running them.

        APScheduler uses the wall clock: if that is set back an hour, no job would run for an hour.
        """
        scheduler = AsyncIOScheduler(timezone="UTC", job_defaults=_DEFAULTS)
        for name, (seconds, job) in self._jobs.items():
            scheduler.add_job(self._track_running(job), "interval", seconds=seconds, id=name)
        scheduler.add_job(self._beat, "interval", seconds=self._pulse, id="pulse")
        scheduler.start()
        self._last_pulse = True
        try:
            while self._last_pulse:
                self._last_pulse = False
                await asyncio.sleep(6 * self._pulse)
        finally:
            scheduler.pause()
            if self._running:
                await asyncio.wait(self._running, timeout=_LAST_JOBS)
            scheduler.shutdown(wait=False)  # cancels what is left
            if self._running:
                await asyncio.wait(self._running)
        raise StandstillError("the scheduler stood still; the clock may have been set back")

    def _track_running(self, job: Job) -> Job:
        """Wrap a job to track its task, so that shutdown waits for it before the store is closed."""

        async def run_tracked() -> None:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - a coroutine runs in one
            self._running.add(task)
            try:
                await job()
            except asyncio.CancelledError:
                return  # on shutdown; APScheduler would log a traceback
            finally:
                self._running.discard(task)

        return run_tracked

    async def _beat(self) -> None:
        self._last_pulse = True
