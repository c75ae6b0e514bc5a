"""Add cards to the full-text index, with the words of their titles and names for spelling help."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card
from bot.cards.stemmer import DEFAULT_LANGUAGE, stem_language
from bot.domain.search_query import spellable_words
from bot.store.search import indexes_for_dialect
from bot.store.search.entry import build_entry, source_tag
from bot.store.search.index import SearchIndex
from bot.store.sql_helpers import chunks, insert_or_ignore
from bot.store.tables import cards, feeds, followed_words, known_words, search_languages, sources

SHARED = 0
"""Id in `search_languages` that stands for all sources that are everybody's."""


class IndexedCard(NamedTuple):
    """A card, its position in the timeline and its source."""

    sort_key: int
    card: Card
    source_id: int | None


class SourceLabel(NamedTuple):
    """How the cards of a source are indexed."""

    follow_id: int
    """The source, or `SHARED`."""
    language: str

    @property
    def source_tag(self) -> str:
        """The index term for the source; empty if it is everybody's."""
        return "" if self.follow_id == SHARED else source_tag(self.follow_id)


async def index_cards(connection: AsyncConnection, written: Sequence[IndexedCard]) -> None:
    """Add cards that are not in the index, and record their words."""
    labels = await load_labels(connection, {each.source_id for each in written})
    indexes = indexes_for_dialect(connection.dialect.name)
    for index, is_shared in ((indexes.shared, True), (indexes.followed, False)):
        some = [each for each in written if (labels[each.source_id].follow_id == SHARED) is is_shared]
        await add_entries(connection, index, some, labels)
    words = {(labels[each.source_id].follow_id, word) for each in written for word in _spelling_words(each.card)}
    shared = [_word_row(word) for follow_id, word in sorted(words) if follow_id == SHARED]
    own = [_word_row(word) | {"source_id": follow_id} for follow_id, word in sorted(words) if follow_id != SHARED]
    for table, rows in ((known_words, shared), (followed_words, own)):
        if rows:
            await connection.execute(insert_or_ignore(table), rows)


async def add_entries(
    connection: AsyncConnection,
    index: SearchIndex,
    written: Sequence[IndexedCard],
    labels: Mapping[int | None, SourceLabel],
) -> None:
    """Add cards to an index alone, in the languages of their sources."""
    if not written:
        return
    entries = []
    for place, card, source_id in written:
        label = labels[source_id]
        entries.append((place, build_entry(card, label.source_tag, label.language)))
    await index.add_entries(connection, entries)
    used = {labels[each.source_id] for each in written}
    await connection.execute(
        insert_or_ignore(search_languages),
        [{"source_id": label.follow_id, "language": label.language} for label in used],
    )


async def remove_entries(connection: AsyncConnection, places: Sequence[int]) -> None:
    """Remove the cards at these positions of the timeline from the indexes."""
    shared, followed, _ = indexes_for_dialect(connection.dialect.name)
    for index in (shared, followed):
        await index.remove_entries(connection, places)


async def load_labels(
    connection: AsyncConnection, source_ids: Collection[int | None]
) -> Mapping[int | None, SourceLabel]:
    """Return how the cards of these sources are indexed."""
    language = func.coalesce(func.nullif(feeds.c.language, ""), sources.c.language)
    query = select(sources.c.id, sources.c.is_shared, language).outerjoin(feeds, feeds.c.source_id == sources.c.id)
    labels = dict.fromkeys(source_ids, SourceLabel(SHARED, DEFAULT_LANGUAGE))
    for some in chunks([source_id for source_id in source_ids if source_id is not None]):
        for source_id, is_shared, tag in await connection.execute(query.where(sources.c.id.in_(some))):
            labels[source_id] = SourceLabel(SHARED if is_shared else source_id, stem_language(tag))
    return labels


async def fetch_languages(connection: AsyncConnection, card_ids: Collection[int]) -> dict[int, str]:
    """Return the languages of the stems of cards."""
    source_ids: dict[int, int | None] = {}
    for some in chunks(sorted(card_ids)):
        query = select(cards.c.id, cards.c.source_id).where(cards.c.id.in_(some))
        source_ids |= dict((await connection.execute(query)).all())
    labels = await load_labels(connection, set(source_ids.values()))
    return {card_id: labels[source_id].language for card_id, source_id in source_ids.items()}


def _spelling_words(card: Card) -> Iterable[str]:
    names = [*card.topics, *([card.provider.name] if card.provider else [])]
    return spellable_words(" / ".join([card.title, *names]))


def _word_row(word: str) -> dict[str, Any]:
    return {"initial": word[0], "length": len(word), "word": word}
