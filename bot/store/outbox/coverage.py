"""How many publishers a post says its story has: the column `coverage` of `delivery_cards`.

Posts of one story follow it. A digest keeps the numbers with which it was made.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.delivery import DeliveryStatus
from bot.domain.heat import coverage_step
from bot.domain.subscription import Layout
from bot.store.cards.heat import publishers_in
from bot.store.cards.plan_scope import PlanScope
from bot.store.outbox.contents import MESSAGES_AT_ONCE
from bot.store.sql_helpers import chunks
from bot.store.tables import cards, deliveries, delivery_cards, server_cards, story_decisions


async def update_story_coverage(connection: AsyncConnection, story_ids: Sequence[int], scope: PlanScope) -> set[int]:
    """Update the posts of these stories. Returns the ids of those that are to say something else."""
    found: set[int] = set()
    for some in chunks(story_ids):
        shared = select(cards.c.id).where(cards.c.story_id.in_(some))
        followed = select(server_cards.c.card_id).where(server_cards.c.story_id.in_(some))
        decided = select(story_decisions.c.card_id).where(story_decisions.c.story_id.in_([-each for each in some]))
        card_id = delivery_cards.c.card_id
        condition = or_(*(card_id.in_(each) for each in (shared, followed, decided))) & scope.covers(
            deliveries.c.guild_id
        )
        found |= await _update_coverage(connection, condition)
    return found


async def update_message_coverage(connection: AsyncConnection, delivery_ids: Sequence[int]) -> None:
    """Update these posts, of which cards are new."""
    for some in chunks(delivery_ids, MESSAGES_AT_ONCE):
        await _update_coverage(connection, delivery_cards.c.delivery_id.in_(some))


async def _update_coverage(connection: AsyncConnection, condition: ColumnElement[bool]) -> set[int]:
    key = (delivery_cards.c.delivery_id, delivery_cards.c.card_id)
    query = (
        select(*key, delivery_cards.c.coverage, publishers_in(deliveries.c.guild_id))
        .join_from(delivery_cards, deliveries, deliveries.c.id == delivery_cards.c.delivery_id)
        .join(cards, cards.c.id == delivery_cards.c.card_id)
        .where(condition, deliveries.c.layout == Layout.CARD, deliveries.c.status != DeliveryStatus.REMOVED)
        .where(~delivery_cards.c.detached)
    )
    changes = [
        {"the_id": delivery_id, "the_card": card_id, "publishers": coverage_step(publishers)}
        for delivery_id, card_id, coverage, publishers in await connection.execute(query)
        if coverage_step(publishers) != coverage
    ]
    if changes:
        await connection.execute(_SET_COVERAGE, changes)
    return {change["the_id"] for change in changes}


_SET_COVERAGE = (
    update(delivery_cards)
    .where(delivery_cards.c.delivery_id == bindparam("the_id"), delivery_cards.c.card_id == bindparam("the_card"))
    .values(coverage=bindparam("publishers"))
)
