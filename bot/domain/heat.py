"""How widely a story is covered, and how hot that makes its cards."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile

from bot.cards.folding import normalize_text
from bot.cards.model import Card
from bot.domain.publishers import identify_publisher

HEAT_PER_PUBLISHER = 20
"""Heat that each publisher beside the card's own adds."""
COVERAGE_STEPS = (2, 3, 5, 10, 20)
"""Numbers of publishers that a post names: it is edited when its story reaches the next one."""
_COMPARED = 120
"""Characters by which a text is recognized as that of another card: feeds cut the same report at different lengths."""
_SHORTEST_COPY = 40
"""A shorter text may be the same by chance."""


class HeatLevel(enum.IntEnum):
    """Heat as readers are told, with the heat from which it is that."""

    CALM = 0
    WARM = 70
    HOT = 100
    VERY_HOT = 150


class QualityLevel(enum.IntEnum):
    """Quality as readers are told, with the quality from which it is that. Producers give up to about 190."""

    LOW = 0
    FAIR = 40
    GOOD = 70
    EXCELLENT = 110


def heat_level(heat: float) -> HeatLevel:
    """Return the level that a heat has reached."""
    return max(level for level in HeatLevel if level <= max(heat, 0))


def quality_level(quality: float) -> QualityLevel:
    """Return the level that a quality has reached."""
    return max(level for level in QualityLevel if level <= max(quality, 0))


@dataclass(frozen=True, slots=True)
class Coverage:
    """A card as far as it adds to the coverage of its story.

    `publisher` are the names of its publisher, none if that is unknown. `text` is what copies of its text have as well;
    empty if it is too short to tell.
    """

    publisher: frozenset[str]
    text: str = ""


def read_coverage(card: Card) -> Coverage:
    """Return what a card adds to the coverage of its story."""
    letters = "".join(filter(str.isalnum, normalize_text(card.excerpt[: 4 * _COMPARED])))[:_COMPARED]
    return Coverage(frozenset(identify_publisher(card)), letters if len(letters) >= _SHORTEST_COPY else "")


def count_publishers(coverage: Iterable[Coverage]) -> int:
    """Return how many publishers cover a story, by its cards, oldest first.

    A publisher counts once, and copies of one text, as of a news agency's, count for the first that brought it.
    """
    groups: list[frozenset[str]] = []
    texts: set[str] = set()
    for each in coverage:
        if not each.publisher or each.text in texts:
            continue
        texts |= {each.text} - {""}
        # Names of two groups on one card show that these are one publisher.
        same = [group for group in groups if not group.isdisjoint(each.publisher)]
        groups = [*(group for group in groups if group not in same), each.publisher.union(*same)]
    return len(groups)


def count_other_publishers(card: Card, story: Iterable[Card]) -> int:
    """Return how many publishers beside the card's cover its story, by all its cards, oldest first."""
    others = count_publishers(map(read_coverage, story)) - bool(identify_publisher(card))
    return max(others, 0)


def compute_heat(given: int | None, quality: int | None, publishers: int) -> int | None:
    """Return a card's heat: the one that its file gives, else its quality and what other publishers add.

    None without any of these. `publishers` are those of its story, at least 1.
    """
    if given is not None:
        return given
    others = max(publishers - 1, 0)
    return None if quality is None and not others else (quality or 0) + HEAT_PER_PUBLISHER * others


def coverage_step(publishers: int) -> int:
    """Return the number of publishers that a post names; 0 if it names none."""
    return max(takewhile(lambda step: step <= publishers, COVERAGE_STEPS), default=0)
