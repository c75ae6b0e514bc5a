"""Group stored cards into stories by shared keys."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    RowMapping,
    Select,
    SelectBase,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card, CardState
from bot.domain.story_clustering import ClusterMember, assign_stories
from bot.domain.story_keys import compute_keys, neighbour_keys
from bot.store.cards.rows import card_from_row, stored_card_columns
from bot.store.cards.visibility import IS_SHARED, Guild
from bot.store.sql_helpers import chunks, insert_or_ignore
from bot.store.tables import card_aliases, cards, server_cards, story_keys


def story_id_of(card: FromClause) -> ColumnElement[int]:
    """The story id of a row of `cards`; a card without an assigned story is its own."""
    return func.coalesce(card.c.story_id, card.c.id)


def story_id_in(guild_id: Guild, card: FromClause) -> ColumnElement[int]:
    """The story id of a row of `cards` in a server: of a followed card that of the server's row."""
    row = select(server_cards.c.story_id).where(
        server_cards.c.guild_id == guild_id, server_cards.c.card_id == card.c.id
    )
    own = func.coalesce(row.correlate_except(server_cards).scalar_subquery(), card.c.id)
    return case((card.c.state == CardState.FOLLOWED, own), else_=story_id_of(card))


async def assign_story_ids(connection: AsyncConnection, query: Select[Any]) -> list[ClusterMember]:
    """Assign each of these cards, which are everybody's, a story: that of related cards, or a new one.

    Returns the cards that have got one.
    """
    new = await load_members(connection, query, cards.c.story_id.is_(None))
    if not new:
        return []
    await insert_keys(connection, new)
    # An article has one kind of key as a card and another where a card lists it: look up both.
    wanted = {key for member in new for key in neighbour_keys(member.keys)}
    known = await load_known_members(connection, wanted, {member.card_id for member in new})
    stories = assign_stories([*new, *known])
    await _write_stories(connection, stories, known)
    return new


async def renew_keys(connection: AsyncConnection, query: SelectBase) -> None:
    """Recompute the keys of changed cards that have a story. They stay in that story."""
    has_keys = exists(select(literal(1)).where(story_keys.c.card_id == cards.c.id).correlate(cards))
    changed = await load_members(connection, query, or_(cards.c.story_id.is_not(None), ~IS_SHARED & has_keys))
    ids = [member.card_id for member in changed]
    if not ids:
        return
    await connection.execute(delete(story_keys).where(story_keys.c.card_id.in_(ids)))
    await insert_keys(connection, changed)


async def insert_keys(connection: AsyncConnection, members: Sequence[ClusterMember]) -> None:
    rows = [{"key": key, "card_id": member.card_id} for member in members for key in member.keys]
    if rows:
        await connection.execute(insert_or_ignore(story_keys), rows)


async def load_members(connection: AsyncConnection, selection: SelectBase, *which: Any) -> list[ClusterMember]:
    """Load cards with the keys computed from their text."""
    query = select(*stored_card_columns(0), cards.c.story_id).where(cards.c.id.in_(selection), *which)
    rows = (await connection.execute(query)).mappings().all()
    aliases = await _load_aliases(connection, [row["id"] for row in rows])
    return [_build_member(row, card_from_row(row).card, aliases.get(row["id"], ())) for row in rows]


def _build_member(row: RowMapping, card: Card, aliases: Sequence[str]) -> ClusterMember:
    return ClusterMember(
        row["id"], row["published_at"], compute_keys(replace(card, aliases=tuple(aliases))), row["story_id"]
    )


async def _load_aliases(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, list[str]]:
    result: dict[int, list[str]] = {}
    for some in chunks(ids):
        query = select(card_aliases.c.card_id, card_aliases.c.url).where(card_aliases.c.card_id.in_(some))
        for card_id, alias in await connection.execute(query):
            result.setdefault(card_id, []).append(alias)
    return result


async def load_known_members(
    connection: AsyncConnection, wanted: Collection[str], new: Collection[int]
) -> list[ClusterMember]:
    """Load cards with a story that share one of these keys, and the first and last cards of their stories."""
    met: dict[int, set[str]] = {}
    for names in chunks(sorted(wanted)):
        query = select(story_keys.c.card_id, story_keys.c.key).where(story_keys.c.key.in_(names))
        for card_id, key in await connection.execute(query):
            met.setdefault(card_id, set()).add(key)
    result: dict[int, ClusterMember] = {}
    for ids in chunks(sorted(met.keys() - set(new))):
        # The ends of a story say whether one more card would stretch it beyond the limit; the cards between them do not
        # matter.
        own_query = select(cards.c.story_id).where(cards.c.id.in_(ids))
        ends = select(func.min(cards.c.sort_key), func.max(cards.c.sort_key)).where(cards.c.story_id.in_(own_query))
        bounds = ends.group_by(cards.c.story_id).subquery()
        queried_cards = select(cards.c.id, cards.c.published_at, cards.c.story_id).where(
            or_(
                cards.c.id.in_(ids),
                cards.c.sort_key.in_(select(bounds.c[0])),
                cards.c.sort_key.in_(select(bounds.c[1])),
            ),
            cards.c.story_id.is_not(None),
        )
        for card_id, published_at, story_id in await connection.execute(queried_cards):
            result[card_id] = ClusterMember(card_id, published_at, frozenset(met.get(card_id, ())), story_id)
    return list(result.values())


async def _write_stories(
    connection: AsyncConnection, stories: Mapping[int, int], known: Sequence[ClusterMember]
) -> None:
    before = {member.card_id: member.story_id for member in known}
    values = [{"the_id": card_id, "story": story} for card_id, story in stories.items() if card_id not in before]
    await connection.execute(_GIVE, values)
    # A new card may show that two known stories are one. The other cards of the story that ends are not loaded, so they
    # move by its ID.
    merged = {before[card_id]: story for card_id, story in stories.items() if before.get(card_id) not in (None, story)}
    for old, story in merged.items():
        await connection.execute(update(cards).where(cards.c.story_id == old).values(story_id=story))


_GIVE = update(cards).where(cards.c.id == bindparam("the_id")).values(story_id=bindparam("story"))
