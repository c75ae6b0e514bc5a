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
    Text,
    bindparam,
    case,
    func,
    literal,
    or_,
    select,
    union_all,
)

from bot.cards.model import CardState
from bot.domain.search_query import LONGEST
from bot.store.cards.rows import stored_card_columns
from bot.store.cards.visibility import is_visible_to
from bot.store.search import index_for_dialect
from bot.store.tables import card_topics, cards, known_words, topics

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
    query = select(cards.c.id).where(_within_span(place), _is_seen(hidden=hidden))
    return _list_query(query.order_by(_time_order(place, newer=newer)), newer=newer)


@cache
def latest_of_topic_query(*, newer: bool = False) -> Select[Any]:
    """Select the cards of a `topic`; other parameters as `latest_query`."""
    place = card_topics.c.sort_key
    # Not a join: the planner would assume a topic of average size, and read and sort all cards of a large one.
    topic = select(topics.c.id).where(topics.c.key == _TOPIC).scalar_subquery()
    query = select(cards.c.id).join_from(card_topics, cards, cards.c.id == card_topics.c.card_id)
    query = query.where(card_topics.c.topic_id == topic, _within_span(place), _is_seen())
    return _list_query(query.order_by(_time_order(place, newer=newer)), newer=newer)


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
    """Select known words with a prefix of this length. Parameters: `initial`, and the range `beginning` to `end`."""
    word = known_words.c.word
    begin, end = bindparam("beginning", type_=Text), bindparam("end", type_=Text)
    lengths = known_words.c.length.in_(range(length, LONGEST + 1))
    query = select(word).where(known_words.c.initial == bindparam("initial", type_=Text), lengths)
    return query.where(word >= begin, word < end).limit(ENDINGS)


def _remaining_room(most: int, better: Sequence[CTE]) -> ColumnElement[int]:
    """The LIMIT of a tier: 0 if an earlier one has enough hits for the page."""
    some = literal(most, BigInteger)
    if not better:
        # The smaller of the two: SQLite calls it `min`, PostgreSQL `least`.
        return case((some > _WANTED, _WANTED), else_=some)
    enough = [select(func.count() >= _WANTED).select_from(tier).scalar_subquery() for tier in better]
    return case((or_(*enough), 0), else_=some)


def _is_seen(*, hidden: bool = False) -> ColumnElement[bool]:
    return cards.c.state != CardState.WITHDRAWN if hidden else is_visible_to(_GUILD)


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
