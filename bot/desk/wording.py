"""Parse search queries: `"two words"` is a phrase, `-word` excludes, `word*` matches prefixes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bot.cards.words import UNSPACED, plain, spaced, split, unmarked

_PIECES = re.compile(r'(-?)"([^"]*)"?|(\S+)')
SHORTEST, LONGEST = 3, 24
"""Minimum and maximum length of words that spelling correction handles."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Consecutive words. The last is a prefix if `begins`, or stands for any of the `endings`."""

    words: tuple[str, ...]
    begins: bool = False
    endings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A parsed query: required and excluded phrases."""

    wanted: tuple[Phrase, ...] = ()
    unwanted: tuple[Phrase, ...] = ()


def asked(words: str, *, typing: bool = False) -> Asked:
    """Parse a query. While the member is still `typing`, the last word may be a prefix."""
    wanted: list[Phrase] = []
    unwanted: list[Phrase] = []
    pieces = list(_PIECES.finditer(words))
    for piece in pieces:
        quoted, word, negative = piece[2], piece[3] or "", _negative(piece)
        last = typing and piece is pieces[-1] and quoted is None and not negative
        phrase = _phrase(quoted if quoted is not None else word, begins=last or word.endswith("*"))
        if phrase.words:
            (unwanted if negative else wanted).append(phrase)
    return Asked(tuple(wanted), tuple(unwanted))


def being_typed(words: str) -> str:
    """The incomplete last word, in index form; empty if there is none or it is too short.

    Prefixes of up to `SHORTEST` letters are covered by the prefix index.
    """
    wanted = asked(words, typing=True).wanted
    word = plain(wanted[-1].words[-1]) if wanted and wanted[-1].begins else ""
    return word if word.isalpha() and SHORTEST < len(word) <= LONGEST else ""


def ending(words: Asked, endings: Sequence[str]) -> Asked:
    """Replace the incomplete last word with these completions."""
    *others, last = words.wanted
    return replace(words, wanted=(*others, replace(last, begins=False, endings=tuple(endings))))


def _negative(piece: re.Match[str]) -> bool:
    word = piece[3] or ""
    return bool(piece[1]) or (len(word) > 1 and word.startswith("-"))


def _phrase(text: str, *, begins: bool) -> Phrase:
    words = tuple(re.findall(r"\w+", spaced(unmarked(text.replace("_", " ")))))
    short = len(words) == 1 and len(words[0]) == 1 and not UNSPACED.match(words[0])
    return Phrase(words, begins and not short)


def spellable(text: str) -> list[str]:
    """Words eligible for spelling correction, deduplicated and in index form: letters only, no digits."""
    keys = (word.key for word in split(text))
    return list(dict.fromkeys(key for key in keys if key.isalpha() and SHORTEST <= len(key) <= LONGEST))


def wanted_words(words: str) -> list[str]:
    """Words of a query that are not excluded and are eligible for spelling correction."""
    return spellable(" ".join(piece[0] for piece in _PIECES.finditer(words) if not _negative(piece)))


def corrected(words: str, spelling: Mapping[str, str]) -> str:
    """Correct the spelling of a query's words; quotes, exclusions and asterisks are preserved."""
    return _PIECES.sub(lambda piece: piece[0] if _negative(piece) else _respelled(piece[0], spelling), words)


def _respelled(text: str, spelling: Mapping[str, str]) -> str:
    parts, done = [], 0
    for word in split(text):
        if word.key in spelling:
            parts += [text[done : word.start], spelling[word.key]]
            done = word.end
    return "".join([*parts, text[done:]])
