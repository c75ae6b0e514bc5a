"""The cards that go out at the moment: many channels want the same few, and each is fetched once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.delivery.poster import CardRefusedError
from bot.desk.delivery import Content, Delivery, contents
from bot.store import Store
from bot.store.records import FiledCard

_KEPT = 512
"""Cards, by revision."""
_Fetching = asyncio.Task[dict[int, FiledCard]]


class Shelf:
    """Cards by id and revision."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fetched: dict[Content, _Fetching] = {}

    def fetch(self, deliveries: Sequence[Delivery]) -> None:
        """Look up together what these deliveries, all of one channel, are about to want."""
        wanted = [content for delivery in deliveries for content in contents(delivery.wanted)]
        self._begin(wanted, deliveries[0].guild_id)

    async def cards(self, delivery: Delivery) -> list[FiledCard]:
        """What a delivery wants to show, in order. Raises `CardRefusedError` when a card is not in the store."""
        wanted = contents(delivery.wanted)
        self._begin(wanted, delivery.guild_id)
        under_way = [(content, self._fetched[content]) for content in wanted]
        for _, fetching in under_way:
            if not fetching.done():
                await asyncio.wait([fetching])
        if any(fetching.exception() for _, fetching in under_way):
            # Somebody else's channel may have begun it: its failure is not to be this one's as well.
            under_way = await self._again(wanted, delivery.guild_id)
        return [self._found(content, fetching) for content, fetching in under_way]

    async def _again(self, wanted: Sequence[Content], guild_id: int) -> list[tuple[Content, _Fetching]]:
        for content in wanted:
            self._fetched.pop(content, None)
        self._begin(wanted, guild_id)
        under_way = [(content, self._fetched[content]) for content in wanted]
        await asyncio.wait({fetching for _, fetching in under_way})
        return under_way

    def _begin(self, wanted: Sequence[Content], guild_id: int) -> None:
        """As a server sees them; its name in a revision keeps its own cards apart from the others'."""
        missing = [content for content in wanted if content not in self._fetched]
        if not missing:
            return
        if len(self._fetched) >= _KEPT:
            self._fetched = {content: self._fetched[content] for content in wanted if content in self._fetched}
        asked = self._store.archive.by_ids({content.card_id for content in missing}, guild_id)
        self._fetched |= dict.fromkeys(missing, asyncio.create_task(asked, name="cards for the courier"))

    def _found(self, content: Content, fetching: _Fetching) -> FiledCard:
        card: FiledCard | None = None
        try:
            card = fetching.result().get(content.card_id)
        finally:
            # A failure is not kept, nor what the table has overtaken: those who come later look again.
            if card is None or card.revision != content.own_revision:
                self._fetched.pop(content, None)
        if card is None:
            raise CardRefusedError(f"card {content.card_id} is not in the store")
        return card
