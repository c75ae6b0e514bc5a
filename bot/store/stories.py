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
    bindparam,
    delete,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card
from bot.desk.stories import Member, assigned, keys, neighbours
from bot.store.bulk import some_of
from bot.store.records import filed, filed_columns
from bot.store.tables import card_aliases, cards, story_keys
from bot.store.upserts import insert_ignoring


def story_of(card: FromClause) -> ColumnElement[int]:
    """The story id of a row of `cards`; a card without an assigned story is its own."""
    return func.coalesce(card.c.story_id, card.c.id)


async def assign(connection: AsyncConnection, chosen: Select[Any]) -> None:
    """Assign each of these cards a story: that of related cards, or a new one."""
    new = await _members(connection, chosen, cards.c.story_id.is_(None))
    if not new:
        return
    await _add_keys(connection, new)
    wanted = {key for member in new for key in neighbours(member.keys)}
    known = await _known(connection, wanted, {member.card_id for member in new})
    stories = assigned([*new, *known])
    await _write(connection, stories, known)


async def renew_keys(connection: AsyncConnection, chosen: Select[Any]) -> None:
    """Recompute the keys of changed cards that have a story. They stay in that story."""
    changed = await _members(connection, chosen, cards.c.story_id.is_not(None))
    ids = [member.card_id for member in changed]
    if not ids:
        return
    await connection.execute(delete(story_keys).where(story_keys.c.card_id.in_(ids)))
    await _add_keys(connection, changed)


async def _add_keys(connection: AsyncConnection, members: Sequence[Member]) -> None:
    rows = [{"key": key, "card_id": member.card_id} for member in members for key in member.keys]
    if rows:
        await connection.execute(insert_ignoring(story_keys), rows)


async def _members(connection: AsyncConnection, chosen: Select[Any], *which: Any) -> list[Member]:
    """Load cards with the keys computed from their text."""
    asked = select(*filed_columns(0), cards.c.story_id).where(cards.c.id.in_(chosen), *which)
    rows = (await connection.execute(asked)).mappings().all()
    aliases = await _aliases(connection, [row["id"] for row in rows])
    return [_member(row, filed(row).card, aliases.get(row["id"], ())) for row in rows]


def _member(row: RowMapping, card: Card, aliases: Sequence[str]) -> Member:
    return Member(row["id"], row["published_at"], keys(replace(card, aliases=tuple(aliases))), row["story_id"])


async def _aliases(connection: AsyncConnection, ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for some in some_of(ids):
        asked = select(card_aliases.c.card_id, card_aliases.c.alias).where(card_aliases.c.card_id.in_(some))
        for card_id, alias in await connection.execute(asked):
            found.setdefault(card_id, []).append(alias)
    return found


async def _known(connection: AsyncConnection, wanted: Collection[str], new: Collection[int]) -> list[Member]:
    """Load cards with a story that share one of these keys, and the first and last cards of their stories."""
    met: dict[int, set[str]] = {}
    for names in some_of(sorted(wanted)):
        asked = select(story_keys.c.card_id, story_keys.c.key).where(story_keys.c.key.in_(names))
        for card_id, key in await connection.execute(asked):
            met.setdefault(card_id, set()).add(key)
    found: dict[int, Member] = {}
    for ids in some_of(sorted(met.keys() - set(new))):
        mine = select(cards.c.story_id).where(cards.c.id.in_(ids))
        ends = select(func.min(cards.c.timeline), func.max(cards.c.timeline)).where(cards.c.story_id.in_(mine))
        bounds = ends.group_by(cards.c.story_id).subquery()
        asked_cards = select(cards.c.id, cards.c.published_at, cards.c.story_id).where(
            or_(
                cards.c.id.in_(ids),
                cards.c.timeline.in_(select(bounds.c[0])),
                cards.c.timeline.in_(select(bounds.c[1])),
            ),
            cards.c.story_id.is_not(None),
        )
        for card_id, published_at, story_id in await connection.execute(asked_cards):
            found[card_id] = Member(card_id, published_at, frozenset(met.get(card_id, ())), story_id)
    return list(found.values())


async def _write(connection: AsyncConnection, stories: Mapping[int, int], known: Sequence[Member]) -> None:
    before = {member.card_id: member.story_id for member in known}
    given = [{"the_id": card_id, "story": story} for card_id, story in stories.items() if card_id not in before]
    await connection.execute(_GIVE, given)
    merged = {before[card_id]: story for card_id, story in stories.items() if before.get(card_id) not in (None, story)}
    for old, story in merged.items():
        await connection.execute(update(cards).where(cards.c.story_id == old).values(story_id=story))


_GIVE = update(cards).where(cards.c.id == bindparam("the_id")).values(story_id=bindparam("story"))
