"""Search excerpts: the text around the matches, with the matches in bold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import regex  # type: ignore[import-untyped]  # no type stubs

from bot.cards.tokenizer import Token, tokenize
from bot.domain.search_query import Phrase
from bot.render.limits import count_units
from bot.render.markdown import ELLIPSIS, cut_text, escape_with_marks, fit_escaped, fit_form

TextSpan = tuple[int, int]
_BOLD = "**"
_BEFORE = 3
"""The first match starts about 1/3 of the limit into the excerpt, to leave room for context."""
_NEAR = 24
_GRAPHEME = regex.compile(r"\X")


def make_snippet(text: str, phrases: Sequence[Phrase], limit: int) -> str:
    """Return the text, escaped and at most `limit` long: all of it, or an excerpt around the first match.

    Matches are bold. Without any this is `fit_escaped`.
    """
    places = find_spans(text, phrases)
    if not places or limit <= 0:
        return fit_escaped(text, limit)
    first = places[0]
    # Only if a plain cut would lose the first match.
    if count_units(text) > limit and first[1] > len(cut_text(text, limit)) - len(ELLIPSIS):
        text = ELLIPSIS + text[_snippet_start(text, first[0], limit // _BEFORE) :]
    return fit_form(lambda part: _mark_phrases(part, phrases), text, limit)


def find_spans(text: str, phrases: Sequence[Phrase]) -> list[TextSpan]:
    """Return the spans of the matches, in order and without overlap."""
    words = list(tokenize(text))
    found = sorted(span for phrase in phrases for span in _find_phrase(words, phrase))
    joined: list[TextSpan] = []
    for start, end in found:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _find_phrase(words: Sequence[Token], phrase: Phrase) -> Iterator[TextSpan]:
    last = len(phrase.words) - 1
    for place in range(len(words) - last):
        if all(words[place + at].key == key for at, key in enumerate(phrase.words[:-1])) and _matches_end(
            words[place + last], phrase
        ):
            yield words[place].start, words[place + last].end


def _matches_end(token: Token, phrase: Phrase) -> bool:
    wanted = phrase.words[-1]
    if phrase.is_prefix:
        return token.key.startswith(wanted)
    return token.key == wanted or token.key in phrase.endings or phrase.matches_form(token.word)


def _mark_phrases(text: str, phrases: Sequence[Phrase]) -> str:
    return escape_with_marks(text, [(place, _BOLD) for span in find_spans(text, phrases) for place in span])


def _snippet_start(text: str, first: int, before: int) -> int:
    """Return the start of an excerpt with context before its first match: a word if one is near, else a grapheme."""
    edges: list[int] = [grapheme.start() for grapheme in _GRAPHEME.finditer(text, 0, first + 1)]
    allowed = [edge for edge in edges if edge >= first - before]
    near = [edge for edge in allowed if edge <= first - before + _NEAR and text[edge - 1 : edge].isspace()]
    return next(iter([*near, *allowed]), edges[-1])
