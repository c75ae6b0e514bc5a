"""Limit the requests of each token."""

from __future__ import annotations

import math


class RateLimit:
    """Allows `burst` requests at once, and `per_second` on average."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._interval = 1 / per_second
        self._tolerance = (burst - 1) * self._interval
        self._due_at: dict[int, float] = {}

    def take(self, key: int, now: float) -> int:
        """Count a request. Return 0 if it is allowed, else the whole seconds after which one will be."""
        # GCRA: each request is due one interval after the one before, and may come early by the tolerance.
        due_at = max(self._due_at.get(key, now), now)
        if (early := due_at - now - self._tolerance) > 0:
            return math.ceil(early)
        self._due_at[key] = due_at + self._interval
        return 0
