"""Search excerpts: the text around the matches, with the matches in bold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import regex  # type: ignore[import-untyped]  # no type stubs

from bot.cards.words import Word, plain, split
from bot.desk.wording import Phrase
from bot.render.limits import units
from bot.render.markdown import ELLIPSIS, cut, escaped_with, fitted, fitted_by

Span = tuple[int, int]
_BOLD = "**"
_BEFORE = 3
"""The first match starts about 1/3 of the limit into the excerpt, to leave room for context."""
_NEAR = 24
_GRAPHEME = regex.compile(r"\X")


def excerpted(text: str, phrases: Sequence[Phrase], limit: int) -> str:
    """Return the text, escaped and at most `limit` long: all of it, or an excerpt around the first match.

    Matches are bold. Without any this is `fitted`.
    """
    places = spans(text, phrases)
    if not places or limit <= 0:
        return fitted(text, limit)
    first = places[0]
    if units(text) > limit and first[1] > len(cut(text, limit)) - len(ELLIPSIS):
        text = ELLIPSIS + text[_beginning(text, first[0], limit // _BEFORE) :]
    return fitted_by(lambda part: _marked(part, phrases), text, limit)


def spans(text: str, phrases: Sequence[Phrase]) -> list[Span]:
    """Return the spans of the matches, in order and without overlap."""
    words = list(split(text))
    found = sorted(span for phrase in phrases for span in _spans(words, phrase))
    joined: list[Span] = []
    for start, end in found:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _spans(words: Sequence[Word], phrase: Phrase) -> Iterator[Span]:
    keys = [plain(word) for word in phrase.words]
    last = len(keys) - 1
    for place in range(len(words) - last):
        if all(words[place + at].key == key for at, key in enumerate(keys[:-1])) and _ends(
            words[place + last].key, keys[-1], phrase
        ):
            yield words[place].start, words[place + last].end


def _ends(key: str, wanted: str, phrase: Phrase) -> bool:
    return key.startswith(wanted) if phrase.begins else key == wanted


def _marked(text: str, phrases: Sequence[Phrase]) -> str:
    return escaped_with(text, [(place, _BOLD) for span in spans(text, phrases) for place in span])


def _beginning(text: str, first: int, before: int) -> int:
    """Return the start of an excerpt with context before its first match: a word if one is near, else a grapheme."""
    edges: list[int] = [grapheme.start() for grapheme in _GRAPHEME.finditer(text, 0, first + 1)]
    allowed = [edge for edge in edges if edge >= first - before]
    near = [edge for edge in allowed if edge <= first - before + _NEAR and text[edge - 1 : edge].isspace()]
    return next(iter([*near, *allowed]), edges[-1])
