"""What happens by the clock. The jobs only wake: the tables say what is due, so a missed run loses nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from apscheduler.schedulers.asyncio import AsyncIOScheduler

Job = Callable[[], Awaitable[object]]

# A late run is as good as one in time, several missed ones are one, and a job never overlaps itself.
_DEFAULTS = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}


class Schedule:
    """Jobs in memory, one instance each."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(timezone="UTC", job_defaults=_DEFAULTS)

    def every(self, seconds: float, job: Job, name: str) -> None:
        """Run `job` again and again, the first time `seconds` from now.

        It answers for its own failures: one that escapes is only logged.
        """
        self._scheduler.add_job(job, "interval", seconds=seconds, id=name)

    @property
    def running(self) -> bool:
        return bool(self._scheduler.running)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """Nothing new starts; what runs is left to its task."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
