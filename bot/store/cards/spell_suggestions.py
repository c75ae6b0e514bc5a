"""Spelling suggestions ("did you mean") for searches without results, from words in titles and names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import islice, product
from typing import Any

from sqlalchemy import BigInteger, CompoundSelect, Select, Table, Text, bindparam, select, true, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.edit_distance import allowed_edits, edit_distance, find_nearest
from bot.domain.search_query import SHORTEST, apply_corrections, required_words, spellable_words
from bot.store.cards.card_query import CardQuery
from bot.store.cards.queries import LAST_LETTER, followed_ids
from bot.store.cards.repository import CardRepository
from bot.store.cards.rows import parse_edit
from bot.store.database import Database
from bot.store.tables import card_edits, followed_words, known_words

_LOOKED_AT = 5000
"""Maximum number of known words to compare a misspelled word with."""
_OF_ONE_LENGTH = 1000
_MAX_WORDS_CHECKED, _MAX_WORDS, _MAX_CHOICES, _MAX_TRIES = 12, 4, 5, 6
"""Limits that bound the response time: words checked, words corrected, choices per word, queries tried."""
_FREQUENT = 10
_EDITS_READ = 500
"""Maximum number of a server's edits whose words are known, the newest."""


class SpellingSuggester:
    """Spelling corrector.

    Known words are never removed and include those of held cards. So each suggestion is searched for first, to not
    reveal words that no visible card has.
    """

    def __init__(self, database: Database, archive: CardRepository) -> None:
        self._database = database
        self._archive = archive

    async def suggest_query(self, query: CardQuery, guild_id: int) -> CardQuery | None:
        """Return the query with corrected spelling if that has results, else None."""
        words = required_words(query.words)[:_MAX_WORDS_CHECKED]
        wrong = [word for word in words if not await self._count_word(word, guild_id)][:_MAX_WORDS]
        if not wrong:
            return None
        choices = [
            await self._find_choices(word, guild_id) or await self._split_word(word, guild_id) or [word]
            for word in wrong
        ]
        # The choices of each word are sorted, so the nearest combinations come first.
        for selected in islice(product(*choices), _MAX_TRIES):
            corrected_query = replace(
                query, words=apply_corrections(query.words, dict(zip(wrong, selected, strict=True)))
            )
            if (
                corrected_query != query
                and (await self._archive.search_cards(corrected_query, guild_id, limit=1)).cards
            ):
                return corrected_query
        return None

    async def _find_choices(self, word: str, guild_id: int) -> list[str]:
        """Return corrections of a word, nearest first, then most frequent."""
        async with self._database.begin_read() as connection:
            known = [*await _known_words(connection, word, guild_id), *await _edited_words(connection, guild_id)]
        near = find_nearest(word, known, _MAX_CHOICES)
        frequency = {choice: await self._count_word(choice, guild_id) for choice in near}
        visible = [choice for choice in near if frequency[choice]]
        return sorted(visible, key=lambda choice: (edit_distance(word, choice), -frequency[choice]))

    async def _split_word(self, word: str, guild_id: int) -> list[str]:
        """Split a word into two that occur next to each other in visible cards."""
        both = [f"{word[:place]} {word[place:]}" for place in range(SHORTEST, len(word) - SHORTEST + 1)]
        return [words for words in both if await self._count_word(words, guild_id)]

    async def _count_word(self, word: str, guild_id: int) -> int:
        """Count visible cards with this exact word or phrase, up to `_FREQUENT`."""
        return await self._archive.count_found(CardQuery(f'"{word}"', every_card=True), guild_id, limit=_FREQUENT)


async def _known_words(connection: AsyncConnection, word: str, guild_id: int) -> Sequence[str]:
    """Load known words of similar length with the same first two letters, then those starting with either of them."""
    lengths = sorted(
        range(len(word) - allowed_edits(word), len(word) + allowed_edits(word) + 1),
        key=lambda length: abs(length - len(word)),
    )
    # The first two letters are mostly right. If not, one was left out or they were swapped: then the word starts with
    # either of them.
    start, initials = word[:2], dict.fromkeys(word[:2])
    values: dict[str, Any] = {"guild": guild_id, "start": start, "end": f"{start}{LAST_LETTER}"}
    values |= {f"length{place}": length for place, length in enumerate(lengths)}
    values |= {f"initial{place}": letter for place, letter in enumerate(initials)}
    return (await connection.execute(_near_words_query(len(lengths), len(initials)), values)).scalars().all()


@cache
def _near_words_query(lengths: int, initials: int) -> CompoundSelect[str]:
    """Select words that begin with `start`, then those with any of the initials, by table and length.

    Parameters: `guild`, `start`, `end`, and `length0`, `initial0` and so on, as many as there are.
    """
    start, end = bindparam("start", type_=Text), bindparam("end", type_=Text)
    own = followed_words.c.source_id.in_(followed_ids(bindparam("guild", type_=BigInteger)))
    places = [
        (table, in_sight, n)
        for table, in_sight in ((known_words, true()), (followed_words, own))
        for n in range(lengths)
    ]
    queries = [
        _words_of_length(table, 0, length).where(in_sight, table.c.word >= start, table.c.word < end)
        for table, in_sight, length in places
    ]
    queries += [
        _words_of_length(table, initial, length).where(in_sight)
        for table, in_sight, length in places
        for initial in range(initials)
    ]
    # Limited one by one, so that a common length cannot use up the room of the others.
    parts = [select(part.limit(_OF_ONE_LENGTH).subquery().c.word) for part in queries]
    return union_all(*parts).limit(_LOOKED_AT)


async def _edited_words(connection: AsyncConnection, guild_id: int) -> Sequence[str]:
    """Load the words that the server wrote into titles and topics."""
    newest = select(card_edits.c.fields).where(card_edits.c.guild_id == guild_id).order_by(card_edits.c.audit_id.desc())
    edits = map(parse_edit, (await connection.execute(newest.limit(_EDITS_READ))).scalars())
    return spellable_words(" / ".join(text for edit in edits for text in (edit.title or "", *(edit.topics or ()))))


def _words_of_length(table: Table, initial: int, length: int) -> Select[Any]:
    wanted = bindparam(f"initial{initial}", type_=Text), bindparam(f"length{length}", type_=BigInteger)
    return select(table.c.word).where(table.c.initial == wanted[0], table.c.length == wanted[1])
