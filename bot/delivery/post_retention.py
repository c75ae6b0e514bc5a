"""Delete posts that are older than their subscription keeps them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from bot.delivery.gate import Gate
from bot.delivery.sender import DeliveryError, MessageDeletedError, MessageSender, RetryLaterError
from bot.domain.delivery import Delivery
from bot.i18n import activate_language
from bot.logging_config import bind_delivery
from bot.store import Store

_log = logging.getLogger(__name__)
_GIVEN_UP_AFTER = timedelta(days=7)
"""How long the deletion of a post is retried."""


class PostRetention:
    """Worker that deletes old posts, separate from the courier so that it never delays new ones.

    A post that people talked under stays, and so does one that cannot be deleted. Each step can be repeated: a process
    that ends between two of them leaves the post to the next run.
    """

    def __init__(
        self, store: Store, sender: MessageSender, clock: Callable[[], datetime], gate: Gate | None = None
    ) -> None:
        self._retention = store.outbox.retention
        self._sender = sender
        self._clock = clock
        self._gate = gate or Gate(clock)

    async def delete_expired(self) -> None:
        """Delete the posts that are due. After a temporary failure a channel is left to the next run."""
        now, resting = self._clock(), set[int]()
        for delivery, since in await self._retention.fetch_expired(now):
            if self._gate.remaining_wait():
                return
            if delivery.channel_id in resting:
                continue
            bind_delivery(delivery.id)
            activate_language(delivery.language)
            try:
                await self._delete_post(delivery)
            except RetryLaterError as error:
                _log.warning("Could not delete the old post of delivery %s yet: %s", delivery.id, error)
                resting.add(delivery.channel_id)
                if now - since > _GIVEN_UP_AFTER:
                    await self._retention.mark_kept(delivery, now)
            except DeliveryError as error:
                _log.warning("The old post of delivery %s stays: %s", delivery.id, error)
                await self._retention.mark_kept(delivery, now)

    async def _delete_post(self, delivery: Delivery) -> None:
        if await self._sender.has_discussion(delivery):
            await self._retention.mark_kept(delivery, self._clock())
            return
        try:
            await self._sender.delete_message(delivery)
        except MessageDeletedError:
            _log.debug("The old post of delivery %s was gone already", delivery.id)
        await self._retention.mark_deleted(delivery, self._clock())
