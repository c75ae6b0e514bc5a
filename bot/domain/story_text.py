"""Reduce a card's title and excerpt to what tells stories apart: stemmed words, and the numbers of the title."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import regex  # type: ignore[import-untyped]  # it comes without types

from bot.cards.folding import normalize_text
from bot.cards.stemmer import DEFAULT_LANGUAGE, stem_word
from bot.cards.tokenizer import UNSPACED

_MAX_TITLE, _MAX_EXCERPT = 400, 1200
"""Characters that are read: what a title says after so many distinguishes no story."""
_MAX_WORD = 40
"""Characters of a word that are compared."""
_STOP_TEXT = """
    a an and are as at available be between breaking but by can during exclusive for from has have her his how if in
    into is it its may my new now of on or our over should than that the their they this through to under update updated
    video was watch we what when where which while who why will with you your
    auf bei das dem den der des die ein eine einen einer er es für ich im in ist mit nach nicht sich sie sind und von
    vor werden wie wird zu zum zur
    au aux avec ce dans de des du elle en est et il la le les ne par pas pour que qui se son sur un une
    con de del el en es la las lo los no para por que se su un una y
"""
_STOP_WORDS = frozenset(_STOP_TEXT.split())
"""Words that say nothing about a story, in the languages of most cards. Their frequency alone would tell only later."""
# Numbers keep their separators: 17.1 is not 1.17.
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:(?<=\p{Nd})[.,:/-](?=\p{Nd})[\p{L}\p{M}\p{N}]+)*")
_NUMBER = regex.compile(r"\p{Nd}+(?:[.,:/-]\p{Nd}+)*")
_POSSESSIVE = regex.compile(r"['’ʼ](?:[sS]\b)?")
_THOUSANDS = regex.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_RUN = regex.compile(rf"(?P<unspaced>{UNSPACED.pattern}+)|(?:(?!{UNSPACED.pattern}).)+")


@dataclass(frozen=True, slots=True)
class StoryText:
    """What is compared of a card: the words of its title, those of title and excerpt, and the numbers of its title."""

    title: frozenset[str]
    words: frozenset[str]
    numbers: frozenset[str]


def read_story_text(title: str, excerpt: str, language: str = DEFAULT_LANGUAGE) -> StoryText:
    """Read a card's text. `language` is a code of `bot.cards.stemmer.stem_language`."""
    tokens = _split_words(title[:_MAX_TITLE])
    words = _stem_words(tokens, language)
    others = _stem_words(_split_words(excerpt[:_MAX_EXCERPT]), language)
    numbers = frozenset(number for token in tokens for number in _NUMBER.findall(token))
    return StoryText(words, words | others, numbers)


def _stem_words(words: Iterable[str], language: str) -> frozenset[str]:
    # Of a lone mark nothing is left.
    return frozenset(filter(None, (stem_word(word, language)[:_MAX_WORD] for word in words)))


def _split_words(text: str) -> list[str]:
    plain = _THOUSANDS.sub("", normalize_text(_POSSESSIVE.sub("", text)))
    pieces = (piece for token in _WORD.findall(plain) for piece in _split_token(token))
    return [piece[:_MAX_WORD] for piece in pieces if piece not in _STOP_WORDS]


def _split_token(token: str) -> Iterator[str]:
    """Split what is written without spaces into pairs of characters: words cannot be told there, and pairs recur."""
    if token.isascii():
        yield token
        return
    for run in _RUN.finditer(token):
        if run["unspaced"] and len(run[0]) > 1:
            yield from (one + other for one, other in pairwise(run[0]))
        else:
            yield run[0]
