"""Match cards against a subscription's filters: topics, publishers, quality, words and excluded words."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache

from bot.cards.model import Card
from bot.cards.text import normalize_name
from bot.domain.subscription import SubscriptionOptions
from bot.domain.word_filters import matches_entry, read_words


def matches_options(card: Card, options: SubscriptionOptions, topics: Collection[str], language: str) -> bool:
    """Whether a card matches a subscription's filters, regardless of its age and rank.

    `topics` are those that it has in the server, as folded names; `language` is that of its stems.
    """
    provider = normalize_name(card.provider.name) if card.provider else ""
    return (
        _has_any(options.topics, topics)
        and _has_any(options.providers, {provider})
        and (card.quality or 0) >= options.min_quality
        and has_wanted_word(card, options.words, language)
        and excluding_term(card, options.excluded, topics) is None
    )


def _has_any(wanted: Sequence[str], folded: Collection[str]) -> bool:
    """Whether one of the wanted names is among these, which are folded. True if none is wanted."""
    return not wanted or any(normalize_name(name) in folded for name in wanted)


def has_wanted_word(card: Card, words: Sequence[str], language: str) -> bool:
    """Whether a card has one of a subscription's words. True if it asks for none."""
    if not words:
        return True
    written = read_words(card, language)
    return any(matches_entry(written, entry) for entry in words)


def excluding_term(card: Card, without: Sequence[str], topics: Collection[str]) -> str | None:
    """The first excluded topic or word found in a card; None if there is none.

    `topics` are those that the card has in the server, as folded names. Words match whole words in title or excerpt,
    case-insensitively.
    """
    if not without:
        return None
    # A term is a topic or a word; the text does not say which, so both are tried.
    text = normalize_name(f"{card.title}\n{card.excerpt}")
    return next(
        (
            word
            for word in without
            if (key := normalize_name(word)) and (key in topics or _word_pattern(key).search(text))
        ),
        None,
    )


@lru_cache(maxsize=1024)
def _word_pattern(word: str) -> re.Pattern[str]:
    """Compile a whole-word pattern. Scripts without spaces, and symbols, have no word boundaries: match anywhere."""
    before = r"(?<!\w)" if _has_word_boundary(word[:1]) else ""
    after = r"(?!\w)" if _has_word_boundary(word[-1:]) else ""
    return re.compile(f"{before}{re.escape(word)}{after}")


def _has_word_boundary(letter: str) -> bool:
    """Whether a word boundary applies at this letter: scripts from Thai (U+0E00) on lack spaces or attach particles."""
    return letter.isalnum() and letter < "\u0e00"
