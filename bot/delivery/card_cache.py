"""Cache of the cards being delivered: many channels need the same few, and each is fetched once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bot.delivery.sender import CardRefusedError
from bot.domain.delivery import CardRevision, ContentKind, Delivery
from bot.store import Store
from bot.store.cards.rows import StoredCard

_CACHE_SIZE = 512
"""Maximum number of cached card revisions."""
_Fetching = asyncio.Task[dict[int, StoredCard]]


class CardCache:
    """Cache of cards by id and revision."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._fetches: dict[CardRevision, _Fetching] = {}

    def fetch_cards(self, deliveries: Sequence[Delivery]) -> None:
        """Prefetch in one query the cards for these deliveries, all of one channel."""
        wanted = [content for delivery in deliveries for content in delivery.cards]
        self._start_fetch(wanted, deliveries[0].guild_id)

    async def get_cards(self, delivery: Delivery) -> list[StoredCard]:
        """Return the cards of a delivery in order. Raises `CardRefusedError` if one is not in the store."""
        wanted = delivery.cards
        if delivery.desired_kind is ContentKind.CARDS and not wanted:
            raise CardRefusedError("its cards are not in the store")
        self._start_fetch(wanted, delivery.guild_id)
        under_way = [(content, self._fetches[content]) for content in wanted]
        for _, fetching in under_way:
            if not fetching.done():
                await asyncio.wait([fetching])
        if any(fetching.exception() for _, fetching in under_way):
            # Another channel may have started the query: do not fail because of its error, retry.
            under_way = await self._stale_contents(wanted, delivery.guild_id)
        return [self._get_fetched(content, fetching) for content, fetching in under_way]

    async def _stale_contents(
        self, wanted: Sequence[CardRevision], guild_id: int
    ) -> list[tuple[CardRevision, _Fetching]]:
        for content in wanted:
            self._fetches.pop(content, None)
        self._start_fetch(wanted, guild_id)
        under_way = [(content, self._fetches[content]) for content in wanted]
        await asyncio.wait({fetching for _, fetching in under_way})
        return under_way

    def _start_fetch(self, wanted: Sequence[CardRevision], guild_id: int) -> None:
        """Start fetching missing cards as the server sees them; overridden cards have a revision of that server."""
        missing = [content for content in wanted if content not in self._fetches]
        if not missing:
            return
        if len(self._fetches) >= _CACHE_SIZE:
            self._fetches = {content: self._fetches[content] for content in wanted if content in self._fetches}
        request = self._store.cards.get_by_ids({content.card_id for content in missing}, guild_id)
        self._fetches |= dict.fromkeys(missing, asyncio.create_task(request, name="cards for the courier"))

    def _get_fetched(self, content: CardRevision, fetching: _Fetching) -> StoredCard:
        card: StoredCard | None = None
        try:
            card = fetching.result().get(content.card_id)
        finally:
            # Do not cache failures or outdated revisions: later callers fetch again.
            if card is None or card.revision != content.own_revision:
                self._fetches.pop(content, None)
        if card is None:
            raise CardRefusedError(f"card {content.card_id} is not in the store")
        # As it was planned: what is shown is what is recorded as delivered.
        return replace(card, publishers=content.coverage)
