"""Crosspost messages of announcement channels, best first, within Discord's rate limit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from bot.delivery.gate import Gate
from bot.delivery.poster import (
    AlreadyDoneError,
    ChannelClosedError,
    DeliveryError,
    Poster,
    TryLaterError,
    WayClosedError,
)
from bot.desk.delivery import Delivery
from bot.language import speak
from bot.logs import belongs_to_delivery
from bot.store import Store

_log = logging.getLogger(__name__)
BUDGET = 10
"""Crossposts per hour and channel: Discord's limit, measured by others; not documented."""
_HOUR = timedelta(hours=1)
_NEWS_FOR = timedelta(hours=12)
"""Maximum age of a post that is still crossposted."""
_PAUSE = timedelta(minutes=1)
"""Backoff of a channel after an error without `Retry-After`."""


class Crossposter:
    """Worker for requested crossposts, separate from the courier so that they never delay posts."""

    def __init__(self, store: Store, poster: Poster, clock: Callable[[], datetime], gate: Gate | None = None) -> None:
        self._crossposts = store.crossposts
        self._poster = poster
        self._clock = clock
        self._gate = gate or Gate(clock)
        self._left_alone: dict[int, datetime] = {}
        """Retry times by channel id. Lost on restart, which costs one request per channel."""

    async def work_off(self) -> None:
        """Crosspost what each channel's rate limit allows now."""
        now = self._clock()
        await self._crossposts.drop_old(now - _NEWS_FOR)
        await self._crossposts.forget_tries(now, _HOUR)
        due = await self._crossposts.due(now, BUDGET, _HOUR)
        for channel_id, deliveries in due.items():
            # If the clock was set back, ignore retry times beyond the longest backoff.
            if not now < self._left_alone.get(channel_id, now) <= now + _HOUR:
                await self._serve(channel_id, deliveries)

    async def _serve(self, channel_id: int, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            if self._gate.wait():
                return
            belongs_to_delivery(delivery.id)
            speak(delivery.language)
            began = self._clock()
            await self._crossposts.begin(delivery, began)
            try:
                await self._crosspost(delivery)
            except TryLaterError as error:
                if error.after is not None or (isinstance(error, WayClosedError) and not error.sent):
                    await self._crossposts.take_back(delivery, began)
                # Crossposts by moderators count as well: only Discord knows when the limit resets.
                self._leave_alone(channel_id, error, error.after or _PAUSE)
                return
            except ChannelClosedError as error:
                await self._crossposts.take_back(delivery, began)
                self._leave_alone(channel_id, error, _HOUR)
                return
            except DeliveryError as error:
                _log.warning("Crossposting delivery %s failed: %s", delivery.id, error)
                await self._crossposts.take_back(delivery, began)
                await self._crossposts.drop(delivery)
            else:
                await self._crossposts.done(delivery, self._clock())

    async def _crosspost(self, delivery: Delivery) -> None:
        """Crosspost; a post that a moderator already crossposted counts as done, and towards the rate limit."""
        with suppress(AlreadyDoneError):
            await self._poster.crosspost(delivery)

    def _leave_alone(self, channel_id: int, error: DeliveryError, wait: timedelta) -> None:
        _log.warning("Channel %s: crossposts paused for %s s: %s", channel_id, round(wait.total_seconds()), error)
        self._left_alone[channel_id] = self._clock() + wait
