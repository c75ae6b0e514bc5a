"""Queries for readers: latest cards, search, single cards, autocomplete. All filter by `visible`."""

from __future__ import annotations

import enum
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Join,
    Select,
    Subquery,
    Table,
    case,
    func,
    literal,
    select,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import State
from bot.cards.text import folded, storable
from bot.desk import wording
from bot.desk.stories import RELATED
from bot.store import finding
from bot.store.database import Database
from bot.store.records import FiledCard, filed, filed_columns, timeline
from bot.store.search import RANKS, Within, tag
from bot.store.search.engines import index_of
from bot.store.tables import card_aliases, card_topics, cards, decisions, providers, story_keys, topics
from bot.store.visibility import visible

_LAST_LETTER = chr(0x10FFFF)


class Order(enum.StrEnum):
    """Order of search results."""

    NEWEST = "newest"
    BEST = "best"
    HOTTEST = "hottest"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Pagination cursor in a list ordered by time: cards older than `timeline`, or newer ones."""

    timeline: int
    newer: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Cards in display order, whether there are more on either side, and for a search the matched phrases."""

    cards: tuple[FiledCard, ...]
    has_newer: bool = False
    has_older: bool = False
    found: tuple[wording.Phrase, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """What to search for. Topic, provider and kind (a card's type) are compared without case; `until` is excluded."""

    words: str = ""
    topic: str | None = None
    provider: str | None = None
    since: datetime | None = None
    order: Order = Order.NEWEST
    kind: str | None = None
    until: datetime | None = None

    @property
    def tags(self) -> list[str]:
        """Return the filters as index tags."""
        named = {"topic": self.topic, "provider": self.provider, "type": self.kind}
        return [tag(kind, name) for kind, name in named.items() if name]


@dataclass(frozen=True, slots=True)
class TopicCount:
    """A topic's or provider's display name, and its number of cards visible in the server."""

    name: str
    count: int


_FARTHEST = 2**63 - 1


class Archive:
    """Read access to cards, topics and providers."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect = database.dialect
        self._index = index_of(self._dialect)

    async def card(self, card_id: int, guild_id: int, *, hidden: bool = False) -> FiledCard | None:
        """Return a card by id; with `hidden`, even if it is not visible in the server."""
        return await self._one(cards.c.id == card_id, guild_id, hidden=hidden)

    async def by_ids(self, ids: Collection[int], guild_id: int = 0) -> dict[int, FiledCard]:
        """Return cards by id, regardless of visibility."""
        asked = select(*filed_columns(guild_id)).where(cards.c.id.in_(ids))
        async with self._database.read() as connection:
            return {row["id"]: filed(row) for row in (await connection.execute(asked)).mappings()}

    async def covering(self, card_id: int, guild_id: int) -> FiledCard | None:
        """Return the hottest visible card that lists this one as a related story, or None."""
        named = select(literal(RELATED).concat(card_aliases.c.alias)).where(card_aliases.c.card_id == card_id)
        naming = select(story_keys.c.card_id).where(story_keys.c.key.in_(named), story_keys.c.card_id != card_id)
        asked = select(*filed_columns(guild_id)).where(cards.c.id.in_(naming), visible(guild_id))
        async with self._database.read() as connection:
            row = (await connection.execute(asked.order_by(cards.c.points.desc()).limit(1))).mappings().first()
        return filed(row) if row else None

    async def by_slug(self, slug: str, guild_id: int, *, hidden: bool = False) -> FiledCard | None:
        """Return a card by slug; with `hidden`, even if it is not visible in the server."""
        return await self._one(cards.c.slug == storable(slug), guild_id, hidden=hidden)

    async def _one(self, chosen: ColumnElement[bool], guild_id: int, *, hidden: bool) -> FiledCard | None:
        asked = select(*filed_columns(guild_id)).where(chosen)
        async with self._database.read() as connection:
            row = (await connection.execute(asked if hidden else asked.where(visible(guild_id)))).mappings().first()
        return filed(row) if row else None

    async def latest(
        self, guild_id: int, *, topic: str | None = None, limit: int, cursor: Cursor | None = None
    ) -> Page:
        """Return the newest visible cards, optionally of one topic."""
        newer = cursor is not None and cursor.newer
        values = {"guild": guild_id, **_span(cursor)}
        if topic is None:
            return await self._page(finding.latest(newer=newer), values, limit, cursor)
        asked = finding.latest_of_topic(newer=newer)
        return await self._page(asked, {**values, "topic": folded(storable(topic))}, limit, cursor)

    async def search(
        self, query: Query, guild_id: int, *, limit: int, cursor: Cursor | None = None, offset: int = 0
    ) -> Page:
        """Search visible cards. `Order.NEWEST` paginates by `cursor`, other orders by `offset`.

        If nothing matches, the last word is tried as a prefix.
        """
        for typing in (False, True):
            page = await self._search(query, guild_id, limit, cursor, offset, typing=typing)
            if page.cards:
                return replace(page, found=wording.asked(query.words, typing=typing).wanted)
        return page

    async def _search(
        self, query: Query, guild_id: int, limit: int, cursor: Cursor | None, offset: int, *, typing: bool
    ) -> Page:
        said = wording.asked(query.words, typing=typing)
        ranks = RANKS if query.order is Order.BEST and said.wanted else (Within.ANYWHERE,)
        asked = [self._index.question(said, query.tags, within=within) for within in ranks]
        if None in asked:
            return Page(())
        questions = {f"question{number}": question for number, question in enumerate(asked)}
        values = {**questions, "guild": guild_id, **_span(cursor, query.since, query.until)}
        if query.order is Order.NEWEST:
            newest = finding.newest(self._dialect, newer=cursor is not None and cursor.newer)
            return await self._page(newest, values, limit, cursor)
        is_best = query.order is Order.BEST
        ranked = finding.best(self._dialect, len(ranks)) if is_best else finding.hottest(self._dialect)
        return await self._ranked(ranked, values, limit, offset)

    async def _page(self, statement: Select[Any], values: Mapping[str, Any], limit: int, cursor: Cursor | None) -> Page:
        found = await self._found(statement, {**values, "limit": limit + 1})
        more, found = len(found) > limit, found[:limit]
        if cursor and cursor.newer:
            return Page(found[::-1], has_newer=more, has_older=True)
        return Page(found, has_newer=cursor is not None, has_older=more)

    async def _ranked(self, statement: Select[Any], values: Mapping[str, Any], limit: int, offset: int) -> Page:
        part = {"limit": limit + 1, "offset": offset, "wanted": offset + limit + 1}
        found = await self._found(statement, {**values, **part})
        return Page(found[:limit], has_newer=offset > 0, has_older=len(found) > limit)

    async def _found(self, statement: Select[Any], values: Mapping[str, Any]) -> tuple[FiledCard, ...]:
        async with self._database.glance() as connection:
            return tuple(filed(row) for row in (await connection.execute(statement, values)).mappings())

    async def complete_cards(self, words: str, guild_id: int, *, limit: int, hidden: bool = False) -> list[FiledCard]:
        """Autocomplete cards by words, newest first; without words the newest. `hidden` includes held cards."""
        said = wording.asked(words, typing=True)
        values = {"guild": guild_id, "limit": limit, **_span()}
        if self._index.question(said, ()) is None:
            return list(await self._found(finding.latest(hidden=hidden), values))
        for each in (*await self._endings(words, said), said):
            question = {"question0": self._index.question(each, ())}
            found = await self._found(finding.newest(self._dialect, hidden=hidden), values | question)
            if len(found) == limit:
                break
        return list(found)

    async def _endings(self, words: str, said: wording.Asked) -> list[wording.Asked]:
        """Expand the word being typed to known words with that prefix, if they are few."""
        # With a plain prefix query SQLite collects every matching card: 40 ms for a common prefix in a million cards.
        if not (beginning := wording.being_typed(words)):
            return []
        values = {"beginning": beginning, "end": f"{beginning}{_LAST_LETTER}", "initial": beginning[0]}
        async with self._database.glance() as connection:
            known = (await connection.execute(finding.endings(len(beginning)), values)).scalars().all()
        return [wording.ending(said, known)] if 0 < len(known) < finding.ENDINGS else []

    async def topics(self, guild_id: int, beginning: str = "", *, limit: int) -> list[TopicCount]:
        """Autocomplete topics with visible cards: names that start with `beginning`, then names with such a word."""
        own = own_change(guild_id, card_topics.c.topic_id, decisions.join(cards).join(card_topics))
        async with self._database.read() as connection:
            return await _named(connection, topics, topics.c.id, own, beginning, limit)

    async def providers(self, guild_id: int, beginning: str = "", *, limit: int) -> list[TopicCount]:
        """Autocomplete providers with visible cards, ordered like `topics`."""
        own = own_change(guild_id, cards.c.provider, decisions.join(cards))
        async with self._database.read() as connection:
            return await _named(connection, providers, providers.c.key, own, beginning, limit)

    async def all_topics(self, guild_id: int) -> Sequence[str]:
        """Return the names of topics with visible cards, at most 1000."""
        return [topic.name for topic in await self.topics(guild_id, limit=1000)]


def _span(cursor: Cursor | None = None, since: datetime | None = None, until: datetime | None = None) -> dict[str, int]:
    """Return the requested timeline range as parameters; the end is exclusive."""
    begin, end = _beginning(since) if since else -_FARTHEST, _beginning(until) if until else _FARTHEST
    if cursor and cursor.newer:
        begin = max(begin, cursor.timeline + 1)
    elif cursor:
        end = min(end, cursor.timeline)
    return {"begin": begin, "end": end}


def _beginning(moment: datetime) -> int:
    """Return the first timeline position at a time, clamped to the range of 64 bits (year 3058)."""
    return max(-_FARTHEST, min(timeline(moment, 0), _FARTHEST))


def own_change(guild_id: int, name: ColumnElement[Any], decided: Join) -> Subquery:
    """Select by how much a server's decisions change the visible card counts of topics or providers."""
    more = (decisions.c.verdict == State.PUBLISHED) & (cards.c.state == State.HELD)
    fewer = (decisions.c.verdict == State.WITHDRAWN) & (cards.c.state == State.PUBLISHED)
    change = func.sum(case((more, 1), (fewer, -1), else_=0))
    return (
        select(name.label("name"), change.label("change"))
        .select_from(decided)
        .where(decisions.c.guild_id == guild_id)
        .group_by(name)
        .subquery()
    )


async def _named(
    connection: AsyncConnection, names: Table, by: ColumnElement[Any], own: Subquery, beginning: str, limit: int
) -> list[TopicCount]:
    count = names.c.published + func.coalesce(own.c.change, 0)
    key = folded(storable(beginning))
    starts = names.c.key.startswith(key, autoescape=True)
    seen = select(names.c.name, count).select_from(names.outerjoin(own, own.c.name == by)).where(count > 0)
    if key:
        seen = seen.where(starts | names.c.key.contains(f" {key}", autoescape=True))
    rows = await connection.execute(seen.order_by(starts.desc(), count.desc(), names.c.key).limit(limit))
    return [TopicCount(name, published) for name, published in rows]
