"""The full-text index: what goes in, and how a reader's words become a query that cannot fail. SQLite only.

A row's id is the card's `timeline`, so that newest first costs no sorting. Topics, provider and type are tags inside
the row: filtering by them is one more term of the match, not a join.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

from bot.cards.model import Card
from bot.cards.text import folded

DELETE = "DELETE FROM card_search WHERE rowid = ?"
INSERT = "INSERT INTO card_search (rowid, title, excerpt, names, related, tags) VALUES (?, ?, ?, ?, ?, ?)"
RANK = "bm25(card_search, 10.0, 4.0, 3.0, 1.0, 0.0)"
"""Weights in the order of the columns: a word in the title counts most, tags not at all."""

_WORDS_OF_READERS = "{title excerpt names related} : "

# Scripts written without spaces: every character is a word of its own, and a run of them in a query is a phrase.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u3100-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)


def tag(kind: str, name: str) -> str:
    """One word that stands for a topic, a provider or a type."""
    return kind + hashlib.blake2b(folded(name).encode("utf-8", "replace"), digest_size=6).hexdigest()


def row(timeline: int, card: Card) -> tuple[int, str, str, str, str, str]:
    """The values of `INSERT`."""
    tags = [tag("topic", topic) for topic in card.topics]
    names = list(card.topics)
    if card.provider:
        tags.append(tag("provider", card.provider.name))
        names.append(card.provider.name)
    tags.append(tag("type", card.type))
    related = " / ".join(story.title for story in card.related)
    return (
        timeline,
        _spaced(card.title),
        _spaced(card.excerpt),
        _spaced(" / ".join(names)),
        _spaced(related),
        " ".join(tags),
    )


def _spaced(text: str) -> str:
    return text if text.isascii() else _UNSPACED.sub(lambda character: f" {character[0]} ", text)


# The index folds these away inside a word; here they would split it ("re" + U+0301 + "sume").
_COMBINING = re.compile("[\u0300-\u0331]")
_PIECES = re.compile(r'(-?)"([^"]*)"?|(\S+)')


def match(words: str, tags: Iterable[str]) -> str | None:
    """The full-text query for a reader's words, or None when nothing searchable is left.

    `"two words"` is a phrase, `-word` excludes, `word*` and the last word match beginnings. All else is plain text.
    """
    wanted: list[str] = []
    unwanted: list[str] = []
    pieces = list(_PIECES.finditer(words))
    for piece in pieces:
        quoted, plain = piece[2], piece[3] or ""
        negative = bool(piece[1]) or (len(plain) > 1 and plain.startswith("-"))
        begins = plain.endswith("*") or (piece is pieces[-1] and quoted is None and not negative)
        phrase = _phrase(quoted if quoted is not None else plain, begins=begins)
        if phrase:
            (unwanted if negative else wanted).append(phrase)
    clauses = [f"tags : {name}" for name in tags]
    if wanted:
        clauses.append(f"{_WORDS_OF_READERS}({' AND '.join(wanted)})")
    if not clauses:
        return None
    found = " AND ".join(f"({clause})" for clause in clauses)
    return f"({found}) NOT ({_WORDS_OF_READERS}({' OR '.join(unwanted)}))" if unwanted else found


def _phrase(text: str, *, begins: bool) -> str:
    """The text as one phrase of FTS5, empty when it holds no letter or digit. NUL would end the query."""
    words = re.findall(r"\w+", _spaced(_COMBINING.sub("", text.replace("_", " "))))
    if not words:
        return ""
    short = begins and len(words) == 1 and len(words[0]) == 1 and not _UNSPACED.match(words[0])
    return f'"{" ".join(words)}"{"*" if begins and not short else ""}'
