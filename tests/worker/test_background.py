"""Each piece of the bot's background work: made to end in each way, it is named everywhere, and goes on."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, tzinfo
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest

from bot.cli.health import read_health
from bot.delivery.scheduler import Scheduler, StandstillError
from bot.settings import Settings, load_settings
from tests.support.polling import PATIENCE, wait_until
from tests.support.scrape import parse_samples
from tests.support.worker import WorkerHarness, open_harness


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
    "courier": ("pipeline.courier", "run"),
    "leader election": ("worker", "_acquire_leadership"),
    "watcher": ("worker", "_watch_folders"),
    "scheduler": ("worker._schedule", "run"),
    "requests": ("worker.requests", "run_requests"),
    "feeds": ("feeds.poller", "run_polling"),
}
"""What is kept running, and which part of the harness has it."""
JOBS = {
    "plan": ("worker", "_run_scheduled_plan"),
    "stories": ("worker", "_assign_stories"),
    "crosspost": ("pipeline.crossposter", "crosspost_due"),
    "threads": ("pipeline.thread_starter", "start_due"),
    "old posts": ("pipeline.post_retention", "delete_expired"),
    "report refused cards": ("pipeline.refusal_reporter", "report_due"),
    "report trouble of feeds": ("pipeline.feed_reporter", "report_due"),
    "report decisions on links": ("pipeline.submission_reporter", "report_due"),
    "search index": ("worker", "_rebuild_search_index"),
    "merge of search index": ("worker", "_merge_search_index"),
    "delete old rows": ("worker", "_delete_old_rows"),
    "rescan": ("worker", "_load_in_background"),
    "heartbeat": ("worker", "_write_heartbeat"),
    "recount of names": ("worker", "_recount_names"),
}
"""What the schedule does again and again."""


@asynccontextmanager
async def _run_harness(place: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[WorkerHarness]:
    monkeypatch.setattr("bot.worker.worker._HEARTBEAT_SECONDS", 0.3)
    monkeypatch.setattr("bot.worker.worker._TIDY_SECONDS", 0.5)
    monkeypatch.setattr("bot.worker.worker._RECOUNT_SECONDS", 0.5)
    monkeypatch.setattr("bot.worker.worker._MERGE_SECONDS", 0.5)
    monkeypatch.setattr("bot.worker.worker._RETENTION_TICKS", 1)
    async with open_harness(place, tick_seconds=0.5, rescan_seconds=1) as desk:
        desk.worker.supervisor._pauses, desk.worker.supervisor._steady = (0.05,), 0.05
        try:
            yield desk
        finally:
            await desk.worker.stop()


def _break_work(
    desk: WorkerHarness, where: tuple[str, str], end: Callable[[], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> Callable[[], None]:
    """Let this work end so each time, until the function that this gives is called."""
    part = attrgetter(where[0])(desk)
    whole, is_spoiled = getattr(part, where[1]), True

    async def spoiled(*args: Any, **options: Any) -> Any:
        return await (end() if is_spoiled else whole(*args, **options))

    def repair() -> None:
        nonlocal is_spoiled
        is_spoiled = False

    monkeypatch.setattr(part, where[1], spoiled)
    return repair


def _count_failures(desk: WorkerHarness, name: str) -> float:
    return parse_samples(desk.metrics.render_text().decode())[f'newsdesk_task_failures_total{{task="{name}"}}']


async def _assert_delivers(desk: WorkerHarness) -> None:
    """What its work is: a new card comes to its channel by itself."""
    await desk.store.subscriptions.add_subscription(guild_id=1, channel_id=2, created_by=7, now=desk.clock())
    desk.clock.advance(seconds=1)
    desk.write_card("a-card")
    await wait_until(lambda: desk.channels.titles, within=60)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("name", WORK)
async def test_work_that_ends_is_named_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, end: Callable[[], Awaitable[None]]
) -> None:
    async with _run_harness(tmp_path, monkeypatch) as desk:
        repair = _break_work(desk, WORK[name], end, monkeypatch)
        desk.worker.start()
        await wait_until(lambda: name in desk.worker.find_problems())
        assert desk.worker.find_problems()[name].endswith(ENDS[end])
        await wait_until(lambda: _count_failures(desk, name) >= 2)
        repair()
        await wait_until(lambda: not desk.worker.find_problems())
        await _assert_delivers(desk)


@pytest.mark.parametrize("name", JOBS)
async def test_a_job_that_fails_is_named_until_it_goes_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    async with _run_harness(tmp_path, monkeypatch) as desk:
        repair = _break_work(desk, JOBS[name], _raises, monkeypatch)
        desk.worker.start()
        await wait_until(lambda: name in desk.worker.find_problems())
        assert desk.worker.find_problems()[name].endswith(ENDS[_raises])
        assert _count_failures(desk, name) >= 1
        repair()
        await wait_until(lambda: not desk.worker.find_problems())
        await _assert_delivers(desk)


async def test_nothing_that_runs_is_without_a_keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that is made past the supervisor is missing in the two tables above, and would end unseen."""
    async with _run_harness(tmp_path, monkeypatch) as desk:
        before = asyncio.all_tasks()
        desk.worker.start()
        await wait_until(lambda: desk.worker.is_leader and desk.worker.supervisor.is_running("courier"))
        await asyncio.sleep(0.3)
        names = {task.get_name() for task in asyncio.all_tasks() - before}
        passing = {"taking over", "lease renewal", "second look", "requests of this process"}
        assert {name for name in names if not name.startswith("Task-")} <= WORK.keys() | passing
        assert desk.worker._schedule._jobs.keys() == JOBS.keys()


async def test_a_courier_whose_channel_breaks_serves_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that gets past the boundary of a channel ends the courier and all its channels' tasks with it."""
    async with _run_harness(tmp_path, monkeypatch) as desk:
        courier, fails = desk.pipeline.courier, 2
        serve = courier._serve_channel

        async def broken(*args: Any) -> None:
            nonlocal fails
            if fails:
                fails -= 1
                raise RuntimeError("past the boundary")
            await serve(*args)

        monkeypatch.setattr(courier, "_serve_channel", broken)
        desk.worker.start()
        await wait_until(lambda: desk.worker.supervisor.is_running("courier"))
        await _assert_delivers(desk)
        assert not fails


def _make_settings(place: Path) -> Settings:
    return load_settings(_env_file=None, database_url=f"sqlite+aiosqlite:///{place / 'test.db'}")


@pytest.mark.sqlite("the address of its file")
async def test_health_says_why_not_and_what_it_saw(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _run_harness(tmp_path, monkeypatch) as desk:

        async def look() -> tuple[bool, str]:
            return await read_health(_make_settings(tmp_path), desk.clock())

        well, seen = await look()
        assert (well, seen.startswith("Not at work: no bot has ever noted itself")) == (False, True)
        repair = _break_work(desk, WORK["courier"], _raises, monkeypatch)
        desk.worker.start()
        await wait_until(lambda: "courier" in desk.worker.find_problems())
        async with asyncio.timeout(PATIENCE):
            while "courier" not in (seen := (await look())[1]):
                await asyncio.sleep(0.05)
        assert seen.startswith("Not well: courier: ended at 12:00:00 UTC, and is started again: OperationalError")
        desk.folder.rmdir()
        async with asyncio.timeout(PATIENCE):
            while "doesn't exist" not in (seen := (await look())[1]):
                await asyncio.sleep(0.05)
        assert "loads: The cards folder" in seen
        desk.folder.mkdir()
        repair()
        async with asyncio.timeout(PATIENCE):
            while not (await look())[0]:
                await asyncio.sleep(0.05)
        assert (await look())[1] == "At work: the last heartbeat came 0 seconds ago, and nothing is wrong."
    desk.clock.advance(minutes=14)
    well, seen = await look()
    assert (well, seen) == (
        False, "Not at work: the last heartbeat came 14 minutes ago. Its log says why it ended or hangs."
    )  # fmt: skip


async def test_what_ended_in_order_or_long_ago_has_no_troubles(tmp_path: Path) -> None:
    async with open_harness(tmp_path) as desk:
        health = desk.store.health
        await health.write_heartbeat("a:1", desk.clock(), {"courier": "ended"})
        await health.write_heartbeat("b:2", desk.clock(), {})
        assert (await health.read_heartbeats(desk.clock())).troubles == {"a:1": {"courier": "ended"}, "b:2": {}}
        await health.delete_heartbeat("a:1")
        assert (await health.read_heartbeats(desk.clock())).troubles == {"b:2": {}}
        desk.clock.advance(minutes=4)
        assert (await health.read_heartbeats(desk.clock())).troubles == {}
        await health.write_heartbeat("c:3", desk.clock(), {})
        assert await desk.store.key_values.get_value("process:b:2") is None


class _SetBack(datetime):
    """The scheduler's clock, an hour behind on command."""

    behind = timedelta(0)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return datetime.now(tz) - cls.behind


async def test_a_clock_that_is_set_back_ends_the_scheduler_which_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("schedulers.base", "triggers.interval"):
        monkeypatch.setattr(f"apscheduler.{module}.datetime", _SetBack)
    monkeypatch.setattr(_SetBack, "behind", timedelta(0))
    schedule, runs = Scheduler(pulse=0.05), 0

    async def count() -> None:
        nonlocal runs
        runs += 1

    schedule.add_interval_job(0.05, count, "count")
    running = asyncio.create_task(schedule.run())
    await wait_until(lambda: runs >= 2)
    _SetBack.behind = timedelta(hours=1)
    with pytest.raises(StandstillError, match="clock may have been set back"):
        await running
    before = runs
    running = asyncio.create_task(schedule.run())
    await wait_until(lambda: runs > before)
    running.cancel()
    await asyncio.wait({running})


async def test_posted_cards_are_planned_soon_and_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.worker.worker._PLAN_DELAY", 0.05)
    plans: list[None] = []

    async def plan() -> None:
        plans.append(None)

    async with open_harness(tmp_path) as desk:
        monkeypatch.setattr(desk.pipeline, "plan_loaded_cards", plan)
        for _ in range(2):
            for _ in range(3):
                desk.worker.plan_soon()
            await wait_until(lambda: bool(plans))
            assert len(plans) == 1
            plans.clear()
