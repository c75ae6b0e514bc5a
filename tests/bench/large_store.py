"""A large store of cards, written table by table: card by card the importer would take an hour.

The texts of some thousand cards are made, and the others have one of them again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from sqlalchemy import Table, case, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState, Provider, SourceKind
from bot.cards.stemmer import stem_language
from bot.cards.text import normalize_name
from bot.domain.follows import FollowPolicy
from bot.domain.search_query import spellable_words
from bot.store.cards.names import ensure_topic_ids, recount_all
from bot.store.cards.rows import card_to_row, compute_sort_key
from bot.store.cards.search_entries import SHARED
from bot.store.cards.search_merge import SearchIndexMerge
from bot.store.database import Database
from bot.store.search import indexes_for_dialect
from bot.store.search.entry import IndexEntry, build_entry, make_tag, scope_tag, source_tag
from bot.store.sql_helpers import insert_or_ignore
from bot.store.tables import (
    card_topics,
    cards,
    followed_card_topics,
    followed_words,
    follows,
    known_words,
    providers,
    search_languages,
    server_cards,
    sources,
)
from tests.bench.cards import RARE_TOPIC, START, TOPICS, make_card, make_random, pick_moment

SHARED_SHARE = 10
"""One card of so many is everybody's, if any are of followed sources."""
NOBODY, FIVE, FIFTY = 1, 2, 3
"""Servers that follow no source, five and fifty."""
_FOLLOWED = {FIVE: 5, FIFTY: 50}
_OTHERS = 10_000
"""The first of the servers that follow one source each."""
_TEXTS = 20_000
_AT_ONCE = 10_000
_SHARED = 1
"""The id of everybody's source."""
_STORY, _ALONE = 4, 16
"""So many cards in a row are one story, before so many are alone."""
_CACHE = "PRAGMA cache_size = -400000"
"""KiB. Most tables are not written in the order of their keys."""


@dataclass(frozen=True, slots=True)
class _Text:
    """What cards with one text have in common: a row, an entry of the index, topics, and words for spelling help."""

    row: dict[str, Any]
    entry: IndexEntry
    topic_ids: Sequence[int]
    provider: str
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of some cards, by table."""

    rows: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: {name: [] for name in _TABLES})
    shared: list[tuple[int, IndexEntry]] = field(default_factory=list)
    followed: list[tuple[int, IndexEntry]] = field(default_factory=list)


async def fill_store(database: Database, card_count: int, source_count: int = 0) -> None:
    """Give everybody all cards; or one in ten, and share out the others over sources that one or two servers follow."""
    async with database.begin_write() as connection:
        await _add_sources(connection, source_count)
        topic_ids = await ensure_topic_ids(
            connection, {normalize_name(name): name for name in (*TOPICS, RARE_TOPIC)}, is_shared=True
        )
    texts = [_make_text(number, bool(source_count), topic_ids) for number in range(min(_TEXTS, card_count + 1))]
    told: defaultdict[int, set[str]] = defaultdict(set)
    for start in range(1, card_count + 1, _AT_ONCE):
        part = _Part()
        for number in range(start, min(start + _AT_ONCE, card_count + 1)):
            source_id, text = _find_source(number, source_count), texts[number % len(texts)]
            _add_card(part, number, text, source_id)
            told[source_id].update(text.words)
        async with database.begin_write() as connection:
            await connection.exec_driver_sql(_CACHE)
            await _add_part(connection, part)
    async with database.begin_write() as connection:
        await _add_words(connection, told, {text.provider for text in texts})
        await _join_stories(connection)
        await recount_all(connection)
    while await SearchIndexMerge(database).merge_batch():
        pass


def find_guilds(source_id: int) -> list[int]:
    """The servers that follow a source."""
    if source_id == _SHARED:
        return []
    place = source_id - _SHARED - 1
    return [_OTHERS + place, *(guild_id for guild_id, count in _FOLLOWED.items() if place < count)]


async def _add_sources(connection: AsyncConnection, count: int) -> None:
    ids = range(_SHARED, _SHARED + 1 + count)
    rows = [
        {"id": each, "kind": SourceKind.FEED, "key": f"https://{each}.example", "is_shared": each == _SHARED}
        for each in ids
    ]
    await connection.execute(insert(sources), rows)
    follow = {"policy": FollowPolicy.PUBLISH, "quality": 50, "followed_at": START, "created_by": 1}
    followed = [{"guild_id": guild_id, "source_id": each} | follow for each in ids for guild_id in find_guilds(each)]
    if followed:
        await connection.execute(insert(follows), followed)
    spoken = [{"source_id": SHARED if each == _SHARED else each, "language": stem_language(None)} for each in ids]
    await connection.execute(insert(search_languages), spoken)


def _find_source(number: int, source_count: int) -> int:
    followed_before = number - 1 - number // SHARED_SHARE
    return followed_before % source_count + _SHARED + 1 if source_count and number % SHARED_SHARE else _SHARED


def _make_text(number: int, has_followed: bool, topic_ids: dict[str, int]) -> _Text:
    card = make_card(number)
    if has_followed and number % SHARED_SHARE:
        card = replace(
            card, provider=Provider("Feed"), state=CardState.FOLLOWED, held_reason=None, heat=None, related=()
        )
    provider = card.provider.name if card.provider else ""
    return _Text(
        row=card_to_row(card),
        entry=build_entry(card, "", stem_language(None)),
        topic_ids=sorted({topic_ids[normalize_name(name)] for name in card.topics}),
        provider=provider,
        words=frozenset(spellable_words(" / ".join([card.title, *card.topics, provider]))),
    )


def _add_card(part: _Part, number: int, text: _Text, source_id: int) -> None:
    published_at = pick_moment(make_random(number))
    sort_key = compute_sort_key(published_at, number)
    row = text.row | {"id": number, "slug": f"card-{number}", "source_id": source_id, "sort_key": sort_key}
    row |= {"published_at": published_at, "revision": f"{number}", "content_hash": f"{number}"} | _STORED
    row["visible_at"] = published_at if row["state"] is CardState.PUBLISHED else None
    entry = text.entry
    if source_id == _SHARED:
        part.rows[card_topics.name] += [
            {"topic_id": topic_id, "card_id": number, "sort_key": sort_key} for topic_id in text.topic_ids
        ]
    else:
        feed = _name_feed(source_id)
        row |= {"provider": normalize_name(feed), "details": row["details"] | {"provider": {"name": feed}}}
        source, provider = _tag_source(source_id)
        tags = [provider, *(tag for tag in entry.tags if not tag.startswith("provider"))]
        tags = [source, *tags, *(scope_tag(source, tag) for tag in tags)]
        entry = replace(entry, names=[*entry.names, str(source_id)], tags=tags)
        part.rows[followed_card_topics.name] += [
            {"topic_id": topic_id, "card_id": number} for topic_id in text.topic_ids
        ]
        part.rows[server_cards.name] += [
            {"guild_id": guild_id, "card_id": number, "source_id": source_id, "sort_key": sort_key}
            | {"arrived_at": published_at, "story_id": number}
            | _ARRIVED
            for guild_id in find_guilds(source_id)
        ]
    part.rows[cards.name].append(row)
    (part.shared if source_id == _SHARED else part.followed).append((sort_key, entry))


_STORED = {"file_missing": False, "scheduled": False, "needs_planning": False, "needs_story": False}
_ARRIVED = {"is_backlog": False, "needs_planning": False, "state": CardState.PUBLISHED, "quality": 50}


def _name_feed(source_id: int) -> str:
    return f"Feed {source_id}"


@cache
def _tag_source(source_id: int) -> Sequence[str]:
    return source_tag(source_id), make_tag("provider", _name_feed(source_id))


async def _add_part(connection: AsyncConnection, part: _Part) -> None:
    for name, table in _TABLES.items():
        if part.rows[name]:
            await connection.execute(insert(table), part.rows[name])
    # In the order of the index: each step back makes FTS5 write out what it has gathered.
    indexes = indexes_for_dialect(connection.dialect.name)
    for index, entries in ((indexes.shared, part.shared), (indexes.followed, part.followed)):
        await index.add_entries(connection, sorted(entries, key=lambda entry: -entry[0]))


async def _add_words(connection: AsyncConnection, told: dict[int, set[str]], names: set[str]) -> None:
    named = [{"key": normalize_name(name), "name": name} for name in sorted(names)]
    await connection.execute(insert_or_ignore(providers), named)
    await connection.execute(insert(known_words), [_make_word(word) for word in sorted(told.pop(_SHARED, ()))])
    for source_id in sorted(told):
        rows = [_make_word(word) | {"source_id": source_id} for word in sorted(told[source_id])]
        await connection.execute(insert(followed_words), rows)


async def _join_stories(connection: AsyncConnection) -> None:
    """Make stories of cards that follow each other: of everybody's, and of each server's."""
    shared = select(cards.c.id, func.row_number().over(order_by=cards.c.sort_key).label("place"))
    shared = shared.where(cards.c.state != CardState.FOLLOWED)
    place = func.row_number().over(partition_by=server_cards.c.guild_id, order_by=server_cards.c.sort_key)
    own = select(server_cards.c.guild_id, server_cards.c.card_id.label("id"), place.label("place"))
    for table, card_id, keys, ranked in (
        (cards, cards.c.id, ("id",), shared.subquery()),
        (server_cards, server_cards.c.card_id, ("guild_id", "id"), own.subquery()),
    ):
        turn, rest = ranked.c.place // (_STORY + _ALONE), ranked.c.place % (_STORY + _ALONE)
        within = case((rest < _STORY, 0), else_=rest)
        first = func.min(ranked.c.id).over(partition_by=[*(ranked.c[name] for name in keys[:-1]), turn, within])
        told = select(*(ranked.c[name] for name in keys), first.label("story")).cte("told").prefix_with("MATERIALIZED")
        this = card_id == told.c.id
        if len(keys) > 1:
            this &= server_cards.c.guild_id == told.c.guild_id
        await connection.execute(update(table).where(this).values(story_id=told.c.story))


def _make_word(word: str) -> dict[str, Any]:
    return {"initial": word[0], "length": len(word), "word": word}


_TABLES: dict[str, Table] = {each.name: each for each in (cards, card_topics, followed_card_topics, server_cards)}
