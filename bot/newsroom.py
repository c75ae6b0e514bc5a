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
from bot.delivery.crossposts import Crossposter
from bot.delivery.gate import Gate
from bot.delivery.poster import Poster
from bot.delivery.reports import RefusalReporter
from bot.delivery.schedule import Schedule
from bot.desk.subscription import Subscription, When, Wish
from bot.editions import Editions, Sent
from bot.errors import NewsdeskError
from bot.language import speaking
from bot.leading import RequestKind, RequestWorker
from bot.metrics import Metrics
from bot.render.members import digest_problem_text
from bot.render.subscriptions import trouble_words
from bot.settings import Settings
from bot.sources.checkouts import Checkouts
from bot.sources.loader import Loader, LoadReport
from bot.sources.watch import changes
from bot.store import Store
from bot.store.leader import LeaderState
from bot.store.vitals import HEARTBEAT, STILL_FOR
from bot.supervisor import Supervisor, finish

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


class Newsroom:
    """Load, plan and deliver: in the background once started, or step by step."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        loader: Loader,
        poster: Poster,
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
        self._poster = poster
        self.editions = Editions(store, clock, settings.max_age, self._metrics, self._tell_of_rest)
        self._courier = Courier(store, poster, clock, self.editions.catch_up, self._metrics, gate)
        self._crossposter = Crossposter(store, poster, clock, gate)
        self._reporter = RefusalReporter(store, poster, clock, gate)
        self._checkouts = Checkouts(settings.cards)
        self._planning = asyncio.Lock()
        self._warning = asyncio.Lock()
        self._schedule = Schedule()
        self.supervisor = Supervisor(clock, self._metrics)
        self._beaten_at: datetime | None = None
        self._next_look: asyncio.TimerHandle | None = None
        self._known_findings: frozenset[Problem] = frozenset()
        self.on_duty = False
        """Whether this process is the leader, which loads and plans. With SQLite, only the leader delivers."""
        self.held_back = 0
        """Number of withdrawals that the last load held back for confirmation."""
        self._loaded_at: datetime | None = None
        self._load_counts: Mapping[str, Any] = {}
        handlers = {
            RequestKind.ACCEPT_WITHDRAWALS: self._accept_withdrawals,
            RequestKind.WRITE_BACK: self._write_back,
        }
        self.requests = RequestWorker(store, clock, handlers)
        self.load_trouble = ""
        """Why the last load failed, as a sentence; empty if it succeeded."""
        self.warn_operators: Callable[[int, set[int]], Awaitable[bool]] | None = None
        """Called when a load holds withdrawals back, with their number and the ids of the owners already warned.

        Adds the owners that it warns to the set, and returns whether all owners know. Until then, each load retries.
        """
        self._warned: set[int] | None = set()
        """Ids of the owners warned about the current withdrawals; None when all have been."""

    async def load(self, *, accept_withdrawals: bool = False, settled: Collection[Path] = ()) -> LoadReport:
        """Synchronize the store with the folder, then plan. Raises `UserError` if the folder does not exist.

        Nothing is changing files in the `settled` folders, so files missing there are gone without a second look.
        """
        before = self.held_back
        try:
            report = await self._read(accept_withdrawals, settled)
        finally:
            await self._note_state_quietly()
        self._tell(report, was_held_back=bool(before))
        self._look_again(report.look_at)
        if not report.held_back:
            self._warned = set()
        await self._store.reviews.expire(self._clock(), self._settings.max_age)
        await self.plan()
        if report.held_back and self._warned is not None:
            contextvars.Context().run(self.supervisor.spawn, "warning to the owners", self._warn)
        return report

    async def _warn(self) -> None:
        """Warn the owners, one call at a time. Runs as a task, so that loads do not wait for Discord."""
        async with self._warning:
            told = self._warned
            if told is not None and self.warn_operators and await self.warn_operators(self.held_back, told):
                self._warned = None

    async def _read(self, accept_withdrawals: bool, settled: Collection[Path]) -> LoadReport:
        try:
            report = await self._loader.load(self._clock(), accept_withdrawals=accept_withdrawals, settled=settled)
        except Exception as error:
            self._metrics.load_failed()
            self.load_trouble = str(error) if isinstance(error, NewsdeskError) else f"{type(error).__name__}: {error}"
            raise
        self.load_trouble, self.held_back = "", report.held_back
        self._loaded_at, self._load_counts = self._clock(), report.counts()
        self._metrics.loaded(report.seconds, report.problems, report.held_back)
        return report

    def _look_again(self, at: datetime | None) -> None:
        """Schedule a load at `at`, if that is before the next rescan."""
        if self._next_look:
            self._next_look.cancel()
            self._next_look = None
        if at and self.on_duty:
            delay = max((at - self._clock()).total_seconds(), _SOONEST_LOOK)
            if delay < self._settings.rescan_seconds:
                loop = asyncio.get_running_loop()
                self._next_look = loop.call_later(delay, self._begin_look, context=contextvars.Context())

    def _begin_look(self) -> None:
        self._next_look = None
        self.supervisor.spawn("second look", self._load_quietly)

    async def request(self, kind: RequestKind, payload: Mapping[str, Any], requested_by: int) -> int:
        """Queue a request for the leader, which may be this process. Returns the request's id."""
        request_id = await self.requests.add(kind, payload, requested_by)
        if self.on_duty:
            self.supervisor.spawn("requests of this process", self.requests.work_off)
        return request_id

    async def _accept_withdrawals(self, _payload: Mapping[str, Any]) -> dict[str, Any]:
        return {"withdrawn": (await self.load(accept_withdrawals=True)).withdrawn}

    async def _write_back(self, payload: Mapping[str, Any]) -> dict[str, Any]:
        """Write `published` into the card's own file. Raises `UserError` if that cannot be done safely."""
        await self._loader.write_back(payload["card_id"], payload["published"])
        contextvars.Context().run(self.supervisor.spawn, "load of what was written", self._load_quietly)
        return {}

    async def note_state(self) -> None:
        """Publish the leader's state for the gateway processes; no-op unless this process is the leader."""
        if self.on_duty:
            state = LeaderState(
                noted_at=self._clock(),
                writes_back=self._settings.write_back,
                loaded_at=self._loaded_at,
                load=self._load_counts,
                load_trouble=self.load_trouble,
                held_back=self.held_back,
                duplicates_prevented=self.duplicates_prevented,
            )
            await self._store.leader.note(state)

    async def _note_state_quietly(self) -> None:
        """Call `note_state`, and only log a failure: what failed before it reports the trouble with the store."""
        try:
            await self.note_state()
        except Exception as error:  # noqa: BLE001 - whatever it is, the next heartbeat retries
            _log.warning("Could not store the leader's state: %s", error)

    async def _tidy(self) -> None:
        """Delete expired listings and requests."""
        await self._store.listings.forget_old(self._clock())
        await self._store.requests.forget_old(self._clock())

    @property
    def duplicates_prevented(self) -> int:
        """Number of posts since the start that were found in their channel instead of being sent twice."""
        return self._courier.duplicates_prevented

    async def plan(self) -> int:
        """Update the desired messages and wake the courier. Returns the number of new messages."""
        async with self._planning:
            added = await self._plan()
        self._courier.wake()
        return added

    async def _plan_by_the_clock(self) -> None:
        await self.plan()
        await self._store.health.checkpoint()

    async def _plan(self) -> int:
        now, added = self._clock(), 0
        due = await self._store.agenda.due(now)
        if due.astray or self.editions.is_set_back(now):
            await self.editions.set_right(now)
            due = await self._store.agenda.due(now)
        # Quiet hours first: cards and digests depend on them.
        if due.quiet or due.deferred:
            added += await self.editions.turn_quiet()
        if due.cards:
            added += await self._store.deliveries.plan(now, self._settings.max_age)
        if due.digests:
            added += await self.editions.make()
        return added

    async def send_now(self, subscription: Subscription) -> Sent:
        """Send a subscription's next digest immediately. Sends nothing if there are no cards."""
        async with self._planning:
            sent = await self.editions.now(subscription)
        self._courier.wake()
        return sent

    async def change(self, subscription: Subscription, wish: Wish) -> Subscription:
        """Update a subscription's options. A digest that becomes instant first sends the cards waiting for it."""
        was_digest = subscription.wish.when is not When.INSTANT and not subscription.unusable
        if was_digest and wish.when is When.INSTANT and not subscription.paused:
            await self.send_now(subscription)
        return await self._store.subscriptions.change(subscription, wish, self._clock())

    def _tell_of_rest(self, subscription: Subscription) -> None:
        """Notify the channel, or the member for a personal digest, that a digest is suspended. Does not block."""
        with speaking(subscription.language):
            if subscription.user_id is None:
                text = f"<#{subscription.channel_id}>: {trouble_words(subscription)}"
                telling = partial(self._poster.tell, subscription.guild_id, text, [subscription.created_by])
            else:
                telling = partial(self._poster.tell, 0, digest_problem_text(subscription), [subscription.user_id])
        contextvars.Context().run(self.supervisor.spawn, "telling of a digest that rests", telling)

    async def tick(self) -> None:
        """Plan, then deliver everything that is due."""
        await self.plan()
        await self._courier.work_off()
        await self._crossposter.work_off()
        await self._reporter.work_off()

    def start(self) -> None:
        """Start the background work, in a fresh context so that logs are not attributed to an interaction."""
        contextvars.Context().run(self._start)

    def _start(self) -> None:
        if self._store.duty.is_shared:
            self.supervisor.keep(_COURIER, self._courier.run)
        self.supervisor.keep("duty", self._stand_by)
        self.supervisor.keep("requests", lambda: self.requests.run(lambda: self.on_duty))
        if self._settings.watch:
            self.supervisor.keep("watcher", self._watch)
        self._every(self._settings.tick_seconds, self._plan_by_the_clock, "plan")
        self._every(self._settings.tick_seconds, self._crossposter.work_off, "crosspost")
        self._every(self._settings.tick_seconds, self._reporter.work_off, "report what was refused")
        self._every(self._settings.rescan_seconds, self._load_quietly, "compare the folder")
        self._every(_TIDY_SECONDS, self._tidy, "forget what is old")
        if self._settings.cards_git_pull:
            self._every(self._settings.cards_git_pull, self._pull, "pull the folders")
        self._schedule.every(_HEARTBEAT_SECONDS, self.supervisor.watch(HEARTBEAT, self._beat), HEARTBEAT)
        self._beaten_at = self._clock()
        self.supervisor.keep(_SCHEDULER, self._schedule.run)

    def _every(self, seconds: float, job: Callable[[], Awaitable[object]], name: str) -> None:
        """Schedule a periodic job that only runs while this process is the leader."""

        async def if_on_duty() -> None:
            if self.on_duty:
                await job()

        self._schedule.every(seconds, self.supervisor.watch(name, if_on_duty), name)

    def _hear(self) -> None:
        """Handle a notification that another process has written to the store."""
        self._courier.wake()
        self.requests.wake()

    async def _stand_by(self) -> None:
        """Acquire leadership as soon as it is free, and hold it until cancelled; then another process may take it."""
        try:
            async with self._store.duty.stand(self._hear) as stand:
                told: bool | None = None
                while True:
                    self.on_duty = await stand.look()
                    if self.on_duty is not told:
                        told = self.on_duty
                        _log.info(
                            "This process is on duty" if told else "Another process is on duty: this one stands by"
                        )
                        if told:
                            self.supervisor.spawn("taking over", self._take_over)
                    await asyncio.sleep(_LOOK_SECONDS)
        finally:
            self.on_duty = False
            if not self._store.duty.is_shared:
                self.supervisor.drop(_COURIER)

    async def _take_over(self) -> None:
        """After acquiring leadership: load first, then plan, since both may be stale."""
        if not self._store.duty.is_shared:
            self.supervisor.keep(_COURIER, self._courier.run)
        await self._note_state_quietly()
        if self._settings.cards_git_pull:
            self.supervisor.spawn("first pull", self._pull)
        await self._load_quietly()
        await self._plan_by_the_clock()

    async def stop(self) -> None:
        """Stop the background work, after waiting some seconds for in-flight calls to finish and be recorded."""
        started, self._beaten_at = self._beaten_at, None
        self.supervisor.wind_down()
        self.supervisor.drop(_SCHEDULER)
        self._look_again(None)
        await finish("Ending the calls under way", self._courier.stop, _LAST_CALLS)
        if left := await self.supervisor.stop(_LAST_STEPS):
            _log.warning("Not stopped within %g s, abandoned: %s", _LAST_STEPS, ", ".join(left))
        if started:
            await finish("Noting the end in the store", lambda: self._store.health.leave(_process()), _LAST_STEPS)

    def troubles(self) -> dict[str, str]:
        """Current problems of the background work: name of the part to description. Empty if all is well."""
        if self._beaten_at is None:
            return {_SCHEDULER: "the scheduler does not run"}
        found = self.supervisor.troubles()
        if self._clock() - self._beaten_at > STILL_FOR:
            found.setdefault(_SCHEDULER, f"the scheduler has run no job since {self._beaten_at:%H:%M:%S} UTC")
        if self.load_trouble:
            found["loads"] = self.load_trouble
        return found

    async def _beat(self) -> None:
        self._beaten_at = self._clock()
        await self._store.health.beat(_process(), self._clock(), self.troubles())
        await self.note_state()

    async def _watch(self) -> None:
        async for _ in changes(*self._loader.roots):
            if self.on_duty:
                await self._load_quietly()

    async def _pull(self) -> None:
        """Pull the checkouts, then load. Loads are locked out meanwhile: half a checkout looks like deleted cards."""
        await self._load_quietly(settled=await self._checkouts.pull(self._loader.at_rest))

    async def _load_quietly(self, settled: Collection[Path] = ()) -> None:
        """Load in the background: log errors, but not the same one twice in a row; the next load retries."""
        before = self.load_trouble
        try:
            await self.load(settled=settled)
        except NewsdeskError as error:
            if str(error) != before:
                _log.error("%s", error)
        except Exception:  # noqa: BLE001 - a full disk must not stop the watcher for good
            _log.exception("Could not load the folder")
        else:
            if before:
                _log.info("Loading the folder works again")
            self._loader.get_ready()

    def _tell(self, report: LoadReport, *, was_held_back: bool) -> None:
        self._tell_findings([*report.findings, *report.notes])
        if report.missing:
            _log.warning("The files of %s cards are missing; keeping the cards until a second look", report.missing)
        if report.held_back and not was_held_back:
            _log.error(
                "The folder lost %s published cards at once; nothing was withdrawn. If this is intended, run "
                "`newsdesk load --accept-withdrawals`",
                report.held_back,
            )
        if report.news:
            _log.info("Cards: %s added, %s changed, %s withdrawn", report.added, report.changed, report.withdrawn)

    def _tell_findings(self, findings: Sequence[Problem]) -> None:
        """Log new findings only, so that a broken file is not reported by every rescan."""
        new = [finding for finding in findings if finding not in self._known_findings]
        self._known_findings = frozenset(findings)
        for finding in new[:_LINES]:
            level = logging.WARNING if finding.severity is Severity.ERROR else logging.INFO
            where = f"{finding.field}: " if finding.field else ""
            _log.log(level, "%s:%s: %s%s", finding.file, finding.line, where, finding.problem)
        if len(new) > _LINES:
            _log.warning("%s more findings in card files; `newsdesk check` lists them", len(new) - _LINES)


def _process() -> str:
    """Identify this process among those that share the store."""
    return f"{socket.gethostname()}:{os.getpid()}"
