"""Cards as a server sees them after its moderators split stories: without the articles of cards that were split off.

A card may list such an article itself. That is left out, and its revision in that server differs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, case, cast, exists, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.story_keys import RELATED, leave_out_related
from bot.store.cards import stories
from bot.store.cards.rows import StoredCard
from bot.store.cards.visibility import Guild, edited_revision
from bot.store.sql_helpers import chunks
from bot.store.tables import Text, card_aliases, cards, story_decisions, story_keys

_MARK = "+"
_other, _address = cards.alias("split_off"), card_aliases.alias("split_address")


def visible_revision(guild_id: Guild) -> ColumnElement[str]:
    """The card's revision as the server sees it (`bot.domain.delivery.CardRevision`)."""
    # The sum does not depend on the order of the cards, and tells them apart well enough.
    total = _select_split(guild_id, literal(_MARK).concat(cast(func.sum(_other.c.id), Text)))
    mark = total.correlate_except(story_keys, _address, _other).scalar_subquery()
    # Few servers have decisions: the others need not look.
    decided = select(literal(1)).where(story_decisions.c.guild_id == guild_id).correlate_except(story_decisions)
    return edited_revision(guild_id).concat(case((exists(decided), func.coalesce(mark, "")), else_=""))


async def leave_out_split(connection: AsyncConnection, guild_id: int, stored: Sequence[StoredCard]) -> list[StoredCard]:
    """Return the cards without the related articles that the server's moderators split off."""
    listing = [each.id for each in stored if each.card.related]
    if not listing or (await connection.execute(_has_decisions(), {"guild": guild_id})).first() is None:
        return list(stored)
    found: defaultdict[int, dict[str, int]] = defaultdict(dict)
    for some in chunks(listing):
        for card_id, other_id, url in await connection.execute(_split_articles(), {"guild": guild_id, "ids": some}):
            found[card_id][url] = other_id
    return [_without(each, found[each.id]) if each.id in found else each for each in stored]


def _without(stored: StoredCard, split: dict[str, int]) -> StoredCard:
    revision = f"{stored.revision}{_MARK}{sum(split.values())}"
    return replace(stored, card=leave_out_related(stored.card, split), revision=revision)


def _select_split(guild_id: Guild, *columns: ColumnElement[Any]) -> Select[Any]:
    """Select columns of the cards that a row of `cards` lists, and that tell its story, were it not for moderators."""
    address = func.substr(story_keys.c.key, len(RELATED) + 1)
    decided, other_decided = (stories.latest_decision(guild_id, each.c.id) for each in (cards, _other))
    return (
        select(*columns)
        .select_from(story_keys)
        .join(_address, _address.c.url == address)
        .join(_other, _other.c.id == _address.c.card_id)
        .where(
            story_keys.c.card_id == cards.c.id,
            story_keys.c.key.startswith(RELATED),
            stories.matched_story_id(guild_id, _other) == stories.matched_story_id(guild_id, cards),
            func.coalesce(decided, 0) != func.coalesce(other_decided, 0),
        )
    )


@cache
def _has_decisions() -> Select[Any]:
    here = story_decisions.c.guild_id == bindparam("guild", type_=BigInteger)
    return select(story_decisions.c.card_id).where(here).limit(1)


@cache
def _split_articles() -> Select[Any]:
    query = _select_split(bindparam("guild", type_=BigInteger), cards.c.id, _other.c.id, _address.c.url)
    return query.where(cards.c.id.in_(bindparam("ids", expanding=True)))
