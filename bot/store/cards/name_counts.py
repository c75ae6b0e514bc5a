"""Topics and providers by name, with the number of their cards that a server sees."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Join,
    Select,
    Subquery,
    Text,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    null,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.cards.text import normalize_name, strip_unstorable
from bot.store.cards.visibility import Guild, has_edited_topics, is_visible_to
from bot.store.tables import (
    card_edit_topics,
    card_edits,
    card_topics,
    cards,
    decisions,
    follow_topics,
    followed_card_topics,
    follows,
    providers,
    server_cards,
    topics,
)


@dataclass(frozen=True, slots=True)
class TopicCount:
    """A topic's or provider's display name, and its number of cards visible in the server."""

    name: str
    count: int


async def list_topic_names(connection: AsyncConnection, guild_id: int, beginning: str, limit: int) -> list[TopicCount]:
    """Return topics with visible cards: names that start with `beginning`, then names with such a word."""
    return await _list_names(connection, _topic_names_query(), guild_id, beginning, limit)


async def list_provider_names(
    connection: AsyncConnection, guild_id: int, beginning: str, limit: int
) -> list[TopicCount]:
    """Return providers with visible cards, ordered like `list_topic_names`."""
    return await _list_names(connection, _provider_names_query(), guild_id, beginning, limit)


def select_topics(guild_id: Guild) -> Select[Any]:
    """Select `id`, `key`, `name` and `count` of the topics, as a server sees them.

    The name is as everybody's cards write it, else as the server or its cards do.
    """
    decided = _decided_change(guild_id, card_topics.c.topic_id, decisions.join(cards).join(card_topics))
    parts = (decided, _own_topics(guild_id), _given_topics(guild_id), *_edited_changes(guild_id))
    changes = _sum_changes(*parts).subquery()
    given = select(func.min(follow_topics.c.name)).where(
        follow_topics.c.guild_id == guild_id, follow_topics.c.topic_id == topics.c.id
    )
    of_sample = followed_card_topics.c.card_id == changes.c.sample
    written = select(followed_card_topics.c.name).where(of_sample, followed_card_topics.c.topic_id == topics.c.id)
    of_edits = (card_edit_topics.c.guild_id == guild_id) & (card_edit_topics.c.topic_id == topics.c.id)
    edited = select(func.min(card_edit_topics.c.name)).where(of_edits)
    names = (each.correlate(topics, changes).scalar_subquery() for each in (edited, given, written))
    own = func.coalesce(*names, topics.c.name)
    name = case((topics.c.is_shared, topics.c.name), else_=own)
    count = topics.c.published_count + func.coalesce(changes.c.change, 0)
    return select(topics.c.id, topics.c.key, name.label("name"), count.label("count")).select_from(
        topics.outerjoin(changes, changes.c.name == topics.c.id)
    )


def _select_providers(guild_id: Guild) -> Subquery:
    """Select `key`, `name` and `count` of the providers. Those of followed sources alone are named as a card does."""
    decided = _decided_change(guild_id, cards.c.provider, decisions.join(cards))
    name = cards.c.provider
    added = _count_rows(guild_id, name, func.min(cards.c.id), _VISIBLE_ROWS)
    changes: CTE = _sum_changes(decided, added).cte("changes").prefix_with("MATERIALIZED")
    count = providers.c.published_count + func.coalesce(changes.c.change, 0)
    known = select(providers.c.key, providers.c.name, count.label("count")).select_from(
        providers.outerjoin(changes, changes.c.name == providers.c.key)
    )
    written = cards.c.details["provider"]["name"].as_string()
    unknown = (
        select(changes.c.name, written, changes.c.change)
        .join_from(changes, cards, cards.c.id == changes.c.sample)
        .where(changes.c.name != "", ~exists(select(literal(1)).where(providers.c.key == changes.c.name)))
    )
    return union_all(known, unknown).subquery()


_ON_DECISION = and_(decisions.c.guild_id == server_cards.c.guild_id, decisions.c.card_id == server_cards.c.card_id)
_ROWS: Join = follows.join(
    cards, and_(cards.c.source_id == follows.c.source_id, cards.c.state == CardState.FOLLOWED)
).join(server_cards, and_(server_cards.c.guild_id == follows.c.guild_id, server_cards.c.card_id == cards.c.id))
_VISIBLE_ROWS: Join = _ROWS.outerjoin(decisions, _ON_DECISION)
"""The cards of followed sources in the servers that follow them, to be limited by `_is_visible`."""


def _is_visible(guild_id: Guild) -> ColumnElement[bool]:
    shown = func.coalesce(decisions.c.verdict, server_cards.c.state) == CardState.PUBLISHED
    return and_(follows.c.guild_id == guild_id, shown)


def _own_topics(guild_id: Guild) -> Select[Any]:
    own = followed_card_topics.c
    rows = _VISIBLE_ROWS.join(followed_card_topics, own.card_id == server_cards.c.card_id)
    query = _count_rows(guild_id, own.topic_id, func.min(own.card_id), rows)
    return query.where(~has_edited_topics(guild_id, server_cards.c.card_id))


def _given_topics(guild_id: Guild) -> Select[Any]:
    """Count the cards that have a topic by their follow alone."""
    given, own = follow_topics.c, followed_card_topics.c
    rows = _VISIBLE_ROWS.join(
        follow_topics, and_(given.guild_id == follows.c.guild_id, given.source_id == follows.c.source_id)
    )
    is_own = exists(select(literal(1)).where(own.card_id == server_cards.c.card_id, own.topic_id == given.topic_id))
    query = _count_rows(guild_id, given.topic_id, null(), rows)
    return query.where(~is_own, ~has_edited_topics(guild_id, server_cards.c.card_id))


def _edited_changes(guild_id: Guild) -> tuple[Select[Any], Select[Any]]:
    """Select the topics that visible cards have by the server's edits, and those that everybody's lose by them."""
    of_edit = (card_edit_topics.c.guild_id == guild_id) & (card_edit_topics.c.card_id == card_edits.c.card_id)
    more = select(card_edit_topics.c.topic_id.label("name"), literal(1).label("change"), null().label("sample"))
    more = more.select_from(card_edits.join(cards).join(card_edit_topics, of_edit))
    fewer = select(card_topics.c.topic_id.label("name"), literal(-1).label("change"), null().label("sample"))
    fewer = fewer.select_from(card_edits.join(cards).join(card_topics, card_topics.c.card_id == cards.c.id))
    edit = and_(card_edits.c.guild_id == guild_id, card_edits.c.has_topics, is_visible_to(guild_id))
    return more.where(edit), fewer.where(edit)


def _count_rows(guild_id: Guild, name: ColumnElement[Any], sample: ColumnElement[Any], rows: Join) -> Select[Any]:
    query = select(name.label("name"), func.count().label("change"), sample.label("sample")).select_from(rows)
    # By the sources: state and provider of all their cards are in one index. From the rows of the server on, each card
    # would be read from the table.
    query = query.with_hint(cards, "INDEXED BY ix_cards_source_id_state_provider", "sqlite")
    return query.where(_is_visible(guild_id)).group_by(name)


def _decided_change(guild_id: Guild, name: ColumnElement[Any], decided: Join) -> Select[Any]:
    """Select by how much a server's decisions change the visible card counts of topics or providers."""
    # The stored counts are global. The decisions of one server are few, so its counts are corrected instead of stored.
    more = (decisions.c.verdict == CardState.PUBLISHED) & (cards.c.state == CardState.HELD)
    fewer = (decisions.c.verdict == CardState.WITHDRAWN) & (cards.c.state == CardState.PUBLISHED)
    change = func.sum(case((more, 1), (fewer, -1), else_=0))
    return (
        select(name.label("name"), change.label("change"), null().label("sample"))
        .select_from(decided)
        .where(decisions.c.guild_id == guild_id)
        .group_by(name)
    )


def _sum_changes(*parts: Select[Any]) -> Select[Any]:
    each = union_all(*parts).subquery()
    change, sample = func.sum(each.c.change).label("change"), func.min(each.c.sample).label("sample")
    return select(each.c.name, change, sample).group_by(each.c.name)


_GUILD, _LIMIT = bindparam("guild", type_=BigInteger), bindparam("limit", type_=BigInteger)
_START, _WORD = bindparam("start", type_=Text), bindparam("word", type_=Text)


# Built once: that takes longer than running them.
@cache
def _topic_names_query() -> Select[Any]:
    return _names_query(select_topics(_GUILD).subquery())


@cache
def _provider_names_query() -> Select[Any]:
    return _names_query(_select_providers(_GUILD))


def _names_query(names: Subquery) -> Select[Any]:
    starts, has_word = (names.c.key.like(each, escape=_ESCAPE) for each in (_START, _WORD))
    seen = select(names.c.name, names.c.count).where(names.c.count > 0, starts | has_word)
    return seen.order_by(starts.desc(), names.c.count.desc(), names.c.key).limit(_LIMIT)


async def _list_names(
    connection: AsyncConnection, query: Select[Any], guild_id: int, beginning: str, limit: int
) -> list[TopicCount]:
    key = _SPECIAL.sub(rf"{_ESCAPE}\g<0>", normalize_name(strip_unstorable(beginning)))
    values = {"guild": guild_id, "start": f"{key}%", "word": f"% {key}%", "limit": limit}
    return [TopicCount(*row) for row in await connection.execute(query, values)]


_ESCAPE = "/"
_SPECIAL = re.compile(f"[%_{_ESCAPE}]")
