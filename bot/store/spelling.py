"""Spelling suggestions ("did you mean") for searches without results, from words in titles and names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice, product
from typing import Any

from sqlalchemy import Select, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.cards.model import Card
from bot.desk.spelling import distance, nearest, slips_in
from bot.desk.wording import SHORTEST, corrected, spellable, wanted_words
from bot.store.database import Database
from bot.store.reading import Archive, Query
from bot.store.tables import spellings

_LOOKED_AT = 5000
"""Maximum number of known words to compare a misspelled word with."""
_OF_ONE_LENGTH = 1000
_ASKED, _WORDS, _CHOICES, _TRIES = 12, 4, 5, 6
"""Limits that bound the response time: words checked, words corrected, choices per word, queries tried."""
_FREQUENT = 10


def words_of(cards: Iterable[Card]) -> list[dict[str, Any]]:
    """Return the rows of `spellings` for these cards."""
    known: set[str] = set()
    for card in cards:
        names = [*card.topics, *([card.provider.name] if card.provider else [])]
        known.update(spellable(" / ".join([card.title, *names])))
    return [{"initial": word[0], "length": len(word), "word": word} for word in sorted(known)]


class Speller:
    """Spelling corrector.

    Known words are never removed and include those of held cards. So each suggestion is searched for first, to not
    reveal words that no visible card has.
    """

    def __init__(self, database: Database, archive: Archive) -> None:
        self._database = database
        self._archive = archive

    async def meant(self, query: Query, guild_id: int) -> Query | None:
        """Return the query with corrected spelling if that has results, else None."""
        words = wanted_words(query.words)[:_ASKED]
        wrong = [word for word in words if not await self._frequency(word, guild_id)][:_WORDS]
        if not wrong:
            return None
        choices = [await self._choices(word, guild_id) or await self._apart(word, guild_id) or [word] for word in wrong]
        for chosen in islice(product(*choices), _TRIES):
            respelled = replace(query, words=corrected(query.words, dict(zip(wrong, chosen, strict=True))))
            if respelled != query and (await self._archive.search(respelled, guild_id, limit=1)).cards:
                return respelled
        return None

    async def _choices(self, word: str, guild_id: int) -> list[str]:
        """Return corrections of a word, nearest first, then most frequent."""
        async with self._database.read() as connection:
            near = nearest(word, await _known(connection, word), _CHOICES)
        frequency = {choice: await self._frequency(choice, guild_id) for choice in near}
        visible = [choice for choice in near if frequency[choice]]
        return sorted(visible, key=lambda choice: (distance(word, choice), -frequency[choice]))

    async def _apart(self, word: str, guild_id: int) -> list[str]:
        """Split a word into two that occur next to each other in visible cards."""
        both = [f"{word[:place]} {word[place:]}" for place in range(SHORTEST, len(word) - SHORTEST + 1)]
        return [words for words in both if await self._frequency(words, guild_id)]

    async def _frequency(self, word: str, guild_id: int) -> int:
        """Count visible cards with this exact word or phrase, up to `_FREQUENT`."""
        return len((await self._archive.search(Query(f'"{word}"'), guild_id, limit=_FREQUENT)).cards)


async def _known(connection: AsyncConnection, word: str) -> Sequence[str]:
    """Load known words of similar length with the same first two letters, then those starting with either of them."""
    lengths = sorted(
        range(len(word) - slips_in(word), len(word) + slips_in(word) + 1), key=lambda length: abs(length - len(word))
    )
    asked = [_of_length(word[0], length).where(spellings.c.word.startswith(word[:2])) for length in lengths]
    asked += [_of_length(initial, length) for length in lengths for initial in dict.fromkeys(word[:2])]
    parts = [select(part.limit(_OF_ONE_LENGTH).subquery().c.word) for part in asked]
    return (await connection.execute(union_all(*parts).limit(_LOOKED_AT))).scalars().all()


def _of_length(initial: str, length: int) -> Select[Any]:
    return select(spellings.c.word).where(spellings.c.initial == initial, spellings.c.length == length)
