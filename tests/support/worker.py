"""A worker whose channels are kept in memory: what is posted, edited and deleted, and calls that fail on command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.delivery.gate import Gate
from bot.delivery.sender import DeliveryError, MessageDeletedError, RetryLaterError
from bot.domain.delivery import Delivery
from bot.metrics import Metrics
from bot.settings import load_settings
from bot.sources.feeds.feed_service import FeedService
from bot.sources.folder_source import folders_from_settings
from bot.sources.loader import Loader
from bot.store import Store, open_store
from bot.store.cards.rows import StoredCard
from bot.store.outbox.refused_messages import RefusedMessage
from bot.supervisor import Supervisor
from bot.worker.pipeline import Pipeline
from bot.worker.worker import Worker
from tests.support.stage import BotStage, ManualClock
from tests.support.stores import new_database


class MemoryChannels:
    """A poster that keeps messages in memory; `fail` holds the errors of the next calls."""

    def __init__(self) -> None:
        self.messages: dict[int, tuple[int, str]] = {}
        self.by_nonce: dict[str, int] = {}
        self.posted: dict[int, list[tuple[Delivery, str]]] = {}
        """What was ever posted, by channel."""
        self.fail: list[DeliveryError | None] = []
        self.lose_answer = False
        self.calls: list[str] = []
        self.notices: list[str] = []
        self.discussed: set[int | None] = set()
        """Messages in whose threads people talk."""
        self.gone: set[tuple[int, int]] = set()
        """Who has left which server."""

    def _record_call(self, name: str) -> None:
        self.calls.append(name)
        if self.fail and (error := self.fail.pop(0)):
            raise error

    async def post_message(self, delivery: Delivery, cards: Sequence[StoredCard], nonce: str) -> int:
        self._record_call("post")
        message = self.by_nonce.setdefault(nonce, 100 + len(self.by_nonce))
        self.messages[message] = (delivery.id, _message_titles(cards))
        self.posted.setdefault(delivery.channel_id, []).append((delivery, _message_titles(cards)))
        if self.lose_answer:
            self.lose_answer = False
            raise RetryLaterError("the answer was lost")
        return message

    async def is_member(self, guild_id: int, user_id: int) -> bool:
        self._record_call("is_member")
        return (guild_id, user_id) not in self.gone

    def newest_id_bound(self) -> int | None:
        return None

    async def find_message(self, delivery: Delivery) -> int | None:
        self._record_call("find")
        return next((message for message, (own, _) in self.messages.items() if own == delivery.id), None)

    async def edit_message(self, delivery: Delivery, cards: Sequence[StoredCard]) -> None:
        self._record_call("edit")
        if delivery.message_id not in self.messages:
            raise MessageDeletedError("unknown message")
        self.messages[delivery.message_id] = (delivery.id, _message_titles(cards))

    async def delete_message(self, delivery: Delivery) -> None:
        self._record_call("retract")
        if self.messages.pop(delivery.message_id or 0, None) is None:
            raise MessageDeletedError("unknown message")

    async def has_discussion(self, delivery: Delivery) -> bool:
        self._record_call("look at thread")
        return delivery.message_id in self.discussed

    async def start_thread(self, delivery: Delivery, cards: Sequence[StoredCard]) -> None:
        self._record_call("start thread")

    async def crosspost_message(self, delivery: Delivery) -> None:
        self._record_call("crosspost")

    async def notify_guild(
        self, guild_id: int, text: str, subscribers: Sequence[int], channel_id: int | None = None
    ) -> bool:
        self.notices.append(text)
        return True

    async def notify_member(self, user_id: int, text: str, nonce: str) -> bool:
        self.notices.append(text)
        return True

    async def report_refused_messages(self, messages: Sequence[RefusedMessage]) -> bool:
        self.notices.append("refused: " + ", ".join(message.title for message in messages))
        return True

    @property
    def titles(self) -> list[str]:
        return [title for _, title in self.messages.values()]

    def titles_in(self, channel_id: int) -> list[str]:
        """What a channel holds now."""
        own = {delivery.id for delivery, _ in self.posted.get(channel_id, ())}
        return [title for delivery_id, title in self.messages.values() if delivery_id in own]


def _message_titles(cards: Sequence[StoredCard]) -> str:
    """The titles of a message's cards; nothing for a note in their place."""
    return " | ".join(card.card.title for card in cards)


class WorkerHarness:
    """A store, a folder of cards and a worker that delivers to channels in memory."""

    def __init__(self, store: Store, folder: Path, channels: MemoryChannels | None = None, **settings: Any) -> None:
        self.store = store
        self.clock = ManualClock()
        self.channels = channels or MemoryChannels()
        self.folder = folder
        selected = load_settings(_env_file=None, cards=folder, **settings)
        self.metrics = Metrics()
        self.gate = Gate(self.clock, self.metrics.set_gate_state)
        loader = Loader(store.cards.importer, *folders_from_settings(selected))
        supervisor = Supervisor(self.clock, self.metrics)
        self.pipeline = Pipeline(
            selected, store, loader, self.channels, self.clock, supervisor, self.metrics, self.gate
        )
        self.feeds = FeedService(selected, store, self.clock, self.metrics)
        self.worker = Worker(selected, store, self.pipeline, self.feeds, self.clock, supervisor)

    def write_card(self, slug: str, **fields: object) -> None:
        BotStage.write_card(self, slug, **fields)  # type: ignore[arg-type]  # it only needs the folder

    async def deliver_due(self, **later: float) -> None:
        self.clock.advance(**(later or {"seconds": 1}))
        await self.worker.load_cards(accept_withdrawals=True)
        await self.pipeline.plan_and_deliver()

    async def next_due(self) -> datetime | None:
        return await self.store.outbox.queue.next_due_at(self.clock())


@asynccontextmanager
async def open_harness(
    place: Path, channels: MemoryChannels | None = None, **settings: Any
) -> AsyncIterator[WorkerHarness]:
    """A desk with an empty folder and nothing subscribed."""
    folder = place / "cards"
    folder.mkdir()
    async with open_store(new_database(place / "test.db")) as store:
        harness = WorkerHarness(store, folder, channels, **settings)
        try:
            yield harness
        finally:
            await asyncio.to_thread(harness.feeds.close)
