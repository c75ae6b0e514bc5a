"""A language in which everything that was given to be translated stands in brackets: what is outside was not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from gettext import NullTranslations
from typing import Any

_PLACE = re.compile(r"(\{\w+\})")
_CODE = re.compile(r"`[^`]*`")
_BRACKETED = re.compile(r"⟦[^⟦⟧]*(?:⟧|$)")
"""A text that was cut has lost its end."""
_NO_WORDS = re.compile(r"https?://\S+|<(?:@|#|/|t:)[^>]*>|#[\w-]+|\b[A-Z]\w+/\w+|\bUTC\b")
"""Addresses, mentions, moments, names of channels, and time zones."""
_LATIN = re.compile(r"[a-zäöüß]{2,}", re.IGNORECASE)
_SHOWN = {"content", "title", "description", "text", "label", "placeholder", "name", "value", "topic"}
_HIDDEN = {"options": "value", "choices": "value"}
"""Lists whose entries have a part that nobody sees."""


class BracketedTranslations(NullTranslations):
    """The English texts, with what stands between their places in brackets: what is put into these stays outside."""

    def gettext(self, message: str) -> str:
        pieces = _PLACE.split(message)
        return "".join(piece if _PLACE.fullmatch(piece) or not piece else f"⟦{piece}⟧" for piece in pieces)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:
        return f"⟦{message}⟧"


def iter_shown(payload: Any, listed_in: str = "") -> Iterator[str]:
    """All that a person reads in what was sent to Discord."""
    if isinstance(payload, list):
        for each in payload:
            yield from iter_shown(each, listed_in)
    elif isinstance(payload, dict):
        for key, value in payload.items():
            if isinstance(value, str) and key in _SHOWN and _HIDDEN.get(listed_in) != key:
                yield value
            yield from iter_shown(value, key if isinstance(value, list) else "")


def find_unbracketed(text: str) -> list[str]:
    """The Latin words of a text that nobody gave to be translated, and places that nobody filled."""
    rest = text
    for wordless in (_CODE, _BRACKETED, _NO_WORDS):
        rest = wordless.sub(" ", rest)
    return _LATIN.findall(rest) + _PLACE.findall(text)
