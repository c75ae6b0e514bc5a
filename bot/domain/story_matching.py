"""Compare two cards: whether they may tell one story, and how similar they are.

The thresholds and limits were measured on judged pairs of real titles (`python -m tests.bench.stories`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.domain.story_text import StoryText

SAME_STORY = 275
"""Minimum similarity, in thousandths, of two cards of one story."""
RELATED = 180
"""Minimum similarity of two cards of which one is shown as related to the other."""
SAME_ADDRESS = 2000
"""Stands for a similarity where one card is, or lists, the other's article."""
WITHIN = timedelta(days=3)
"""Maximum time between two cards of one story that are told by their text."""
SERIES_WITHIN = timedelta(hours=23)
"""Maximum time between two cards of one publisher and title: a daily series may come somewhat early."""
CANDIDATE_WORDS = 6
"""Words of a title by which other cards are looked up: its rarest."""
COUNTED_FOR = timedelta(days=30)
"""How long a card counts for the frequency of its words: by then to a third."""
_MIN_SHARED = 3
"""Minimum number of words that two cards share, so that "Morning briefing" alone is no story."""
_ASSUMED = 1000
"""Cards without any given word that are assumed to be known, so that the first cards do not make each other unusual."""


class WeightedText:
    """A text with a weight for each word, as when it was counted. The weights are integers, so that sums are exact."""

    __slots__ = ("norm", "title", "title_norm", "weights")

    def __init__(self, title: frozenset[str], weights: Mapping[str, int]) -> None:
        self.title = title
        self.weights = weights
        self.title_norm = _norm(weights[word] for word in title)
        self.norm = _norm(weights.values())


@dataclass(frozen=True, slots=True)
class Report:
    """What a publisher brought, and when. `publisher` is empty if unknown; `title` are its words."""

    publisher: str
    published_at: datetime
    title: frozenset[str]


@dataclass(frozen=True, slots=True)
class StoryCard:
    """A card as far as its story goes. `source_id` is 0 if it is everybody's."""

    card_id: int
    report: Report
    text: WeightedText
    numbers: frozenset[str] = frozenset()
    source_id: int = 0

    @property
    def published_at(self) -> datetime:
        return self.report.published_at


def weigh_words(text: StoryText, total: float, count_of: Callable[[str], float]) -> WeightedText:
    """Weigh the words of a text by how few of `total` cards have them."""
    weights = {word: _weigh(total, count_of(word)) for word in sorted(text.words)}
    return WeightedText(text.title, weights)


def _weigh(total: float, count: float) -> int:
    return round(1000 * math.log((total + _ASSUMED + 1) / (count + 0.5)))


def rarest_words(text: WeightedText) -> list[str]:
    """Return the words of the title by which to look for other cards."""
    return sorted(text.title, key=lambda word: (-text.weights[word], word))[:CANDIDATE_WORDS]


def compute_similarity(one: StoryCard, other: StoryCard) -> int:
    """Return the cosine of two cards in thousandths: the mean of that of their titles and that of all their words.

    It is 0 if their times, numbers or publishers say that they do not tell one story.
    """
    if abs(one.published_at - other.published_at) > WITHIN or not _numbers_agree(one.numbers, other.numbers):
        return 0
    some, others = one.text, other.text
    shared = some.weights.keys() & others.weights.keys()
    if have_one_publisher(one.report, other.report):
        may_be_one = is_later_version(one.report, other.report)
    else:
        may_be_one = len(shared) >= _MIN_SHARED
    if not may_be_one:
        return 0
    titles = sum([some.weights[word] * others.weights[word] for word in some.title & others.title])
    texts = sum([some.weights[word] * others.weights[word] for word in shared])
    return round(500 * (titles / (some.title_norm * others.title_norm) + texts / (some.norm * others.norm)))


def have_one_publisher(one: Report, other: Report) -> bool:
    """Whether the publisher of both is known, and the same."""
    return bool(one.publisher) and one.publisher == other.publisher


def is_later_version(one: Report, other: Report) -> bool:
    """Whether two reports of one publisher are the same, changed within a day.

    Whatever else a publisher brings is another report, even if it is worded like the last one: daily reports are.
    """
    return one.title == other.title and abs(one.published_at - other.published_at) <= SERIES_WITHIN


def _numbers_agree(some: frozenset[str], others: frozenset[str]) -> bool:
    return not some or not others or some <= others or others <= some


def _norm(weights: Iterable[int]) -> float:
    return math.sqrt(sum([weight * weight for weight in weights])) or 1.0
