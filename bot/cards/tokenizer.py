"""Split text into the words of the full-text index, for storing, asking, spelling and highlighting alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import regex  # type: ignore[import-untyped]  # it comes without types

from bot.cards.folding import fold_word, normalize_text

_LONGEST = 200
"""Maximum characters of a word. PostgreSQL allows 2,046 bytes, and folding may double the letters."""

# Scripts written without spaces: each character is a separate word, and a run of them in a query is a phrase.
_UNSPACED = (
    r"[\u0e00-\u0eff\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f\u1780-\u17ff\u2e80-\u30ff\u3100-\u31ff\u3400-\u4dbf"
    r"\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
UNSPACED = re.compile(_UNSPACED)
# Flags are two letters, or a black flag with a region in tags; © and ® stand in names and are no words.
_EMOJI = (
    r"[\U0001f1e6-\U0001f1ff]{2}|\U0001f3f4[\U000e0020-\U000e007f]+"
    r"|[[\p{Extended_Pictographic}\U0001f1e6-\U0001f1ff]--[\u00a9\u00ae]]"
)
# Signs that belong to a name: C#, .NET, C++, Disney+. Before a letter or a digit a plus means something else.
_NAMES = (
    r"(?<!{inside})[a-z]#(?![a-z#])|\.net(?!{letter})"
    r"|{first}{inside}*(?:(?<={letter})(?:\+\+(?![a-z+])|\+(?![a-z0-9+])))?"
)
_ASCII_WORD = re.compile(_NAMES.format(first="[a-z0-9]", inside="[a-z0-9]", letter="[a-z]"))
_WORD = regex.compile(
    rf"{_EMOJI}|(?={_UNSPACED})[\p{{L}}\p{{N}}]\p{{M}}*|"
    + _NAMES.format(
        first=rf"[[\p{{L}}\p{{N}}]--{_UNSPACED}]",
        inside=rf"[[\p{{L}}\p{{N}}\p{{M}}]--{_UNSPACED}]",
        letter=rf"[[\p{{L}}\p{{M}}]--{_UNSPACED}]",
    ),
    regex.VERSION1,
)
_CLUSTER = regex.compile(r"\X")
_LETTERS = regex.compile(r"[\p{L}\p{M}]+")


@dataclass(frozen=True, slots=True)
class Token:
    """A word of a text and its position there. `word` has its marks, `key` is what is compared."""

    word: str
    start: int
    end: int

    @property
    def key(self) -> str:
        return fold_word(self.word)


def find_words(text: str) -> list[str]:
    """Return the words of a text in order, normalized, with the marks of their letters."""
    return [match[0][:_LONGEST] for match in _match_words(normalize_text(text))]


def split_keys(text: str) -> list[str]:
    """Return the words of a text in order, as they are compared. They hold no spaces, quotes or backslashes."""
    return [fold_word(word) for word in find_words(text)]


def tokenize(text: str) -> Iterator[Token]:
    """Yield the words of a text, in order, with the places where they stand."""
    if text.isascii():
        for match in _match_words(normalize_text(text)):
            yield Token(match[0][:_LONGEST], match.start(), match.end())
        return
    # Normalizing changes lengths, but not across what is seen as one character.
    parts = [(normalize_text(cluster[0]), _visible_span(cluster)) for cluster in _CLUSTER.finditer(text)]
    spans = [span for plain, span in parts for _ in plain]
    for match in _match_words("".join(plain for plain, _ in parts)):
        yield Token(match[0][:_LONGEST], spans[match.start()][0], spans[match.end() - 1][1])


def _visible_span(cluster: re.Match[str]) -> tuple[int, int]:
    """Return where a cluster stands, without the space that a prepended letter has absorbed into it."""
    # A cluster that is nothing but space keeps its place.
    return cluster.start(), cluster.start() + len(cluster[0].rstrip() or cluster[0])


def _match_words(normalized: str) -> Iterator[re.Match[str]]:
    return (_ASCII_WORD if normalized.isascii() else _WORD).finditer(normalized)


def has_signs(key: str) -> bool:
    """Whether a word has signs that tell it from another name: `c++`, `.net`."""
    return key.endswith(("+", "#")) or key.startswith(".")


def has_only_letters(key: str) -> bool:
    """Whether a word consists of letters and their marks."""
    return key.isalpha() or _LETTERS.fullmatch(key) is not None
