"""Report the cards that Discord rejected: each once, grouped by server or member."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.delivery.gate import Gate
from bot.delivery.poster import Poster
from bot.language import speak
from bot.store import Store
from bot.store.refused import RefusedMessage

_APART = timedelta(hours=1)
"""Minimum time between two reports to the same recipient."""


class RefusalReporter:
    """Worker for quarantined messages that were not reported yet."""

    def __init__(self, store: Store, poster: Poster, clock: Callable[[], datetime], gate: Gate) -> None:
        self._refused = store.refused
        self._poster = poster
        self._clock = clock
        self._gate = gate
        self._reported_at: dict[tuple[int, int | None], datetime] = {}

    async def work_off(self) -> None:
        """Send reports to each server, or to the member for personal digests, at most once an hour."""
        if not self._gate.is_open:
            return
        for whose, messages in _by_people(await self._refused.unreported()).items():
            now = self._clock()
            last = self._reported_at.get(whose)
            if last is not None and last <= now < last + _APART:
                continue
            self._reported_at[whose] = now
            await self._report(messages, now)

    async def _report(self, messages: Sequence[RefusedMessage], now: datetime) -> None:
        speak(messages[-1].language)
        if await self._poster.report_refused(messages):
            await self._refused.note_reported([message.delivery_id for message in messages], now)


def _by_people(messages: Sequence[RefusedMessage]) -> dict[tuple[int, int | None], list[RefusedMessage]]:
    found: dict[tuple[int, int | None], list[RefusedMessage]] = {}
    for message in messages:
        found.setdefault((message.guild_id, message.user_id), []).append(message)
    return found
