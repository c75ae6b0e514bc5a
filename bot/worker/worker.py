"""The background work: leader election, schedule, watcher, git pulls, heartbeat, and warnings to the owners."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from bot.delivery.scheduler import Scheduler
from bot.delivery.shared_pace import SharedPace
from bot.errors import NewsdeskError
from bot.settings import Settings
from bot.sources.feeds.feed_list import FeedList
from bot.sources.feeds.feed_service import FeedService
from bot.sources.git_pull import GitCheckouts
from bot.sources.loader import LoadReport
from bot.sources.parallel_reader import start_warm_reader
from bot.sources.watch import watch_changes, watch_file
from bot.store import Store
from bot.store.health import HEARTBEAT, STILL_FOR, process_name
from bot.store.leader import LeaderState
from bot.store.sources.unused_cards import Retention
from bot.supervisor import Supervisor, finish_step
from bot.worker.pipeline import Pipeline
from bot.worker.requests import RequestKind, RequestWorker
from bot.worker.search_index import merge_search_index, rebuild_search_index

_log = logging.getLogger(__name__)

_HEARTBEAT_SECONDS = 30
_COURIER, _SCHEDULER = "courier", "scheduler"
_LAST_CALLS = 5.5
"""Timeout in seconds for stopping the courier; its in-flight calls get 5 of them."""
_LAST_STEPS = 1.0
"""Timeout in seconds for stopping the remaining tasks at shutdown."""
_TIDY_SECONDS = 3600
_RETENTION_TICKS = 4
"""Ticks between two looks for old posts, which read all subscriptions."""
_ELECTION_SECONDS = 1.0
"""Seconds between two checks for leadership."""
_PLAN_DELAY = 2.0
"""Seconds in which cards from feeds and programs are collected for one plan."""
_RECOUNT_SECONDS = 60
"""Seconds between two counts of topics and publishers after such cards: each reads all cards."""
_MERGE_SECONDS = 600
"""Seconds between two merges of the search index, which find a segment for each write in between."""
_SOONEST_LOOK = 0.2
"""Minimum delay in seconds: a timer may fire slightly before the clock says that the work is due."""


class Worker:
    """Drive the pipeline in the background.

    Of the processes that share a store, the leader loads and plans. All of them deliver; with SQLite only the leader.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        pipeline: Pipeline,
        feeds: FeedService,
        clock: Callable[[], datetime],
        supervisor: Supervisor,
    ) -> None:
        self._settings = settings
        self._store = store
        self._pipeline = pipeline
        self._feeds = feeds
        self._clock = clock
        self.supervisor = supervisor
        self._checkouts = GitCheckouts(settings.cards)
        self._schedule = Scheduler()
        self._heartbeat_at: datetime | None = None
        self._next_look: asyncio.TimerHandle | None = None
        self._plans_soon = False
        self._needs_recount = False
        self._retention = Retention(
            timedelta(days=settings.feed_card_days), timedelta(days=settings.unfollowed_feed_days)
        )
        feeds.poller.on_changed = self.plan_soon
        self.feed_list_error = ""
        """Why the operator's list of feeds could not be read the last time; empty if it could."""
        self.is_leader = False
        """Whether this process is the leader."""
        handlers = {
            RequestKind.ACCEPT_WITHDRAWALS: self._accept_withdrawals,
            RequestKind.WRITE_BACK: self._write_back_card,
        }
        self.requests = RequestWorker(store, clock, handlers)
        pipeline.requests.on_added = self._process_own_requests
        self.warn_owners: Callable[[int, set[int]], Awaitable[bool]] | None = None
        """Called when a load holds withdrawals back, with their number and the ids of the owners already warned.

        Adds the owners that it warns to the set, and returns whether all owners know. Until then, each load retries.
        """
        self.set_pace: Callable[[int], Awaitable[None]] | None = None
        """Called with how many requests a second this process may send, where several couriers share a store."""
        self._shared_pace: SharedPace | None = None
        self._warning = asyncio.Lock()
        self._warned: set[int] | None = set()
        """Ids of the owners warned about the current withdrawals; None when all have been."""

    async def load_cards(self, *, accept_withdrawals: bool = False) -> LoadReport:
        """Load and plan, publish the state, schedule a second look, and warn the owners of withheld withdrawals.

        See `Pipeline.load_sources` for errors.
        """
        try:
            report = await self._pipeline.load_sources(accept_withdrawals=accept_withdrawals)
        finally:
            await self._store_state_safely()
        self._schedule_second_look(report.look_at)
        if not report.held_back:
            self._warned = set()
        await self._pipeline.plan_loaded_cards()
        if report.held_back and self._warned is not None:
            contextvars.Context().run(self.supervisor.spawn_once, "warning to the owners", self._warn_owners)
        return report

    async def _warn_owners(self) -> None:
        """Warn the owners, one call at a time. Runs as a task, so that loads do not wait for Discord."""
        async with self._warning:
            warned = self._warned  # the next load may replace the set while Discord answers
            if warned is not None and self.warn_owners and await self.warn_owners(self._pipeline.held_back, warned):
                self._warned = None

    def _schedule_second_look(self, at: datetime | None) -> None:
        """Schedule a load at `at`, if that is before the next rescan."""
        # Each load sees all missing files, so the newest one alone says when to look again.
        if self._next_look:
            self._next_look.cancel()
            self._next_look = None
        if at and self.is_leader:
            delay = max((at - self._clock()).total_seconds(), _SOONEST_LOOK)
            if delay < self._pipeline.loader.interval.total_seconds():
                loop = asyncio.get_running_loop()
                self._next_look = loop.call_later(delay, self._start_look, context=contextvars.Context())

    def _start_look(self) -> None:
        self._next_look = None
        self.supervisor.spawn_once("second look", self._load_in_background)

    def plan_soon(self) -> None:
        """Plan within seconds what follows from cards that came in other ways than a load; many calls make one plan.

        If the process dies first, the next leader's first plan finds the cards.
        """
        if not self._plans_soon:
            self._plans_soon = True
            contextvars.Context().run(self.supervisor.spawn_once, "plan of posted cards", self._plan_posted_cards)

    async def _plan_posted_cards(self) -> None:
        await asyncio.sleep(_PLAN_DELAY)
        self._plans_soon = False
        self._needs_recount = True
        await self._pipeline.plan_loaded_cards()

    def _process_own_requests(self) -> None:
        """Handle a request of this process at once if it is the leader, without waiting for the next poll."""
        if self.is_leader:
            self.supervisor.spawn_once("requests of this process", self.requests.process_waiting)

    async def _accept_withdrawals(self, _payload: Mapping[str, Any]) -> dict[str, Any]:
        return {"withdrawn": (await self.load_cards(accept_withdrawals=True)).withdrawn}

    async def _write_back_card(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Write `published` into the card's own file. Raises `UserError` if that cannot be done safely."""
        await self._pipeline.loader.write_back_card(payload["card_id"], payload["published"])
        contextvars.Context().run(self.supervisor.spawn_once, "load after write-back", self._load_in_background)
        return {}

    async def store_state(self) -> None:
        """Publish the leader's state for the gateway processes; no-op unless this process is the leader."""
        if self.is_leader:
            state = LeaderState(
                noted_at=self._clock(),
                writes_back=self._settings.write_back,
                loaded_at=self._pipeline.loaded_at,
                load=self._pipeline.load_counts,
                load_trouble=self._pipeline.last_load_error,
                held_back=self._pipeline.held_back,
                duplicates_prevented=self._pipeline.duplicates_prevented,
            )
            await self._store.leader.store_state(state)

    async def _store_state_safely(self) -> None:
        """Call `store_state`, and only log a failure: what failed before it reports the trouble with the store."""
        try:
            await self.store_state()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next heartbeat retries
            _log.warning("Could not store the leader's state: %s", error)

    async def _delete_old_rows(self) -> None:
        """Delete expired listings, requests, answers of the HTTP intake, and so on."""
        await self._store.list_requests.delete_old(self._clock())
        await self._store.cards.follows.delete_unused(self._clock(), self._retention)
        await self._store.requests.delete_old(self._clock())
        await self._store.intake.delete_old(self._clock())
        await self._store.moderation.submissions.delete_old(self._clock())
        await self._store.cards.stories.delete_old(self._clock())

    async def _assign_stories(self) -> None:
        """Give the cards that plans have left, after a large load, their stories; then plan them."""
        told, start = 0, monotonic()
        while self.is_leader and (count := await self._store.cards.stories.assign_pending()):
            told += count
            # As long as the batch took: half of the time belongs to other writers.
            await asyncio.sleep(monotonic() - start)
            start = monotonic()
        if told:
            await self._pipeline.plan_deliveries()

    async def _rebuild_search_index(self) -> None:
        await rebuild_search_index(self._store.cards.index_rebuild, lambda: self.is_leader)

    async def _merge_search_index(self) -> None:
        await merge_search_index(self._store.cards.index_merge, lambda: self.is_leader)

    async def _run_scheduled_plan(self) -> None:
        await self._pipeline.plan_deliveries()
        await self._store.health.checkpoint()

    def start(self) -> None:
        """Start the background work, in a fresh context so that logs are not attributed to an interaction."""
        contextvars.Context().run(self._start_tasks)

    def _start_tasks(self) -> None:
        # Couriers of a server lease their channels; a file has no leases, so there only the leader delivers.
        if self._store.leader.is_shared:
            if self.set_pace and not self._settings.rate_share:
                leases = self._store.outbox.courier_leases
                self._shared_pace = SharedPace(leases, self._settings.pace, self.set_pace)
                self.supervisor.keep_running("pace", self._shared_pace.run)
            self.supervisor.keep_running(_COURIER, self._pipeline.courier.run)
        self.supervisor.keep_running("leader election", self._acquire_leadership)
        self.supervisor.keep_running("requests", lambda: self.requests.run_requests(lambda: self.is_leader))
        self.supervisor.keep_running("feeds", lambda: self._feeds.poller.run_polling(lambda: self.is_leader))
        self._schedule_leader_job(_RECOUNT_SECONDS, self._recount_names, "recount of names")
        if self._settings.watch:
            self.supervisor.keep_running("watcher", self._watch_folders)
        if self._feeds.feed_list:
            self._start_feed_list(self._feeds.feed_list)
        self._schedule_leader_job(self._settings.tick_seconds, self._run_scheduled_plan, "plan")
        self._schedule_leader_job(self._settings.tick_seconds, self._assign_stories, "stories")
        self._schedule_leader_job(self._settings.tick_seconds, self._pipeline.crossposter.crosspost_due, "crosspost")
        self._schedule_leader_job(self._settings.tick_seconds, self._pipeline.thread_starter.start_due, "threads")
        self._schedule_leader_job(
            _RETENTION_TICKS * self._settings.tick_seconds, self._pipeline.post_retention.delete_expired, "old posts"
        )
        self._schedule_leader_job(
            self._settings.tick_seconds, self._pipeline.refusal_reporter.report_due, "report refused cards"
        )
        self._schedule_leader_job(
            self._settings.tick_seconds, self._pipeline.feed_reporter.report_due, "report trouble of feeds"
        )
        self._schedule_leader_job(
            self._settings.tick_seconds, self._pipeline.submission_reporter.report_due, "report decisions on links"
        )
        self._schedule_leader_job(self._pipeline.loader.interval.total_seconds(), self._load_in_background, "rescan")
        self._schedule_leader_job(_TIDY_SECONDS, self._delete_old_rows, "delete old rows")
        self._schedule_leader_job(self._settings.tick_seconds, self._rebuild_search_index, "search index")
        self._schedule_leader_job(_MERGE_SECONDS, self._merge_search_index, "merge of search index")
        if self._settings.cards_git_pull:
            self._schedule_leader_job(self._settings.cards_git_pull, self._pull_checkouts, "git pull")
        self._schedule.add_interval_job(
            _HEARTBEAT_SECONDS, self.supervisor.watch_job(HEARTBEAT, self._write_heartbeat), HEARTBEAT
        )
        self._heartbeat_at = self._clock()
        self.supervisor.keep_running(_SCHEDULER, self._schedule.run)

    def _start_feed_list(self, feed_list: FeedList) -> None:
        self._schedule_leader_job(self._settings.rescan_seconds, self._apply_feed_list, "list of feeds")
        if self._settings.watch:
            self.supervisor.keep_running("watcher of the list of feeds", lambda: self._watch_feed_list(feed_list.path))

    def _schedule_leader_job(self, seconds: float, job: Callable[[], Awaitable[object]], name: str) -> None:
        """Schedule a periodic job that only runs while this process is the leader."""

        async def run_if_leader() -> None:
            if self.is_leader:
                await job()

        self._schedule.add_interval_job(seconds, self.supervisor.watch_job(name, run_if_leader), name)

    def _on_notify(self) -> None:
        """Handle a notification that another process has written to the store."""
        self._pipeline.courier.wake()
        self.requests.wake()

    async def _acquire_leadership(self) -> None:
        """Acquire leadership as soon as it is free, and hold it until cancelled; then another process may take it."""
        try:
            async with self._store.leader.leader_lock(self._on_notify) as lock:
                was_leader: bool | None = None
                while True:
                    # Also while leading: a database server that restarts forgets who held the lock.
                    self.is_leader = await lock.try_acquire()
                    if self.is_leader is not was_leader:
                        was_leader = self.is_leader
                        _log.info("Acquired leadership" if was_leader else "Another process is the leader; standing by")
                        if was_leader:
                            self.supervisor.spawn_once("taking over", self._take_over_leadership)
                    await asyncio.sleep(_ELECTION_SECONDS)
        finally:
            self.is_leader = False
            if not self._store.leader.is_shared:
                self.supervisor.drop_task(_COURIER)

    async def _take_over_leadership(self) -> None:
        """After acquiring leadership: load first, then plan, since both may be stale."""
        if not self._store.leader.is_shared:
            self.supervisor.keep_running(_COURIER, self._pipeline.courier.run)
        await self._store_state_safely()
        if self._settings.cards_git_pull:
            self.supervisor.spawn_once("first pull", self._pull_checkouts)
        await self._apply_feed_list()
        await self._load_in_background()
        await self._run_scheduled_plan()

    async def stop(self) -> None:
        """Stop the background work, after waiting some seconds for in-flight calls to finish and be recorded."""
        was_started, self._heartbeat_at = self._heartbeat_at, None
        self.supervisor.stop_restarting()
        self.supervisor.drop_task(_SCHEDULER)
        self._schedule_second_look(None)
        # The courier first: a post whose result is not recorded has to be searched for at the next start.
        await asyncio.gather(
            finish_step("Finishing calls in flight", self._pipeline.courier.stop, _LAST_CALLS),
            finish_step("Finishing the look at feeds", self._feeds.poller.stop, _LAST_CALLS),
        )
        if abandoned := await self.supervisor.stop(_LAST_STEPS):
            _log.warning("Not stopped within %g s, abandoned: %s", _LAST_STEPS, ", ".join(abandoned))
        if self._shared_pace:
            await finish_step("Giving up the pace", self._shared_pace.release, _LAST_STEPS)
        if was_started:
            await finish_step(
                "Deleting the heartbeat", lambda: self._store.health.delete_heartbeat(process_name()), _LAST_STEPS
            )

    def find_problems(self) -> dict[str, str]:
        """Current problems of the background work: name of the part to description. Empty if all is well."""
        if self._heartbeat_at is None:
            return {_SCHEDULER: "the scheduler does not run"}
        problems = self.supervisor.find_problems()
        if self._clock() - self._heartbeat_at > STILL_FOR:
            problems.setdefault(_SCHEDULER, f"the scheduler has run no job since {self._heartbeat_at:%H:%M:%S} UTC")
        if self._pipeline.last_load_error:
            problems["loads"] = self._pipeline.last_load_error
        if self.feed_list_error:
            problems["feed list"] = self.feed_list_error
        return problems

    async def _write_heartbeat(self) -> None:
        # Noted before the store is written: a locked database is not a scheduler that hangs.
        self._heartbeat_at = self._clock()
        await self._store.health.write_heartbeat(process_name(), self._clock(), self.find_problems())
        await self.store_state()

    async def _watch_folders(self) -> None:
        async for _ in watch_changes(*(folder.root for folder in self._pipeline.loader.folders)):
            if self.is_leader:
                await self._load_in_background()

    async def _watch_feed_list(self, path: Path) -> None:
        async for _ in watch_file(path):
            if self.is_leader:
                await self._apply_feed_list()

    async def _apply_feed_list(self) -> None:
        """Follow the operator's list of feeds. If it cannot be read, the feeds stay as they are."""
        if self._feeds.feed_list is None:
            return
        try:
            changes = await self._feeds.feed_list.apply_changes()
        except NewsdeskError as error:
            if str(error) != self.feed_list_error:
                _log.error("%s", error)
            self.feed_list_error = str(error)
            return
        self.feed_list_error = ""
        if changes:
            _log.info("Feeds: %s added, %s resumed, %s paused", changes.added, changes.resumed, changes.paused)

    async def _recount_names(self) -> None:
        """Count topics and publishers if cards came in other ways than a load, which does so by itself."""
        if self._needs_recount:
            self._needs_recount = False
            await self._store.cards.importer.recount_names()

    async def _pull_checkouts(self) -> None:
        """Pull the checkouts, then load. Loads are locked out meanwhile: half a checkout looks like deleted cards."""
        checkouts = await self._checkouts.pull_all(self._pipeline.loader.load_lock)
        for folder in self._pipeline.loader.folders:
            if folder.root in checkouts:
                folder.mark_settled()
        await self._load_in_background()

    async def _load_in_background(self) -> None:
        """Load in the background: log errors, but not the same one twice in a row; the next load retries."""
        before = self._pipeline.last_load_error
        try:
            await self.load_cards()
        except NewsdeskError as error:
            if str(error) != before:
                _log.error("%s", error)
        except Exception:  # noqa: BLE001 - a full disk must not stop the watcher for good
            _log.exception("Could not load the folder")
        else:
            if before:
                _log.info("Loading the folder works again")
            start_warm_reader()
