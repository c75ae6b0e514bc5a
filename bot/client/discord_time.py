"""Discord's clock: the local one may be wrong, so it is never compared with the time of a message."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import aiohttp
import discord

_MARGIN = timedelta(minutes=2)
"""Tolerance: Discord's servers differ slightly, and a `Date` header has whole seconds."""


class DiscordTime:
    """Discord's time, from `Date` headers and new snowflakes, advanced by the monotonic clock."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        """Use `steady`, a monotonic clock in seconds."""
        self._steady = steady
        self._by_date: tuple[datetime, float] | None = None
        self._by_id: tuple[datetime, float] | None = None

    async def on_request_end(
        self, _session: aiohttp.ClientSession, _request: SimpleNamespace, about: aiohttp.TraceRequestEndParams
    ) -> None:
        """Hook for a trace's `on_request_end`."""
        try:
            date = parsedate_to_datetime(about.response.headers["Date"])
        except (KeyError, ValueError, TypeError):
            return
        if date.tzinfo is not None:
            self._by_date = date, self._steady()

    def note_id(self, snowflake: int) -> None:
        """Record a snowflake that Discord has just created."""
        self._by_id = discord.utils.snowflake_time(snowflake), self._steady()

    def newest_id_bound(self) -> int | None:
        """Return a snowflake older than all future ones; None before the first response.

        Uses the earlier of both sources, because a proxy may have replaced the `Date` header.
        """
        now = self._steady()
        known = [then + timedelta(seconds=now - at) for then, at in filter(None, (self._by_date, self._by_id))]
        return discord.utils.time_snowflake(min(known) - _MARGIN) if known else None
