"""When to fetch a feed again, when to take its new address for good, and when to stop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from bot.domain.fetch_result import ContentKind, FetchProblem, FetchResult

MAX_RETRY_AFTER = timedelta(hours=24)
MAX_UNHINTED_DELAY = timedelta(hours=1)
"""Where a site says nothing, a feed that has been quiet for long is looked at so often."""
MISSING_DAYS = timedelta(days=30)
MIN_MOVE_ANSWERS = 3
FAILURES_TO_REPORT = 3
"""Failures in a row after which people are notified. Fewer pass by themselves: a site that restarts, a lost answer."""
_JITTER = 0.1
_QUIET_SHARE = 10
"""A feed is left alone for this fraction of the time since it last changed, as caches do (RFC 9111, section 4.2.2)."""


class FetchInterval(NamedTuple):
    """The bounds of the time between two fetches of a feed, before jitter."""

    shortest: timedelta
    longest: timedelta

    def latest_fetch_at(self, now: datetime) -> datetime:
        """The latest time that a fetch may wait for. One that waits longer was scheduled by a clock that ran fast."""
        return now + max(self.longest, MAX_RETRY_AFTER) * (1 + _JITTER)


@dataclass(frozen=True, slots=True)
class FeedState:
    """What is known of a feed from earlier fetches. Times are aware UTC.

    `next_fetch_at` is None if the feed was stopped: it is gone. `problem` is why the last fetch failed, a
    `FetchProblem` or what a reader says of the document; empty if it did not. `missing_since` is when the site began to
    say that the feed is not there. `moved_to` is where the last `moved_count` fetches were sent for good, on and after
    `moved_on`.
    """

    etag: str = ""
    last_modified: str = ""
    body_hash: str = ""
    kind: ContentKind | None = None
    next_fetch_at: datetime | None = None
    changed_at: datetime | None = None
    failures: int = 0
    failing_since: datetime | None = None
    missing_since: datetime | None = None
    problem: str = ""
    moved_to: str = ""
    moved_on: date | None = None
    moved_count: int = 0


class FeedUpdate(NamedTuple):
    """The new state of a feed, and its new address; empty unless it has moved for good."""

    state: FeedState
    new_url: str = ""


def record_fetch(
    state: FeedState,
    result: FetchResult,
    now: datetime,
    interval: FetchInterval,
    *,
    jitter: float,
    ttl: timedelta | None = None,
) -> FeedUpdate:
    """The state after a fetch that did not fail and, if the document was new, was read. `ttl` is what the feed says.

    `jitter` in 0..1 spreads the next fetch by up to 10 %, to later only.
    """
    is_new = result.body_hash != state.body_hash
    changed_at = now if is_new or state.changed_at is None else state.changed_at
    moved_on, moved_count = _count_move(state, result, now)
    is_moved = moved_on is not None and moved_count >= MIN_MOVE_ANSWERS and now.date() > moved_on
    delay = _success_delay(now - changed_at, result.max_age, ttl, interval)
    return FeedUpdate(
        FeedState(
            etag=result.etag,
            last_modified=result.last_modified,
            body_hash=result.body_hash,
            # A redirect to another kind is no move, so the kind stays that of the feed's own address.
            kind=state.kind if result.moved_to and state.kind else result.kind or state.kind,
            next_fetch_at=now + delay * (1 + _JITTER * jitter),
            changed_at=changed_at,
            moved_to="" if is_moved or moved_on is None else result.moved_to,
            moved_on=None if is_moved else moved_on,
            moved_count=0 if is_moved else moved_count,
        ),
        result.moved_to if is_moved else "",
    )


def record_failure(
    state: FeedState,
    problem: str,
    now: datetime,
    interval: FetchInterval,
    *,
    jitter: float,
    retry_after: timedelta | None = None,
) -> FeedState:
    """The state after a fetch that failed, or brought a document that could not be read.

    Such a document's validators are not kept, or else it would count as unchanged the next time. A feed stops when the
    site says that it is gone, or for 30 days that it is not there.
    """
    is_missing = problem in (FetchProblem.NOT_FOUND, FetchProblem.GONE)
    missing_since = state.missing_since or (now if is_missing else None)
    is_gone = problem == FetchProblem.GONE or (
        is_missing and missing_since is not None and now - missing_since >= MISSING_DAYS
    )
    failures = state.failures + 1
    backoff: timedelta = interval.shortest * 2 ** min(failures - 1, 12)
    delay = max(min(backoff, interval.longest), min(retry_after or timedelta(), MAX_RETRY_AFTER))
    return replace(
        state,
        next_fetch_at=None if is_gone else now + delay * (1 + _JITTER * jitter),
        failures=failures,
        failing_since=state.failing_since or now,
        missing_since=missing_since,
        problem=str(problem),
    )


def _success_delay(
    quiet: timedelta, max_age: timedelta | None, ttl: timedelta | None, interval: FetchInterval
) -> timedelta:
    hints = [hint for hint in (max_age, ttl) if hint is not None]
    delay = max(hints) if hints else min(quiet / _QUIET_SHARE, MAX_UNHINTED_DELAY)
    return min(max(delay, interval.shortest), interval.longest)


def _count_move(state: FeedState, result: FetchResult, now: datetime) -> tuple[date | None, int]:
    """Since which day and how often the feed's address has been answered with the same other one."""
    is_other_kind = state.kind is not None and result.kind is not None and result.kind is not state.kind
    if not result.moved_to or is_other_kind:
        return None, 0
    if result.moved_to != state.moved_to or state.moved_on is None:
        return now.date(), 1
    return state.moved_on, state.moved_count + 1
