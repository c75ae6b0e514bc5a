"""Each piece of the bot's background work: made to end in each way, it is named everywhere, and goes on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest

from bot import console
from bot.delivery.schedule import Schedule, StandstillError
from bot.settings import Settings, load_settings
from tests.support.desk import Desk, a_desk
from tests.support.scrape import samples


async def _raises() -> None:
    raise sqlite3.OperationalError("database is locked")


async def _returns() -> None:
    return


async def _is_cancelled() -> None:
    raise asyncio.CancelledError


ENDS: dict[Callable[[], Awaitable[None]], str] = {
    _raises: "OperationalError: database is locked",
    _returns: "it returned",
    _is_cancelled: "it was cancelled",
}
WORK = {
    "courier": ("_courier", "run"),
    "duty": ("", "_stand_by"),
    "watcher": ("", "_watch"),
    "scheduler": ("_schedule", "run"),
    "requests": ("requests", "run"),
}
"""What is kept, and where the newsroom has it from."""
JOBS = {
    "plan": ("", "_plan_by_the_clock"),
    "crosspost": ("_crossposter", "work_off"),
    "report what was refused": ("_reporter", "work_off"),
    "forget what is old": ("", "_tidy"),
    "compare the folder": ("", "_load_quietly"),
    "heartbeat": ("", "_beat"),
}
"""What the schedule does again and again."""


async def _until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def _at_work(place: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    monkeypatch.setattr("bot.newsroom._HEARTBEAT_SECONDS", 0.3)
    monkeypatch.setattr("bot.newsroom._TIDY_SECONDS", 0.5)
    async with a_desk(place, tick_seconds=0.5, rescan_seconds=1) as desk:
        desk.newsroom.supervisor._pauses, desk.newsroom.supervisor._steady = (0.05,), 0.05
        try:
            yield desk
        finally:
            await desk.newsroom.stop()


def _spoil(
    desk: Desk, where: tuple[str, str], end: Callable[[], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """Let this work end so each time, until the function that this gives is called."""
    part = getattr(desk.newsroom, where[0]) if where[0] else desk.newsroom
    whole, is_spoiled = getattr(part, where[1]), True

    async def spoiled(*args: Any, **options: Any) -> Any:
        return await (end() if is_spoiled else whole(*args, **options))

    def mend() -> None:
        nonlocal is_spoiled
        is_spoiled = False

    monkeypatch.setattr(part, where[1], spoiled)
    return mend


def _failures(desk: Desk, name: str) -> float:
    return samples(desk.metrics.text().decode())[f'newsdesk_task_failures_total{{task="{name}"}}']


async def _delivers(desk: Desk) -> None:
    """What its work is: a new card comes to its channel by itself."""
    await desk.store.subscriptions.add(guild_id=1, channel_id=2, created_by=7, now=desk.clock())
    desk.clock.move(seconds=1)
    desk.write("one")
    await _until(lambda: desk.channels.titles)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", WORK)
async def test_work_that_ends_is_named_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, end: Callable[[], Awaitable[None]]
) -> None:
    async with _at_work(tmp_path, monkeypatch) as desk:
        mend = _spoil(desk, WORK[name], end, monkeypatch)
        desk.newsroom.start()
        await _until(lambda: name in desk.newsroom.troubles())
        assert desk.newsroom.troubles()[name].endswith(ENDS[end])
        await _until(lambda: _failures(desk, name) >= 2)
        mend()
        await _until(lambda: not desk.newsroom.troubles())
        await _delivers(desk)


@pytest.mark.parametrize("name", JOBS)
async def test_a_job_that_fails_is_named_until_it_goes_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with _at_work(tmp_path, monkeypatch) as desk:
        mend = _spoil(desk, JOBS[name], _raises, monkeypatch)
        desk.newsroom.start()
        await _until(lambda: name in desk.newsroom.troubles())
        assert desk.newsroom.troubles()[name].endswith(ENDS[_raises])
        assert _failures(desk, name) >= 1
        mend()
        await _until(lambda: not desk.newsroom.troubles())
        await _delivers(desk)


async def test_nothing_that_runs_is_without_a_keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that is made past the supervisor is missing in the two tables above, and would end unseen."""
    async with _at_work(tmp_path, monkeypatch) as desk:
        before = asyncio.all_tasks()
        desk.newsroom.start()
        await _until(lambda: desk.newsroom.on_duty and desk.newsroom.supervisor.is_running("courier"))
        await asyncio.sleep(0.3)
        names = {task.get_name() for task in asyncio.all_tasks() - before}
        passing = {"taking over", "hold on to channels", "second look", "requests of this process"}
        assert {name for name in names if not name.startswith("Task-")} <= WORK.keys() | passing
        assert desk.newsroom._schedule._jobs.keys() == JOBS.keys()


async def test_a_courier_whose_channel_breaks_serves_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that gets past the boundary of a channel ends the courier and all its channels' tasks with it."""
    async with _at_work(tmp_path, monkeypatch) as desk:
        courier, fails = desk.newsroom._courier, 2
        serve = courier._serve

        async def broken(*args: Any) -> None:
            nonlocal fails
            if fails:
                fails -= 1
                raise RuntimeError("past the boundary")
            await serve(*args)

        monkeypatch.setattr(courier, "_serve", broken)
        desk.newsroom.start()
        await _until(lambda: desk.newsroom.supervisor.is_running("courier"))
        await _delivers(desk)
        assert not fails


def _settings(place: Path) -> Settings:
    return load_settings(_env_file=None, database_url=f"sqlite+aiosqlite:///{place / 'test.db'}")


@pytest.mark.sqlite("the address of its file")
async def test_health_says_why_not_and_what_it_saw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _at_work(tmp_path, monkeypatch) as desk:

        async def look() -> tuple[bool, str]:
            return await console.pulse(_settings(tmp_path), desk.clock())

        well, seen = await look()
        assert (well, seen.startswith("Not at work: no bot has ever noted itself")) == (False, True)
        mend = _spoil(desk, WORK["courier"], _raises, monkeypatch)
        desk.newsroom.start()
        await _until(lambda: "courier" in desk.newsroom.troubles())
        async with asyncio.timeout(30):
            while "courier" not in (seen := (await look())[1]):
                await asyncio.sleep(0.05)
        assert seen.startswith("Not well: courier: ended at 12:00:00 UTC, and is started again: OperationalError")
        desk.folder.rmdir()
        async with asyncio.timeout(30):
            while "does not exist" not in (seen := (await look())[1]):
                await asyncio.sleep(0.05)
        assert "loads: The folder of cards" in seen
        desk.folder.mkdir()
        mend()
        async with asyncio.timeout(30):
            while not (await look())[0]:
                await asyncio.sleep(0.05)
        assert (await look())[1] == "At work: the last heartbeat came 0 seconds ago, and nothing is wrong."
    desk.clock.move(minutes=14)
    well, seen = await look()
    assert (well, seen) == (
        False, "Not at work: the last heartbeat came 14 minutes ago. Its log says why it ended or hangs."
    )  # fmt: skip


async def test_what_ended_in_order_or_long_ago_has_no_troubles(tmp_path: Path) -> None:
    async with a_desk(tmp_path) as desk:
        health = desk.store.health
        await health.beat("a:1", desk.clock(), {"courier": "ended"})
        await health.beat("b:2", desk.clock(), {})
        assert (await health.pulse(desk.clock())).troubles == {"a:1": {"courier": "ended"}, "b:2": {}}
        await health.leave("a:1")
        assert (await health.pulse(desk.clock())).troubles == {"b:2": {}}
        desk.clock.move(minutes=4)
        assert (await health.pulse(desk.clock())).troubles == {}
        await health.beat("c:3", desk.clock(), {})
        assert await desk.store.meta.get("process:b:2") is None


class _SetBack(datetime):
    """The scheduler's clock, an hour behind once it is told so."""

    behind = timedelta(0)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) - cls.behind


async def test_a_clock_that_is_set_back_ends_the_scheduler_which_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("schedulers.base", "triggers.interval"):
        monkeypatch.setattr(f"apscheduler.{module}.datetime", _SetBack)
    monkeypatch.setattr(_SetBack, "behind", timedelta(0))
    schedule, runs = Schedule(pulse=0.05), 0

    async def count() -> None:
        nonlocal runs
        runs += 1

    schedule.every(0.05, count, "count")
    running = asyncio.create_task(schedule.run())
    await _until(lambda: runs >= 2)
    _SetBack.behind = timedelta(hours=1)
    with pytest.raises(StandstillError, match="clock may have been set back"):
        await running
    before = runs
    running = asyncio.create_task(schedule.run())
    await _until(lambda: runs > before)
    running.cancel()
    await asyncio.wait({running})
