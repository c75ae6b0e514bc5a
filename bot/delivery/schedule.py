"""What happens by the clock. The jobs only wake: the tables say what is due, so a missed run loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler

Job = Callable[[], Awaitable[object]]

# A late run is as good as one in time, several missed ones are one, and a job never overlaps itself.
_DEFAULTS = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
_PULSE = 5.0
"""Seconds between two signs of life of the scheduler."""
_LAST_JOBS = 0.8
"""Seconds that jobs under way have to end: a transaction is better ended than broken off."""


class StandstillError(Exception):
    """The scheduler runs no job any more."""


class Schedule:
    """Jobs in memory, one instance each."""

    def __init__(self, pulse: float = _PULSE) -> None:
        self._jobs: dict[str, tuple[float, Job]] = {}
        self._pulse = pulse
        self._beaten = False
        self._running: set[asyncio.Task[object]] = set()

    def every(self, seconds: float, job: Job, name: str) -> None:
        """Run `job` again and again once `run` does, the first time `seconds` from then.

        It answers for its own failures: one that escapes is only logged.
        """
        self._jobs[name] = (seconds, job)

    async def run(self) -> None:
        """Run the jobs until cancelled. Raises `StandstillError` when they are not run any more.

        The scheduler waits by the wall clock: set back by an hour, it would run nothing for an hour.
        """
        scheduler = AsyncIOScheduler(timezone="UTC", job_defaults=_DEFAULTS)
        for name, (seconds, job) in self._jobs.items():
            scheduler.add_job(self._held(job), "interval", seconds=seconds, id=name)
        scheduler.add_job(self._beat, "interval", seconds=self._pulse, id="pulse")
        scheduler.start()
        self._beaten = True
        try:
            while self._beaten:
                self._beaten = False
                await asyncio.sleep(6 * self._pulse)
        finally:
            scheduler.pause()
            if self._running:
                await asyncio.wait(self._running, timeout=_LAST_JOBS)
            scheduler.shutdown(wait=False)  # cancels what is left
            if self._running:
                await asyncio.wait(self._running)
        raise StandstillError("the scheduler stood still; the clock may have been set back")

    def _held(self, job: Job) -> Job:
        """The same job, known while it runs: the store must not be closed under it."""

        async def held() -> None:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 - a coroutine runs in one
            self._running.add(task)
            try:
                await job()
            except asyncio.CancelledError:
                return  # the program stops; APScheduler would log it with a traceback
            finally:
                self._running.discard(task)

        return held

    async def _beat(self) -> None:
        self._beaten = True
