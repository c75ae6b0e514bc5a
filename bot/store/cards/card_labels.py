"""What cards are found by: topics, providers, addresses, the full-text index, and words for spelling suggestions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card, CardState
from bot.cards.text import normalize_name
from bot.store.cards.names import add_missing, ensure_topic_ids
from bot.store.cards.search_entries import IndexedCard, index_cards, remove_entries
from bot.store.tables import card_aliases, card_topics, cards, followed_card_topics, providers


@dataclass(frozen=True, slots=True)
class LabeledCard:
    """A card as it was written. `is_shared`: its source is everybody's."""

    id: int
    sort_key: int
    card: Card
    source_id: int
    is_shared: bool


async def write_labels(connection: AsyncConnection, written: Sequence[LabeledCard]) -> None:
    """Add the labels of cards that have none. Addresses are never deleted, so that old ones find the card."""
    shared = [each for each in written if each.is_shared]
    followed = [each for each in written if not each.is_shared]
    ids = await ensure_topic_ids(connection, _topic_names(shared), is_shared=True)
    ids |= await ensure_topic_ids(connection, _topic_names(followed))
    topical = [
        {"topic_id": ids[normalize_name(name)], "card_id": each.id, "sort_key": each.sort_key}
        for each in shared
        for name in each.card.topics
    ]
    followed_topical = [
        {"topic_id": ids[normalize_name(name)], "card_id": each.id, "name": name}
        for each in followed
        for name in each.card.topics
    ]
    aliases = [{"url": alias, "card_id": each.id} for each in written for alias in each.card.aliases]
    # The names of providers are written as the first card writes them: not as one that most servers never see.
    named = {each.card.provider.name for each in shared if each.card.provider}
    provided = [{"key": normalize_name(name), "name": name} for name in sorted(named)]
    for table, rows in (
        (card_topics, topical),
        (followed_card_topics, followed_topical),
        (card_aliases, aliases),
        (providers, provided),
    ):
        await add_missing(connection, table, rows)
    shown = [each for each in written if each.card.state is not CardState.WITHDRAWN]
    await index_cards(connection, [IndexedCard(each.sort_key, each.card, each.source_id) for each in shown])


def _topic_names(written: Sequence[LabeledCard]) -> dict[str, str]:
    return {normalize_name(name): name for each in written for name in each.card.topics}


async def remove_from_index(connection: AsyncConnection, ids: Sequence[int]) -> None:
    """Remove cards from the full-text index. Call before their sort keys change."""
    rows = await connection.execute(select(cards.c.sort_key).where(cards.c.id.in_(ids)))
    await remove_entries(connection, rows.scalars().all())
