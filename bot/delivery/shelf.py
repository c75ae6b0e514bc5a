"""Cache of the cards being delivered: many channels need the same few, and each is fetched once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from bot.delivery.poster import CardRefusedError
from bot.desk.delivery import Content, Delivery, contents
from bot.store import Store
from bot.store.records import FiledCard

_KEPT = 512
"""Maximum number of cached card revisions."""
_Fetching = asyncio.Task[dict[int, FiledCard]]


class Shelf:
    """Cache of cards by id and revision."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fetched: dict[Content, _Fetching] = {}

    def fetch(self, deliveries: Sequence[Delivery]) -> None:
        """Prefetch in one query the cards for these deliveries, all of one channel."""
        wanted = [content for delivery in deliveries for content in contents(delivery.wanted)]
        self._begin(wanted, deliveries[0].guild_id)

    async def cards(self, delivery: Delivery) -> list[FiledCard]:
        """Return the cards of a delivery in order. Raises `CardRefusedError` if a card is not in the store."""
        wanted = contents(delivery.wanted)
        self._begin(wanted, delivery.guild_id)
        under_way = [(content, self._fetched[content]) for content in wanted]
        for _, fetching in under_way:
            if not fetching.done():
                await asyncio.wait([fetching])
        if any(fetching.exception() for _, fetching in under_way):
            # Another channel may have started the query: do not fail because of its error, retry.
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
        """Start fetching missing cards as the server sees them; overridden cards have a revision of that server."""
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
            # Do not cache failures or outdated revisions: later callers fetch again.
            if card is None or card.revision != content.own_revision:
                self._fetched.pop(content, None)
        if card is None:
            raise CardRefusedError(f"card {content.card_id} is not in the store")
        return card
