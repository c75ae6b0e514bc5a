"""Load what cards may be of one story with: by the rarest words of their titles, and by their addresses."""

from __future__ import annotations

import sys
from bisect import bisect, insort
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from heapq import nlargest
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Select,
    Text,
    cast,
    column,
    delete,
    func,
    literal_column,
    select,
    type_coerce,
    values,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import CardState
from bot.domain.story_clustering import LARGEST, Story
from bot.domain.story_matching import WITHIN, Report, StoryCard, WeightedText, rarest_words
from bot.store.cards.search_entries import SHARED
from bot.store.cards.visibility import IS_SHARED
from bot.store.column_parsers import UNUSABLE
from bot.store.sql_helpers import PlainRow, chunks, insert_plain
from bot.store.tables import cards, story_texts, story_words, to_microseconds

_NEAREST, _NEAREST_OF_SOURCE = 32, 5
"""Maximum number of cards that are looked up for one word: of everybody's cards, and of each followed source.

By source, so that no number of cards in sources that a server does not follow hides one that it does.
"""
_COMPARED = 16
"""Maximum number of cards of one source whose texts are compared with a new one: those with the rarest words of its
title."""
_WITHIN = WITHIN // timedelta(microseconds=1)
_Place = tuple[int, int]
"""Publication time, in microseconds since 1970, and id of a card that has a word in its title."""


class WordIndex:
    """Cards by the words of their titles, as far as some new cards need them."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._places: defaultdict[str, defaultdict[int, list[_Place]]] = defaultdict(lambda: defaultdict(list))
        """By word and source id, in order of time."""

    async def load_places(self, words: Collection[str], since: datetime, until: datetime) -> None:
        """Load the cards of these days that have one of these words."""
        # Over more days a word has more cards near to one of the new ones.
        times = 1 + (until - since) // WITHIN
        for some in chunks(sorted(words)):
            span = story_words.c.published_at.between(since - WITHIN, until + WITHIN)
            shared = _select_shared_places(some, span, _NEAREST * times)
            for word, places in await self._connection.execute(shared):
                numbers = map(int, (places or "").split())
                self._places[word][SHARED] = sorted(zip(numbers, numbers, strict=True))
            followed = _select_followed_places(some, span, _NEAREST_OF_SOURCE * times)
            for word, source_id, *place in await self._connection.execute(followed):
                insort(self._places[word][source_id], tuple(place))

    def find_near(self, card: StoryCard) -> list[int]:
        """Return the ids of cards that share rare words of the title with this one, by how rare these are."""
        at = to_microseconds(card.published_at)
        scores: defaultdict[int, defaultdict[int, int]] = defaultdict(lambda: defaultdict(int))
        for word in rarest_words(card.text):
            weight = card.text.weights[word] ** 2
            for source_id, places in self._places[word].items() if word in self._places else ():
                of_source = scores[source_id]
                for _, card_id in _nearest(places, at, _NEAREST if source_id == SHARED else _NEAREST_OF_SOURCE):
                    of_source[card_id] += weight
        ranked = [nlargest(_COMPARED, zip(each.values(), each.keys(), strict=True)) for each in scores.values()]
        return [card_id for best in ranked for _, card_id in best]

    def add_card(self, card: StoryCard) -> None:
        """Let later cards find this one."""
        place = to_microseconds(card.published_at), card.card_id
        for word in card.text.title:
            insort(self._places[word][card.source_id], place)

    async def save_cards(self, added: Sequence[StoryCard]) -> None:
        """Store the texts of new cards, and the words by which they are found."""
        await insert_plain(self._connection, story_texts, [_text_row(card) for card in added])
        rows: list[PlainRow] = []
        for card in added:
            place = {"published_at": to_microseconds(card.published_at), "card_id": card.card_id}
            rows += [{"word": word, "source_id": card.source_id, **place} for word in sorted(card.text.title)]
        await insert_plain(self._connection, story_words, rows)


def _select_shared_places(words: Sequence[str], span: ColumnElement[bool], most: int) -> Select[Any]:
    """Select, for each word, the times and ids of everybody's newest cards that have it, as one text.

    A word may be in most cards: reading the index backwards, word by word, takes as long as there are cards to return.
    """
    wanted = values(column("word", Text)).data([(word,) for word in words]).cte("wanted")
    row = story_words.c
    newest = (
        select(_AT, row.card_id)
        .where(row.word == wanted.c.word, row.source_id == SHARED, span)
        .order_by(row.published_at.desc())
        .limit(most)
        .correlate(wanted)
        .subquery()
    )
    place = cast(newest.c.at, Text) + " " + cast(newest.c.card_id, Text)
    return select(wanted.c.word, select(func.aggregate_strings(place, " ")).scalar_subquery())


def _select_followed_places(words: Sequence[str], span: ColumnElement[bool], most: int) -> Select[Any]:
    """Select the newest cards of each followed source that have one of these words."""
    row = story_words.c
    rank = func.row_number().over(partition_by=(row.word, row.source_id), order_by=row.published_at.desc())
    ranked = select(row.word, row.source_id, _AT, row.card_id, rank.label("rank"))
    found = ranked.where(row.word.in_(words), span, _IS_FOLLOWED).subquery()
    near = select(found.c.word, found.c.source_id, found.c.at, found.c.card_id)
    return near.where(found.c.rank <= most)


_AT = type_coerce(story_words.c.published_at, BigInteger).label("at")
_IS_FOLLOWED = story_words.c.source_id > literal_column("0")
"""With the number itself: SQLite would not take a parameter for the condition of the index."""


def _nearest(places: Sequence[_Place], at: int, most: int) -> Sequence[_Place]:
    """Return the places nearest in time, on either side."""
    here = bisect(places, (at, sys.maxsize))
    begin = max(here - most, bisect(places, (at - _WITHIN, -1), 0, here))
    return places[begin : min(here + most, bisect(places, (at + _WITHIN, sys.maxsize), here))]


async def load_story_cards(connection: AsyncConnection, card_ids: Collection[int]) -> dict[int, StoryCard]:
    """Load the texts of cards that are not withdrawn, by card id."""
    query = select(*_TEXT_COLUMNS).join(cards, cards.c.id == story_texts.c.card_id)
    found: dict[int, StoryCard] = {}
    for some in chunks(sorted(card_ids)):
        shown = query.where(story_texts.c.card_id.in_(some), cards.c.state != CardState.WITHDRAWN)
        for row in await connection.execute(shown):
            with suppress(*UNUSABLE):
                found[row[0]] = _parse_text_row(*row)
    return found


async def load_stories(connection: AsyncConnection, story_ids: Collection[int]) -> dict[int, Story]:
    """Load everybody's stories by id, with the reports of their latest cards."""
    found: defaultdict[int, Story] = defaultdict(Story)
    of_story = cards.c.story_id
    times = select(of_story, func.count(), func.min(cards.c.published_at), func.max(cards.c.published_at))
    rank = func.row_number().over(partition_by=of_story, order_by=cards.c.sort_key.desc())
    for some in chunks(sorted(story_ids)):
        for story_id, count, first, last in await connection.execute(
            times.where(of_story.in_(some), IS_SHARED).group_by(of_story)
        ):
            found[story_id].add_time(first, count)
            found[story_id].add_time(last, 0)
        ranked = select(cards.c.id, of_story.label("story"), rank.label("rank")).where(of_story.in_(some), IS_SHARED)
        numbered = ranked.subquery()
        reports = select(numbered.c.story, *(story_texts.c[name] for name in ("publisher", "published_at", "title")))
        reports = reports.join(numbered, numbered.c.id == story_texts.c.card_id).where(numbered.c.rank <= LARGEST)
        for story_id, publisher, published_at, title in await connection.execute(reports):
            found[story_id].reports.append(Report(publisher, published_at, split_words(title)))
    return found


async def delete_texts(connection: AsyncConnection, card_ids: Sequence[int]) -> None:
    """Delete what is stored of the texts of these cards: new ones are no longer compared with them."""
    for table in (story_words, story_texts):
        await connection.execute(delete(table).where(table.c.card_id.in_(card_ids)))


def _text_row(card: StoryCard) -> PlainRow:
    return {
        "card_id": card.card_id,
        "published_at": to_microseconds(card.published_at),
        "source_id": card.source_id,
        "publisher": card.report.publisher,
        "title": " ".join(sorted(card.text.title)),
        "numbers": " ".join(sorted(card.numbers)),
        "weights": " ".join(f"{word} {weight}" for word, weight in card.text.weights.items()),
    }


_TEXT_COLUMNS = [
    story_texts.c[name] for name in ("card_id", "published_at", "source_id", "publisher", "title", "numbers", "weights")
]


def _parse_text_row(
    card_id: int, published_at: datetime, source_id: int, publisher: str, title: str, numbers: str, weights: str
) -> StoryCard:
    parts = weights.split()
    weight_of = dict(zip(parts[::2], map(int, parts[1::2]), strict=False))
    words = split_words(title) & weight_of.keys()
    text = WeightedText(words, weight_of)
    return StoryCard(card_id, Report(publisher, published_at, words), text, split_words(numbers), source_id)


def split_words(stored: str) -> frozenset[str]:
    """Parse a column that holds words."""
    return frozenset(stored.split())
