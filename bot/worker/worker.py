"""The main pipeline: load files into the store, plan deliveries from its changes, deliver them to channels."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from bot.cards.model import Problem, Severity
from bot.delivery.courier import Courier
from bot.delivery.crossposter import Crossposter
from bot.delivery.gate import Gate
from bot.delivery.refusal_reporter import RefusalReporter
from bot.delivery.scheduler import Scheduler
from bot.delivery.sender import MessageSender
from bot.domain.subscription import Frequency, Subscription, SubscriptionOptions
from bot.errors import NewsdeskError
from bot.i18n import override_language
from bot.metrics import Metrics
from bot.render.privacy import digest_problem_text
from bot.render.subscriptions import trouble_text
from bot.settings import Settings
from bot.sources.git_pull import GitCheckouts
from bot.sources.loader import Loader, LoadReport
from bot.sources.watch import watch_changes
from bot.store import Store
from bot.store.health import HEARTBEAT, STILL_FOR
from bot.store.leader import LeaderState
from bot.supervisor import Supervisor, finish_step
from bot.worker.digest_planner import DigestPlanner, DigestReceipt
from bot.worker.requests import RequestKind, RequestWorker

_log = logging.getLogger(__name__)

_HEARTBEAT_SECONDS = 30
_COURIER, _SCHEDULER = "courier", "scheduler"
_LAST_CALLS = 5.5
"""Timeout in seconds for stopping the courier; its in-flight calls get 5 of them."""
_LAST_STEPS = 1.0
"""Timeout in seconds for stopping the remaining tasks at shutdown."""
_TIDY_SECONDS = 3600
_LOOK_SECONDS = 1.0
"""Seconds between two checks for leadership."""
_SOONEST_LOOK = 0.2
"""Minimum delay in seconds: a timer may fire slightly before the clock says that the work is due."""
_LINES = 20
"""Maximum number of new findings logged per load; `newsdesk check` lists all of them."""


class Worker:
    """Load, plan and deliver: in the background once started, or step by step."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        loader: Loader,
        sender: MessageSender,
        clock: Callable[[], datetime],
        metrics: Metrics | None = None,
        gate: Gate | None = None,
    ) -> None:
        gate = gate or Gate(clock)
        self._metrics = metrics or Metrics()
        self._settings = settings
        self._store = store
        self._loader = loader
        self._clock = clock
        self._sender = sender
        self.digest_planner = DigestPlanner(store, clock, settings.max_age, self._metrics, self._notify_of_rest)
        self._courier = Courier(store, sender, clock, self.digest_planner.catch_up_channel, self._metrics, gate)
        self._crossposter = Crossposter(store, sender, clock, gate)
        self._reporter = RefusalReporter(store, sender, clock, gate)
        self._checkouts = GitCheckouts(settings.cards)
        self._planning = asyncio.Lock()
        self._warning = asyncio.Lock()
        self._schedule = Scheduler()
        self.supervisor = Supervisor(clock, self._metrics)
        self._heartbeat_at: datetime | None = None
        self._next_look: asyncio.TimerHandle | None = None
        self._known_findings: frozenset[Problem] = frozenset()
        self.is_leader = False
        """Whether this process is the leader, which loads and plans. With SQLite, only the leader delivers."""
        self.held_back = 0
        """Number of withdrawals that the last load held back for confirmation."""
        self._loaded_at: datetime | None = None
        self._load_counts: Mapping[str, Any] = {}
        handlers = {
            RequestKind.ACCEPT_WITHDRAWALS: self._accept_withdrawals,
            RequestKind.WRITE_BACK: self._write_back_card,
        }
        self.requests = RequestWorker(store, clock, handlers)
        self.last_load_error = ""
        """Why the last load failed, as a sentence; empty if it succeeded."""
        self.warn_owners: Callable[[int, set[int]], Awaitable[bool]] | None = None
        """Called when a load holds withdrawals back, with their number and the ids of the owners already warned.

        Adds the owners that it warns to the set, and returns whether all owners know. Until then, each load retries.
        """
        self._warned: set[int] | None = set()
        """Ids of the owners warned about the current withdrawals; None when all have been."""

    async def load_cards(self, *, accept_withdrawals: bool = False, settled: Collection[Path] = ()) -> LoadReport:
        """Synchronize the store with the folder, then plan. Raises `UserError` if the folder does not exist.

        Nothing is changing files in the `settled` folders, so files missing there are gone without a second look.
        """
        before = self.held_back
        try:
            report = await self._load_folder(accept_withdrawals, settled)
        finally:
            await self._store_state_safely()
        self._log_report(report, was_held_back=bool(before))
        self._schedule_second_look(report.look_at)
        if not report.held_back:
            self._warned = set()
        await self._store.moderation.reviews.expire_old(self._clock(), self._settings.max_age)
        await self.plan_deliveries()
        if report.held_back and self._warned is not None:
            contextvars.Context().run(self.supervisor.spawn_once, "warning to the owners", self._warn_owners)
        return report

    async def _warn_owners(self) -> None:
        """Warn the owners, one call at a time. Runs as a task, so that loads do not wait for Discord."""
        async with self._warning:
            messages = self._warned
            if messages is not None and self.warn_owners and await self.warn_owners(self.held_back, messages):
                self._warned = None

    async def _load_folder(self, accept_withdrawals: bool, settled: Collection[Path]) -> LoadReport:
        try:
            report = await self._loader.load_cards(
                self._clock(), accept_withdrawals=accept_withdrawals, settled=settled
            )
        except Exception as error:
            self._metrics.count_load_failure()
            self.last_load_error = (
                str(error) if isinstance(error, NewsdeskError) else f"{type(error).__name__}: {error}"
            )
            raise
        self.last_load_error, self.held_back = "", report.held_back
        self._loaded_at, self._load_counts = self._clock(), report.to_counts()
        self._metrics.observe_load(report.seconds, report.problems, report.held_back)
        return report

    def _schedule_second_look(self, at: datetime | None) -> None:
        """Schedule a load at `at`, if that is before the next rescan."""
        if self._next_look:
            self._next_look.cancel()
            self._next_look = None
        if at and self.is_leader:
            delay = max((at - self._clock()).total_seconds(), _SOONEST_LOOK)
            if delay < self._settings.rescan_seconds:
                loop = asyncio.get_running_loop()
                self._next_look = loop.call_later(delay, self._start_look, context=contextvars.Context())

    def _start_look(self) -> None:
        self._next_look = None
        self.supervisor.spawn_once("second look", self._load_in_background)

    async def request_work(self, kind: RequestKind, payload: Mapping[str, Any], requested_by: int) -> int:
        """Queue a request for the leader, which may be this process. Returns the request's id."""
        request_id = await self.requests.add_request(kind, payload, requested_by)
        if self.is_leader:
            self.supervisor.spawn_once("requests of this process", self.requests.process_waiting)
        return request_id

    async def _accept_withdrawals(self, _payload: Mapping[str, Any]) -> dict[str, Any]:
        return {"withdrawn": (await self.load_cards(accept_withdrawals=True)).withdrawn}

    async def _write_back_card(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Write `published` into the card's own file. Raises `UserError` if that cannot be done safely."""
        await self._loader.write_back_card(payload["card_id"], payload["published"])
        contextvars.Context().run(self.supervisor.spawn_once, "load of what was written", self._load_in_background)
        return {}

    async def store_state(self) -> None:
        """Publish the leader's state for the gateway processes; no-op unless this process is the leader."""
        if self.is_leader:
            state = LeaderState(
                noted_at=self._clock(),
                writes_back=self._settings.write_back,
                loaded_at=self._loaded_at,
                load=self._load_counts,
                load_trouble=self.last_load_error,
                held_back=self.held_back,
                duplicates_prevented=self.duplicates_prevented,
            )
            await self._store.leader.store_state(state)

    async def _store_state_safely(self) -> None:
        """Call `store_state`, and only log a failure: what failed before it reports the trouble with the store."""
        try:
            await self.store_state()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next heartbeat retries
            _log.warning("Could not store the leader's state: %s", error)

    async def _delete_old_rows(self) -> None:
        """Delete expired listings and requests."""
        await self._store.list_requests.delete_old(self._clock())
        await self._store.requests.delete_old(self._clock())

    @property
    def duplicates_prevented(self) -> int:
        """Number of posts since the start that were found in their channel instead of being sent twice."""
        return self._courier.duplicates_prevented

    async def plan_deliveries(self) -> int:
        """Update the desired messages and wake the courier. Returns the number of new messages."""
        async with self._planning:
            added = await self._plan_all()
        self._courier.wake()
        return added

    async def _run_scheduled_plan(self) -> None:
        await self.plan_deliveries()
        await self._store.health.checkpoint()

    async def _plan_all(self) -> int:
        now, added = self._clock(), 0
        due = await self._store.outbox.due_check.find_due(now)
        if due.astray or self.digest_planner.was_clock_set_back(now):
            await self.digest_planner.repair_schedules(now)
            due = await self._store.outbox.due_check.find_due(now)
        # Quiet hours first: cards and digests depend on them.
        if due.quiet or due.deferred:
            added += await self.digest_planner.update_quiet_hours()
        if due.cards:
            added += await self._store.outbox.queue.plan_deliveries(now, self._settings.max_age)
        if due.digests:
            added += await self.digest_planner.plan_due()
        return added

    async def send_digest_now(self, subscription: Subscription) -> DigestReceipt:
        """Send a subscription's next digest immediately. Sends nothing if there are no cards."""
        async with self._planning:
            sent = await self.digest_planner.plan_now(subscription)
        self._courier.wake()
        return sent

    async def change_options(self, subscription: Subscription, options: SubscriptionOptions) -> Subscription:
        """Update a subscription's options. A digest that becomes instant first sends the cards waiting for it."""
        was_digest = subscription.options.when is not Frequency.INSTANT and not subscription.unusable
        if was_digest and options.when is Frequency.INSTANT and not subscription.paused:
            await self.send_digest_now(subscription)
        return await self._store.subscriptions.change_options(subscription, options, self._clock())

    def _notify_of_rest(self, subscription: Subscription) -> None:
        """Notify the channel, or the member for a personal digest, that a digest is suspended. Does not block."""
        with override_language(subscription.language):
            if subscription.user_id is None:
                text = f"<#{subscription.channel_id}>: {trouble_text(subscription)}"
                telling = partial(self._sender.notify_guild, subscription.guild_id, text, [subscription.created_by])
            else:
                telling = partial(
                    self._sender.notify_guild, 0, digest_problem_text(subscription), [subscription.user_id]
                )
        contextvars.Context().run(self.supervisor.spawn_once, "telling of a digest that rests", telling)

    async def plan_and_deliver(self) -> None:
        """Plan, then deliver everything that is due."""
        await self.plan_deliveries()
        await self._courier.deliver_due()
        await self._crossposter.crosspost_due()
        await self._reporter.report_due()

    def start(self) -> None:
        """Start the background work, in a fresh context so that logs are not attributed to an interaction."""
        contextvars.Context().run(self._start_tasks)

    def _start_tasks(self) -> None:
        if self._store.leader.is_shared:
            self.supervisor.keep_running(_COURIER, self._courier.run)
        self.supervisor.keep_running("duty", self._acquire_leadership)
        self.supervisor.keep_running("requests", lambda: self.requests.run_requests(lambda: self.is_leader))
        if self._settings.watch:
            self.supervisor.keep_running("watcher", self._watch_folders)
        self._schedule_leader_job(self._settings.tick_seconds, self._run_scheduled_plan, "plan")
        self._schedule_leader_job(self._settings.tick_seconds, self._crossposter.crosspost_due, "crosspost")
        self._schedule_leader_job(self._settings.tick_seconds, self._reporter.report_due, "report what was refused")
        self._schedule_leader_job(self._settings.rescan_seconds, self._load_in_background, "compare the folder")
        self._schedule_leader_job(_TIDY_SECONDS, self._delete_old_rows, "forget what is old")
        if self._settings.cards_git_pull:
            self._schedule_leader_job(self._settings.cards_git_pull, self._pull_checkouts, "pull the folders")
        self._schedule.add_interval_job(
            _HEARTBEAT_SECONDS, self.supervisor.watch_job(HEARTBEAT, self._write_heartbeat), HEARTBEAT
        )
        self._heartbeat_at = self._clock()
        self.supervisor.keep_running(_SCHEDULER, self._schedule.run)

    def _schedule_leader_job(self, seconds: float, job: Callable[[], Awaitable[object]], name: str) -> None:
        """Schedule a periodic job that only runs while this process is the leader."""

        async def run_if_leader() -> None:
            if self.is_leader:
                await job()

        self._schedule.add_interval_job(seconds, self.supervisor.watch_job(name, run_if_leader), name)

    def _on_notify(self) -> None:
        """Handle a notification that another process has written to the store."""
        self._courier.wake()
        self.requests.wake()

    async def _acquire_leadership(self) -> None:
        """Acquire leadership as soon as it is free, and hold it until cancelled; then another process may take it."""
        try:
            async with self._store.leader.leader_lock(self._on_notify) as lock:
                was_leader: bool | None = None
                while True:
                    self.is_leader = await lock.try_acquire()
                    if self.is_leader is not was_leader:
                        was_leader = self.is_leader
                        _log.info("Acquired leadership" if was_leader else "Another process is the leader; standing by")
                        if was_leader:
                            self.supervisor.spawn_once("taking over", self._take_over_leadership)
                    await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self.is_leader = False
            if not self._store.leader.is_shared:
                self.supervisor.drop_task(_COURIER)

    async def _take_over_leadership(self) -> None:
        """After acquiring leadership: load first, then plan, since both may be stale."""
        if not self._store.leader.is_shared:
            self.supervisor.keep_running(_COURIER, self._courier.run)
        await self._store_state_safely()
        if self._settings.cards_git_pull:
            self.supervisor.spawn_once("first pull", self._pull_checkouts)
        await self._load_in_background()
        await self._run_scheduled_plan()

    async def stop(self) -> None:
        """Stop the background work, after waiting some seconds for in-flight calls to finish and be recorded."""
        started, self._heartbeat_at = self._heartbeat_at, None
        self.supervisor.stop_restarting()
        self.supervisor.drop_task(_SCHEDULER)
        self._schedule_second_look(None)
        await finish_step("Ending the calls under way", self._courier.stop, _LAST_CALLS)
        if left := await self.supervisor.stop(_LAST_STEPS):
            _log.warning("Not stopped within %g s, abandoned: %s", _LAST_STEPS, ", ".join(left))
        if started:
            await finish_step(
                "Noting the end in the store", lambda: self._store.health.delete_heartbeat(_process_name()), _LAST_STEPS
            )

    def find_problems(self) -> dict[str, str]:
        """Current problems of the background work: name of the part to description. Empty if all is well."""
        if self._heartbeat_at is None:
            return {_SCHEDULER: "the scheduler does not run"}
        found = self.supervisor.find_problems()
        if self._clock() - self._heartbeat_at > STILL_FOR:
            found.setdefault(_SCHEDULER, f"the scheduler has run no job since {self._heartbeat_at:%H:%M:%S} UTC")
        if self.last_load_error:
            found["loads"] = self.last_load_error
        return found

    async def _write_heartbeat(self) -> None:
        self._heartbeat_at = self._clock()
        await self._store.health.write_heartbeat(_process_name(), self._clock(), self.find_problems())
        await self.store_state()

    async def _watch_folders(self) -> None:
        async for _ in watch_changes(*self._loader.roots):
            if self.is_leader:
                await self._load_in_background()

    async def _pull_checkouts(self) -> None:
        """Pull the checkouts, then load. Loads are locked out meanwhile: half a checkout looks like deleted cards."""
        await self._load_in_background(settled=await self._checkouts.pull_all(self._loader.load_lock))

    async def _load_in_background(self, settled: Collection[Path] = ()) -> None:
        """Load in the background: log errors, but not the same one twice in a row; the next load retries."""
        before = self.last_load_error
        try:
            await self.load_cards(settled=settled)
        except NewsdeskError as error:
            if str(error) != before:
                _log.error("%s", error)
        except Exception:  # noqa: BLE001 - a full disk must not stop the watcher for good
            _log.exception("Could not load the folder")
        else:
            if before:
                _log.info("Loading the folder works again")
            self._loader.start_reader()

    def _log_report(self, report: LoadReport, *, was_held_back: bool) -> None:
        self._log_findings([*report.findings, *report.notes])
        if report.missing:
            _log.warning("The files of %s cards are missing; keeping the cards until a second look", report.missing)
        if report.held_back and not was_held_back:
            _log.error(
                "The folder lost %s published cards at once; nothing was withdrawn. If this is intended, run "
                "`newsdesk load --accept-withdrawals`",
                report.held_back,
            )
        if report.has_changes:
            _log.info("Cards: %s added, %s changed, %s withdrawn", report.added, report.changed, report.withdrawn)

    def _log_findings(self, findings: Sequence[Problem]) -> None:
        """Log new findings only, so that a broken file is not reported by every rescan."""
        new = [finding for finding in findings if finding not in self._known_findings]
        self._known_findings = frozenset(findings)
        for finding in new[:_LINES]:
            level = logging.WARNING if finding.severity is Severity.ERROR else logging.INFO
            where = f"{finding.field}: " if finding.field else ""
            _log.log(level, "%s:%s: %s%s", finding.file, finding.line, where, finding.problem)
        if len(new) > _LINES:
            _log.warning("%s more findings in card files; `newsdesk check` lists them", len(new) - _LINES)


def _process_name() -> str:
    """Identify this process among those that share the store."""
    return f"{socket.gethostname()}:{os.getpid()}"
