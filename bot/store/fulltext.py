"""The full-text index: what goes in, and how a reader's words become a query that cannot fail. SQLite only.

A row's id is the card's `timeline`, so that newest first costs no sorting. Topics, provider and type are tags inside
the row: filtering by them is one more term of the match, not a join.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from bot.cards.model import Card
from bot.cards.text import folded
from bot.cards.words import spaced
from bot.desk.wording import Phrase, asked

DELETE = "DELETE FROM card_search WHERE rowid = ?"
INSERT = "INSERT INTO card_search (rowid, title, excerpt, names, related, tags) VALUES (?, ?, ?, ?, ?, ?)"

_EVERYWHERE = "{title excerpt names related} : "
_BETTER = ("title : ", "{title names} : ")
"""Where words count more, best first. FTS5's own bm25 first counts every hit of every word: 100 ms for common ones."""


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
        spaced(card.title),
        spaced(card.excerpt),
        spaced(" / ".join(names)),
        spaced(related),
        " ".join(tags),
    )


def match(words: str, tags: Iterable[str], *, typing: bool = False) -> str | None:
    """The full-text query for a reader's words, or None when nothing searchable is left.

    What the words mean, `bot.desk.wording` says; all else in them is plain text.
    """
    found = _matches(words, tags, typing, (_EVERYWHERE,))
    return found[0] if found else None


def ranked(words: str, tags: Iterable[str], *, typing: bool = False) -> list[str]:
    """Queries of which a hit of an earlier one is a better match: all words in the title, or there and in names."""
    return _matches(words, tags, typing, (*_BETTER, _EVERYWHERE))


def _matches(words: str, tags: Iterable[str], typing: bool, places: Sequence[str]) -> list[str]:
    said = asked(words, typing=typing)
    wanted, unwanted = ([_written(phrase) for phrase in phrases] for phrases in (said.wanted, said.unwanted))
    filters = [f"(tags : {name})" for name in tags]
    found = [[*filters, f"({place}({' AND '.join(wanted)}))"] for place in places] if wanted else [filters]
    without = f" NOT ({_EVERYWHERE}({' OR '.join(unwanted)}))" if unwanted else ""
    return [f"({' AND '.join(clauses)}){without}" for clauses in found if clauses]


def _written(phrase: Phrase) -> str:
    """The phrase for FTS5. Words are letters and digits only: no quote, no NUL, which would end the query."""
    return f'"{" ".join(phrase.words)}"{"*" if phrase.begins else ""}'
