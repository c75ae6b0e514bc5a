"""Contents of messages: the cards attached to each, as rows of `delivery_cards`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.delivery import OWN_HASH, AttachedCard, CardRevision, select_shown
from bot.store.sql_helpers import chunks
from bot.store.tables import delivery_cards

MESSAGES_AT_ONCE = 5000
"""Messages per statement; every engine allows at least 32,000 parameters."""

IS_LISTED: ColumnElement[bool] = delivery_cards.c.channel_id.is_(None)
ATTACHED = (*(delivery_cards.c[name] for name in ("card_id", "revision", "shown", "coverage")), IS_LISTED)
"""The columns of an `AttachedCard`."""
IN_MESSAGE = (delivery_cards.c.position, delivery_cards.c.card_id)
"""The order of the cards of one message."""


def without_coverage(content_hash: ColumnElement[Any]) -> ColumnElement[str]:
    """The part of a content's hash that its coverage does not change (`bot.domain.delivery.hash_content`)."""
    return func.substr(content_hash, 1, OWN_HASH)


async def fetch_shown(connection: AsyncConnection, delivery_ids: Sequence[int]) -> dict[int, tuple[CardRevision, ...]]:
    """Return the cards that each of these messages shows, in order. Messages without cards are left out."""
    attached: dict[int, list[AttachedCard]] = {}
    message = delivery_cards.c.delivery_id
    for ids in chunks(delivery_ids, MESSAGES_AT_ONCE):
        query = select(message, *ATTACHED).where(message.in_(ids)).order_by(*IN_MESSAGE)
        for delivery_id, *card in await connection.execute(query):
            attached.setdefault(delivery_id, []).append(AttachedCard(*card))
    return {delivery_id: select_shown(cards) for delivery_id, cards in attached.items()}
