"""What is indexed of a card, for every engine alike: texts are split and folded here (`bot.cards.tokenizer`).

The stems of words are further words, with a sign that tells them from words that are written like them.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bot.cards.folding import fold_word
from bot.cards.model import Card, RelatedArticle
from bot.cards.stemmer import written_forms
from bot.cards.text import normalize_name
from bot.cards.tokenizer import find_words


class SearchScope(enum.Enum):
    """Which fields to search."""

    TITLE = "title"
    TITLE_OR_NAMES = "title or names"
    ANYWHERE = "anywhere"


SCOPE_SIGNS = {SearchScope.TITLE: "=", SearchScope.TITLE_OR_NAMES: "~", SearchScope.ANYWHERE: ""}
"""Signs of words that stand in these fields, for what an engine cannot look up by field."""
NO_TAG = "none"
"""A term that no entry has."""
STEM = "%"
"""Sign of a stem, after that of its field."""
_MAX_WORDS = 16_000
"""Maximum words of a card: PostgreSQL's highest position is 16,383."""
_MAX_BYTES = 150_000
"""Maximum bytes of a card's words, with `_OVERHEAD` for each: PostgreSQL allows 1 MB, and has some words six times."""
_OVERHEAD = 8


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """The indexed words of a card; `names` are its topics and provider, `stems` those of all fields, with signs."""

    title: Sequence[str]
    excerpt: Sequence[str]
    names: Sequence[str]
    related: Sequence[str]
    stems: Sequence[str]
    tags: Sequence[str]


def make_tag(kind: str, name: str) -> str:
    """Return the index term for a topic, provider or type."""
    return kind + hashlib.blake2b(normalize_name(name).encode("utf-8", "replace"), digest_size=6).hexdigest()


def source_tag(source_id: int) -> str:
    """Return the index term for a followed source."""
    return f"s{source_id}"


def scope_tag(source: str, tag: str) -> str:
    """Return the index term for what cards of a source with a tag have: one list to read instead of two."""
    return source + tag


def guild_tag(guild_id: int) -> str:
    """Return the index term for what a server edited."""
    return f"g{guild_id}"


def build_edit_entry(original: Card, edited: Card, guild_id: int, source: str, language: str) -> IndexEntry:
    """Build the index entry of a card that a server edited: as it sees it, with the original words behind them."""
    texts = ((original.title, edited.title), (original.excerpt, edited.excerpt))
    before = tuple(RelatedArticle(text, "") for text, now in texts if text != now)
    entry = build_entry(replace(edited, related=(*edited.related, *before)), "", language)
    return replace(entry, tags=[guild_tag(guild_id), *([source] if source else []), *entry.tags])


def build_entry(card: Card, source: str, language: str) -> IndexEntry:
    """Build the index entry of a card. `source` is its `source_tag`, "" if it is everybody's.

    `language` is that of its stems, or "".
    """
    tags = [make_tag("topic", topic) for topic in card.topics]
    named = list(card.topics)
    if card.provider:
        tags.append(make_tag("provider", card.provider.name))
        named.append(card.provider.name)
    tags.append(make_tag("type", card.type))
    if source:
        tags = [source, *tags, *(scope_tag(source, tag) for tag in tags)]
    related = " / ".join(story.title for story in card.related)
    # In this order: of a card that is too long, the end of the excerpt goes, and the other stories.
    title, names, excerpt, others = _limit_words(card.title, " / ".join(named), card.excerpt, related)
    stems = [*_stems(title, "=~", language), *_stems(names, "~", language), *_stems([*excerpt, *others], "", language)]
    return IndexEntry(
        title=[*map(fold_word, title)],
        excerpt=[*map(fold_word, excerpt)],
        names=[*map(fold_word, names)],
        related=[*map(fold_word, others)],
        stems=[*dict.fromkeys(stems)],
        tags=tags,
    )


def _stems(words: Sequence[str], signs: str, language: str) -> Iterator[str]:
    """Yield the other forms of words, once for each sign of their field."""
    for form in sorted({form for word in set(words) for form in written_forms(word, language)}):
        yield from (f"{sign}{STEM}{form}" for sign in ("", *signs))


def _limit_words(*texts: str) -> Iterator[list[str]]:
    """Yield the words of each text, up to the limits of a card: an engine would refuse the whole card."""
    count, size = _MAX_WORDS, _MAX_BYTES
    for text in texts:
        words = find_words(text)[:count]
        while _measure_words(words) > size:
            words = words[: len(words) // 2]
        count, size = count - len(words), size - _measure_words(words)
        yield words


def _measure_words(words: Sequence[str]) -> int:
    return len(" ".join(words).encode("utf-8", "replace")) + _OVERHEAD * len(words)
