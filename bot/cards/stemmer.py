"""Other forms of words: their stems (Snowball), so that "chips" finds "chip", and names without their signs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import snowballstemmer

from bot.cards.folding import fold_word, normalize_text
from bot.cards.tokenizer import has_only_letters, has_signs

DEFAULT_LANGUAGE = "en"
_CACHED = 1 << 16
"""Words to remember: stemming one takes longer than splitting a text."""
_SHORTEST = 3
"""Minimum number of letters of a word with a stem: "as" and "us" are no plurals."""
_ALGORITHMS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "eo": "esperanto", "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish",
    "fr": "french", "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian",
    "it": "italian", "lt": "lithuanian", "nb": "norwegian", "ne": "nepali", "nl": "dutch", "nn": "norwegian",
    "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian",
    "st": "sesotho", "sv": "swedish", "ta": "tamil", "tr": "turkish", "yi": "yiddish",
}  # fmt: skip
"""Snowball's algorithms by language code."""


def stem_language(tag: str | None) -> str:
    """Return the code of the language of a tag such as `pt-BR`: `DEFAULT_LANGUAGE` without one, "" without stems."""
    if not tag or not tag.strip():
        return DEFAULT_LANGUAGE
    code = tag.replace("_", "-").partition("-")[0].strip().lower()
    return code if code in _ALGORITHMS else ""


@lru_cache(_CACHED)
def written_forms(word: str, language: str) -> frozenset[str]:
    """Return the keys by which a word of a text can be found, other than its own."""
    if has_signs(word):
        # "disney" finds Disney+, but "c" must not find C++.
        bare = fold_word(word.strip("+#."))
        return frozenset({bare} if len(bare) > 1 and not word.startswith(".") else ())
    return stems_of(word, (language,))


def stems_of(word: str, languages: Iterable[str]) -> frozenset[str]:
    """Return the keys of a word's stems that differ from its own key."""
    if len(word) < _SHORTEST or not has_only_letters(word):
        return frozenset()
    stems = {_stem_word(word, language) for language in languages if language}
    return frozenset(stems - {fold_word(word)})


def stem_word(word: str, language: str) -> str:
    """Return the key of a word's stem, or of the word itself if it has none."""
    has_stem = language and len(word) >= _SHORTEST and has_only_letters(word)
    return _stem_word(word, language) if has_stem else fold_word(word)


@lru_cache(_CACHED)
def _stem_word(word: str, language: str) -> str:
    # A stemmer keeps the word in hand, so that one for all would not be safe in threads.
    stem = snowballstemmer.stemmer(_ALGORITHMS[language]).stemWord(unicodedata.normalize("NFC", word))
    return fold_word(normalize_text(stem)) or fold_word(word)
