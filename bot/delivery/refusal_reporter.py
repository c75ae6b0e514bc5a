"""Report the cards that Discord rejected: each once, grouped by server or member."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from datetime import datetime

from bot.delivery.gate import Gate
from bot.delivery.reporter import Reporter
from bot.delivery.sender import MessageSender
from bot.store import Store
from bot.store.outbox.refused_messages import RefusedMessage


class RefusalReporter(Reporter[RefusedMessage]):
    """Worker for quarantined messages. The recipient is the server, or the member for a personal digest."""

    def __init__(self, store: Store, sender: MessageSender, clock: Callable[[], datetime], gate: Gate) -> None:
        super().__init__(clock, gate)
        self._refused = store.outbox.refused
        self._sender = sender

    async def fetch_unreported(self) -> Sequence[RefusedMessage]:
        return await self._refused.fetch_unreported()

    def get_recipient(self, item: RefusedMessage) -> Hashable:
        return item.guild_id, item.user_id

    async def send_report(self, items: Sequence[RefusedMessage]) -> bool:
        return await self._sender.report_refused_messages(items)

    async def mark_reported(self, items: Sequence[RefusedMessage]) -> None:
        await self._refused.mark_reported([message.delivery_id for message in items], self._clock())
