"""Parse search queries: `"two words"` is a phrase, `-word` excludes, `word*` matches prefixes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.cards.tokenizer import UNSPACED, normalize_word, separate_unspaced, strip_marks, tokenize

_PIECES = re.compile(r'(-?)"([^"]*)"?|(\S+)')
SHORTEST, LONGEST = 3, 24
"""Minimum and maximum length of words that spelling correction handles."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Consecutive words. The last is a prefix if `is_prefix`, or stands for any of the `endings`."""

    words: tuple[str, ...]
    is_prefix: bool = False
    endings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """A parsed query: required and excluded phrases."""

    required: tuple[Phrase, ...] = ()
    excluded: tuple[Phrase, ...] = ()


def parse_query(words: str, *, typing: bool = False) -> SearchQuery:
    """Parse a query. While the member is still `typing`, the last word may be a prefix."""
    wanted: list[Phrase] = []
    unwanted: list[Phrase] = []
    pieces = list(_PIECES.finditer(words))
    for piece in pieces:
        quoted, word, negative = piece[2], piece[3] or "", _is_negative(piece)
        # Inside quotes or after a minus a half-typed word would match too much, or hide too much.
        last = typing and piece is pieces[-1] and quoted is None and not negative
        phrase = _parse_phrase(quoted if quoted is not None else word, begins=last or word.endswith("*"))
        if phrase.words:
            (unwanted if negative else wanted).append(phrase)
    return SearchQuery(tuple(wanted), tuple(unwanted))


def unfinished_word(words: str) -> str:
    """The incomplete last word, in index form; empty if there is none or it is too short.

    Prefixes of up to `SHORTEST` letters are covered by the prefix index.
    """
    wanted = parse_query(words, typing=True).required
    word = normalize_word(wanted[-1].words[-1]) if wanted and wanted[-1].is_prefix else ""
    return word if word.isalpha() and SHORTEST < len(word) <= LONGEST else ""


def with_completions(words: SearchQuery, endings: Sequence[str]) -> SearchQuery:
    """Replace the incomplete last word with these completions."""
    *others, last = words.required
    return replace(words, required=(*others, replace(last, is_prefix=False, endings=tuple(endings))))


def _is_negative(piece: re.Match[str]) -> bool:
    word = piece[3] or ""
    return bool(piece[1]) or (len(word) > 1 and word.startswith("-"))


def _parse_phrase(text: str, *, begins: bool) -> Phrase:
    words = tuple(re.findall(r"\w+", separate_unspaced(strip_marks(text.replace("_", " ")))))
    # One letter as a prefix matches most of the index; in scripts without spaces it is a whole word.
    short = len(words) == 1 and len(words[0]) == 1 and not UNSPACED.match(words[0])
    return Phrase(words, begins and not short)


def spellable_words(text: str) -> list[str]:
    """Words eligible for spelling correction, deduplicated and in index form: letters only, no digits."""
    keys = (word.key for word in tokenize(text))
    return list(dict.fromkeys(key for key in keys if key.isalpha() and SHORTEST <= len(key) <= LONGEST))


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
