"""discord.py's rate-limit buckets: looked through now and then, and not kept for ever."""

from __future__ import annotations

import asyncio
import hashlib
import inspect

from discord.http import HTTPClient, Ratelimit

from bot.client.bucket_sweep import SWEPT_EVERY, sweep_buckets_rarely


async def test_buckets_are_looked_through_once_in_a_while() -> None:
    now, looks = 0.0, 0

    class Counted(HTTPClient):
        def _try_clear_expired_ratelimits(self) -> None:
            nonlocal looks
            looks += 1
            super()._try_clear_expired_ratelimits()

    http = Counted(asyncio.get_running_loop())
    sweep_buckets_rarely(http, lambda: now)
    for channel in range(1000):
        http.get_ratelimit(str(channel))
    assert looks == 0
    for bucket in http._buckets.values():
        bucket._last_request -= 1000  # unused for long
    now = SWEPT_EVERY
    for channel in range(1000, 1100):
        http.get_ratelimit(str(channel))
    assert looks == 1
    assert len(http._buckets) == 100, "those that nobody uses are gone, with the one made by that look"


def test_discord_py_still_looks_through_them_as_it_did() -> None:
    """Where this fails, read what has changed in discord.py, and whether `bot.client.bucket_sweep` is still needed."""
    methods = (HTTPClient._try_clear_expired_ratelimits, HTTPClient.get_ratelimit, Ratelimit.is_inactive)
    source = "".join(inspect.getsource(method) for method in methods)
    assert hashlib.sha256(source.encode()).hexdigest() == (
        "67a71220aa53245e8104a0ce301438441ac4beb648d861fa1808db43d1449b11"
    )
