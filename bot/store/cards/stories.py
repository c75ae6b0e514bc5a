"""What the story of a card is, in all servers and in one; and which cards tell a story.

In a server the decisions of its moderators count before the stories by matching. Such a story goes by the negative of
its number in `story_decisions`, so that it is never taken for one that goes by a card.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, ScalarSelect, Select, case, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.store.cards.visibility import Guild, is_shared
from bot.store.sql_helpers import chunks
from bot.store.tables import card_aliases, server_cards, story_decisions


def story_id_of(card: FromClause) -> ColumnElement[int]:
    """The story id of a row of `cards` by matching; a card without an assigned story is its own."""
    return func.coalesce(card.c.story_id, card.c.id)


def story_id_in(guild_id: Guild, card: FromClause) -> ColumnElement[int]:
    """The story id of a row of `cards` in a server: as its moderators decided, else of a followed card that of its row.

    The only way to ask for it: whatever groups cards in a server goes through this or `select_members`.
    """
    return coalesce_story_id(guild_id, card.c.id, matched_story_id(guild_id, card))


def matched_story_id(guild_id: Guild, card: FromClause) -> ColumnElement[int]:
    """The story id of a row of `cards` in a server by matching, whatever its moderators decided."""
    row = select(server_cards.c.story_id).where(
        server_cards.c.guild_id == guild_id, server_cards.c.card_id == card.c.id
    )
    own = func.coalesce(row.correlate_except(server_cards).scalar_subquery(), card.c.id)
    return case((card.c.state == CardState.FOLLOWED, own), else_=story_id_of(card))


def coalesce_story_id(guild_id: Guild, card_id: ColumnElement[int], matched: ColumnElement[Any]) -> ColumnElement[Any]:
    """The id of the story that the server's moderators gave a card, else that by matching."""
    return func.coalesce(-latest_decision(guild_id, card_id), matched)


def select_members(
    guild_id: Guild, story_id: ColumnElement[int], card: FromClause, *columns: ColumnElement[Any]
) -> list[Select[Any]]:
    """Select columns of the cards that tell a story in a server, visible there or not, as the parts of a union.

    `card` is an alias of `cards`. The parts are everybody's cards, those of followed sources, and those decided on.
    """
    row, decision = server_cards.alias(), story_decisions.alias()
    here = (story_decisions.c.guild_id == guild_id) & (story_decisions.c.card_id == card.c.id)
    decided = exists(select(literal(1)).where(here).correlate_except(story_decisions))
    shared = select(*columns).select_from(card).where(card.c.story_id == story_id, is_shared(card), ~decided)
    is_followed = case((is_shared(card), False), else_=True)
    own = select(*columns).select_from(row.join(card, card.c.id == row.c.card_id))
    # By the rows of the story: SQLite would go through all newer cards of followed sources, whoever follows them. It
    # has no index for a CASE.
    own = own.with_hint(row, "INDEXED BY ix_server_cards_story_id_guild_id_sort_key", "sqlite")
    own = own.where(row.c.guild_id == guild_id, row.c.story_id == story_id, is_followed, ~decided)
    moved = select(*columns).select_from(decision.join(card, card.c.id == decision.c.card_id))
    moved = moved.where(decision.c.guild_id == guild_id, decision.c.story_id == -story_id)
    return [shared, own, moved.where(decision.c.story_id == latest_decision(guild_id, card.c.id))]


def latest_decision(guild_id: Guild, card_id: ColumnElement[int]) -> ScalarSelect[int]:
    """The number of the story that the server's moderators gave a card last; null if they never did."""
    latest = select(func.max(story_decisions.c.story_id)).where(
        story_decisions.c.guild_id == guild_id, story_decisions.c.card_id == card_id
    )
    return latest.correlate_except(story_decisions).scalar_subquery()


async def load_aliases(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, list[str]]:
    """Load the normalized URLs of cards, by card id."""
    result: dict[int, list[str]] = {}
    for some in chunks(ids):
        query = select(card_aliases.c.card_id, card_aliases.c.url).where(card_aliases.c.card_id.in_(some))
        for card_id, alias in await connection.execute(query):
            result.setdefault(card_id, []).append(alias)
    return result
