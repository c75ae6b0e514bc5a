"""Start a discussion thread under each post of the subscriptions that ask for one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from bot.delivery.gate import Gate
from bot.delivery.sender import AlreadyDoneError, DeliveryError, MessageSender, RetryLaterError
from bot.domain.delivery import Delivery, ThreadState
from bot.i18n import activate_language
from bot.logging_config import bind_delivery
from bot.store import Store

_log = logging.getLogger(__name__)


class ThreadStarter:
    """Worker for requested threads, separate from the courier so that they never hold up a post.

    A message has at most one thread, so that a call whose result is unknown is repeated. What Discord refuses is
    dropped: `/digest check` names the missing permission, and later posts get their threads once it is there.
    """

    def __init__(
        self, store: Store, sender: MessageSender, clock: Callable[[], datetime], gate: Gate | None = None
    ) -> None:
        self._store = store
        self._sender = sender
        self._gate = gate or Gate(clock)

    async def start_due(self) -> None:
        """Start the threads that are missing. After a temporary failure a channel is left to the next run."""
        resting = set[int]()
        for delivery in await self._store.outbox.threads.fetch_due():
            if self._gate.remaining_wait():
                return
            if delivery.channel_id in resting:
                continue
            bind_delivery(delivery.id)
            activate_language(delivery.language)
            try:
                state = await self._start_thread(delivery)
            except RetryLaterError as error:
                _log.warning("Could not start the thread of delivery %s yet: %s", delivery.id, error)
                resting.add(delivery.channel_id)
                continue
            await self._store.outbox.threads.mark_state(delivery, state)

    async def _start_thread(self, delivery: Delivery) -> ThreadState:
        """Start the thread. Raises `RetryLaterError`."""
        shown = [card.card_id for card in delivery.cards]
        cards = await self._store.cards.get_by_ids(shown, delivery.guild_id)
        try:
            await self._sender.start_thread(delivery, [cards[card_id] for card_id in shown if card_id in cards])
        except AlreadyDoneError:
            return ThreadState.DONE
        except RetryLaterError:
            raise
        except DeliveryError as error:
            _log.warning("Delivery %s gets no thread: %s", delivery.id, error)
            return ThreadState.DROPPED
        return ThreadState.DONE
