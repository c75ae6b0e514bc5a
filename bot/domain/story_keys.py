"""Compute the keys by which cards of one story find each other.

Cards are matched by their own URLs, the URLs they list as related, and their titles. Keys are compared for equality
only, so that an indexed table can find a card's neighbours.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator, Sequence

import regex  # type: ignore[import-untyped]  # it comes without types

from bot.cards.model import Card, Provider
from bot.cards.urls import normalize_url

OWN, RELATED, ALIKE, TITLE = "u:", "r:", "s:", "t:"
"""Key prefixes: the card's own normalized URL, that of a related story, that of a related story with a title similar to
the card's, a hash of the title's words."""
_FEWEST = 5
"""Minimum number of words in a title that identifies a story; a number counts twice, since numbers rarely recur."""
_FEWEST_SPARED = 6
"""Minimum number of words for titles that may differ in one of them."""
_FEWEST_ALIKE = 3
"""Minimum number of words that similar titles share; these must also be half of the shorter title."""
_FEWEST_LETTERS = 12
"""Minimum number of letters in a title of a script without spaces: 12 Chinese characters are about five words."""
_COMMON_WORDS = """
    a an and are as at available be between breaking but by can during exclusive for from has have her his how if in
    into is it its may my new now of on or our over should than that the their they this through to under update updated
    video was watch we what when where which while who why will with you your
    das dem den der des die ein eine im in und von zu
    de des du en et la le les un une
"""
_COMMON = frozenset(_COMMON_WORDS.split())
"""Stop words in the languages of most cards."""
_TELLING_WORDS = """
    no not never without arent cant didnt doesnt dont isnt wasnt wont kein keine nicht ne pas sans
    up down rise rises rose fall falls fell gain gains lose loses lost win wins won higher lower more less before after
    one two three four five six seven eight nine ten first second third fourth fifth last next
    monday tuesday wednesday thursday friday saturday sunday
    january february march april june july august september october november december
"""
_TELLING = frozenset(_TELLING_WORDS.split())
"""Words that must not differ: they negate a title, or distinguish the items of a series."""
_ROMAN = regex.compile(r"(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})")
# Numbers keep their separators: 17.1 is not 1.17.
_TOKEN = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:(?<=\p{Nd})[.,:/-](?=\p{Nd})[\p{L}\p{M}\p{N}]+)*")
_POSSESSIVE = regex.compile(r"'s\b", regex.IGNORECASE)
_MARKS = str.maketrans({"™": None, "℠": None, "’": "'", "ʼ": "'"})
_SPACELESS = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_TAIL = regex.compile(r"\s[-–—|·]\s+([^|–—]{2,40})$")
_SITE, _INDEX = r"[^/?]*(?:/[a-z]{2}(?:-[a-z]{2})?)?", r"(?:/(?:default|home|index)\.[a-z]+)?"
_SECTION = (
    r"/(?:blog|business|category|health|hub|latest|news|politics|science|sections?|sports?|tags?|tech|technology|topics?"
    r"|world)"
)
_FRONT = regex.compile(rf"{_SITE}(?:{_SECTION}){{0,2}}{_INDEX}", regex.IGNORECASE)
"""Front page of a site, of a language or section of it. URLs with a query do not match: it often names the page."""
_LIKE_A_FRONT = regex.compile(rf"{_SITE}(?:{_SECTION})?(?:/[a-z]{{1,12}})?{_INDEX}", regex.IGNORECASE)
"""Also matches a short word as a section; for related URLs only, since a card's own URL is more likely an article's."""


def compute_keys(card: Card) -> frozenset[str]:
    """A card's keys. Front pages and section pages are left out: unrelated cards share them."""
    match = {OWN + alias for alias in card.aliases if not _FRONT.fullmatch(alias)}
    tokens = _title_tokens(card.title, card.provider)
    words = _significant_words(tokens)
    # A related story's URL always matches the card about that article. Two cards that merely list the same third
    # article need similar titles as well: publishers list the same background pieces below unrelated news.
    for story in card.related:
        address = _canonical_address(story.url)
        if not _LIKE_A_FRONT.fullmatch(address):
            match.add(RELATED + address)
            if _are_alike(words, _significant_words(_title_tokens(story.title))):
                match.add(ALIKE + address)
    match.update(TITLE + _hash_form(form) for form in _title_forms(tokens))
    return frozenset(match)


def neighbour_keys(card_keys: Iterable[str]) -> set[str]:
    """The keys to look up for cards that match these: a URL matches both as own and as related."""
    result = set(card_keys)
    addresses = {key[2:] for key in result if key.startswith((OWN, RELATED))}
    return result | {role + address for address in addresses for role in (OWN, RELATED)}


def _canonical_address(url: str) -> str:
    try:
        return normalize_url(url) if url else ""
    except ValueError:
        return ""


def _title_tokens(title: str, publisher: Provider | None = None) -> list[str]:
    """Tokenize a title, without a trailing publisher name."""
    # NFKC is the expensive step, and most titles are ASCII, which it leaves alone.
    plain = title if title.isascii() else unicodedata.normalize("NFKC", title.translate(_MARKS))
    if publisher and (tail := _TAIL.search(plain)) and _squash_name(tail[1]) in _publisher_names(publisher):
        # Any other suffix is part of the title: "Diablo 4 - Everything We Know Ahead Of BlizzConline".
        plain = plain[: tail.start()]
    found: list[str] = _TOKEN.findall(_POSSESSIVE.sub("", plain).replace("'", ""))
    return found


def _publisher_names(publisher: Provider) -> set[str]:
    domain = publisher.domain.removeprefix("www.")
    return {_squash_name(name) for name in (publisher.name, domain, domain.partition(".")[0])}


def _squash_name(name: str) -> str:
    return "".join(_TOKEN.findall(name.casefold()))


def _significant_words(tokens: Iterable[str]) -> set[str]:
    return {token.casefold() for token in tokens} - _COMMON


def _are_alike(words: set[str], others: set[str]) -> bool:
    """Whether two titles may tell one story: lists of related stories often include others on the same topic."""
    return len(words & others) >= max(_FEWEST_ALIKE, min(len(words), len(others)) / 2)


def _title_forms(tokens: Sequence[str]) -> Iterator[str]:
    """Yield a title's word set, and the sets with one word removed, so that titles differing in one word share a form.

    Word order is ignored, except for numbers and the first word, which usually is the subject.
    """
    if _SPACELESS.search("".join(tokens)):
        # One Chinese character may mean "not", and Thai words cannot be segmented: only equal titles match.
        whole = "".join(tokens).casefold()
        if len(whole) >= _FEWEST_LETTERS:
            yield whole
        return
    normalized = {token.casefold(): token for token in tokens}
    numbers = [word for word in map(str.casefold, tokens) if _is_number(word)]
    words = [word for word in normalized if word not in _COMMON and word not in numbers]
    count = len(words) + len(set(numbers))
    # Short titles are generic ("News of the week"): they would merge cards that have nothing in common.
    if count + bool(numbers) < _FEWEST or not words:
        return
    first, rest = words[0], sorted(words[1:])
    yield _build_form(first, rest, numbers)
    if count >= _FEWEST_SPARED:
        # Two titles that differ in one word share the form without it. So every removable word gives a form: a
        # hash lookup finds what would otherwise need a comparison with every other title.
        excluded = [word for word in rest if word not in _TELLING]
        names_are_seen = any(normalized[word].islower() and len(word) > 4 for word in excluded)
        for word in excluded:
            if _may_differ(normalized[word], names_are_seen):
                yield _build_form(first, [other for other in rest if other != word], numbers)


def _build_form(first: str, rest: Iterable[str], numbers: Iterable[str]) -> str:
    return "|".join((first, " ".join(rest), " ".join(numbers)))


def _is_number(word: str) -> bool:
    """Whether a word is a number, also a Roman one: episodes 41 and 42, or parts I and II, are different stories."""
    return any(letter.isdigit() for letter in word) or _ROMAN.fullmatch(word) is not None


def _may_differ(word: str, names_are_seen: bool) -> bool:
    """Whether titles may differ in this word. Not in a name, which is recognizable unless every word is capitalized."""
    return word.islower() if names_are_seen else word.lower() != word.upper()


def _hash_form(form: str) -> str:
    return hashlib.blake2b(form.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
