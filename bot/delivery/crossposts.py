"""Pass posts of announcement channels on to the channels that follow them, best first within Discord's budget."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from bot.delivery.poster import DeliveryError, Poster, TryLaterError
from bot.desk.delivery import Delivery
from bot.store import Store

_log = logging.getLogger(__name__)
BUDGET = 10
"""Crossposts an hour and channel: Discord's limit, measured by others; it is in no documentation."""
_HOUR = timedelta(hours=1)
_NEWS_FOR = timedelta(hours=12)
"""A post that better ones kept waiting for so long is not passed on any more."""


class Crossposter:
    """Works off what is wanted; beside the courier, because a crosspost never holds back a post."""

    def __init__(self, store: Store, poster: Poster, clock: Callable[[], datetime]) -> None:
        self._crossposts = store.crossposts
        self._poster = poster
        self._clock = clock

    async def work_off(self) -> None:
        """Pass on what every channel's budget allows now."""
        now = self._clock()
        due = await self._crossposts.due(now, BUDGET, _HOUR)
        if not due:
            return
        for deliveries in due.values():
            await self._serve(deliveries)
        await self._crossposts.drop_old(now - _NEWS_FOR)

    async def _serve(self, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            try:
                await self._poster.crosspost(delivery)
            except TryLaterError as error:
                _log.warning("Channel %s: crossposts wait: %s", delivery.channel_id, error)
                return
            except DeliveryError as error:
                _log.warning("Delivery %s is not crossposted: %s", delivery.id, error)
                await self._crossposts.drop(delivery)
            else:
                await self._crossposts.done(delivery, self._clock())
