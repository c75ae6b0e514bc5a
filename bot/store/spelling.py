"""Words that stand in titles, topics and providers, for a search that finds nothing: "did you mean"."""

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
"""Known words that one wrong word is compared with, at most."""
_OF_ONE_LENGTH = 1000
_ASKED, _WORDS, _CHOICES, _TRIES = 12, 4, 5, 6
"""Words looked at, wrong ones that are helped, choices for each, and whole queries tried: the time of an answer."""
_FREQUENT = 10


def words_of(cards: Iterable[Card]) -> list[dict[str, Any]]:
    """The rows of `spellings` for these cards."""
    known: set[str] = set()
    for card in cards:
        names = [*card.topics, *([card.provider.name] if card.provider else [])]
        known.update(spellable(" / ".join([card.title, *names])))
    return [{"initial": word[0], "length": len(word), "word": word} for word in sorted(known)]


class Speller:
    """Spelling help. The known words only grow, and are of held cards too: each choice is searched for before it is
    offered, so that no reader learns of a word that no visible card has."""

    def __init__(self, database: Database, archive: Archive) -> None:
        self._database = database
        self._archive = archive

    async def meant(self, query: Query, guild_id: int) -> Query | None:
        """The query with its words spelled as visible cards spell them, when that finds something."""
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
        """What may be meant, the likeliest first; of equally near words the more frequent one."""
        async with self._database.read() as connection:
            near = nearest(word, await _known(connection, word), _CHOICES)
        frequency = {choice: await self._frequency(choice, guild_id) for choice in near}
        visible = [choice for choice in near if frequency[choice]]
        return sorted(visible, key=lambda choice: (distance(word, choice), -frequency[choice]))

    async def _apart(self, word: str, guild_id: int) -> list[str]:
        """The word as two, where they follow each other in visible cards."""
        both = [f"{word[:place]} {word[place:]}" for place in range(SHORTEST, len(word) - SHORTEST + 1)]
        return [words for words in both if await self._frequency(words, guild_id)]

    async def _frequency(self, word: str, guild_id: int) -> int:
        """In how many visible cards the very word (or words) stands, as far as it matters."""
        return len((await self._archive.search(Query(f'"{word}"'), guild_id, limit=_FREQUENT)).cards)


async def _known(connection: AsyncConnection, word: str) -> Sequence[str]:
    """Known words that begin alike, first those with two letters in common; or that begin with the second letter."""
    lengths = sorted(
        range(len(word) - slips_in(word), len(word) + slips_in(word) + 1), key=lambda length: abs(length - len(word))
    )
    asked = [_of_length(word[0], length).where(spellings.c.word.startswith(word[:2])) for length in lengths]
    asked += [_of_length(initial, length) for length in lengths for initial in dict.fromkeys(word[:2])]
    parts = [select(part.limit(_OF_ONE_LENGTH).subquery().c.word) for part in asked]
    return (await connection.execute(union_all(*parts).limit(_LOOKED_AT))).scalars().all()


def _of_length(initial: str, length: int) -> Select[Any]:
    return select(spellings.c.word).where(spellings.c.initial == initial, spellings.c.length == length)
