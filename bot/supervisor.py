"""Supervise background tasks for the lifetime of the program: restart those that end, count and report failures."""

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
"""Restart backoff in seconds, by the number of consecutive failures; the last value repeats."""
_STEADY = 10.0
"""Seconds after which restarted work counts as recovered."""
_LONGEST_REASON = 200


@dataclass(slots=True)
class _SupervisedTask:
    """Supervised work: the task that keeps restarting it, and its current problem."""

    keeper: asyncio.Task[None]
    trouble: str = ""


class Supervisor:
    """Owner of every task that belongs to no request.

    Kept work is restarted whether it raises, returns or is cancelled from inside.
    """

    def __init__(
        self,
        clock: Callable[[], datetime],
        metrics: Metrics,
        *,
        pauses: Sequence[float] = PAUSES,
        steady: float = _STEADY,
    ) -> None:
        self._clock = clock
        self._metrics = metrics
        self._pauses = pauses
        self._steady = steady
        self._tasks: dict[str, _SupervisedTask] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._single: set[asyncio.Task[Any]] = set()
        self._failing: dict[str, str] = {}
        self._stopping = False

    def keep_running(self, name: str, work: Work) -> None:
        """Run this work from now on, restarting it whenever it ends. No-op if it is already kept."""
        if name not in self._tasks and not self._stopping:
            self._metrics.register_task(name)
            self._tasks[name] = _SupervisedTask(asyncio.create_task(self._run_forever(name, work), name=name))

    def drop_task(self, name: str) -> None:
        """Stop kept work for good, whether it is running or waiting for its restart."""
        if task := self._tasks.pop(name, None):
            task.keeper.cancel()
            self._ending[name] = task.keeper
            self._hold_reference(task.keeper)

    def spawn_once(self, name: str, work: Work) -> None:
        """Run this work once in the background. Errors are logged and counted."""
        self._metrics.register_task(name)
        self._hold_reference(asyncio.create_task(self._run_once(name, work), name=name))

    async def _run_once(self, name: str, work: Work) -> None:
        try:
            await work()
        except Exception:  # noqa: BLE001 - fire and forget: no caller to propagate to
            self._metrics.count_task_failure(name)
            _log.exception("The %s failed", name)

    def watch_job(self, name: str, job: Work) -> Callable[[], Coroutine[Any, Any, None]]:
        """Wrap a scheduled job: failures are logged and counted, and reported by `find_problems` until it succeeds."""
        self._metrics.register_task(name)

        async def run_watched() -> None:
            try:
                await job()
            except asyncio.CancelledError:
                raise
            except Exception as error:  # noqa: BLE001 - failure boundary of a job: the next run retries
                self._record_failure(name, error)
            else:
                self._failing.pop(name, None)

        return run_watched

    def is_running(self, name: str) -> bool:
        """Whether this work is kept and has no current problem."""
        return name in self._tasks and not self._tasks[name].trouble

    def find_problems(self) -> dict[str, str]:
        """Work that is down, and jobs whose last run failed: name to description."""
        return self._failing | {name: task.trouble for name, task in self._tasks.items() if task.trouble}

    def stop_restarting(self) -> None:
        """Stop restarting work: from now on, work ends because of the shutdown."""
        self._stopping = True

    async def stop(self, within: float) -> list[str]:
        """Cancel all tasks. Returns the names of those still running after `within` seconds; they are abandoned."""
        self._stopping = True
        tasks = {*self._single, *(task.keeper for task in self._tasks.values())}
        self._tasks.clear()
        self._failing.clear()
        for task in tasks:
            task.cancel()
        if not tasks:
            return []
        _, pending = await asyncio.wait(tasks, timeout=within)
        return sorted(task.get_name() for task in pending)

    async def _run_forever(self, name: str, work: Work) -> None:
        ends = 0
        # Dropped and kept again within a moment: the old task may still be ending, and two must not run at once.
        if before := self._ending.pop(name, None):
            await asyncio.wait({before})
        while True:
            running = asyncio.create_task(_call_work(work), name=name)
            try:
                # After a failure, work has recovered once it has run for a while, not as soon as it has started.
                if self._tasks[name].trouble and not await _is_done(running, self._steady):
                    self._tasks[name].trouble, ends = "", 0
                    _log.info("The %s has recovered", name)
                await _is_done(running, None)
            finally:
                # If the keeper is cancelled, its work must not outlive it.
                await _cancel_and_wait(running)
            if self._stopping:
                return
            pause = self._pauses[min(ends, len(self._pauses) - 1)]
            ends += 1
            self._record_end(name, running, pause)
            await asyncio.sleep(pause)

    def _record_end(self, name: str, ended: asyncio.Task[None], pause: float) -> None:
        error = None if ended.cancelled() else ended.exception()
        reason = "it was cancelled" if ended.cancelled() else _first_line(error) if error else "it returned"
        task = self._tasks[name]
        is_news = reason not in task.trouble  # the traceback once, not every minute
        task.trouble = f"ended at {self._clock():%H:%M:%S} UTC, and is started again: {reason}"
        self._metrics.count_task_failure(name)
        _log.error("The %s ended; restarting it in %g s: %s", name, pause, reason, exc_info=error if is_news else None)

    def _record_failure(self, name: str, error: Exception) -> None:
        reason = _first_line(error)
        is_news = reason not in self._failing.get(name, "")
        self._failing[name] = f"failed at {self._clock():%H:%M:%S} UTC: {reason}"
        self._metrics.count_task_failure(name)
        _log.error("The %s failed: %s", name, reason, exc_info=error if is_news else None)

    def _hold_reference(self, task: asyncio.Task[Any]) -> None:
        # The event loop keeps only a weak reference to tasks.
        self._single.add(task)
        task.add_done_callback(self._single.discard)


async def _call_work(work: Work) -> None:
    await work()


async def _is_done(task: asyncio.Task[None], within: float | None) -> bool:
    done, _ = await asyncio.wait({task}, timeout=within)
    return bool(done)


async def _cancel_and_wait(task: asyncio.Task[None]) -> None:
    """Cancel a running task and wait for it; no-op if it is done."""
    if not task.done():
        task.cancel()
        await asyncio.wait({task})


def _first_line(error: BaseException) -> str:
    """The error's type and the first line of its message; for a group, those of its first error."""
    if isinstance(error, BaseExceptionGroup):
        return _first_line(error.exceptions[0])
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0][:_LONGEST_REASON]}" if text else type(error).__name__


async def finish_step(step: str, work: Work, within: float) -> None:
    """Run one shutdown step with a timeout in seconds. Failures and timeouts are only logged."""
    task = asyncio.create_task(_call_work(work), name=step)
    await asyncio.wait({task}, timeout=within)
    if not task.done():
        task.cancel()
        _log.warning("%s took longer than %g s and was cut short", step, within)
    elif not task.cancelled() and (error := task.exception()):
        _log.warning("%s failed: %s", step, _first_line(error))
