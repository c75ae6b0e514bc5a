"""Split text into words exactly as the full-text index does, with the same folding of case and accents."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

# Scripts written without spaces: each character is a separate word, and a run of them in a query is a phrase.
_UNSPACED = (
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u3100-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)
# The index drops these within a word; elsewhere they separate words ("re" + U+0301 + "sume").
_COMBINING = "[\u0300-\u0331]"
UNSPACED = re.compile(_UNSPACED)
_MARKS = re.compile(_COMBINING)
_LETTER = rf"(?!{_UNSPACED})[^\W_]"
_WORD = re.compile(rf"(?={_UNSPACED})[^\W_]|{_LETTER}(?:{_LETTER}|{_COMBINING})*")
_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")


@dataclass(frozen=True, slots=True)
class Token:
    """A word's comparison key and its position in the text."""

    key: str
    start: int
    end: int


def tokenize(text: str) -> Iterator[Token]:
    """Yield the words of a text, in order."""
    for match in _WORD.finditer(text):
        yield Token(normalize_word(match[0]), match.start(), match.end())


def normalize_word(word: str) -> str:
    """Fold case and accents like the index, which removes accents from Latin letters only."""
    if word.isascii():
        return word.lower()
    return _ACCENTED.sub(lambda letter: _strip_accents(letter[0]), _MARKS.sub("", word).lower())


@lru_cache(maxsize=1024)
def _strip_accents(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[0]


def strip_marks(text: str) -> str:
    """Remove the combining marks that the index drops."""
    return _MARKS.sub("", text)


def separate_unspaced(text: str) -> str:
    """Put spaces around each character of scripts written without spaces."""
    return text if text.isascii() else UNSPACED.sub(lambda character: f" {character[0]} ", text)
