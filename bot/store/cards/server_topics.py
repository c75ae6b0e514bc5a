"""The topics of cards in single servers: moderators edit them, and follows add to them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card
from bot.cards.text import normalize_name
from bot.store.cards.rows import parse_edit
from bot.store.sql_helpers import chunks
from bot.store.tables import card_edits, follow_topics, server_cards, topics

_Here = tuple[int, int]
"""(guild id, card id)"""


@dataclass(frozen=True, slots=True)
class ServerTopics:
    """Topics that cards have in servers only, as folded names: those that moderators set, and those of follows."""

    edited: Mapping[_Here, frozenset[str]]
    given: Mapping[_Here, frozenset[str]]

    def for_card(self, card: Card, card_id: int, guild_id: int) -> frozenset[str]:
        """Return the topics of a card in a server; what moderators set replaces all others."""
        here = guild_id, card_id
        if here in self.edited:
            return self.edited[here]
        return self.given.get(here, frozenset()).union(map(normalize_name, card.topics))


async def fetch_topics(
    connection: AsyncConnection, card_ids: Collection[int], guild_ids: Collection[int]
) -> ServerTopics:
    """Load the topics that these cards have in these servers beside their own."""
    edited: dict[_Here, frozenset[str]] = {}
    given: defaultdict[_Here, set[str]] = defaultdict(set)
    for some_cards, some_guilds in _pairs_of_chunks(card_ids, guild_ids):
        for guild_id, card_id, stored in await connection.execute(_edits(some_cards, some_guilds)):
            if (names := parse_edit(stored).topics) is not None:
                edited[guild_id, card_id] = frozenset(map(normalize_name, names))
        for guild_id, card_id, key in await connection.execute(_gifts(some_cards, some_guilds)):
            given[guild_id, card_id].add(key)
    return ServerTopics(edited, {here: frozenset(keys) for here, keys in given.items()})


def _pairs_of_chunks(
    card_ids: Collection[int], guild_ids: Collection[int]
) -> Iterator[tuple[Collection[int], Collection[int]]]:
    guilds = sorted(guild_ids)
    for some_cards in chunks(sorted(card_ids)):
        for some_guilds in chunks(guilds):
            yield some_cards, some_guilds


def _edits(card_ids: Collection[int], guild_ids: Collection[int]) -> Select[Any]:
    edit = card_edits.c
    query = select(edit.guild_id, edit.card_id, edit.fields)
    return query.where(edit.guild_id.in_(guild_ids), edit.card_id.in_(card_ids))


def _gifts(card_ids: Collection[int], guild_ids: Collection[int]) -> Select[Any]:
    row, gift = server_cards.c, follow_topics.c
    is_of_follow = (gift.guild_id == row.guild_id) & (gift.source_id == row.source_id)
    query = select(row.guild_id, row.card_id, topics.c.key).join_from(server_cards, follow_topics, is_of_follow)
    query = query.join(topics, topics.c.id == gift.topic_id)
    return query.where(row.card_id.in_(card_ids), row.guild_id.in_(guild_ids))
