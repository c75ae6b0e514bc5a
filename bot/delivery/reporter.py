"""Send reports that have not been sent yet, grouped by recipient."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from bot.delivery.gate import Gate
from bot.i18n import override_language

_APART = timedelta(hours=1)
"""Minimum time between two reports to the same recipient, and between two attempts if nobody is reached."""


class ReportItem(Protocol):
    """Something to report."""

    @property
    def language(self) -> str: ...


_Item = TypeVar("_Item", bound=ReportItem)


class Reporter(ABC, Generic[_Item]):
    """Worker for one kind of reports. The store knows what was not reported yet."""

    def __init__(self, clock: Callable[[], datetime], gate: Gate) -> None:
        self._clock = clock
        self._gate = gate
        self._reported_at: dict[Hashable, datetime] = {}

    async def report_due(self) -> None:
        """Report to each recipient, at most once an hour. A crash before the note of it repeats one report."""
        if not self._gate.is_open:
            return
        by_recipient: dict[Hashable, list[_Item]] = {}
        for item in await self.fetch_unreported():
            by_recipient.setdefault(self.get_recipient(item), []).append(item)
        for recipient, items in by_recipient.items():
            now = self._clock()
            last = self._reported_at.get(recipient)
            if last is None or not last <= now < last + _APART:
                self._reported_at[recipient] = now
                await self._report_items(items)

    async def _report_items(self, items: Sequence[_Item]) -> None:
        with override_language(items[-1].language):
            if await self.send_report(items):
                await self.mark_reported(items)

    @abstractmethod
    async def fetch_unreported(self) -> Sequence[_Item]:
        """List what was not reported yet, to all recipients."""

    @abstractmethod
    def get_recipient(self, item: _Item) -> Hashable:
        """Who is told of the item."""

    @abstractmethod
    async def send_report(self, items: Sequence[_Item]) -> bool:
        """Tell the recipient of all these items in one message, in the current language. False if nobody is reached."""

    @abstractmethod
    async def mark_reported(self, items: Sequence[_Item]) -> None:
        """Store that these items were reported."""
