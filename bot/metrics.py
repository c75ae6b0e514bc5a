"""Prometheus metrics in a private registry, created by the composition root and passed to the instrumented code."""

from __future__ import annotations

import enum
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_SCOPES = ("user", "global", "shared")
"""Rate limit scopes as in Discord's `X-RateLimit-Scope` header; Cloudflare's own responses have none."""
_UNSCOPED = "unknown"
_TO_POST = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)
_TO_ANSWER = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 3, 5)
"""Histogram buckets in seconds. Discord waits 3 s for the first response to an interaction."""


class DeliveryOutcome(enum.StrEnum):
    """Result of one attempt to carry out a delivery."""

    POSTED = "posted"
    EDITED = "edited"
    RETRACTED = "retracted"
    REMOVED = "removed"
    """The message had been deleted by a moderator."""
    REFUSED = "refused"
    """Discord rejected the message as invalid: it is quarantined, or retried once without pictures."""
    LATER = "later"
    """Discord or the network failed; retried."""
    CLOSED = "closed"
    """The channel cannot be posted to; its circuit is open and it is probed."""
    FAILED = "failed"
    """An internal error (a locked database, a bug) ended the channel's turn; retried."""


class SkippedFrame(enum.StrEnum):
    """Why a gateway frame was skipped."""

    UNREADABLE = "unreadable"
    """Not JSON, or not an object."""
    MALFORMED = "malformed"
    """An event with missing fields."""


class InteractionKind(enum.StrEnum):
    """Kind of interaction."""

    COMMAND = "command"
    MENU = "menu"
    AUTOCOMPLETE = "autocomplete"
    BUTTON = "button"
    SELECT = "select"
    MODAL = "modal"


class InteractionFailure(enum.StrEnum):
    """Why an interaction failed."""

    REFUSED = "refused"
    """Not permitted or not possible; the reply said what to do instead."""
    FAILED = "failed"
    """An internal error: an apology with a reference code for the member, and a traceback in the log."""
    BUSY = "busy"
    """Overloaded: the reply said to try again, or autocomplete returned no choices."""
    LATE = "late"
    """Too late to acknowledge the interaction, so nothing was done; or autocomplete timed out."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """Gauge values sampled at scrape time. Durations in seconds; NaN if a value could not be read."""

    cards: Mapping[str, int] = field(default_factory=dict)
    queue_depth: float = math.nan
    oldest_waiting: float = math.nan
    open_circuits: float = math.nan
    database_up: bool = False
    gateway_connected: bool = False
    gateway_latency: float = math.nan
    is_leader: bool = False
    tasks_down: int = 0
    feeds: Mapping[str, int] = field(default_factory=dict)
    feeds_due: float = math.nan
    feed_lag: float = math.nan


class Metrics:
    """Metrics since the start of the process. Every method is cheap and never raises."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._count_deliveries()
        self._count_the_rest()
        self._make_gauges()

    def _count_deliveries(self) -> None:
        self._sends = self._make_counter("sends", "Calls that carried out a delivery", "outcome")
        # Resolved once: `labels` takes a lock, and the courier counts every call.
        self._send_counters = {outcome: self._sends.labels(outcome) for outcome in DeliveryOutcome}
        self._publish_to_post = self._make_histogram(
            "publish_to_post_seconds", "From the plan that a publication made to its post", _TO_POST, "layout"
        )
        self._post_histograms: dict[str, Histogram] = {}
        self._digests_failed = self._make_counter(
            "digests_failed", "Digests that could not be made: their subscription is paused"
        )
        self._duplicates = self._make_counter(
            "duplicates_prevented", "Posts that were found instead of being sent again"
        )

    def _count_the_rest(self) -> None:
        self._rate_limited = self._make_counter("rate_limited", "Answers of Discord with status 429", "scope")
        for scope in (*_SCOPES, _UNSCOPED):
            # A series that exists from the start shows the first increase as well.
            self._rate_limited.labels(scope)
        labels = ("kind", "name")
        self._interactions = self._make_histogram(
            "interaction_seconds", "What people ask for, from its arrival to its end", _TO_ANSWER, *labels
        )
        self._errors = self._make_counter(
            "interaction_errors", "Interactions that were refused or failed", *labels, "error"
        )
        self._loads = self._make_counter("loads", "Loads of the folder of cards", "outcome")
        for outcome in ("done", "failed"):
            self._loads.labels(outcome)
        self._feed_fetches = self._make_counter("feed_fetches", "Looks at feeds", "outcome")
        for outcome in ("new", "unchanged", "failed"):
            self._feed_fetches.labels(outcome)
        self._feed_cards = self._make_counter("feed_cards", "Cards that came from feeds")
        self._intake_requests = self._make_counter("intake_requests", "Answers of the HTTP intake", "status")
        self._load_seconds = self._make_gauge("load_seconds", "How long the last load took")
        self._problems = self._make_gauge("card_problems", "Errors in card files at the last load")
        self._held_back = self._make_gauge("withdrawals_held_back", "Withdrawals that wait for a person")
        self._task_failures = self._make_counter("task_failures", "Background work that ended or failed", "task")
        self._frames_skipped = self._make_counter("gateway_frames_skipped", "Frames of the gateway left out", "reason")
        for why in SkippedFrame:
            self._frames_skipped.labels(why)

    def _make_gauges(self) -> None:
        self._cards = self._make_gauge("cards", "Cards in the store", "state")
        self._feeds = self._make_gauge("feeds", "Feeds in the store", "state")
        self._feeds_due = self._make_gauge("feeds_due", "Feeds that are due to be fetched")
        self._feed_lag = self._make_gauge("feed_lag_seconds", "How long the first of the due feeds has been due")
        self._queue_depth = self._make_gauge("queue_depth", "Deliveries that are due, closed channels' as well")
        self._oldest = self._make_gauge(
            "oldest_waiting_seconds", "Age of the oldest due delivery, but for closed channels"
        )
        self._circuits = self._make_gauge("open_circuits", "Channels that take no posts and are left alone")
        self._database_up = self._make_gauge("database_up", "Whether the database could be read for this answer")
        self._gate = self._make_gauge("gate_shut", "Whether nothing is sent because the way to Discord is in trouble")
        self._connected = self._make_gauge("gateway_connected", "Whether the gateway is connected and ready")
        self._is_leader = self._make_gauge(
            "on_duty", "Whether this process loads cards and plans, of those that share a store"
        )
        self._tasks_down = self._make_gauge("tasks_down", "Background work that is down, or failed the last time")
        self._latency = self._make_gauge("gateway_latency_seconds", "The gateway's last heartbeat, there and back")

    def count_send(self, outcome: DeliveryOutcome) -> None:
        self._send_counters[outcome].inc()

    def observe_post(self, layout: str, seconds: float) -> None:
        """Observe the seconds from planning a delivery to its first post."""
        if layout not in self._post_histograms:
            self._post_histograms[layout] = self._publish_to_post.labels(layout)
        self._post_histograms[layout].observe(max(0.0, seconds))

    def count_duplicate_prevented(self) -> None:
        self._duplicates.inc()

    def count_digest_failure(self) -> None:
        self._digests_failed.inc()

    def count_rate_limit(self, scope: str | None) -> None:
        self._rate_limited.labels(scope if scope in _SCOPES else _UNSCOPED).inc()

    def set_gate_state(self, is_open: bool) -> None:
        self._gate.set(not is_open)

    def observe_interaction(
        self, kind: InteractionKind, name: str, seconds: float, failure: InteractionFailure | None = None
    ) -> None:
        """Observe an interaction. `name` is a command or class name (low cardinality), never an id or user input."""
        self._interactions.labels(kind, name).observe(max(0.0, seconds))
        # The others are set to 0: Prometheus sees no increase in a series that starts at 1.
        for each in InteractionFailure:
            self._errors.labels(kind, name, each).inc(each is failure)

    def observe_load(self, seconds: float, problems: int, held_back: int) -> None:
        self._loads.labels("done").inc()
        self._load_seconds.set(seconds)
        self._problems.set(problems)
        self._held_back.set(held_back)

    def count_load_failure(self) -> None:
        self._loads.labels("failed").inc()

    def count_feed_fetch(self, outcome: str) -> None:
        """Count a look at a feed: `new`, `unchanged` or `failed`."""
        self._feed_fetches.labels(outcome).inc()

    def count_feed_cards(self, number: int) -> None:
        self._feed_cards.inc(number)

    def count_intake_request(self, status: int) -> None:
        """Count an answer of the HTTP intake by its status code."""
        self._intake_requests.labels(str(int(status))).inc()

    def register_task(self, task: str) -> None:
        """Initialize a task's failure count to 0. `task` is a fixed name in the code (low cardinality)."""
        self._task_failures.labels(task)

    def count_task_failure(self, task: str) -> None:
        self._task_failures.labels(task).inc()

    def count_skipped_frame(self, reason: SkippedFrame) -> None:
        self._frames_skipped.labels(reason).inc()

    def set_gauges(self, gauges: Gauges) -> None:
        """Set the gauges to freshly sampled values."""
        for gauge, counts in ((self._cards, gauges.cards), (self._feeds, gauges.feeds)):
            # A state without cards or feeds must not keep its last value.
            gauge.clear()
            for state, count in counts.items():
                gauge.labels(state).set(count)
        self._feeds_due.set(gauges.feeds_due)
        self._feed_lag.set(gauges.feed_lag)
        self._queue_depth.set(gauges.queue_depth)
        self._oldest.set(gauges.oldest_waiting)
        self._circuits.set(gauges.open_circuits)
        self._database_up.set(gauges.database_up)
        self._connected.set(gauges.gateway_connected)
        self._latency.set(gauges.gateway_latency)
        self._is_leader.set(gauges.is_leader)
        self._tasks_down.set(gauges.tasks_down)

    def sample_names(self) -> set[str]:
        """Names of all samples, including those whose label sets have not occurred yet."""
        result = set()
        for family in self._registry.collect():
            ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}.get(family.type, ("",))
            result |= {family.name + end for end in ends}
        return result

    def render_text(self) -> bytes:
        """Render all metrics in the Prometheus text format."""
        return generate_latest(self._registry)

    def _make_counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(name, words, labels, **self._registry_options())

    def _make_gauge(self, name: str, words: str, *labels: str) -> Gauge:
        return Gauge(name, words, labels, **self._registry_options())

    def _make_histogram(self, name: str, words: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(name, words, labels, buckets=buckets, **self._registry_options())

    def _registry_options(self) -> dict[str, Any]:
        return {"namespace": "newsdesk", "registry": self._registry}
