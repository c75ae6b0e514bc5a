"""Crosspost messages of announcement channels, best first, within Discord's rate limit."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from bot.delivery.gate import Gate
from bot.delivery.sender import (
    AlreadyDoneError,
    ChannelClosedError,
    DeliveryError,
    MessageSender,
    RetryLaterError,
    SendingPausedError,
)
from bot.domain.delivery import Delivery
from bot.i18n import activate_language
from bot.logging_config import bind_delivery
from bot.store import Store

_log = logging.getLogger(__name__)
CROSSPOST_BUDGET = 10
"""Crossposts per hour and channel: Discord's limit, measured by others; not documented."""
_HOUR = timedelta(hours=1)
_MAX_AGE = timedelta(hours=12)
"""Maximum age of a post that is still crossposted."""
_PAUSE = timedelta(minutes=1)
"""Backoff of a channel after an error without `Retry-After`."""


class Crossposter:
    """Worker for requested crossposts, separate from the courier so that they never delay posts."""

    def __init__(
        self, store: Store, sender: MessageSender, clock: Callable[[], datetime], gate: Gate | None = None
    ) -> None:
        self._crossposts = store.outbox.crossposts
        self._sender = sender
        self._clock = clock
        self._gate = gate or Gate(clock)
        self._paused_until: dict[int, datetime] = {}
        """Retry times by channel id. Lost on restart, which costs one request per channel."""

    async def crosspost_due(self) -> None:
        """Crosspost what each channel's rate limit allows now."""
        now = self._clock()
        await self._crossposts.drop_expired(now - _MAX_AGE)
        await self._crossposts.delete_old_attempts(now, _HOUR)
        due = await self._crossposts.fetch_due(now, CROSSPOST_BUDGET, _HOUR)
        for channel_id, deliveries in due.items():
            # If the clock was set back, ignore retry times beyond the longest backoff.
            if not now < self._paused_until.get(channel_id, now) <= now + _HOUR:
                await self._serve_channel(channel_id, deliveries)

    async def _serve_channel(self, channel_id: int, deliveries: Sequence[Delivery]) -> None:
        for delivery in deliveries:
            if self._gate.remaining_wait():
                return
            bind_delivery(delivery.id)
            activate_language(delivery.language)
            began = self._clock()
            await self._crossposts.record_attempt(delivery, began)
            try:
                await self._send_crosspost(delivery)
            except RetryLaterError as error:
                if error.retry_after is not None or (isinstance(error, SendingPausedError) and not error.sent):
                    await self._crossposts.forget_attempt(delivery, began)
                # Crossposts by moderators count as well: only Discord knows when the limit resets.
                self._pause_channel(channel_id, error, error.retry_after or _PAUSE)
                return
            except ChannelClosedError as error:
                await self._crossposts.forget_attempt(delivery, began)
                self._pause_channel(channel_id, error, _HOUR)
                return
            except DeliveryError as error:
                _log.warning("Crossposting delivery %s failed: %s", delivery.id, error)
                await self._crossposts.forget_attempt(delivery, began)
                await self._crossposts.mark_dropped(delivery)
            else:
                await self._crossposts.mark_done(delivery, self._clock())

    async def _send_crosspost(self, delivery: Delivery) -> None:
        """Crosspost; a post that a moderator already crossposted counts as done, and towards the rate limit."""
        with suppress(AlreadyDoneError):
            await self._sender.crosspost_message(delivery)

    def _pause_channel(self, channel_id: int, error: DeliveryError, wait: timedelta) -> None:
        _log.warning("Channel %s: crossposts paused for %s s: %s", channel_id, round(wait.total_seconds()), error)
        self._paused_until[channel_id] = self._clock() + wait
