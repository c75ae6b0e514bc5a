"""Search cards by words, topics, providers and types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, Select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.text import normalize_name, strip_unstorable
from bot.domain.search_query import (
    contains_phrase,
    parse_query,
    unfinished_word,
    with_completions,
    without_completions,
)
from bot.store.cards import queries
from bot.store.cards.card_pages import fetch_cards, fetch_page, timeline_span
from bot.store.cards.card_query import CardPage, CardQuery, PreparedSearch, SearchOrder, SearchView, TimelineCursor
from bot.store.cards.rows import StoredCard
from bot.store.cards.search_entries import SHARED
from bot.store.cards.search_hits import fetch_details, read_entries
from bot.store.column_parsers import parse_number
from bot.store.database import Database
from bot.store.search import indexes_for_dialect
from bot.store.search.entry import NO_TAG, SearchScope, guild_tag, source_tag
from bot.store.search.index import RANKS

RANKED = 120
"""Number of newest hits that `best` and `hottest` rank: ranking all hits of a common word would take over 100 ms.
The fields of `best` share it."""
FEW = 40
"""Number of newer hits that are too many to read them all for one page."""


class CardSearch:
    """Search and autocompletion of the cards that a server sees."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._dialect = database.dialect
        self._indexes = indexes_for_dialect(self._dialect)

    async def search_cards(
        self, query: CardQuery, guild_id: int, *, limit: int, cursor: TimelineCursor | None = None, offset: int = 0
    ) -> CardPage:
        """Search visible cards. `SearchOrder.NEWEST` paginates by `cursor`, other orders by `offset`.

        If the query has no hits, its last word is tried as a prefix.
        """
        async with self._database.begin_read() as connection:
            search = await self._prepare_search(connection, query, guild_id)
            page = await self._fetch_hits(connection, search, limit, cursor, offset)
            if page.cards:
                return page
            is_first = cursor is None and not offset
            if not is_first and await self._read_entries(connection, search, 1):
                return page
            completed = await self._complete_search(connection, search)
            # In few steps: a search that finds nothing must not cost more than one that does.
            if completed is None or not await self._read_entries(connection, completed, 1):
                return page
            return await self._fetch_hits(connection, completed, limit, cursor, offset)

    async def count_hits(self, page: CardPage, *, limit: int) -> int:
        """Return the number of entries that the search of a page lists, counted up to a limit."""
        if page.search is None:
            return 0
        if not (page.has_newer or page.has_older):
            return min(len(page.cards), limit)
        async with self._database.begin_read() as connection:
            return len(await self._read_entries(connection, page.search, limit))

    async def count_found(self, query: CardQuery, guild_id: int, *, limit: int) -> int:
        """Return the number of entries that a search finds for its words as they are, counted up to a limit."""
        async with self._database.begin_read() as connection:
            search = await self._prepare_search(connection, query, guild_id)
            return len(await self._read_entries(connection, search, limit))

    async def complete_cards(
        self, words: str, guild_id: int, *, limit: int, hidden: bool = False, every_card: bool = False
    ) -> list[StoredCard]:
        """Autocomplete cards by words, newest first; without words the newest.

        One a story; `hidden` lists every card, also those that are held, and `every_card` every one that is visible.
        """
        async with self._database.begin_read() as connection:
            query = CardQuery(words, every_card=hidden or every_card)
            view = await _load_view(connection, query, guild_id)
            typed = PreparedSearch(query, guild_id, parse_query(words, typing=True), view)
            if self._bind_question(typed) is None:
                latest = queries.latest_query(hidden=hidden, every_card=every_card)
                values = {"guild": guild_id, "limit": limit, **timeline_span()}
                return list(await fetch_cards(connection, latest, values))
            statement = queries.hits_query(self._dialect, hidden=hidden)
            # Known words with the prefix first: that is fast, and the prefix itself is only searched if they fill no
            # list.
            found: Sequence[Row[Any]] = ()
            endings = await _list_endings(connection, words, guild_id)
            if 0 < len(endings) < queries.ENDINGS:
                known = replace(typed, words=with_completions(typed.words, endings))
                found = await self._read_entries(connection, known, limit, statement)
            if len(found) < limit:
                found = await self._read_entries(connection, typed, limit, statement)
            return list(await fetch_details(connection, [hit.id for hit in found], guild_id))

    async def _prepare_search(self, connection: AsyncConnection, query: CardQuery, guild_id: int) -> PreparedSearch:
        view = await _load_view(connection, query, guild_id)
        return PreparedSearch(query, guild_id, parse_query(query.words, languages=view.languages), view)

    async def _complete_search(self, connection: AsyncConnection, search: PreparedSearch) -> PreparedSearch | None:
        """Return the search with its last word as a prefix, None if that asks for nothing else.

        The prefix stands for the known words that begin so, if there are any: a search that finds nothing must not cost
        more than one that does. A long prefix without any known word is rare in texts as well.
        """
        words = search.query.words
        completed = parse_query(words, typing=True, languages=search.view.languages)
        if completed == search.words:
            return None
        endings = await _list_endings(connection, words, search.guild_id)
        return replace(search, words=with_completions(completed, endings) if endings else completed)

    async def _fetch_hits(
        self,
        connection: AsyncConnection,
        search: PreparedSearch,
        limit: int,
        cursor: TimelineCursor | None,
        offset: int,
    ) -> CardPage:
        query = search.query
        if query.order is SearchOrder.NEWEST and cursor is not None:
            values = self._bind_question(search)
            if values is None:
                return CardPage((), search=search)
            newest = queries.newest_query(self._dialect, newer=cursor.newer, every_card=query.every_card)
            values |= timeline_span(cursor, query.since, query.until)
            page = await self._fetch_few_newer(connection, search, values, limit) if cursor.newer else None
            page = page or await fetch_page(connection, newest, values, limit, cursor)
        else:
            start = 0 if query.order is SearchOrder.NEWEST else offset
            # One more than is shown tells whether there is another page, without counting.
            found = (await self._rank_entries(connection, search, start + limit + 1))[start:]
            cards = await fetch_details(connection, [hit.id for hit in found[:limit]], search.guild_id)
            page = CardPage(cards, has_newer=start > 0, has_older=len(found) > limit)
        return replace(page, search=search)

    async def _fetch_few_newer(
        self, connection: AsyncConnection, search: PreparedSearch, values: Mapping[str, Any], limit: int
    ) -> CardPage | None:
        """Return the last page of the newer hits, None if there are too many to read them all.

        Towards newer cards FTS5 goes through the lists of its words backwards and from their end, which for a rare
        topic takes ten times as long.
        """
        statement, every_card = queries.hits_query(self._dialect), search.query.every_card
        hits = await read_entries(connection, statement, values, FEW, every_card=every_card)
        if len(hits) == FEW:
            return None
        cards = await fetch_details(connection, [hit.id for hit in hits[-limit:]], search.guild_id)
        return CardPage(cards, has_newer=len(hits) > limit, has_older=True)

    async def _rank_entries(self, connection: AsyncConnection, search: PreparedSearch, count: int) -> list[Row[Any]]:
        """Return the first entries in the order of the query."""
        order = search.query.order
        if order is SearchOrder.NEWEST:
            return await self._read_entries(connection, search, count)
        if order is SearchOrder.HOTTEST:
            statement = queries.hits_query(self._dialect, with_heat=True)
            return sorted(await self._read_entries(connection, search, RANKED, statement), key=_coldness)[:count]
        if not search.words.required:
            return await self._read_entries(connection, search, min(RANKED, count))
        return (await self._rank_by_field(connection, search, count))[:count]

    async def _rank_by_field(self, connection: AsyncConnection, search: PreparedSearch, count: int) -> list[Row[Any]]:
        """Return the newest entries by words in the title, then those by words in title or names, and so on.

        A story ranks by the best of its cards. Fields that the page does not reach are not searched.
        """
        most = RANKED // len(RANKS)
        found: dict[int, Row[Any]] = {}
        widest: list[Row[Any]] | None = None
        for scope in RANKS:
            if widest is not None and scope is RANKS[-1]:
                hits = widest
            else:
                wanted = most if found else min(most, count)
                hits = await self._read_entries(connection, search, wanted, scope=scope)
            for hit in hits:
                found.setdefault(hit.id if search.query.every_card else hit.story_id, hit)
            if len(found) >= count:
                break
            if not found and widest is None:
                # No title has the words: the last fields tell whether there is any hit to look for.
                widest = await self._read_entries(connection, search, most)
                if not widest:
                    break
        return list(found.values())

    async def _read_entries(
        self,
        connection: AsyncConnection,
        search: PreparedSearch,
        count: int,
        statement: Select[Any] | None = None,
        *,
        scope: SearchScope = SearchScope.ANYWHERE,
    ) -> list[Row[Any]]:
        """Return the newest entries of a search in some fields."""
        values = self._bind_question(search, scope)
        if values is None:
            return []
        query = search.query
        statement = queries.hits_query(self._dialect) if statement is None else statement
        values |= timeline_span(None, query.since, query.until)
        return await read_entries(connection, statement, values, count, every_card=query.every_card)

    def _bind_question(
        self, search: PreparedSearch, within: SearchScope = SearchScope.ANYWHERE
    ) -> dict[str, Any] | None:
        """Return the parameters of a search apart from its range; None if nothing searchable is asked for."""
        words, view, indexes = search.words, search.view, self._indexes
        question = indexes.shared.build_query(words, view.filters, without=view.unwanted, within=within)
        if question is None:
            return None
        followed = indexes.followed.build_query(words, view.followed, without=view.unwanted, within=within)
        # What the server edited is little, and its words need not be known.
        own = [*view.filters, [guild_tag(search.guild_id)]]
        edits = indexes.edited.build_query(without_completions(words), own, without=view.unwanted, within=within)
        # Of a card that the server sees anyway: looking for its source as well would take longer than all the rest.
        probe = indexes.shared.build_query(words, view.filters, without=view.unwanted)
        return {"guild": search.guild_id, "question": question, "followed": followed, "edits": edits, "probe": probe}


def _coldness(hit: Row[Any]) -> tuple[bool, int, int]:
    heat = parse_number(hit.heat)
    return heat is None, -(heat or 0), -hit.sort_key


async def _load_view(connection: AsyncConnection, query: CardQuery, guild_id: int) -> SearchView:
    """Load what the server sees of what is asked for.

    A topic that the server gave to a source is a topic of all its cards there, also where a word excludes it.
    """
    excluded = parse_query(query.words).excluded
    rows = (await connection.execute(queries.sources_query(), {"guild": guild_id})).all()
    followed = sorted({source_id for source_id, _ in rows} - {SHARED})
    given: Sequence[Any] = ()
    if followed and (query.topic or excluded):
        given = (await connection.execute(queries.given_topics_query(), {"guild": guild_id})).all()
    topic = normalize_name(strip_unstorable(query.topic or ""))
    of_topic = [source_id for source_id, key in given if key == topic]
    unwanted = {source_id for source_id, key in given if any(contains_phrase(key, phrase) for phrase in excluded)}
    languages = sorted({language for _, language in rows if language is not None})
    of_sources = query.to_tags(of_topic, followed) or [[*map(source_tag, followed)]]
    return SearchView(
        query.to_tags(of_topic),
        of_sources if followed else [[NO_TAG]],
        [*map(source_tag, sorted(unwanted))],
        languages,
    )


async def _list_endings(connection: AsyncConnection, words: str, guild_id: int) -> list[str]:
    """Return known words with the word being typed as their prefix, up to `queries.ENDINGS`."""
    # With a plain prefix query SQLite collects every matching card: 40 ms for a common prefix in a million cards.
    if not (beginning := unfinished_word(words)):
        return []
    end = f"{beginning}{queries.LAST_LETTER}"
    values = {"guild": guild_id, "beginning": beginning, "end": end, "initial": beginning[0]}
    return list((await connection.execute(queries.endings_query(len(beginning)), values)).scalars())
