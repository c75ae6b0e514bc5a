"""Parse search queries: `"two words"` is a phrase, `-word` excludes, `word*` matches prefixes.

A single word is also found by its stem; phrases, exclusions and prefixes are exact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.cards.folding import fold_word
from bot.cards.stemmer import stems_of, written_forms
from bot.cards.tokenizer import UNSPACED, find_words, has_only_letters, tokenize

_PIECES = re.compile(r'(-?)"([^"]*)"?|(\S+)')
SHORTEST, LONGEST = 3, 24
"""Minimum and maximum length of words that spelling correction handles."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Consecutive words, by their keys. The last is a prefix if `is_prefix`, or stands for any of the `endings`.

    A single word has `stems` as well, in the `languages` that were given: other words by which it is found.
    """

    words: tuple[str, ...]
    is_prefix: bool = False
    endings: tuple[str, ...] = ()
    stems: frozenset[str] = frozenset()
    languages: tuple[str, ...] = ()

    @property
    def forms(self) -> list[str]:
        """The word and its stems, sorted."""
        return sorted({*self.words, *self.stems})

    def matches_form(self, word: str) -> bool:
        """Whether a text's word is one of these forms, or has such a form in one of the languages."""
        if not self.languages:
            return False
        written = {fold_word(word)}.union(*(written_forms(word, language) for language in self.languages))
        return not written.isdisjoint(self.forms)


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A parsed query: required and excluded phrases."""

    required: tuple[Phrase, ...] = ()
    excluded: tuple[Phrase, ...] = ()


def parse_query(words: str, *, typing: bool = False, languages: Sequence[str] = ()) -> SearchQuery:
    """Parse a query; `languages` are those of the stems. While the member is still `typing`, the last word may be a
    prefix."""
    wanted: list[Phrase] = []
    unwanted: list[Phrase] = []
    pieces = list(_PIECES.finditer(words))
    for piece in pieces:
        quoted, word, negative = piece[2], piece[3] or "", _is_negative(piece)
        # Inside quotes or after a minus a half-typed word would match too much, or hide too much.
        last = typing and piece is pieces[-1] and quoted is None and not negative
        phrase = _parse_phrase(
            quoted if quoted is not None else word,
            begins=last or word.endswith("*"),
            languages=() if quoted is not None or negative else languages,
        )
        if phrase.words:
            (unwanted if negative else wanted).append(phrase)
    return SearchQuery(tuple(wanted), tuple(unwanted))


def is_only_exclusions(words: str) -> bool:
    """Whether a query names only what to leave out, which finds nothing without filters."""
    query = parse_query(words)
    return bool(query.excluded) and not query.required


def unfinished_word(words: str) -> str:
    """The incomplete last word, in index form; empty if there is none or it is too short.

    Prefixes of up to `SHORTEST` letters are covered by the prefix index.
    """
    wanted = parse_query(words, typing=True).required
    word = wanted[-1].words[-1] if wanted and wanted[-1].is_prefix else ""
    return word if has_only_letters(word) and SHORTEST < len(word) <= LONGEST else ""


def with_completions(words: SearchQuery, endings: Sequence[str]) -> SearchQuery:
    """Replace the incomplete last word with these completions."""
    *others, last = words.required
    return replace(words, required=(*others, replace(last, is_prefix=False, endings=tuple(endings))))


def without_completions(words: SearchQuery) -> SearchQuery:
    """Replace completions with the incomplete word that they complete."""
    typed = (replace(phrase, is_prefix=True, endings=()) if phrase.endings else phrase for phrase in words.required)
    return replace(words, required=tuple(typed))


def _is_negative(piece: re.Match[str]) -> bool:
    word = piece[3] or ""
    return bool(piece[1]) or (len(word) > 1 and word.startswith("-"))


def _parse_phrase(text: str, *, begins: bool, languages: Sequence[str]) -> Phrase:
    words = find_words(text)
    keys = tuple(fold_word(word) for word in words)
    # One letter as a prefix matches most of the index; in scripts without spaces it is a whole word.
    short = len(keys) == 1 and len(keys[0]) == 1 and not UNSPACED.match(keys[0])
    if begins and not short:
        return Phrase(keys, is_prefix=True)
    if len(words) == 1 and languages:
        return Phrase(keys, stems=stems_of(words[0], languages), languages=tuple(languages))
    return Phrase(keys)


def contains_phrase(text: str, phrase: Phrase) -> bool:
    """Whether a search for the phrase would find the text."""
    return contains_words([fold_word(word) for word in find_words(text)], phrase)


def contains_words(keys: Sequence[str], phrase: Phrase) -> bool:
    """Whether the keys of a text's words have the phrase among them."""
    keys, wanted = tuple(keys), phrase.words
    windows = (keys[start : start + len(wanted)] for start in range(len(keys) - len(wanted) + 1))
    return any(
        found[:-1] == wanted[:-1]
        and (found[-1].startswith(wanted[-1]) if phrase.is_prefix else found[-1] == wanted[-1])
        for found in windows
    )


def spellable_words(text: str) -> list[str]:
    """Words eligible for spelling correction, deduplicated and in index form: letters only, no digits."""
    keys = dict.fromkeys(map(fold_word, find_words(text)))
    return [key for key in keys if SHORTEST <= len(key) <= LONGEST and has_only_letters(key)]


def required_words(words: str) -> list[str]:
    """Words of a query that are not excluded and are eligible for spelling correction."""
    return spellable_words(" ".join(piece[0] for piece in _PIECES.finditer(words) if not _is_negative(piece)))


def apply_corrections(words: str, spelling: Mapping[str, str]) -> str:
    """Correct the spelling of a query's words; quotes, exclusions and asterisks are preserved."""
    return _PIECES.sub(lambda piece: piece[0] if _is_negative(piece) else _correct_words(piece[0], spelling), words)


def _correct_words(text: str, spelling: Mapping[str, str]) -> str:
    parts, done = [], 0
    for word in tokenize(text):
        if word.key in spelling:
            parts += [text[done : word.start], spelling[word.key]]
            done = word.end
    return "".join([*parts, text[done:]])
