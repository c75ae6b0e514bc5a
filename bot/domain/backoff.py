"""Backoff: how long to wait after failures, with jitter so that retries do not come all at once."""

from __future__ import annotations

from datetime import timedelta

MIN_RETRY_DELAY = timedelta(seconds=2)
MAX_RETRY_DELAY = timedelta(minutes=15)


def retry_delay(attempts: int, jitter: float) -> timedelta:
    """Exponential backoff after `attempts` consecutive failures (from 1). `jitter` in 0..1 spreads it by ±25 %."""
    delay: timedelta = MIN_RETRY_DELAY * 2 ** min(attempts - 1, 12)
    return min(delay, MAX_RETRY_DELAY) * (0.75 + 0.5 * jitter)


MIN_PROBE_DELAY = timedelta(minutes=1)
MAX_PROBE_DELAY = timedelta(hours=1)


def probe_delay(failures: int, jitter: float) -> timedelta:
    """Interval before probing a closed channel after `failures` consecutive failures (from 1); jitter is ±10 %."""
    delay: timedelta = MIN_PROBE_DELAY * 2 ** min(failures - 1, 12)
    return min(delay, MAX_PROBE_DELAY) * (0.9 + 0.2 * jitter)
