"""Queries that find cards, with bind parameters.

Each is built once and cached: SQLAlchemy takes longer to build one than the engine takes to run it.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    Select,
    Table,
    Text,
    bindparam,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    union,
    union_all,
)

from bot.cards.model import CardState
from bot.domain.search_query import LONGEST
from bot.store.cards.heat import heat_in
from bot.store.cards.rows import stored_card_columns
from bot.store.cards.search_entries import SHARED
from bot.store.cards.stories import story_id_in
from bot.store.cards.story_entries import Filter, is_newest_of_story
from bot.store.cards.visibility import (
    IS_SHARED,
    Guild,
    has_row,
    is_edited,
    is_known_to,
    is_shared,
    is_visible_to,
)
from bot.store.search import indexes_for_dialect
from bot.store.search.index import SearchIndex
from bot.store.tables import (
    card_edits,
    cards,
    follow_topics,
    followed_words,
    follows,
    known_words,
    search_languages,
    server_cards,
    topics,
)

ENDINGS = 50
"""Maximum number of known words a prefix expands to; more would say little about what is meant."""
LAST_LETTER = chr(0x10FFFF)
"""What is written after a prefix comes before this letter."""

_GUILD = bindparam("guild", type_=BigInteger)
_BEGIN, _END = bindparam("begin", type_=BigInteger), bindparam("end", type_=BigInteger)
"""Range of the timeline, end excluded."""
_UNTIL = bindparam("until", type_=BigInteger)
"""End of the listed time, excluded: that of the range without the page's cursor."""
_LIMIT = bindparam("limit", type_=BigInteger)


@cache
def latest_query(*, newer: bool = False, hidden: bool = False, every_card: bool = False) -> Select[Any]:
    """Select the newest card of each story by time, or `every_card`; `hidden` ones too are listed one by one.

    Parameters: `guild`, `begin`, `end`, `until`, `limit`.
    """
    place = cards.c.sort_key
    entry = true() if every_card or hidden else is_newest_of_story(_GUILD, _UNTIL)
    shared = select(cards.c.id, place).with_hint(cards, "INDEXED BY ix_cards_shared", "sqlite")
    shared = shared.where(IS_SHARED, _within_span(place), _is_seen(hidden=hidden), entry)
    return _merge_query(shared, _own_query(entry, hidden=hidden), newer=newer)


@cache
def newest_query(dialect: str, *, newer: bool = False, every_card: bool = False) -> Select[Any]:
    """Select the hits of `question`, `followed` and `edits`, by time; otherwise as `latest_query`.

    The first asks for everybody's cards, the second for those of followed sources, the third for those that the server
    edited. `probe` asks what the first two do, of whatever source.
    """
    entry = true() if every_card else is_newest_of_story(_GUILD, _UNTIL, _hit_filter(dialect))
    return _list_query(_hits_query(dialect, entry=entry, newer=newer), newer=newer)


@cache
def hits_query(dialect: str, *, hidden: bool = False, with_heat: bool = False) -> Select[Any]:
    """Select `id`, `sort_key` and `story_id` of every hit as `newest_query`, newest first; `heat` if wanted.

    Parameters: `guild`, `begin`, `end`, `limit`. With `hidden`, cards that the server does not see are hits as well.
    """
    more = [story_id_in(_GUILD, cards).label("story_id"), *([heat_in(_GUILD).label("heat")] if with_heat else [])]
    return _hits_query(dialect, *more, hidden=hidden)


@cache
def details_query(*, visible: bool = False) -> Select[Any]:
    """Select what is shown of the cards with these `ids`, in any order; with `visible` of those that are."""
    query = select(*stored_card_columns(_GUILD)).where(cards.c.id.in_(bindparam("ids", expanding=True)))
    return query.where(is_visible_to(_GUILD)) if visible else query


@cache
def card_query(column: str, *, hidden: bool) -> Select[Any]:
    """Select the card with `value` in this column if the `guild` sees it; with `hidden` also one that it does not."""
    this = cards.c[column] == bindparam("value", type_=cards.c[column].type)
    known = is_known_to(_GUILD) if hidden else is_visible_to(_GUILD)
    return select(*stored_card_columns(_GUILD)).where(this, known)


@cache
def endings_query(length: int) -> Select[Any]:
    """Select known words with a prefix of this length, shortest first: of everybody's cards and the server's sources.

    Parameters: `guild`, `initial`, and the range `beginning` to `end`.
    """
    begin, end = bindparam("beginning", type_=Text), bindparam("end", type_=Text)
    initial = bindparam("initial", type_=Text)

    def of_table(table: Table) -> Select[Any]:
        lengths = table.c.length.in_(range(length, LONGEST + 1))
        query = select(table.c.word, table.c.length).where(table.c.initial == initial, lengths)
        # In the order of the key: the same ones on every engine, and nothing is sorted.
        return query.where(table.c.word >= begin, table.c.word < end).order_by(*table.primary_key)

    own = of_table(followed_words).where(followed_words.c.source_id.in_(followed_ids(_GUILD)))
    known = union(*(select(part.limit(ENDINGS).subquery()) for part in (of_table(known_words), own))).subquery()
    return select(known.c.word).order_by(known.c.length, known.c.word).limit(ENDINGS)


@cache
def sources_query() -> Select[Any]:
    """Select what the `guild` may see: `source_id`, which is `SHARED` for all that is everybody's, and `language`.

    A source comes once for each language that it has stems in, which is null if it has no cards.
    """
    own = search_languages.c.source_id == follows.c.source_id
    parts = (
        select(search_languages).where(search_languages.c.source_id == SHARED),
        select(follows.c.source_id, search_languages.c.language)
        .select_from(follows.outerjoin(search_languages, own))
        .where(follows.c.guild_id == _GUILD),
    )
    return select(union_all(*parts).subquery())


@cache
def given_topics_query() -> Select[Any]:
    """Select `source_id` and `key` of the topics that the `guild` gave to sources."""
    given = select(follow_topics.c.source_id, topics.c.key).join(topics)
    return given.where(follow_topics.c.guild_id == _GUILD)


def followed_ids(guild_id: Guild) -> Select[Any]:
    """Select the ids of the sources that a server follows."""
    return select(follows.c.source_id).where(follows.c.guild_id == guild_id)


def _is_seen(*, hidden: bool = False) -> ColumnElement[bool]:
    if hidden:
        return (cards.c.state != CardState.WITHDRAWN) & or_(IS_SHARED, has_row(_GUILD))
    return is_visible_to(_GUILD)


def _own_query(*conditions: ColumnElement[bool], hidden: bool = False) -> Select[Any]:
    """Select the cards of the sources that the server follows."""
    place = server_cards.c.sort_key
    query = select(cards.c.id, place).join_from(server_cards, cards, cards.c.id == server_cards.c.card_id)
    return query.where(server_cards.c.guild_id == _GUILD, _within_span(place), _is_seen(hidden=hidden), *conditions)


def _hits_query(
    dialect: str,
    *more: ColumnElement[Any],
    entry: ColumnElement[bool] | None = None,
    newer: bool = False,
    hidden: bool = False,
) -> Select[Any]:
    """Select the first hits by time, up to the limit: `id`, `sort_key` and more columns.

    Without the hint SQLite uses the unique index on the timeline, and reads every card from the table.
    """
    columns = (cards.c.id, cards.c.sort_key, *more)
    entry = true() if entry is None else entry
    indexes = indexes_for_dialect(dialect)

    def of_index(index: SearchIndex, question: str, begin: ColumnElement[int], end: ColumnElement[int]) -> Select[Any]:
        plain = select(*columns).select_from(index.table).join(cards, index.card)
        plain = plain.with_hint(cards, "INDEXED BY ix_cards_in_lists", "sqlite")
        plain = plain.where(index.matches_query(question), index.in_timeline_span(begin, end))
        plain = plain.where(_is_seen(hidden=hidden), ~is_edited(_GUILD), entry)
        return plain.order_by(index.timeline_order(newer=newer)).limit(_LIMIT)

    shared = of_index(indexes.shared, "question", _BEGIN, _END).cte("shared")
    followed = of_index(indexes.followed, "followed", *_span_beside(shared, newer=newer)).subquery()
    edits = indexes.edited
    edited = select(*columns).select_from(edits.table).join(card_edits, edits.card).join(cards)
    edited = edited.where(edits.matches_query("edits"), card_edits.c.guild_id == _GUILD)
    edited = edited.where(_within_span(cards.c.sort_key), _is_seen(hidden=hidden), entry)
    # What one server edited is little, and sorted with the rest.
    hits = union_all(select(shared), select(followed), edited).subquery()
    return select(*hits.c).order_by(_time_order(hits.c.sort_key, newer=newer)).limit(_LIMIT)


def _span_beside(found: FromClause, *, newer: bool) -> tuple[ColumnElement[int], ColumnElement[int]]:
    """Return the range in which further hits come before the last of these, all of it if these are not enough."""
    last = func.max(found.c.sort_key) if newer else func.min(found.c.sort_key)
    edge = select(case((func.count() >= _LIMIT, last))).select_from(found).scalar_subquery()
    return (_BEGIN, func.coalesce(edge, _END)) if newer else (func.coalesce(edge, _BEGIN), _END)


def _hit_filter(dialect: str) -> Filter:
    """Return the filter of hits of `probe`, or of `edits` where the server edited the card."""
    shared, followed, edits = indexes_for_dialect(dialect)

    def is_hit_of(index: SearchIndex, card: FromClause) -> ColumnElement[bool]:
        plain = select(literal(1)).select_from(index.table).where(index.is_row_of(card.c.sort_key))
        return exists(plain.where(index.matches_query("probe")).correlate_except(index.table))

    def is_hit(card: FromClause) -> ColumnElement[bool]:
        edited = select(literal(1)).select_from(edits.table).join(card_edits, edits.card)
        edited = edited.where(card_edits.c.guild_id == _GUILD, card_edits.c.card_id == card.c.id)
        edited = edited.where(edits.matches_query("edits")).correlate_except(edits.table, card_edits)
        return case(
            (is_edited(_GUILD, card), exists(edited)),
            (is_shared(card), is_hit_of(shared, card)),
            else_=is_hit_of(followed, card),
        )

    return is_hit


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
    details = select(*stored_card_columns(_GUILD)).join(ids, ids.c.id == cards.c.id)
    return details.order_by(_time_order(cards.c.sort_key, newer=newer))
