"""Queries that find cards, with bind parameters.

Each is built once and cached: SQLAlchemy takes longer to build one than the engine takes to run it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    Subquery,
    Table,
    Text,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    union,
    union_all,
)

from bot.cards.model import CardState
from bot.domain.search_query import LONGEST
from bot.store.cards.rows import stored_card_columns
from bot.store.cards.server_cards import has_topic
from bot.store.cards.visibility import IS_SHARED, Guild, has_row, is_visible_to
from bot.store.search import index_for_dialect
from bot.store.tables import card_topics, cards, followed_words, follows, known_words, server_cards, topics

RANKED = 240
"""Number of newest hits that `best` and `hottest` rank: ranking all hits of a common word would take over 100 ms.
The tiers of `best` share it."""

ENDINGS = 50
"""Maximum number of known words a prefix expands to; more would say little about what is meant."""

_GUILD = bindparam("guild", type_=BigInteger)
_BEGIN, _END = bindparam("begin", type_=BigInteger), bindparam("end", type_=BigInteger)
"""Range of the timeline, end excluded."""
_LIMIT, _OFFSET = bindparam("limit", type_=BigInteger), bindparam("offset", type_=BigInteger)
_WANTED = bindparam("wanted", type_=BigInteger)
"""Number of hits needed for the page: offset plus page size."""
_TOPIC = bindparam("topic", type_=Text)


@cache
def latest_query(*, newer: bool = False, hidden: bool = False) -> Select[Any]:
    """Select all cards by time. Parameters: `guild`, `begin`, `end`, `limit`."""
    place = cards.c.sort_key
    shared = select(cards.c.id, place).with_hint(cards, "INDEXED BY ix_cards_shared", "sqlite")
    shared = shared.where(IS_SHARED, _within_span(place), _is_seen(hidden=hidden))
    return _merge_query(shared, _own_query(hidden=hidden), newer=newer)


@cache
def latest_of_topic_query(*, newer: bool = False) -> Select[Any]:
    """Select the cards of a `topic`; other parameters as `latest_query`."""
    place = card_topics.c.sort_key
    # Not a join: the planner would assume a topic of average size, and read and sort all cards of a large one.
    topic = select(topics.c.id).where(topics.c.key == _TOPIC).scalar_subquery()
    shared = select(cards.c.id, place).join_from(card_topics, cards, cards.c.id == card_topics.c.card_id)
    shared = shared.where(card_topics.c.topic_id == topic, _within_span(place), _is_seen())
    return _merge_query(shared, _own_query().where(has_topic(topic)), newer=newer)


@cache
def newest_query(dialect: str, *, newer: bool = False, hidden: bool = False) -> Select[Any]:
    """Select the hits of `question0`, by time; other parameters as `latest_query`."""
    query = _hits_query(dialect, 0, hidden=hidden)
    return _list_query(query.order_by(index_for_dialect(dialect).timeline_order(newer=newer)), newer=newer)


@cache
def best_query(dialect: str, tiers: int) -> Select[Any]:
    """Select the newest hits of `question0`, then of `question1` and so on; a card ranks by its first tier.

    Each tier contains the hits of the one before. Tiers that the page does not reach are not searched.
    """
    result: list[CTE] = []
    for number in range(tiers):
        query = _hits_query(dialect, number).add_columns(literal(number, Integer).label("tier"))
        newest_first = query.order_by(index_for_dialect(dialect).timeline_order(newer=False))
        result.append(newest_first.limit(_remaining_room(RANKED // tiers, result)).cte(f"tier{number}"))
    # The tiers overlap, since a word in the title is also a word anywhere: each card counts where it ranks best.
    hits = union_all(*(select(tier) for tier in result)).subquery()
    order = (func.min(hits.c.tier), hits.c.sort_key.desc())
    places = select(hits.c.id, func.row_number().over(order_by=order).label("place"))
    return _ranked_query(places.group_by(hits.c.id, hits.c.sort_key))


@cache
def hottest_query(dialect: str) -> Select[Any]:
    """Select the hottest of the newest hits of `question0`."""
    query = _hits_query(dialect, 0).add_columns(cards.c.heat)
    hits = query.order_by(index_for_dialect(dialect).timeline_order(newer=False)).limit(RANKED).subquery()
    order = (hits.c.heat.desc().nulls_last(), hits.c.sort_key.desc())
    return _ranked_query(select(hits.c.id, func.row_number().over(order_by=order).label("place")))


@cache
def endings_query(length: int) -> Select[Any]:
    """Select known words with a prefix of this length: of everybody's cards and of the server's sources.

    Parameters: `guild`, `initial`, and the range `beginning` to `end`.
    """
    begin, end = bindparam("beginning", type_=Text), bindparam("end", type_=Text)
    initial = bindparam("initial", type_=Text)

    def of_table(table: Table) -> Select[Any]:
        lengths = table.c.length.in_(range(length, LONGEST + 1))
        query = select(table.c.word).where(table.c.initial == initial, lengths)
        return query.where(table.c.word >= begin, table.c.word < end)

    own = of_table(followed_words).where(followed_words.c.source_id.in_(followed_ids(_GUILD)))
    parts = [select(part.limit(ENDINGS).subquery()) for part in (of_table(known_words), own)]
    return select(union(*parts).subquery()).limit(ENDINGS)


def followed_ids(guild_id: Guild) -> Select[Any]:
    """Select the ids of the sources that a server follows."""
    return select(follows.c.source_id).where(follows.c.guild_id == guild_id)


def _remaining_room(most: int, better: Sequence[CTE]) -> ColumnElement[int]:
    """The LIMIT of a tier: 0 if an earlier one has enough hits for the page."""
    some = literal(most, BigInteger)
    if not better:
        # The smaller of the two: SQLite calls it `min`, PostgreSQL `least`.
        return case((some > _WANTED, _WANTED), else_=some)
    enough = [select(func.count() >= _WANTED).select_from(tier).scalar_subquery() for tier in better]
    return case((or_(*enough), 0), else_=some)


def _is_seen(*, hidden: bool = False) -> ColumnElement[bool]:
    if hidden:
        return (cards.c.state != CardState.WITHDRAWN) & or_(IS_SHARED, has_row(_GUILD))
    return is_visible_to(_GUILD)


def _own_query(*, hidden: bool = False) -> Select[Any]:
    """Select the cards of the sources that the server follows."""
    place = server_cards.c.sort_key
    query = select(cards.c.id, place).join_from(server_cards, cards, cards.c.id == server_cards.c.card_id)
    return query.where(server_cards.c.guild_id == _GUILD, _within_span(place), _is_seen(hidden=hidden))


def _hits_query(dialect: str, number: int, *, hidden: bool = False) -> Select[Any]:
    """Select the hits of one question.

    Without the hint SQLite uses the unique index on the timeline, and reads every card from the table.
    """
    index = index_for_dialect(dialect)
    return (
        select(cards.c.id, cards.c.sort_key)
        .select_from(index.table)
        .join(cards, index.card)
        .with_hint(cards, "INDEXED BY ix_cards_sort_key_state_heat", "sqlite")
        .where(index.matches_query(f"question{number}"), index.in_timeline_span(_BEGIN, _END), _is_seen(hidden=hidden))
    )


def _within_span(place: ColumnElement[int]) -> ColumnElement[bool]:
    return (place >= _BEGIN) & (place < _END)


def _time_order(place: ColumnElement[int], *, newer: bool) -> ColumnElement[Any]:
    return place.asc() if newer else place.desc()


def _merge_query(*arms: Select[Any], newer: bool) -> Select[Any]:
    """Merge everybody's cards with the server's own; each arm comes in the order of an index, up to the limit."""
    parts = [
        select(arm.order_by(_time_order(arm.selected_columns.sort_key, newer=newer)).limit(_LIMIT).subquery())
        for arm in arms
    ]
    merged = union_all(*parts).subquery()
    return _list_query(select(merged.c.id).order_by(_time_order(merged.c.sort_key, newer=newer)), newer=newer)


def _list_query(query: Select[Any], *, newer: bool) -> Select[Any]:
    # IDs first, mostly from indexes: then only the cards of the page are read from the table.
    ids = query.limit(_LIMIT).subquery()
    return _with_details(ids).order_by(_time_order(cards.c.sort_key, newer=newer))


def _ranked_query(query: Select[Any]) -> Select[Any]:
    ids = query.order_by("place").limit(_LIMIT).offset(_OFFSET).subquery()
    return _with_details(ids).order_by(ids.c.place)


def _with_details(ids: Subquery) -> Select[Any]:
    """Select the details of the chosen cards only."""
    return select(*stored_card_columns(_GUILD)).join(ids, ids.c.id == cards.c.id)
