"""A newsroom whose channels are kept in memory: what is posted, edited and deleted, and calls that fail as told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.delivery.gate import Gate
from bot.delivery.poster import DeliveryError, MessageRemovedError, TryLaterError
from bot.desk.delivery import Delivery
from bot.metrics import Metrics
from bot.newsroom import Newsroom
from bot.settings import load_settings
from bot.sources.loader import Loader
from bot.store import Store, open_store
from bot.store.records import FiledCard
from bot.store.refused import RefusedMessage
from tests.support.stage import Clock, Stage
from tests.support.stores import new_database


class Channels:
    """A poster that keeps messages in memory; `fail` holds the errors of the next calls."""

    def __init__(self) -> None:
        self.messages: dict[int, tuple[int, str]] = {}
        self.by_nonce: dict[str, int] = {}
        self.posted: dict[int, list[tuple[Delivery, str]]] = {}
        """What was ever posted, by channel."""
        self.fail: list[DeliveryError | None] = []
        self.lose_answer = False
        self.calls: list[str] = []
        self.told: list[str] = []
        self.gone: set[tuple[int, int]] = set()
        """Who has left which server."""

    def _call(self, name: str) -> None:
        self.calls.append(name)
        if self.fail and (error := self.fail.pop(0)):
            raise error

    async def post(self, delivery: Delivery, cards: Sequence[FiledCard], nonce: str) -> int:
        self._call("post")
        message = self.by_nonce.setdefault(nonce, 100 + len(self.by_nonce))
        self.messages[message] = (delivery.id, _title(cards))
        self.posted.setdefault(delivery.channel_id, []).append((delivery, _title(cards)))
        if self.lose_answer:
            self.lose_answer = False
            raise TryLaterError("the answer was lost")
        return message

    async def is_member(self, guild_id: int, user_id: int) -> bool:
        self._call("is_member")
        return (guild_id, user_id) not in self.gone

    def horizon(self) -> int | None:
        return None

    async def find(self, delivery: Delivery) -> int | None:
        self._call("find")
        return next((message for message, (mine, _) in self.messages.items() if mine == delivery.id), None)

    async def edit(self, delivery: Delivery, cards: Sequence[FiledCard]) -> None:
        self._call("edit")
        if delivery.message_id not in self.messages:
            raise MessageRemovedError("unknown message")
        self.messages[delivery.message_id] = (delivery.id, _title(cards))

    async def retract(self, delivery: Delivery) -> None:
        self._call("retract")
        if self.messages.pop(delivery.message_id or 0, None) is None:
            raise MessageRemovedError("unknown message")

    async def crosspost(self, delivery: Delivery) -> None:
        self._call("crosspost")

    async def tell(self, guild_id: int, text: str, subscribers: Sequence[int]) -> bool:
        self.told.append(text)
        return True

    async def report_refused(self, messages: Sequence[RefusedMessage]) -> bool:
        self.told.append("refused: " + ", ".join(message.title for message in messages))
        return True

    @property
    def titles(self) -> list[str]:
        return [title for _, title in self.messages.values()]


def _title(cards: Sequence[FiledCard]) -> str:
    """The titles of a message's cards; nothing for a note in their place."""
    return " | ".join(card.card.title for card in cards)


class Desk:
    """A store, a folder of cards and a newsroom that delivers to channels in memory."""

    def __init__(self, store: Store, folder: Path, channels: Channels | None = None, **settings: Any) -> None:
        self.store = store
        self.clock = Clock()
        self.channels = channels or Channels()
        self.folder = folder
        chosen = load_settings(_env_file=None, cards=folder, **settings)
        self.metrics = Metrics()
        self.gate = Gate(self.clock, self.metrics.gate_changed)
        loader = Loader(store.cabinet, folder)
        self.newsroom = Newsroom(chosen, store, loader, self.channels, self.clock, self.metrics, self.gate)

    def write(self, slug: str, **fields: object) -> None:
        Stage.write(self, slug, **fields)  # type: ignore[arg-type]  # it only needs the folder

    async def deliver(self, **later: float) -> None:
        self.clock.move(**(later or {"seconds": 1}))
        await self.newsroom.load(accept_withdrawals=True)
        await self.newsroom.tick()

    async def due(self) -> datetime | None:
        return await self.store.deliveries.next_due(self.clock())


@asynccontextmanager
async def a_desk(place: Path, channels: Channels | None = None, **settings: Any) -> AsyncIterator[Desk]:
    """A desk with an empty folder and nothing subscribed."""
    folder = place / "cards"
    folder.mkdir()
    async with open_store(new_database(place / "test.db")) as store:
        yield Desk(store, folder, channels, **settings)
