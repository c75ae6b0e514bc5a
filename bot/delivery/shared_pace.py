"""Discord's limit, divided evenly among the couriers that share a store."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from time import monotonic

from bot.store.outbox.courier_leases import COURIER_LEASE, CourierLeases

_log = logging.getLogger(__name__)
_RENEWED_EVERY = COURIER_LEASE.total_seconds() / 3


class SharedPace:
    """Keeps this courier's pace at its part of the limit.

    It is lowered as soon as another courier is seen, and raised only after fewer have been seen for a whole lease:
    until then the others may not know of this one yet.
    """

    def __init__(
        self,
        leases: CourierLeases,
        limit: int,
        set_pace: Callable[[int], Awaitable[None]],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._leases = leases
        self._limit = limit
        self._set_pace = set_pace
        self._clock = clock
        self._name = secrets.token_hex(8)
        self._pace: int | None = None
        self._fewer_since: float | None = None

    async def run(self) -> None:
        """Renew the lease and adapt the pace until cancelled."""
        while True:
            await self.renew()
            await asyncio.sleep(_RENEWED_EVERY)

    async def renew(self) -> None:
        """Renew the lease, and adapt the pace to the couriers that are at work."""
        live = await self._leases.renew_lease(self._name)
        share = max(1, self._limit // live)
        if self._pace is None:
            # The others do not know of this one before they renew their leases.
            await self._change(share if live == 1 else 1, live)
        if share <= (self._pace or 0):
            self._fewer_since = None
            await self._change(share, live)
        elif self._fewer_since is None:
            self._fewer_since = self._clock()
        elif self._clock() - self._fewer_since >= COURIER_LEASE.total_seconds():
            self._fewer_since = None
            await self._change(share, live)

    async def release(self) -> None:
        """Leave the limit to the others."""
        await self._leases.release_lease(self._name)

    async def _change(self, pace: int, live: int) -> None:
        if pace != self._pace:
            self._pace = pace
            await self._set_pace(pace)
            _log.info("Sending at most %s requests a second; couriers at work: %s", pace, live)
