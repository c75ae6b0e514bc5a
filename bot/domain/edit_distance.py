"""Spelling suggestions: known words close to an unknown one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

_SURE = 4
"""Words up to this length may contain one typo, longer ones two: two typos turn any short word into any other."""


def allowed_edits(word: str) -> int:
    """Maximum edit distance for a word of this length."""
    return 1 if len(word) <= _SURE else 2


def find_nearest(word: str, known: Iterable[str], limit: int) -> list[str]:
    """Known words within the maximum edit distance, ordered by distance, then by the longest common prefix."""
    # Two prefilters before the quadratic distance: by sets, which is cheapest, then by how often each letter occurs.
    at_most, letters, count = allowed_edits(word), set(word), Counter(word)
    near = [other for other in set(known) if len(letters.symmetric_difference(other)) <= 2 * at_most and other != word]
    alike = [other for other in near if _may_match(count, other, at_most)]
    ranked = sorted((edit_distance(word, other), -_common_prefix_length(word, other), other) for other in alike)
    return [other for distance, _, other in ranked if distance <= at_most][:limit]


def _may_match(letters: Counter[str], other: str, at_most: int) -> bool:
    """Prefilter without false negatives, cheaper than the distance: an edit changes at most one letter on each side."""
    return (letters - Counter(other)).total() <= at_most and (Counter(other) - letters).total() <= at_most


def _common_prefix_length(word: str, other: str) -> int:
    return next((place for place, (a, b) in enumerate(zip(word, other, strict=False)) if a != b), len(word))


def edit_distance(word: str, other: str) -> int:
    """Optimal string alignment distance: insertions, deletions, substitutions and swaps of adjacent letters."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for at, letter in enumerate(word, 1):
        last, before, row = before, row, [at]
        for place, wanted in enumerate(other, 1):
            # Three rows of the usual matrix are enough: this one, the one before, and the one before that for swaps.
            best = min(before[place] + 1, row[-1] + 1, before[place - 1] + (letter != wanted))
            if at > 1 and place > 1 and letter == other[place - 2] and word[at - 2] == wanted:
                best = min(best, last[place - 2] + 1)
            row.append(best)
    return row[-1]
