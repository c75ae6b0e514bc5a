"""Queries for readers: latest cards, search, single cards, autocomplete. All filter by `is_visible_to`."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Join,
    Select,
    Subquery,
    case,
    exists,
    func,
    literal,
    select,
    union,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.cards.text import normalize_name, strip_unstorable
from bot.domain import search_query
from bot.domain.story_keys import RELATED
from bot.store.cards import queries
from bot.store.cards.rows import StoredCard, card_from_row, compute_sort_key, stored_card_columns
from bot.store.cards.visibility import is_known_to, is_visible_to
from bot.store.database import Database
from bot.store.search import index_for_dialect
from bot.store.search.index import RANKS, SearchScope, Tags, make_tag, source_tag
from bot.store.tables import (
    card_aliases,
    card_topics,
    cards,
    decisions,
    follow_topics,
    followed_card_topics,
    providers,
    server_cards,
    story_keys,
    topics,
)

_LAST_LETTER = chr(0x10FFFF)


class SearchOrder(enum.StrEnum):
    """Order of search results."""

    NEWEST = "newest"
    BEST = "best"
    HOTTEST = "hottest"


@dataclass(frozen=True, slots=True)
class TimelineCursor:
    """Pagination cursor in a list ordered by time: cards older than `sort_key`, or newer ones."""

    sort_key: int
    newer: bool = False


@dataclass(frozen=True, slots=True)
class CardPage:
    """Cards in display order, whether there are more on either side, and for a search the matched phrases."""

    cards: tuple[StoredCard, ...]
    has_newer: bool = False
    has_older: bool = False
    phrases: tuple[search_query.Phrase, ...] = ()


@dataclass(frozen=True, slots=True)
class CardQuery:
    """What to search for. Topic, provider and the card's type are compared without case; `until` is excluded."""

    words: str = ""
    topic: str | None = None
    provider: str | None = None
    since: datetime | None = None
    order: SearchOrder = SearchOrder.NEWEST
    type: str | None = None
    until: datetime | None = None

    @property
    def is_filtered(self) -> bool:
        """Whether the query asks for a topic, a provider or a type."""
        return bool(self.topic or self.provider or self.type)

    def to_tags(self, of_topic: Sequence[int] = ()) -> list[Tags]:
        """Return the filters as index tags. `of_topic` are the ids of sources all of whose cards have the topic."""
        filters = [[make_tag("topic", self.topic), *map(source_tag, of_topic)]] if self.topic else []
        named = {"provider": self.provider, "type": self.type}
        return [*filters, *([make_tag(kind, name)] for kind, name in named.items() if name)]


@dataclass(frozen=True, slots=True)
class TopicCount:
    """A topic's or provider's display name, and its number of cards visible in the server."""

    name: str
    count: int


_FARTHEST = 2**63 - 1


class CardRepository:
    """Read access to cards, topics and providers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect = database.dialect
        self._index = index_for_dialect(self._dialect)

    async def get_card(self, card_id: int, guild_id: int, *, hidden: bool = False) -> StoredCard | None:
        """Return a card by id; with `hidden`, even if it is not visible in the server."""
        return await self._get_one(cards.c.id == card_id, guild_id, hidden=hidden)

    async def get_by_ids(self, ids: Collection[int], guild_id: int = 0) -> dict[int, StoredCard]:
        """Return cards by id, regardless of visibility."""
        query = select(*stored_card_columns(guild_id)).where(cards.c.id.in_(ids))
        async with self._database.begin_read() as connection:
            return {row["id"]: card_from_row(row) for row in (await connection.execute(query)).mappings()}

    async def get_visible(self, ids: Sequence[int], guild_id: int) -> list[StoredCard]:
        """Return those of these cards that the server sees, in the order of the IDs."""
        rows = {card.id: card for card in await self._select_visible(cards.c.id.in_(ids), guild_id)}
        return [rows[card_id] for card_id in dict.fromkeys(ids) if card_id in rows]

    async def find_by_urls(self, urls: Collection[str], guild_id: int, *, limit: int) -> list[StoredCard]:
        """Return the visible cards with these URLs (as of `bot.cards.urls.normalize_url`), newest first."""
        known = select(card_aliases.c.card_id).where(card_aliases.c.url.in_(urls))
        return await self._select_visible(cards.c.id.in_(known), guild_id, limit)

    async def _select_visible(
        self, condition: ColumnElement[bool], guild_id: int, limit: int | None = None
    ) -> list[StoredCard]:
        query = (
            select(*stored_card_columns(guild_id))
            .where(condition, is_visible_to(guild_id))
            .order_by(cards.c.sort_key.desc())
        )
        async with self._database.begin_read() as connection:
            return [card_from_row(row) for row in (await connection.execute(query.limit(limit))).mappings()]

    async def find_covering(self, card_id: int, guild_id: int) -> StoredCard | None:
        """Return the hottest visible card that lists this one as a related story, or None."""
        named = select(literal(RELATED).concat(card_aliases.c.url)).where(card_aliases.c.card_id == card_id)
        naming = select(story_keys.c.card_id).where(story_keys.c.key.in_(named), story_keys.c.card_id != card_id)
        query = select(*stored_card_columns(guild_id)).where(cards.c.id.in_(naming), is_visible_to(guild_id))
        async with self._database.begin_read() as connection:
            row = (await connection.execute(query.order_by(cards.c.score.desc()).limit(1))).mappings().first()
        return card_from_row(row) if row else None

    async def get_by_slug(self, slug: str, guild_id: int, *, hidden: bool = False) -> StoredCard | None:
        """Return a card by slug; with `hidden`, even if it is not visible in the server."""
        return await self._get_one(cards.c.slug == strip_unstorable(slug), guild_id, hidden=hidden)

    async def _get_one(self, condition: ColumnElement[bool], guild_id: int, *, hidden: bool) -> StoredCard | None:
        query = select(*stored_card_columns(guild_id)).where(condition)
        async with self._database.begin_read() as connection:
            row = (
                (await connection.execute(query.where(is_known_to(guild_id) if hidden else is_visible_to(guild_id))))
                .mappings()
                .first()
            )
        return card_from_row(row) if row else None

    async def list_latest(
        self, guild_id: int, *, topic: str | None = None, limit: int, cursor: TimelineCursor | None = None
    ) -> CardPage:
        """Return the newest visible cards, optionally of one topic."""
        newer = cursor is not None and cursor.newer
        values = {"guild": guild_id, **_timeline_span(cursor)}
        if topic is None:
            return await self._fetch_page(queries.latest_query(newer=newer), values, limit, cursor)
        query = queries.latest_of_topic_query(newer=newer)
        return await self._fetch_page(
            query, {**values, "topic": normalize_name(strip_unstorable(topic))}, limit, cursor
        )

    async def search_cards(
        self, query: CardQuery, guild_id: int, *, limit: int, cursor: TimelineCursor | None = None, offset: int = 0
    ) -> CardPage:
        """Search visible cards. `SearchOrder.NEWEST` paginates by `cursor`, other orders by `offset`.

        If nothing matches, the last word is tried as a prefix.
        """
        for typing in (False, True):
            page = await self._search_once(query, guild_id, limit, cursor, offset, typing=typing)
            if page.cards:
                return replace(page, phrases=search_query.parse_query(query.words, typing=typing).required)
        return page

    async def _search_once(
        self, query: CardQuery, guild_id: int, limit: int, cursor: TimelineCursor | None, offset: int, *, typing: bool
    ) -> CardPage:
        parsed_query = search_query.parse_query(query.words, typing=typing)
        ranks = RANKS if query.order is SearchOrder.BEST and parsed_query.required else (SearchScope.ANYWHERE,)
        filters, sources = await self._source_filters(query, guild_id)
        index_queries = [self._index.build_query(parsed_query, filters, sources, within=within) for within in ranks]
        if None in index_queries:
            return CardPage(())
        questions = {f"question{number}": question for number, question in enumerate(index_queries)}
        values = {**questions, "guild": guild_id, **_timeline_span(cursor, query.since, query.until)}
        if query.order is SearchOrder.NEWEST:
            newest = queries.newest_query(self._dialect, newer=cursor is not None and cursor.newer)
            return await self._fetch_page(newest, values, limit, cursor)
        is_best = query.order is SearchOrder.BEST
        ranked = queries.best_query(self._dialect, len(ranks)) if is_best else queries.hottest_query(self._dialect)
        return await self._fetch_ranked(ranked, values, limit, offset)

    async def _source_filters(self, query: CardQuery, guild_id: int) -> tuple[list[Tags], Tags]:
        """Return the query's filters as index tags, and the tags of what the server may see.

        A topic that the server gave to a source is a topic of all its cards there.
        """
        given = select(follow_topics.c.source_id).join(topics).where(follow_topics.c.guild_id == guild_id)
        async with self._database.begin_read() as connection:
            followed = (await connection.execute(queries.followed_ids(guild_id))).scalars().all()
            of_topic: Sequence[int] = ()
            if followed and query.topic:
                given = given.where(topics.c.key == normalize_name(strip_unstorable(query.topic)))
                of_topic = (await connection.execute(given)).scalars().all()
        return query.to_tags(of_topic), [source_tag(None), *map(source_tag, followed)]

    async def _fetch_page(
        self, statement: Select[Any], values: Mapping[str, Any], limit: int, cursor: TimelineCursor | None
    ) -> CardPage:
        # One card more than is shown tells whether there is another page, without counting.
        found = await self._fetch_cards(statement, {**values, "limit": limit + 1})
        more, found = len(found) > limit, found[:limit]
        if cursor and cursor.newer:
            # Read away from the cursor, oldest first, but shown newest first.
            return CardPage(found[::-1], has_newer=more, has_older=True)
        return CardPage(found, has_newer=cursor is not None, has_older=more)

    async def _fetch_ranked(
        self, statement: Select[Any], values: Mapping[str, Any], limit: int, offset: int
    ) -> CardPage:
        part = {"limit": limit + 1, "offset": offset, "wanted": offset + limit + 1}
        found = await self._fetch_cards(statement, {**values, **part})
        return CardPage(found[:limit], has_newer=offset > 0, has_older=len(found) > limit)

    async def _fetch_cards(self, statement: Select[Any], values: Mapping[str, Any]) -> tuple[StoredCard, ...]:
        async with self._database.begin_autocommit() as connection:
            return tuple(card_from_row(row) for row in (await connection.execute(statement, values)).mappings())

    async def complete_cards(self, words: str, guild_id: int, *, limit: int, hidden: bool = False) -> list[StoredCard]:
        """Autocomplete cards by words, newest first; without words the newest. `hidden` includes held cards."""
        query = search_query.parse_query(words, typing=True)
        values = {"guild": guild_id, "limit": limit, **_timeline_span()}
        filters, sources = await self._source_filters(CardQuery(), guild_id)
        if self._index.build_query(query, filters, sources) is None:
            return list(await self._fetch_cards(queries.latest_query(hidden=hidden), values))
        # Known words with the prefix first: that is fast, and the prefix itself is only searched if they fill no list.
        for each in (*await self._complete_endings(words, query, guild_id), query):
            question = {"question0": self._index.build_query(each, filters, sources)}
            found = await self._fetch_cards(queries.newest_query(self._dialect, hidden=hidden), values | question)
            if len(found) == limit:
                break
        return list(found)

    async def _complete_endings(
        self, words: str, query: search_query.SearchQuery, guild_id: int
    ) -> list[search_query.SearchQuery]:
        """Expand the word being typed to known words with that prefix, if they are few."""
        # With a plain prefix query SQLite collects every matching card: 40 ms for a common prefix in a million cards.
        if not (beginning := search_query.unfinished_word(words)):
            return []
        end = f"{beginning}{_LAST_LETTER}"
        values = {"guild": guild_id, "beginning": beginning, "end": end, "initial": beginning[0]}
        async with self._database.begin_autocommit() as connection:
            known = (await connection.execute(queries.endings_query(len(beginning)), values)).scalars().all()
        return [search_query.with_completions(query, known)] if 0 < len(known) < queries.ENDINGS else []

    async def list_topics(self, guild_id: int, beginning: str = "", *, limit: int) -> list[TopicCount]:
        """Autocomplete topics with visible cards: names that start with `beginning`, then names with such a word."""
        own = topic_count_change(guild_id)
        async with self._database.begin_read() as connection:
            return await _list_names(connection, topics, topics.c.id, own, beginning, limit)

    async def list_providers(self, guild_id: int, beginning: str = "", *, limit: int) -> list[TopicCount]:
        """Autocomplete providers with visible cards, ordered like `list_topics`."""
        decided = _decided_change(guild_id, cards.c.provider, decisions.join(cards))
        added = _added_change(guild_id, cards.c.provider, server_cards.join(cards, _OF_ROW))
        own = _sum_changes(decided, added)
        # Providers of followed sources have no row of their own: their names are those that the cards give.
        written = cards.c.details["provider"]["name"].as_string()
        named = select(
            cards.c.provider.label("key"), func.min(written).label("name"), literal(0).label("published_count")
        )
        named = named.join_from(server_cards, cards, _OF_ROW).where(server_cards.c.guild_id == guild_id)
        known = exists(select(literal(1)).where(providers.c.key == cards.c.provider).correlate(cards))
        named = named.where(cards.c.provider != "", ~known).group_by(cards.c.provider)
        everything = union_all(select(providers.c.key, providers.c.name, providers.c.published_count), named).subquery()
        async with self._database.begin_read() as connection:
            return await _list_names(connection, everything, everything.c.key, own, beginning, limit)

    async def list_all_topics(self, guild_id: int) -> Sequence[str]:
        """Return the names of topics with visible cards, at most 1000."""
        return [topic.name for topic in await self.list_topics(guild_id, limit=1000)]


def _timeline_span(
    cursor: TimelineCursor | None = None, since: datetime | None = None, until: datetime | None = None
) -> dict[str, int]:
    """Return the requested timeline range as parameters; the end is exclusive."""
    begin, end = _timeline_start(since) if since else -_FARTHEST, _timeline_start(until) if until else _FARTHEST
    if cursor and cursor.newer:
        begin = max(begin, cursor.sort_key + 1)
    elif cursor:
        end = min(end, cursor.sort_key)
    return {"begin": begin, "end": end}


def _timeline_start(moment: datetime) -> int:
    """Return the first timeline position at a time, clamped to the range of 64 bits (year 3058)."""
    return max(-_FARTHEST, min(compute_sort_key(moment, 0), _FARTHEST))


_OF_ROW = cards.c.id == server_cards.c.card_id


def topic_count_change(guild_id: int) -> Subquery:
    """Select by how much what a server sees of a topic differs from everybody's count: `name` (its id), `change`."""
    decided = _decided_change(guild_id, card_topics.c.topic_id, decisions.join(cards).join(card_topics))
    rows = server_cards.join(cards, _OF_ROW)
    in_card = select(followed_card_topics.c.topic_id, followed_card_topics.c.card_id).where(
        followed_card_topics.c.card_id.in_(select(server_cards.c.card_id).where(server_cards.c.guild_id == guild_id))
    )
    # A union, not two counts: a topic that the card has of its own and by its follow counts once.
    by_follow = (
        select(follow_topics.c.topic_id, server_cards.c.card_id)
        .join_from(follow_topics, server_cards, server_cards.c.source_id == follow_topics.c.source_id)
        .where(follow_topics.c.guild_id == guild_id, server_cards.c.guild_id == guild_id)
    )
    topical = union(in_card, by_follow).subquery()
    added = _added_change(guild_id, topical.c.topic_id, rows.join(topical, topical.c.card_id == server_cards.c.card_id))
    return _sum_changes(decided, added)


def _sum_changes(*parts: Select[Any]) -> Subquery:
    each = union_all(*parts).subquery()
    return select(each.c.name, func.sum(each.c.change).label("change")).group_by(each.c.name).subquery()


def _added_change(guild_id: int, name: ColumnElement[Any], rows: Join) -> Select[Any]:
    """Count the visible cards of the sources that the server follows."""
    query = select(name.label("name"), func.count().label("change")).select_from(rows)
    return query.where(server_cards.c.guild_id == guild_id, is_visible_to(guild_id)).group_by(name)


def _decided_change(guild_id: int, name: ColumnElement[Any], decided: Join) -> Select[Any]:
    """Select by how much a server's decisions change the visible card counts of topics or providers."""
    # The stored counts are global. The decisions of one server are few, so its counts are corrected instead of stored.
    more = (decisions.c.verdict == CardState.PUBLISHED) & (cards.c.state == CardState.HELD)
    fewer = (decisions.c.verdict == CardState.WITHDRAWN) & (cards.c.state == CardState.PUBLISHED)
    change = func.sum(case((more, 1), (fewer, -1), else_=0))
    return (
        select(name.label("name"), change.label("change"))
        .select_from(decided)
        .where(decisions.c.guild_id == guild_id)
        .group_by(name)
    )


async def _list_names(
    connection: AsyncConnection, names: FromClause, by: ColumnElement[Any], own: Subquery, beginning: str, limit: int
) -> list[TopicCount]:
    count = names.c.published_count + func.coalesce(own.c.change, 0)
    key = normalize_name(strip_unstorable(beginning))
    starts = names.c.key.startswith(key, autoescape=True)
    seen = select(names.c.name, count).select_from(names.outerjoin(own, own.c.name == by)).where(count > 0)
    if key:
        seen = seen.where(starts | names.c.key.contains(f" {key}", autoescape=True))
    rows = await connection.execute(seen.order_by(starts.desc(), count.desc(), names.c.key).limit(limit))
    return [TopicCount(name, published) for name, published in rows]
