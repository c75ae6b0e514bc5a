"""Background work that goes on for as long as the program: what ends is started again, counted, and named meanwhile."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.metrics import Metrics

_log = logging.getLogger(__name__)
Work = Callable[[], Awaitable[object]]

PAUSES = (1.0, 2.0, 5.0, 15.0, 60.0)
"""Seconds before work that ended is started again: the first time, the second time in a row, and so on."""
_STEADY = 10.0
"""Seconds after which work that was started again counts as mended."""
_LONGEST_REASON = 200


@dataclass(slots=True)
class _Kept:
    """One piece of work: the task that starts it again and again, and what is wrong with it."""

    keeper: asyncio.Task[None]
    trouble: str = ""


class Supervisor:
    """Holds every task that belongs to no request. Work that is kept never ends by itself: not by an error, not by
    returning, not by being cancelled from inside.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        metrics: Metrics | None = None,
        *,
        pauses: Sequence[float] = PAUSES,
        steady: float = _STEADY,
    ) -> None:
        self._clock = clock
        self._metrics = metrics or Metrics()
        self._pauses = pauses
        self._steady = steady
        self._kept: dict[str, _Kept] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._single: set[asyncio.Task[Any]] = set()
        self._failing: dict[str, str] = {}
        self._stopping = False

    def keep(self, name: str, work: Work) -> None:
        """Do this from now on; nothing happens when it is being done already."""
        if name not in self._kept and not self._stopping:
            self._metrics.supervise(name)
            self._kept[name] = _Kept(asyncio.create_task(self._keep(name, work), name=name))

    def drop(self, name: str) -> None:
        """End kept work for good, whether it runs or waits to be started again."""
        if kept := self._kept.pop(name, None):
            kept.keeper.cancel()
            self._ending[name] = kept.keeper
            self._hold(kept.keeper)

    def spawn(self, name: str, work: Work) -> None:
        """Do this once, beside everything else. An error is logged and counted."""
        self._metrics.supervise(name)
        self._hold(asyncio.create_task(self._once(name, work), name=name))

    async def _once(self, name: str, work: Work) -> None:
        try:
            await work()
        except Exception:  # noqa: BLE001 - nobody waits for it
            self._metrics.task_failed(name)
            _log.exception("The %s failed", name)

    def watch(self, name: str, job: Work) -> Callable[[], Coroutine[Any, Any, None]]:
        """The same job for a schedule: one that fails is logged, counted, and named until it goes well."""
        self._metrics.supervise(name)

        async def watched() -> None:
            try:
                await job()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - the boundary of a job: the next run tries again
                self._note_failure(name, error)
            else:
                self._failing.pop(name, None)

        return watched

    def is_running(self, name: str) -> bool:
        """Whether this work is kept and not in trouble."""
        return name in self._kept and not self._kept[name].trouble

    def troubles(self) -> dict[str, str]:
        """What is down or failed the last time, by its name, in words."""
        return self._failing | {name: kept.trouble for name, kept in self._kept.items() if kept.trouble}

    def wind_down(self) -> None:
        """Start nothing again from now on: what ends has been asked to."""
        self._stopping = True

    async def stop(self, within: float) -> list[str]:
        """End everything. Gives the names of what has not ended `within` so many seconds, and is left to itself."""
        self._stopping = True
        tasks = {*self._single, *(kept.keeper for kept in self._kept.values())}
        self._kept.clear()
        self._failing.clear()
        for task in tasks:
            task.cancel()
        if not tasks:
            return []
        _, left = await asyncio.wait(tasks, timeout=within)
        return sorted(task.get_name() for task in left)

    async def _keep(self, name: str, work: Work) -> None:
        ends = 0
        if before := self._ending.pop(name, None):
            await asyncio.wait({before})
        while True:
            running = asyncio.create_task(_called(work), name=name)
            try:
                if self._kept[name].trouble and not await _is_done(running, self._steady):
                    self._kept[name].trouble, ends = "", 0
                    _log.info("The %s works again", name)
                await _is_done(running, None)
            finally:
                await _end(running)
            if self._stopping:
                return
            pause = self._pauses[min(ends, len(self._pauses) - 1)]
            ends += 1
            self._note_end(name, running, pause)
            await asyncio.sleep(pause)

    def _note_end(self, name: str, ended: asyncio.Task[None], pause: float) -> None:
        error = None if ended.cancelled() else ended.exception()
        reason = "it was cancelled" if ended.cancelled() else _words(error) if error else "it returned"
        kept = self._kept[name]
        is_news = reason not in kept.trouble
        kept.trouble = f"ended at {self._clock():%H:%M:%S} UTC, and is started again: {reason}"
        self._metrics.task_failed(name)
        _log.error(
            "The %s ended, and is started again in %g s: %s", name, pause, reason, exc_info=error if is_news else None
        )

    def _note_failure(self, name: str, error: Exception) -> None:
        reason = _words(error)
        is_news = reason not in self._failing.get(name, "")
        self._failing[name] = f"failed at {self._clock():%H:%M:%S} UTC: {reason}"
        self._metrics.task_failed(name)
        _log.error("The %s failed: %s", name, reason, exc_info=error if is_news else None)

    def _hold(self, task: asyncio.Task[Any]) -> None:
        """The loop keeps only a weak reference."""
        self._single.add(task)
        task.add_done_callback(self._single.discard)


async def _called(work: Work) -> None:
    await work()


async def _is_done(task: asyncio.Task[None], within: float | None) -> bool:
    done, _ = await asyncio.wait({task}, timeout=within)
    return bool(done)


async def _end(task: asyncio.Task[None]) -> None:
    """Of work whose keeper is cancelled; work that has ended stays as it is."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task})


def _words(error: BaseException) -> str:
    """The first line of what it says; of a group, of its first."""
    if isinstance(error, BaseExceptionGroup):
        return _words(error.exceptions[0])
    said = str(error).strip()
    return f"{type(error).__name__}: {said.splitlines()[0][:_LONGEST_REASON]}" if said else type(error).__name__


async def finish(step: str, work: Work, within: float) -> None:
    """Take one step of a closing: one that fails or takes longer than so many seconds holds up no other."""
    task = asyncio.create_task(_called(work), name=step)
    await asyncio.wait({task}, timeout=within)
    if not task.done():
        task.cancel()
        _log.warning("%s took longer than %g s, and was cut short", step, within)
    elif not task.cancelled() and (error := task.exception()):
        _log.warning("%s failed: %s", step, _words(error))
