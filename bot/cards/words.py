"""Words as the full-text index sees them: where they stand in a text, and what of their case and accents counts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

# Scripts written without spaces: every character is a word of its own, and a run of them in a query is a phrase.
_UNSPACED = (
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u3100-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)
# The index drops these inside a word; elsewhere they part words ("re" + U+0301 + "sume").
_COMBINING = "[\u0300-\u0331]"
UNSPACED = re.compile(_UNSPACED)
_MARKS = re.compile(_COMBINING)
_LETTER = rf"(?!{_UNSPACED})[^\W_]"
_WORD = re.compile(rf"(?={_UNSPACED})[^\W_]|{_LETTER}(?:{_LETTER}|{_COMBINING})*")
_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word in the form that is compared, and where it stands."""

    key: str
    start: int
    end: int


def split(text: str) -> Iterator[Word]:
    """The words of a text, in order."""
    for found in _WORD.finditer(text):
        yield Word(plain(found[0]), found.start(), found.end())


def plain(word: str) -> str:
    """The word without case and accents, as far as the index goes: Latin letters lose their accents, no others do."""
    if word.isascii():
        return word.lower()
    return _ACCENTED.sub(lambda letter: _unaccented(letter[0]), _MARKS.sub("", word).lower())


@lru_cache(maxsize=1024)
def _unaccented(letter: str) -> str:
    return unicodedata.normalize("NFD", letter)[0]


def unmarked(text: str) -> str:
    """The text without the marks that the index drops."""
    return _MARKS.sub("", text)


def spaced(text: str) -> str:
    """The text with its unspaced scripts taken apart."""
    return text if text.isascii() else UNSPACED.sub(lambda character: f" {character[0]} ", text)
