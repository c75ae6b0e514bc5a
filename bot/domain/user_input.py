"""Fold and quote what people type. English words are always understood, and so are those of the current language.

Synonyms form one message of the catalogue, separated by spaces; a translation may list more or fewer.
"""

from __future__ import annotations

import unicodedata

from bot.cards.text import normalize_name
from bot.i18n import tr


def normalize_input(text: str) -> str:
    """Fold user input for comparison: like `normalize_name`, and compatibility characters too (NFKC, "７" to "7")."""
    # Names in cards keep these: there, NFKC would make different names equal ("H²" and "H2").
    return normalize_name(unicodedata.normalize("NFKC", text))


def is_one_of(word: str, english: str) -> bool:
    """Whether a folded word is one of these English synonyms or their translations in the current language."""
    return word in translations_of(english)


def translations_of(english: str) -> list[str]:
    return [*english.split(), *normalize_input(tr(english)).split()]


def shorten_input(text: str) -> str:
    """User input, shortened for quoting in a reply."""
    line = " ".join(text.split())
    return line if len(line) <= 40 else f"{line[:39]}…"
