"""Work that is kept: it ends in every way there is, is started again, counted, and named while it is down."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest

from bot.metrics import Metrics
from bot.supervisor import Supervisor, finish_step
from tests.support.polling import wait_until
from tests.support.scrape import parse_samples

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


async def _raises() -> None:
    raise RuntimeError("a defect")


async def _raises_group() -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_raises())


async def _raises_in_sql() -> None:
    with sqlite3.connect(":memory:") as connection:
        connection.execute("SELECT * FROM elsewhere")


async def _returns() -> None:
    await asyncio.sleep(0)


async def _returns_at_once() -> None:
    """Not even one turn of the loop."""


async def _is_cancelled() -> None:
    task = asyncio.current_task()
    assert task
    task.cancel()
    await asyncio.sleep(0)


async def _raises_cancelled() -> None:
    raise asyncio.CancelledError


async def _awaits_what_is_cancelled() -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def _times_out() -> None:
    async with asyncio.timeout(0):
        await asyncio.sleep(1)


async def _exhausts() -> None:
    async for _ in _yield_nothing():
        pass


async def _yield_nothing() -> AsyncIterator[int]:
    numbers: tuple[int, ...] = ()
    for number in numbers:
        yield number


class _OddError(BaseException):
    """Neither an `Exception` nor one of asyncio's."""


async def _raises_oddly() -> None:
    raise _OddError("odd")


async def _raises_without_words() -> None:
    raise OSError


def _fails_to_begin() -> Awaitable[None]:
    raise ValueError("no coroutine at all")


ENDS: dict[Callable[[], Awaitable[None]], str] = {
    _raises: "RuntimeError: a defect",
    _raises_group: "RuntimeError: a defect",
    _raises_in_sql: "OperationalError: no such table: elsewhere",
    _returns: "it returned",
    _returns_at_once: "it returned",
    _is_cancelled: "it was cancelled",
    _raises_cancelled: "it was cancelled",
    _awaits_what_is_cancelled: "it was cancelled",
    _times_out: "TimeoutError",
    _exhausts: "it returned",
    _raises_oddly: "_OddError: odd",
    _raises_without_words: "OSError",
    _fails_to_begin: "ValueError: no coroutine at all",
}


class SupervisorHarness:
    """A supervisor whose pauses end when the test says so."""

    def __init__(self, steady: float = 1000) -> None:
        self.metrics = Metrics()
        self.supervisor = Supervisor(lambda: NOW, self.metrics, pauses=(0.01, 0.02), steady=steady)
        self.starts = 0

    def count_failures(self, name: str) -> float:
        return parse_samples(self.metrics.render_text().decode())[f'newsdesk_task_failures_total{{task="{name}"}}']


@pytest.mark.parametrize("end", ENDS)
async def test_however_it_ends_it_is_started_again_counted_and_named(end: Callable[[], Awaitable[None]]) -> None:
    watched, well = SupervisorHarness(steady=0.05), asyncio.Event()

    async def work() -> None:
        watched.starts += 1
        if watched.starts < 3:
            await end()
            return
        await well.wait()

    def begin() -> Awaitable[None]:
        if end is _fails_to_begin and watched.starts < 2:
            watched.starts += 1
            return end()
        return work()

    watched.supervisor.keep_running("courier", begin)
    assert watched.count_failures("courier") == 0
    assert watched.supervisor.is_running("courier")
    await wait_until(lambda: watched.supervisor.find_problems())
    assert watched.supervisor.find_problems() == {
        "courier": f"ended at 12:00:00 UTC, and is started again: {ENDS[end]}"
    }
    assert not watched.supervisor.is_running("courier")
    await wait_until(lambda: watched.starts == 3)
    assert watched.count_failures("courier") == 2
    await wait_until(lambda: not watched.supervisor.find_problems())
    assert watched.supervisor.is_running("courier")
    assert await watched.supervisor.stop(5) == []


async def test_one_that_ends_again_and_again_stays_named() -> None:
    watched = SupervisorHarness()
    watched.supervisor.keep_running("courier", _raises)
    await wait_until(lambda: watched.count_failures("courier") >= 5)
    for _ in range(20):
        assert "courier" in watched.supervisor.find_problems()
        await asyncio.sleep(0.002)
    await watched.supervisor.stop(5)


async def test_the_others_go_on() -> None:
    watched, beats = SupervisorHarness(), 0

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0)

    watched.supervisor.keep_running("courier", _raises)
    watched.supervisor.keep_running("watcher", beat)
    await wait_until(lambda: watched.count_failures("courier") >= 3)
    assert watched.count_failures("watcher") == 0
    before = beats
    await wait_until(lambda: beats > before)
    await watched.supervisor.stop(5)


async def test_the_traceback_comes_once_and_the_line_each_time(caplog: pytest.LogCaptureFixture) -> None:
    watched = SupervisorHarness()
    with caplog.at_level(logging.ERROR, "bot.supervisor"):
        watched.supervisor.keep_running("courier", _raises)
        await wait_until(lambda: watched.count_failures("courier") >= 4)
        await watched.supervisor.stop(5)
    lines = [record for record in caplog.records if "The courier ended" in record.message]
    assert len(lines) >= 4
    assert [record.exc_info is not None for record in lines] == [True] + [False] * (len(lines) - 1)


async def test_kept_twice_it_runs_once_and_dropped_it_is_not_started_again() -> None:
    watched, ended = SupervisorHarness(), asyncio.Event()

    async def work() -> None:
        watched.starts += 1
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    for _ in range(3):
        watched.supervisor.keep_running("courier", work)
    await wait_until(lambda: watched.starts)
    watched.supervisor.drop_task("courier")
    await ended.wait()
    await asyncio.sleep(0.05)
    assert (watched.starts, watched.supervisor.find_problems(), watched.count_failures("courier")) == (1, {}, 0)


async def test_dropped_and_kept_again_it_begins_when_the_first_one_has_ended() -> None:
    watched, order = SupervisorHarness(), []

    async def work() -> None:
        order.append("begins")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.02)
            order.append("ends")

    watched.supervisor.keep_running("courier", work)
    await wait_until(lambda: order)
    watched.supervisor.drop_task("courier")
    watched.supervisor.keep_running("courier", work)
    await wait_until(lambda: len(order) == 3)
    assert order == ["begins", "ends", "begins"]
    await watched.supervisor.stop(5)


async def test_what_ends_once_the_program_stops_is_no_failure() -> None:
    watched, stop = SupervisorHarness(), asyncio.Event()
    watched.supervisor.keep_running("courier", stop.wait)
    await asyncio.sleep(0)
    watched.supervisor.stop_restarting()
    stop.set()
    await asyncio.sleep(0.05)
    assert watched.count_failures("courier") == 0
    assert await watched.supervisor.stop(5) == []


async def test_one_that_does_not_end_is_named_and_holds_nobody_up() -> None:
    watched, release, started = SupervisorHarness(), asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        while not release.is_set():
            try:
                started.set()
                await release.wait()
            except asyncio.CancelledError:
                continue

    watched.supervisor.keep_running("courier", stubborn)
    await started.wait()
    assert await watched.supervisor.stop(0.05) == ["courier"]
    release.set()
    await wait_until(lambda: not watched.supervisor._single)


async def test_a_job_that_fails_is_named_until_it_goes_well() -> None:
    watched, fails = SupervisorHarness(), [True, True, False]

    async def job() -> None:
        if fails.pop(0):
            raise RuntimeError("the plan broke")

    run = watched.supervisor.watch_job("plan", job)
    assert watched.count_failures("plan") == 0
    for count in (1, 2):
        await run()
        assert watched.supervisor.find_problems() == {"plan": "failed at 12:00:00 UTC: RuntimeError: the plan broke"}
        assert watched.count_failures("plan") == count
    await run()
    assert watched.supervisor.find_problems() == {}


async def test_what_is_done_once_is_counted_and_not_named_for_ever() -> None:
    watched = SupervisorHarness()
    watched.supervisor.spawn_once("first pull", _raises)
    await wait_until(lambda: watched.count_failures("first pull"))
    assert watched.supervisor.find_problems() == {}


async def test_a_step_that_fails_or_hangs_is_told_and_the_next_one_comes(caplog: pytest.LogCaptureFixture) -> None:
    await finish_step("The first step", _raises, 5)
    await finish_step("The second step", asyncio.Event().wait, 0.01)
    await finish_step("The third step", _is_cancelled, 5)
    await finish_step("The fourth step", _returns, 5)
    assert [record.message for record in caplog.records if record.name == "bot.supervisor"] == [
        "The first step failed: RuntimeError: a defect",
        "The second step took longer than 0.01 s and was cut short",
    ]
