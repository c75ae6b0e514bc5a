"""Notify servers of trouble with the feeds that they follow, and of its end: once each, and grouped by server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby

from bot.delivery.gate import Gate
from bot.delivery.sender import MessageSender
from bot.i18n import override_language
from bot.render.feeds import render_notices
from bot.store import Store
from bot.store.sources.feed_notices import FeedNotice

_APART = timedelta(hours=1)
"""Minimum time between two messages to the same server, and between two attempts if nobody is reached."""


class FeedReporter:
    """Worker for trouble of feeds that servers were not notified of."""

    def __init__(self, store: Store, sender: MessageSender, clock: Callable[[], datetime], gate: Gate) -> None:
        self._notices = store.feeds.notices
        self._sender = sender
        self._clock = clock
        self._gate = gate
        self._reported_at: dict[int, datetime] = {}

    async def report_due(self) -> None:
        """Notify each server, at most once an hour. A crash before the note of it repeats one message."""
        if not self._gate.is_open:
            return
        for guild_id, group in groupby(await self._notices.fetch_unsent(), lambda notice: notice.guild_id):
            now = self._clock()
            last = self._reported_at.get(guild_id)
            if last is None or not last <= now < last + _APART:
                self._reported_at[guild_id] = now
                await self._report_notices(list(group))

    async def _report_notices(self, notices: Sequence[FeedNotice]) -> None:
        first = notices[0]
        with override_language(first.language):
            text = render_notices(notices)
            people = sorted({notice.created_by for notice in notices})
            if await self._sender.notify_guild(first.guild_id, text, people, channel_id=first.review_channel_id):
                await self._notices.mark_sent(notices)
