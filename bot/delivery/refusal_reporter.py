"""Report the cards that Discord rejected: each once, grouped by server or member."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.delivery.gate import Gate
from bot.delivery.sender import MessageSender
from bot.i18n import activate_language
from bot.store import Store
from bot.store.outbox.refused_messages import RefusedMessage

_APART = timedelta(hours=1)
"""Minimum time between two reports to the same recipient."""


class RefusalReporter:
    """Worker for quarantined messages that were not reported yet."""

    def __init__(self, store: Store, sender: MessageSender, clock: Callable[[], datetime], gate: Gate) -> None:
        self._refused = store.outbox.refused
        self._sender = sender
        self._clock = clock
        self._gate = gate
        self._reported_at: dict[tuple[int, int | None], datetime] = {}

    async def report_due(self) -> None:
        """Send reports to each server, or to the member for personal digests, at most once an hour."""
        if not self._gate.is_open:
            return
        for whose, messages in _group_by_recipient(await self._refused.fetch_unreported()).items():
            now = self._clock()
            last = self._reported_at.get(whose)
            if last is not None and last <= now < last + _APART:
                continue
            self._reported_at[whose] = now
            await self._report_messages(messages, now)

    async def _report_messages(self, messages: Sequence[RefusedMessage], now: datetime) -> None:
        activate_language(messages[-1].language)
        if await self._sender.report_refused_messages(messages):
            await self._refused.mark_reported([message.delivery_id for message in messages], now)


def _group_by_recipient(messages: Sequence[RefusedMessage]) -> dict[tuple[int, int | None], list[RefusedMessage]]:
    found: dict[tuple[int, int | None], list[RefusedMessage]] = {}
    for message in messages:
        found.setdefault((message.guild_id, message.user_id), []).append(message)
    return found
