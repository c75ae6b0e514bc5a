"""Match cards against a subscription's filters: topics, quality and excluded words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from bot.cards.model import Card
from bot.cards.text import normalize_name
from bot.domain.subscription import SubscriptionOptions


def matches_options(card: Card, options: SubscriptionOptions) -> bool:
    """Whether a card matches a subscription's filters, regardless of its age and rank."""
    topics = {normalize_name(topic) for topic in options.topics}
    shared = not topics or not topics.isdisjoint(map(normalize_name, card.topics))
    return shared and (card.quality or 0) >= options.min_quality and excluding_term(card, options.excluded) is None


def excluding_term(card: Card, without: Sequence[str]) -> str | None:
    """The first excluded topic or word found in a card; None if there is none.

    Words match whole words in title or excerpt, case-insensitively.
    """
    if not without:
        return None
    # A term is a topic or a word; the text does not say which, so both are tried.
    topics = {normalize_name(topic) for topic in card.topics}
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
