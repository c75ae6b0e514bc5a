"""Fold text for search, so that what readers type equals what is written: one form for storing and for asking.

In two steps, since the stems of words depend on their marks: `normalize_text` before the text is split into words,
`fold_word` for each of them.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from functools import lru_cache

_CACHED = 1 << 16
"""Words to remember: their number in some thousand articles, which take a few MB."""
_INVISIBLE = (
    "\u00ad\u034f\u061c\u180b-\u180f\u200b\u200d-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\u0640\U000e0100-\U000e01ef\U0001f3fb-\U0001f3ff"
)
"""Format characters, variation selectors, the line that stretches Arabic words, and skin tones of emoji."""
_MARKS = (
    "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
    "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"  # Hebrew points and accents
    "\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u08d3-\u08e1\u08e3-\u08ff"
)
"""Marks that readers leave out. Those of other scripts are vowels (Devanagari, Thai) or make other letters (が)."""
_MARKED_LETTERS = (
    (0x00C0, 0x02AF),  # Latin
    (0x1E00, 0x1EFF),
    (0x2C60, 0x2C7F),
    (0xA722, 0xA7FF),
    (0x0370, 0x03FF),  # Greek
    (0x1F00, 0x1FFF),
    (0x0620, 0x06D3),  # Arabic
    (0x0750, 0x077F),
)
"""Ranges of letters that are reduced to the letter without its marks. Cyrillic is none: й is another letter than и."""
_OTHER_LETTERS = {
    "æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "ı": "i", "ȷ": "j", "ё": "е", "ѐ": "е", "ѝ": "и",
    "ٱ": "ا", "ى": "ي", "ی": "ي", "ک": "ك", "ة": "ه", "װ": "וו", "ױ": "וי", "ײ": "יי",
}  # fmt: skip
"""Letters without a decomposition, or with one that is not what is typed."""
_VARIANT = re.compile(r"LATIN SMALL LETTER ([A-Z]) WITH ")
_OTHER_RUN = re.compile(r"[^\x00-\x7f]+")
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")
_INVISIBLE_RUN = re.compile(f"[{_INVISIBLE}]+")
_MARK = re.compile(f"[{_MARKS}]")
_ARABIC_JOINT = re.compile("(?<=[\u0620-\u06ff\u0750-\u077f])\u200c")


def _without_subscript(letter: str) -> str:
    """Remove the iota below a Greek letter: folding of case makes a letter of it."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", letter).replace("\u0345", ""))


_BEFORE_NFKC: Mapping[int, str] = str.maketrans(
    # NFKC would append "TM" to the name before it, and join a fraction with the number before it.
    {"™": " ", "℠": " ", "♯": "#", "\u0345": ""}
    | {fraction: f" {unicodedata.normalize('NFKC', fraction)} " for fraction in "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅟↉"}
    | {chr(code): _without_subscript(chr(code)) for code in range(0x1F80, 0x2000)}
)
_AFTER_NFKC: Mapping[int, str] = (
    # Quotes and dashes are frequent in texts that are ASCII otherwise, which are split several times as fast.
    dict.fromkeys((0xAB, 0xB7, 0xBB, *range(0x2010, 0x2028)), " ")
    # Apostrophes that count as letters, and the stroke of fractions.
    | {0x02BB: "'", 0x02BC: "'", 0x2044: "/"}
)


def _iter_bases() -> Iterator[tuple[int, str]]:
    """Yield the letters with marks, and the letters without."""
    for first, last in _MARKED_LETTERS:
        for code in range(first, last + 1):
            base = unicodedata.normalize("NFD", chr(code))[0]
            variant = _VARIANT.match(unicodedata.name(base, ""))
            letter = variant[1].lower() if variant else base
            if letter != chr(code):
                yield code, letter


_BASES = dict(_iter_bases()) | str.maketrans(_OTHER_LETTERS)


def normalize_text(text: str) -> str:
    """Return a text in plain characters (NFKC) and without case, with the marks of letters."""
    if text.isascii():
        return text.lower()
    # In runs, which repeat as words do. NFKC composes no mark with a letter before the run, but `fold_word` drops both
    # forms of a mark.
    return _OTHER_RUN.sub(lambda run: _normalize_run(run[0]), text).lower()


@lru_cache(_CACHED)
def _normalize_run(run: str) -> str:
    plain = unicodedata.normalize("NFKC", run.translate(_BEFORE_NFKC)).translate(_AFTER_NFKC)
    plain = _INVISIBLE_RUN.sub("", plain).casefold()
    if "\u200c" in plain:
        # Persian separates the parts of a word with it where others write a space; elsewhere it only shapes letters.
        plain = _ARABIC_JOINT.sub(" ", plain).replace("\u200c", "")
    return _OTHER_DIGIT.sub(lambda digit: str(unicodedata.decimal(digit[0])), plain)


def fold_word(word: str) -> str:
    """Return a word of a normalized text without the marks that readers leave out: the form that is compared."""
    return word if word.isascii() else _fold_letters(word)


@lru_cache(_CACHED)
def _fold_letters(word: str) -> str:
    return _MARK.sub("", word.translate(_BASES))
