"""Queries for readers: single cards, lists by time, names. All filter by `is_visible_to`."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from sqlalchemy import literal, select

from bot.cards.text import strip_unstorable
from bot.domain.story_keys import RELATED
from bot.store.cards import queries
from bot.store.cards.card_pages import fetch_cards, fetch_page, timeline_span
from bot.store.cards.card_query import CardPage, CardQuery, TimelineCursor
from bot.store.cards.card_search import CardSearch
from bot.store.cards.name_counts import TopicCount, list_provider_names, list_topic_names
from bot.store.cards.rows import StoredCard, card_from_row, stored_card_columns
from bot.store.cards.search_entries import fetch_languages
from bot.store.cards.server_topics import fetch_topics
from bot.store.cards.story_entries import load_members, load_similar
from bot.store.cards.visibility import is_visible_to
from bot.store.tables import card_aliases, cards, story_keys


class CardRepository(CardSearch):
    """Read access to cards, topics and providers, also by search."""

    async def get_card(self, card_id: int, guild_id: int, *, hidden: bool = False) -> StoredCard | None:
        """Return a card by id; with `hidden`, even if it is not visible in the server."""
        return await self._get_one("id", card_id, guild_id, hidden=hidden)

    async def get_by_ids(self, ids: Collection[int], guild_id: int = 0) -> dict[int, StoredCard]:
        """Return cards by id, regardless of visibility."""
        values = {"guild": guild_id, "ids": list(ids)}
        async with self._database.begin_read() as connection:
            return {each.id: each for each in await fetch_cards(connection, queries.details_query(), values)}

    async def get_visible(self, ids: Sequence[int], guild_id: int) -> list[StoredCard]:
        """Return those of these cards that the server sees, in the order of the IDs."""
        values = {"guild": guild_id, "ids": list(ids)}
        async with self._database.begin_read() as connection:
            found = {
                each.id: each for each in await fetch_cards(connection, queries.details_query(visible=True), values)
            }
        return [found[card_id] for card_id in dict.fromkeys(ids) if card_id in found]

    async def find_by_urls(self, urls: Collection[str], guild_id: int, *, limit: int) -> list[StoredCard]:
        """Return the visible cards with these URLs (as of `bot.cards.urls.normalize_url`), newest first."""
        known = select(card_aliases.c.card_id).where(card_aliases.c.url.in_(urls))
        query = select(*stored_card_columns(guild_id)).where(cards.c.id.in_(known), is_visible_to(guild_id))
        async with self._database.begin_read() as connection:
            return list(
                await fetch_cards(connection, query.order_by(cards.c.sort_key.desc()).limit(limit), {"guild": guild_id})
            )

    async def fetch_story_members(self, card_ids: Sequence[int], guild_id: int) -> dict[int, list[StoredCard]]:
        """Return the other visible cards of the stories of cards, newest first; cards without any are left out."""
        async with self._database.begin_read() as connection:
            return await load_members(connection, card_ids, guild_id)

    async def fetch_similar(self, card_id: int, guild_id: int, *, limit: int) -> list[StoredCard]:
        """Return visible cards of other stories whose text or address is like a card's, most similar first."""
        async with self._database.begin_read() as connection:
            return await load_similar(connection, card_id, guild_id, limit)

    async def find_covering(self, card_id: int, guild_id: int) -> StoredCard | None:
        """Return the hottest visible card that lists this one as a related story, or None."""
        named = select(literal(RELATED).concat(card_aliases.c.url)).where(card_aliases.c.card_id == card_id)
        naming = select(story_keys.c.card_id).where(story_keys.c.key.in_(named), story_keys.c.card_id != card_id)
        query = select(*stored_card_columns(guild_id)).where(cards.c.id.in_(naming), is_visible_to(guild_id))
        async with self._database.begin_autocommit() as connection:
            row = (await connection.execute(query.order_by(cards.c.score.desc()).limit(1))).mappings().first()
        return card_from_row(row) if row else None

    async def fetch_topics_of(self, stored: Collection[StoredCard], guild_id: int) -> dict[int, frozenset[str]]:
        """Return the topics of cards in a server by id, also those that follows give, as folded names."""
        async with self._database.begin_read() as connection:
            found = await fetch_topics(connection, [each.id for each in stored], [guild_id])
        return {each.id: found.for_card(each.card, each.id, guild_id) for each in stored}

    async def fetch_languages(self, card_ids: Collection[int]) -> dict[int, str]:
        """Return the languages of the stems of cards."""
        async with self._database.begin_read() as connection:
            return await fetch_languages(connection, card_ids)

    async def get_by_slug(self, slug: str, guild_id: int, *, hidden: bool = False) -> StoredCard | None:
        """Return a card by slug; with `hidden`, even if it is not visible in the server."""
        return await self._get_one("slug", strip_unstorable(slug), guild_id, hidden=hidden)

    async def _get_one(self, column: str, value: int | str, guild_id: int, *, hidden: bool) -> StoredCard | None:
        query = queries.card_query(column, hidden=hidden)
        async with self._database.begin_read() as connection:
            found = await fetch_cards(connection, query, {"guild": guild_id, "value": value})
        return found[0] if found else None

    async def list_latest(
        self,
        guild_id: int,
        *,
        topic: str | None = None,
        limit: int,
        cursor: TimelineCursor | None = None,
        every_card: bool = False,
    ) -> CardPage:
        """Return the newest visible cards, optionally of one topic: one a story, or `every_card`."""
        if topic is not None:
            # The index knows which cards of a topic the server sees; a table of either would be walked for the other.
            of_topic = CardQuery(topic=topic, every_card=every_card)
            return await self.search_cards(of_topic, guild_id, limit=limit, cursor=cursor)
        newer = cursor is not None and cursor.newer
        query = queries.latest_query(newer=newer, every_card=every_card)
        values = {"guild": guild_id, **timeline_span(cursor)}
        async with self._database.begin_autocommit() as connection:
            return await fetch_page(connection, query, values, limit, cursor)

    async def list_topics(self, guild_id: int, beginning: str = "", *, limit: int) -> list[TopicCount]:
        """Autocomplete topics with visible cards: names that start with `beginning`, then names with such a word."""
        async with self._database.begin_read() as connection:
            return await list_topic_names(connection, guild_id, beginning, limit)

    async def list_providers(self, guild_id: int, beginning: str = "", *, limit: int) -> list[TopicCount]:
        """Autocomplete providers with visible cards, ordered like `list_topics`."""
        async with self._database.begin_read() as connection:
            return await list_provider_names(connection, guild_id, beginning, limit)

    async def list_all_topics(self, guild_id: int) -> Sequence[str]:
        """Return the names of topics with visible cards, at most 1000."""
        return [topic.name for topic in await self.list_topics(guild_id, limit=1000)]
