"""The full-text index: what goes in, and how a reader's words become a query that cannot fail. SQLite only.

A row's id is the card's `timeline`, so that newest first costs no sorting. Topics, provider and type are tags inside
the row: filtering by them is one more term of the match, not a join.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence

from bot.cards.model import Card
from bot.cards.text import folded

DELETE = "DELETE FROM card_search WHERE rowid = ?"
INSERT = "INSERT INTO card_search (rowid, title, excerpt, names, related, tags) VALUES (?, ?, ?, ?, ?, ?)"

_EVERYWHERE = "{title excerpt names related} : "
_BETTER = ("title : ", "{title names} : ")
"""Where words count more, best first. FTS5's own bm25 first counts every hit of every word: 100 ms for common ones."""

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


def match(words: str, tags: Iterable[str], *, typing: bool = False) -> str | None:
    """The full-text query for a reader's words, or None when nothing searchable is left.

    `"two words"` is a phrase, `-word` excludes, `word*` matches beginnings, and so does the last word while the reader
    is `typing` it. All else is plain text.
    """
    found = _matches(words, tags, typing, (_EVERYWHERE,))
    return found[0] if found else None


def ranked(words: str, tags: Iterable[str], *, typing: bool = False) -> list[str]:
    """Queries of which a hit of an earlier one is a better match: all words in the title, or there and in names."""
    return _matches(words, tags, typing, (*_BETTER, _EVERYWHERE))


def _matches(words: str, tags: Iterable[str], typing: bool, places: Sequence[str]) -> list[str]:
    wanted, unwanted = _phrases(words, typing)
    filters = [f"(tags : {name})" for name in tags]
    found = [[*filters, f"({place}({' AND '.join(wanted)}))"] for place in places] if wanted else [filters]
    without = f" NOT ({_EVERYWHERE}({' OR '.join(unwanted)}))" if unwanted else ""
    return [f"({' AND '.join(clauses)}){without}" for clauses in found if clauses]


def _phrases(words: str, typing: bool) -> tuple[list[str], list[str]]:
    """What must be there and what must not."""
    wanted: list[str] = []
    unwanted: list[str] = []
    pieces = list(_PIECES.finditer(words))
    for piece in pieces:
        quoted, plain = piece[2], piece[3] or ""
        negative = bool(piece[1]) or (len(plain) > 1 and plain.startswith("-"))
        last = typing and piece is pieces[-1] and quoted is None and not negative
        if phrase := _phrase(quoted if quoted is not None else plain, begins=last or plain.endswith("*")):
            (unwanted if negative else wanted).append(phrase)
    return wanted, unwanted


def _phrase(text: str, *, begins: bool) -> str:
    """The text as one phrase of FTS5, empty when it holds no letter or digit. NUL would end the query."""
    words = re.findall(r"\w+", _spaced(_COMBINING.sub("", text.replace("_", " "))))
    if not words:
        return ""
    short = begins and len(words) == 1 and len(words[0]) == 1 and not _UNSPACED.match(words[0])
    return f'"{" ".join(words)}"{"*" if begins and not short else ""}'
