"""Load files into the store, plan deliveries from its changes, deliver them to channels: step by step, on request."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from bot.cards.model import Problem, Severity
from bot.delivery.courier import Courier
from bot.delivery.crossposter import Crossposter
from bot.delivery.gate import Gate
from bot.delivery.post_retention import PostRetention
from bot.delivery.refusal_reporter import RefusalReporter
from bot.delivery.sender import MessageSender
from bot.delivery.thread_starter import ThreadStarter
from bot.domain.subscription import Frequency, Subscription, SubscriptionOptions
from bot.errors import NewsdeskError
from bot.i18n import override_language
from bot.metrics import Metrics
from bot.render.privacy import digest_problem_text
from bot.render.subscriptions import trouble_text
from bot.settings import Settings
from bot.sources.loader import Loader, LoadReport
from bot.store import Store
from bot.store.outbox.digests import CardTakenError, insert_first_messages
from bot.supervisor import Supervisor
from bot.worker.digest_planner import DigestPlanner, DigestReceipt
from bot.worker.digest_preview import DigestPreviewer
from bot.worker.digest_selector import SelectorLoader
from bot.worker.feed_reporter import FeedReporter
from bot.worker.requests import RequestClient
from bot.worker.submission_reporter import SubmissionReporter

_log = logging.getLogger(__name__)

_MAX_LOGGED_FINDINGS = 20
"""Maximum number of new findings logged per load; `newsdesk check` lists all of them."""


class Pipeline:
    """Load, plan and deliver, each step when it is called: by commands and clicks, and by the background worker."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        loader: Loader,
        sender: MessageSender,
        clock: Callable[[], datetime],
        supervisor: Supervisor,
        metrics: Metrics,
        gate: Gate | None = None,
    ) -> None:
        gate = gate or Gate(clock)
        self._metrics = metrics
        self._settings = settings
        self._store = store
        self._sender = sender
        self._clock = clock
        self._supervisor = supervisor
        self.loader = loader
        selectors = SelectorLoader(store, settings.max_age)
        self.previewer = DigestPreviewer(store, clock, selectors)
        self._digest_planner = DigestPlanner(
            store, clock, selectors, self.previewer, self._notify_of_suspension, metrics
        )
        self.courier = Courier(store, sender, clock, metrics, self._digest_planner.catch_up_channel, gate)
        self.crossposter = Crossposter(store, sender, clock, gate)
        self.thread_starter = ThreadStarter(store, sender, clock, gate)
        self.post_retention = PostRetention(store, sender, clock, gate)
        self.refusal_reporter = RefusalReporter(store, sender, clock, gate)
        self.feed_reporter = FeedReporter(store, sender, clock, gate)
        self.submission_reporter = SubmissionReporter(store, sender, gate)
        self.requests = RequestClient(store, clock)
        self._planning = asyncio.Lock()
        self._known_findings: frozenset[Problem] = frozenset()
        self.held_back = 0
        """Number of withdrawals that the last load held back for confirmation."""
        self.loaded_at: datetime | None = None
        self.load_counts: Mapping[str, Any] = {}
        self.last_load_error = ""
        """Why the last load failed, as a sentence; empty if it succeeded."""

    async def load_cards(self) -> LoadReport:
        """Synchronize the store with the sources, then plan. Raises `UserError` if one of them cannot be listed."""
        report = await self.load_sources()
        await self.plan_loaded_cards()
        return report

    async def load_sources(self, *, accept_withdrawals: bool = False) -> LoadReport:
        """Synchronize the store with the sources. Raises `UserError` if one of them cannot be listed."""
        try:
            report = await self.loader.load_cards(self._clock, accept_withdrawals=accept_withdrawals)
        except Exception as error:
            self._metrics.count_load_failure()
            self.last_load_error = (
                str(error) if isinstance(error, NewsdeskError) else f"{type(error).__name__}: {error}"
            )
            raise
        self._log_report(report, was_held_back=bool(self.held_back))
        self.last_load_error, self.held_back = "", report.held_back
        self.loaded_at, self.load_counts = self._clock(), report.to_counts()
        self._metrics.observe_load(report.seconds, report.problems, report.held_back)
        return report

    async def plan_loaded_cards(self) -> None:
        """Plan after a load."""
        await self._store.moderation.reviews.expire_old(self._clock(), self._settings.max_age)
        await self.plan_deliveries()

    async def plan_deliveries(self) -> int:
        """Plan everything that is due in all servers, and wake the courier. Returns the number of new messages."""
        async with self._planning:
            added = await self._plan_all()
        self.courier.wake()
        return added

    async def _plan_all(self) -> int:
        now, added = self._clock(), 0
        due = await self._store.outbox.planner.find_due(now)
        if due.is_too_far or self._digest_planner.was_clock_set_back(now):
            await self._digest_planner.repair_schedules(now)
            due = await self._store.outbox.planner.find_due(now)
        # Quiet hours first: cards and digests depend on them.
        if due.quiet or due.deferred:
            added += await self._digest_planner.update_quiet_hours()
        if due.cards:
            added += await self._store.outbox.planner.plan_deliveries(now, self._settings.max_age)
        if due.digests:
            added += await self._digest_planner.plan_due()
        return added

    async def plan_cards(self, card_ids: Collection[int], guild_id: int) -> int:
        """Plan these cards alone, for one server or `EVERYWHERE`, and wake the courier.

        For clicks: all other cards, servers and digests are left to the leader's next plan, which comes within
        `tick_seconds`. Returns the number of new messages.
        """
        now, quiet_hours = self._clock(), self._store.subscriptions.quiet_hours
        # A card must not slip into quiet hours that began after the last plan of everything.
        await quiet_hours.mark_changed(await quiet_hours.fetch_changing(now, guild_id), now)
        # Without `_planning`: a click does not wait for the digests of all servers. The store lets one plan of cards
        # run at a time, also across processes.
        added = await self._store.outbox.planner.plan_cards(card_ids, guild_id, now, self._settings.max_age)
        self.courier.wake()
        return added

    async def set_review_channel(self, guild_id: int, channel_id: int | None, max_open: int) -> None:
        """Set or clear a server's review channel, where at most `max_open` cards wait at a time."""
        now, max_age = self._clock(), self._settings.max_age
        await self._store.moderation.reviews.set_channel(guild_id, channel_id, max_open, now, max_age)
        self.courier.wake()

    async def end_quiet_hours(self, guild_id: int, channel_id: int) -> bool:
        """End a channel's quiet hours; what waited comes with the leader's next plan. False if there were none."""
        ended = await self._store.subscriptions.quiet_hours.end_hours(guild_id, channel_id, self._clock())
        self.courier.wake()
        return ended

    async def send_digest_now(self, subscription: Subscription) -> DigestReceipt:
        """Send a subscription's next digest immediately. Sends nothing if there are no cards."""
        async with self._planning:
            sent = await self._digest_planner.plan_now(subscription)
        self.courier.wake()
        return sent

    async def add_subscription(self, draft: Subscription) -> tuple[Subscription, int]:
        """Store a new subscription with its first messages, and wake the courier. Returns the number of their cards."""
        async with self._planning:
            try:
                made = await self._add_with_first(draft)
            except CardTakenError:
                made = await self._add_with_first(draft)  # a click's plan was faster: the cards that are left
        self.courier.wake()
        return made

    async def _add_with_first(self, draft: Subscription) -> tuple[Subscription, int]:
        messages = await self._digest_planner.plan_first(draft)
        made = await self._store.subscriptions.add_subscription(
            guild_id=draft.guild_id,
            channel_id=draft.channel_id,
            created_by=draft.created_by,
            now=draft.created_at,
            options=draft.options,
            forum=draft.is_forum,
            write_more=partial(insert_first_messages, messages, self._clock()),
        )
        return made, sum(len(message.cards) for message in messages)

    async def change_options(self, subscription: Subscription, options: SubscriptionOptions) -> Subscription:
        """Update a subscription's options. A digest that becomes instant first sends the cards waiting for it."""
        was_digest = subscription.options.frequency is not Frequency.INSTANT and not subscription.unusable
        if was_digest and options.frequency is Frequency.INSTANT and not subscription.paused:
            await self.send_digest_now(subscription)
        return await self._store.subscriptions.change_options(subscription, options, self._clock())

    async def plan_and_deliver(self) -> None:
        """Plan, then deliver everything that is due."""
        await self.plan_deliveries()
        await self.courier.deliver_due()
        await self.crossposter.crosspost_due()
        await self.thread_starter.start_due()
        await self.post_retention.delete_expired()
        await self.refusal_reporter.report_due()
        await self.feed_reporter.report_due()
        await self.submission_reporter.report_due()

    @property
    def duplicates_prevented(self) -> int:
        """Number of posts since the start that were found in their channel instead of being sent twice."""
        return self.courier.duplicates_prevented

    def _notify_of_suspension(self, subscription: Subscription) -> None:
        """Notify the channel, or the member for a personal digest, that a digest is suspended. Does not block."""
        with override_language(subscription.language):
            if subscription.user_id is None:
                text = f"<#{subscription.channel_id}>: {trouble_text(subscription)}"
                notice = partial(self._sender.notify_guild, subscription.guild_id, text, [subscription.created_by])
            else:
                notice = partial(
                    self._sender.notify_guild, 0, digest_problem_text(subscription), [subscription.user_id]
                )
        # In a fresh context, so that its logs and language are not those of the interaction that planned.
        contextvars.Context().run(self._supervisor.spawn_once, "notice of a suspended digest", notice)

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
        for finding in new[:_MAX_LOGGED_FINDINGS]:
            level = logging.WARNING if finding.severity is Severity.ERROR else logging.INFO
            where = f"{finding.field}: " if finding.field else ""
            _log.log(level, "%s:%s: %s%s", finding.file, finding.line, where, finding.problem)
        if len(new) > _MAX_LOGGED_FINDINGS:
            _log.warning("%s more findings in card files; `newsdesk check` lists them", len(new) - _MAX_LOGGED_FINDINGS)
