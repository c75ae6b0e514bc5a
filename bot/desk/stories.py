"""Which cards tell the same story. A channel gets one post a story: a wrong merge swallows news, a missed one repeats.

Cards meet in keys: their own addresses, those that they list as related, and their titles. A key is equal or not, so
that a table of keys finds a card's neighbours.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from bot.cards.links import normalised
from bot.cards.model import Card

OWN, RELATED, TITLE = "u:", "r:", "t:"
"""How keys begin: the card's own normalised address, that of a related story, a digest of its title's words."""
WITHIN = timedelta(days=7)
"""Cards that list the same article tell one story only this close to each other."""
TITLES_WITHIN = timedelta(days=3)
"""Titles come back ("the week in review"), so that they count for less long."""
SPAN = timedelta(days=7)
"""A story ends: what comes later than this after its first card begins a new one, though it links back."""
_FEWEST = 5
"""Words of a title that says which story it tells."""
_FEWEST_SPARED = 6
"""Words from which on one may differ."""
_COMMON_WORDS = """
    a an and are as at be by for from has have how in is it its new of on or that the this to was what why will with
    das dem den der des die ein eine im in und von zu
    de des du en et la le les un une
"""
_COMMON = frozenset(_COMMON_WORDS.split())
"""Words that tell no two stories apart, in the languages that most cards are in."""
_PUBLISHER = re.compile(r"\s+[-–—|]\s+[^-–—|]{2,40}$")
_WORD = re.compile(r"\w+")


def keys(card: Card) -> frozenset[str]:
    """A card's keys. A site's front names no story, and among related ones neither does a section of it."""
    own = {OWN + alias for alias in card.aliases if "/" in alias or "?" in alias}
    related = {RELATED + address for story in card.related if (address := _address(story.url)) and _is_page(address)}
    return frozenset(own | related | set(_title_keys(card.title)))


def _address(url: str) -> str:
    try:
        return normalised(url) if url else ""
    except ValueError:
        return ""


def _is_page(address: str) -> bool:
    """Whether many unrelated cards would not share it: `site.example/news` is a section, `site.example/?p=5` a page."""
    path, _, query = address.partition("?")
    segments = path.split("/")[1:]
    return bool(query) or len(segments) > 1 or (len(segments) == 1 and len(segments[0]) > 12)


def _title_keys(title: str) -> Iterator[str]:
    """The title's words as a set, and each such set that lacks one of them: two that differ by a word share a key.

    A word with a digit is never left out: "Episode 41" and "Episode 42" are two. Without spaces between words (Chinese,
    Japanese, Thai) a title is one word or a few, and only equal ones of some length meet.
    """
    words = _words(title)
    if len(words) < _FEWEST:
        whole = "".join(_WORD.findall(title.casefold()))
        if whole and not whole.isascii() and len(whole) >= 12 and len(words) <= 3:
            yield TITLE + _digest(whole)
        return
    ordered = sorted(words)
    yield TITLE + _digest(" ".join(ordered))
    if len(ordered) < _FEWEST_SPARED:
        return
    for word in ordered:
        if not any(letter.isdigit() for letter in word):
            yield TITLE + _digest(" ".join(other for other in ordered if other != word))


def _words(title: str) -> frozenset[str]:
    plain = unicodedata.normalize("NFKC", title).casefold().replace("’s ", " ").replace("'s ", " ")
    return frozenset(_WORD.findall(_PUBLISHER.sub("", plain))) - _COMMON


def _digest(words: str) -> str:
    return hashlib.blake2b(words.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def neighbours(card_keys: Iterable[str]) -> set[str]:
    """The keys by which other cards would meet these: an address counts alike in either role."""
    found = set(card_keys)
    addresses = {key[2:] for key in found if not key.startswith(TITLE)}
    return found | {role + address for address in addresses for role in (OWN, RELATED)}


@dataclass(frozen=True, slots=True)
class Member:
    """A card among those that are told apart; `story_id` where it has a story already."""

    card_id: int
    published_at: datetime
    keys: frozenset[str]
    story_id: int | None = None


def assigned(members: Iterable[Member]) -> dict[int, int]:
    """Each card's story, named by the smallest id: of the stories that were there, else of its cards."""
    cards = sorted(members, key=lambda card: (card.published_at, card.card_id))
    groups = _Groups(cards)
    for strength, group in _meetings(cards):
        groups.join(group, strength)
    return groups.stories()


@dataclass(frozen=True, slots=True)
class _Strength:
    """How surely a shared key means one story: how far apart its cards may be, and whether stories may merge by it."""

    within: timedelta | None
    merges: bool


_SAME_ARTICLE = _Strength(None, merges=True)
_LISTED = _Strength(WITHIN, merges=True)
_LISTED_TOGETHER = _Strength(WITHIN, merges=False)
_ALIKE = _Strength(TITLES_WITHIN, merges=False)


def _meetings(cards: list[Member]) -> Iterator[tuple[_Strength, list[Member]]]:
    """The cards that share a key, in the order of time; the surest keys first."""
    by_key: dict[str, list[Member]] = defaultdict(list)
    for card in cards:
        for key in card.keys:
            by_key[key].append(card)
    shared = sorted(by_key)
    own = [key for key in shared if key.startswith(OWN)]
    yield from ((_SAME_ARTICLE, by_key[key]) for key in own)
    for key in own:
        if listing := by_key.get(RELATED + key[2:]):
            yield _LISTED, sorted([*by_key[key], *listing], key=lambda card: (card.published_at, card.card_id))
    yield from ((_LISTED_TOGETHER, by_key[key]) for key in shared if key.startswith(RELATED))
    yield from ((_ALIKE, by_key[key]) for key in shared if key.startswith(TITLE))


class _Groups:
    """Disjoint sets of cards that know their first and last moment, and the stories that they had."""

    def __init__(self, cards: list[Member]) -> None:
        self._cards = {card.card_id: card for card in cards}
        self._leader = {card.card_id: card.card_id for card in cards}
        self._first = {card.card_id: card.published_at for card in cards}
        self._last = dict(self._first)
        self._story = {card.card_id: card.story_id for card in cards}
        by_story: dict[int, int] = {}
        for card in cards:
            if card.story_id is not None:
                self._unite(by_story.setdefault(card.story_id, card.card_id), card.card_id)

    def join(self, group: list[Member], strength: _Strength) -> None:
        """Unite each card with the one before it: a chain says as much as every pair, and takes fewer steps."""
        for one, other in pairwise(group):
            if strength.within is not None and other.published_at - one.published_at > strength.within:
                continue
            a, b = self._find(one.card_id), self._find(other.card_id)
            if a != b and self._may_meet(a, b, strength):
                self._unite(a, b)

    def _may_meet(self, a: int, b: int, strength: _Strength) -> bool:
        if strength is _SAME_ARTICLE:
            return True
        both_told = self._story[a] is not None and self._story[b] is not None
        span = max(self._last[a], self._last[b]) - min(self._first[a], self._first[b])
        return (strength.merges or not both_told) and span <= SPAN

    def _find(self, card_id: int) -> int:
        while self._leader[card_id] != card_id:
            self._leader[card_id] = self._leader[self._leader[card_id]]
            card_id = self._leader[card_id]
        return card_id

    def _unite(self, one: int, other: int) -> None:
        a, b = sorted((self._find(one), self._find(other)))
        if a == b:
            return
        self._leader[b] = a
        self._first[a] = min(self._first[a], self._first[b])
        self._last[a] = max(self._last[a], self._last[b])
        told = [story for story in (self._story[a], self._story[b]) if story is not None]
        self._story[a] = min(told, default=None)

    def stories(self) -> dict[int, int]:
        leaders = {card_id: self._find(card_id) for card_id in self._cards}
        return {card_id: self._story[leader] or leader for card_id, leader in leaders.items()}
