"""Discord's rate limits: buckets by route and channel, 50 requests a second in all, and Cloudflare's ban
behind them.
"""

import hashlib
import math
import time
from collections import deque
from dataclasses import dataclass

from tests.wire.errors import Json, LimitError
from tests.wire.settings import WireSettings

Headers = dict[str, str]

_BAN_WINDOW = 600.0


@dataclass(slots=True)
class RateLimitRefusal:
    """A 429: what to say, and how long to wait. ``scope`` is Discord's word: ``user``, ``shared`` or
    ``global``.
    """

    retry_after: float
    scope: str = "user"
    code: int = 0
    message: str = "You are being rate limited."

    def body(self) -> Json:
        return {
            "message": self.message,
            "retry_after": round(self.retry_after, 3),
            "global": self.scope == "global",
            "code": self.code,
        }

    def headers(self) -> Headers:
        headers = {"Retry-After": str(math.ceil(self.retry_after)), "X-RateLimit-Scope": self.scope}
        if self.scope == "global":
            headers["X-RateLimit-Global"] = "true"
        return headers


class _RateWindow:
    """One bucket of one channel: it opens with the first request and is empty again when its time is over."""

    __slots__ = ("closes", "used")

    def __init__(self) -> None:
        self.closes = 0.0
        self.used = 0


class RateLimits:
    """Counts requests. Times are of the monotonic clock, so that a test's machine may change its wall
    clock.
    """

    def __init__(self, settings: WireSettings) -> None:
        self._settings = settings
        self._windows: dict[tuple[str, str], _RateWindow] = {}
        self._recent: deque[float] = deque()
        self._second = _RateWindow()
        self._invalid: deque[float] = deque()
        self._hashes: dict[str, str] = {}
        self._spent: dict[tuple[str, int], deque[float]] = {}

    def refill_all(self) -> None:
        """Frees all buckets and budgets, as time would."""
        self._windows.clear()
        self._spent.clear()

    def spend_budget(self, kind: str, owner: int, now: float) -> None:
        """Takes one place in a rolling budget; raises :class:`LimitError` when there is none."""
        if not self._settings.limits:
            return
        most, seconds = self._settings.buckets[kind]
        spent = self._spent.setdefault((kind, owner), deque())
        _drop_older(spent, now - seconds)
        if len(spent) >= most:
            raise LimitError(spent[0] + seconds - now if spent else seconds)
        spent.append(now)

    def is_banned(self, now: float) -> bool:
        """Whether so many answers were refusals that Cloudflare no longer lets the address through."""
        if not self._settings.limits:
            return False
        _drop_older(self._invalid, now - _BAN_WINDOW)
        return len(self._invalid) >= self._settings.invalid_limit

    def count_invalid(self, now: float) -> None:
        self._invalid.append(now)

    def take_global(self, now: float) -> RateLimitRefusal | None:
        settings = self._settings
        if not settings.limits:
            return None
        if settings.global_window == "fixed":
            return self._take_fixed_second(now)
        _drop_older(self._recent, now - 1.0)
        if len(self._recent) >= settings.global_limit:
            return RateLimitRefusal(self._recent[0] + 1.0 - now, scope="global")
        self._recent.append(now)
        return None

    def _take_fixed_second(self, now: float) -> RateLimitRefusal | None:
        second = self._second
        if now >= second.closes:
            second.closes, second.used = now + 1.0, 0
        if second.used >= self._settings.global_limit:
            return RateLimitRefusal(second.closes - now, scope="global")
        second.used += 1
        return None

    def take_slot(self, kind: str, bucket: str, major: str, now: float) -> tuple[Headers, RateLimitRefusal | None]:
        """Counts one request in its bucket, whose numbers are those of its kind.

        The headers go out with the answer, whichever it is.
        """
        if not self._settings.limits:
            return {}, None
        limit, seconds = self._settings.buckets[kind]
        window = self._windows.get((bucket, major))
        if window is None:
            window = self._windows[bucket, major] = _RateWindow()
        if now >= window.closes:
            window.closes, window.used = now + seconds, 0
        refused = window.used >= limit
        if not refused:
            window.used += 1
        left = window.closes - now
        headers = {
            "X-RateLimit-Limit": str(limit),
            "X-RateLimit-Remaining": str(limit - window.used),
            "X-RateLimit-Reset": f"{time.time() + left:.3f}",
            "X-RateLimit-Reset-After": f"{left:.3f}",
            "X-RateLimit-Bucket": self._bucket_hash(bucket),
        }
        return headers, RateLimitRefusal(left) if refused else None

    def _bucket_hash(self, bucket: str) -> str:
        found = self._hashes.get(bucket)
        if found is None:
            found = self._hashes[bucket] = hashlib.sha256(bucket.encode()).hexdigest()[:32]
        return found


def _drop_older(times: deque[float], until: float) -> None:
    while times and times[0] <= until:
        times.popleft()
