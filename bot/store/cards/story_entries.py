"""One entry a story in lists: of the cards that a server sees and a filter matches, the newest of each story.

Pages turn alike in both directions, since what takes a card out of a list does not depend on the page.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    and_,
    bindparam,
    exists,
    literal,
    select,
    true,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.cards.revisions import leave_out_split
from bot.store.cards.rows import StoredCard, card_from_row, stored_card_columns
from bot.store.cards.stories import select_members, story_id_in
from bot.store.cards.visibility import Guild, is_visible_to
from bot.store.tables import cards, story_links

Filter = Callable[[FromClause], ColumnElement[bool]]
"""Returns the condition of a list for a row of an alias of `cards`."""


def match_all(_card: FromClause) -> ColumnElement[bool]:
    """Return the filter of a list of all cards."""
    return true()


def is_newest_of_story(guild_id: Guild, before: ColumnElement[int], matches: Filter = match_all) -> ColumnElement[bool]:
    """Whether the list has no newer card of the story of the enclosing query's row of `cards`.

    `before` is the end of the listed time, excluded: not that of the page.
    """
    newer = cards.alias("newer")
    listed = and_(
        newer.c.sort_key > cards.c.sort_key,
        newer.c.sort_key < before,
        is_visible_to(guild_id, newer),
        matches(newer),
    )
    parts = select_members(guild_id, story_id_in(guild_id, cards), newer, literal(1))
    return and_(*(~exists(part.where(listed).correlate(cards)) for part in parts))


MEMBERS = 50
"""Maximum number of cards of a story that are listed. Stories by text are shorter; those by address have no limit."""


async def load_members(
    connection: AsyncConnection, card_ids: Sequence[int], guild_id: int
) -> dict[int, list[StoredCard]]:
    """Load the other cards of these cards' stories that the server sees, newest first, by the id given.

    A card that is alone in its story is left out.
    """
    values = {"guild": guild_id, "ids": card_ids, "limit": MEMBERS * len(card_ids)}
    found: defaultdict[int, list[StoredCard]] = defaultdict(list)
    rows = (await connection.execute(_members_query(), values)).mappings().all()
    members = await leave_out_split(connection, guild_id, [card_from_row(row) for row in rows])
    for row, member in zip(rows, members, strict=True):
        found[row["asked_id"]].append(member)
    return {card_id: others[:MEMBERS] for card_id, others in found.items()}


async def load_similar(connection: AsyncConnection, card_id: int, guild_id: int, limit: int) -> list[StoredCard]:
    """Load the cards of other stories that the server sees and that are like a card, the most similar of each story."""
    link = story_links.c
    linked = union_all(
        select(link.other_id.label("id"), link.similarity).where(link.card_id == card_id),
        select(link.card_id, link.similarity).where(link.other_id == card_id),
    ).subquery()
    asked = cards.alias("asked")
    own = select(story_id_in(guild_id, asked)).where(asked.c.id == card_id).scalar_subquery()
    story = story_id_in(guild_id, cards)
    query = (
        select(*stored_card_columns(guild_id), story.label("story"))
        .join(linked, linked.c.id == cards.c.id)
        .where(is_visible_to(guild_id), story != own)
        .order_by(linked.c.similarity.desc(), cards.c.sort_key.desc())
    )
    first_of_story: dict[int, StoredCard] = {}
    for row in (await connection.execute(query)).mappings():
        first_of_story.setdefault(row["story"], card_from_row(row))
    return await leave_out_split(connection, guild_id, list(first_of_story.values())[:limit])


@cache
def _members_query() -> Select[Any]:
    guild_id = bindparam("guild", type_=BigInteger)
    wanted = cards.c.id.in_(bindparam("ids", expanding=True))
    asked = select(cards.c.id, story_id_in(guild_id, cards).label("story_id")).where(wanted).cte()
    member = cards.alias("member")
    parts = select_members(guild_id, asked.c.story_id, member, member.c.id, asked.c.id.label("asked_id"))
    pairs = union_all(*parts).subquery()
    return (
        select(pairs.c.asked_id, *stored_card_columns(guild_id))
        .join_from(pairs, cards, cards.c.id == pairs.c.id)
        .where(pairs.c.id != pairs.c.asked_id, is_visible_to(guild_id))
        .order_by(cards.c.sort_key.desc())
        .limit(bindparam("limit", type_=BigInteger))
    )
