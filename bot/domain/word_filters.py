"""Find the words of subscriptions in cards, as a search does: folded, by their stems, phrases exactly.

Each entry of a subscription's words is a query: `"two words"` is a phrase, `word*` a beginning, `-word` excludes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

from bot.cards.folding import fold_word
from bot.cards.model import Card
from bot.cards.stemmer import written_forms
from bot.cards.tokenizer import find_words
from bot.domain.search_query import Phrase, SearchQuery, contains_words, parse_query

_CACHED = 4096
"""Entries to remember: those of some hundred subscriptions, which many cards are compared with."""
_GAP = ""
"""Stands between title and excerpt: no phrase goes across."""
_Key = TypeVar("_Key")


@dataclass(frozen=True, slots=True)
class CardWords:
    """The words of a card's title and excerpt: their keys in order, and all forms by which a search finds them."""

    keys: tuple[str, ...]
    forms: frozenset[str]
    language: str


def read_words(card: Card, language: str) -> CardWords:
    """Return the words of a card; `language` is that of its stems."""
    title, excerpt = find_words(card.title), find_words(card.excerpt)
    keys = (*map(fold_word, title), _GAP, *map(fold_word, excerpt))
    stems = (written_forms(word, language) for word in {*title, *excerpt})
    return CardWords(keys, frozenset(keys).union(*stems), language)


def is_word_query(entry: str) -> bool:
    """Whether an entry names anything to find: not only signs, or what to leave out."""
    return bool(_parse_entry(entry, "").required)


def matches_entry(words: CardWords, entry: str) -> bool:
    """Whether a card has what an entry asks for."""
    query = _parse_entry(entry, words.language)
    found = bool(query.required) and all(_has_phrase(words, phrase) for phrase in query.required)
    return found and not any(_has_phrase(words, phrase) for phrase in query.excluded)


@lru_cache(_CACHED)
def _parse_entry(entry: str, language: str) -> SearchQuery:
    return parse_query(entry, languages=(language,))


def _has_phrase(words: CardWords, phrase: Phrase) -> bool:
    if phrase.languages:
        return not words.forms.isdisjoint(phrase.forms)
    return contains_words(words.keys, phrase)


class WordIndex(Generic[_Key]):
    """Which of some cards have the words of subscriptions: a look-up for each entry, however many cards there are."""

    def __init__(self, words: Mapping[_Key, CardWords]) -> None:
        self._words = words
        self._languages = {each.language for each in words.values()}
        self._keys_by_form: dict[str, list[_Key]] = {}
        for key, each in words.items():
            for form in each.forms:
                self._keys_by_form.setdefault(form, []).append(key)
        self._found: dict[str, frozenset[_Key]] = {}

    def find_matches(self, entry: str) -> frozenset[_Key]:
        """Return the keys of the cards that have what an entry asks for."""
        if entry not in self._found:
            near = {key for language in self._languages for key in self._find_candidates(entry, language)}
            self._found[entry] = frozenset(key for key in near if matches_entry(self._words[key], entry))
        return self._found[entry]

    def _find_candidates(self, entry: str, language: str) -> Iterator[_Key]:
        """Yield the cards that have the first word of an entry, among them all that match."""
        query = _parse_entry(entry, language)
        if not query.required:
            return
        first = query.required[0]
        if first.is_prefix and len(first.words) == 1:
            yield from self._words
            return
        for form in first.forms if first.languages else first.words[:1]:
            yield from self._keys_by_form.get(form, ())
