"""What time it is at Discord: the local clock may lie, and is never compared with a message's time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import aiohttp
import discord

_MARGIN = timedelta(minutes=2)
"""Servers of Discord's differ a little, and a `Date` is in whole seconds."""


class DiscordTime:
    """Learned from the `Date` of answers and from ids that Discord gave, and carried on by the monotonic clock."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        """`steady` counts seconds and is never set."""
        self._steady = steady
        self._by_date: tuple[datetime, float] | None = None
        self._by_id: tuple[datetime, float] | None = None

    async def look(
        self, _session: aiohttp.ClientSession, _request: SimpleNamespace, about: aiohttp.TraceRequestEndParams
    ) -> None:
        """For a trace's `on_request_end`."""
        try:
            date = parsedate_to_datetime(about.response.headers["Date"])
        except (KeyError, ValueError, TypeError):
            return
        if date.tzinfo is not None:
            self._by_date = date, self._steady()

    def note_id(self, snowflake: int) -> None:
        """Discord has just made this id."""
        self._by_id = discord.utils.snowflake_time(snowflake), self._steady()

    def horizon(self) -> int | None:
        """An id that is older than all that come from now on; None before the first answer.

        The earlier of what the two sources say: something between may have put in a `Date` of its own.
        """
        now = self._steady()
        known = [then + timedelta(seconds=now - at) for then, at in filter(None, (self._by_date, self._by_id))]
        return discord.utils.time_snowflake(min(known) - _MARGIN) if known else None
