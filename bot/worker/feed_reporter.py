"""Notify servers of trouble with the feeds that they follow, and of its end: once each, and grouped by server."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime

from bot.delivery.gate import Gate
from bot.delivery.reporter import Reporter
from bot.delivery.sender import MessageSender
from bot.render.feeds import render_notices
from bot.store import Store
from bot.store.sources.feed_notices import FeedNotice


class FeedReporter(Reporter[FeedNotice]):
    """Worker for trouble of feeds that servers were not notified of."""

    def __init__(self, store: Store, sender: MessageSender, clock: Callable[[], datetime], gate: Gate) -> None:
        super().__init__(clock, gate)
        self._notices = store.feeds.notices
        self._sender = sender

    async def fetch_unreported(self) -> Sequence[FeedNotice]:
        return await self._notices.fetch_unsent()

    def get_recipient(self, item: FeedNotice) -> Hashable:
        return item.guild_id

    async def send_report(self, items: Sequence[FeedNotice]) -> bool:
        first, people = items[0], sorted({notice.created_by for notice in items})
        text = render_notices(items)
        return await self._sender.notify_guild(first.guild_id, text, people, channel_id=first.review_channel_id)

    async def mark_reported(self, items: Sequence[FeedNotice]) -> None:
        await self._notices.mark_sent(items)
