"""Repair text for display: mojibake, HTML entities, torn tags, stray white space. The raw value is kept beside it."""

from __future__ import annotations

import html
import re
import unicodedata

from ftfy import TextFixerConfig, fix_text
from ftfy.badness import is_bad

# Only what is certainly mojibake is changed: no quotes uncurled, no ligatures or widths touched, no normal form.
_MOJIBAKE_ONLY = TextFixerConfig(
    unescape_html=False,
    remove_terminal_escapes=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    uncurl_quotes=False,
    fix_line_breaks=False,
    fix_surrogates=False,
    remove_control_chars=False,
    normalization=None,
    explain=False,
)

_TAG_NAMES = (
    "a|abbr|b|blockquote|br|cite|div|em|figure|font|h[1-6]|hr|i|iframe|img|li|ol|p|small|span|strong|sub|sup|table|td|tr"
    "|u|ul"
)
_TAG = re.compile(rf"</?(?:{_TAG_NAMES})(?:\s+[\w-]+\s*=[^<>]*|\s*/?)>", re.IGNORECASE)
_TORN_TAG = re.compile(rf"<(?:{_TAG_NAMES})\s+[\w-]+\s*=[^<>]*\Z|</(?:{_TAG_NAMES})\Z", re.IGNORECASE)
_BREAKS = re.compile(r"<(?:br|p|div|li|/p|/div|/li)\b", re.IGNORECASE)


def repaired(raw: str) -> str:
    """The text as a reader should see it: one line, no markup of HTML, no mojibake. Empty when nothing is left."""
    text = raw
    if not text.isascii() and (is_bad(text) or "\n" in text):  # what ftfy asks first; of each line
        text = fix_text(text, _MOJIBAKE_ONLY)
    if "<" in text:
        text = _without_tags(text)
    if "&" in text:
        text = html.unescape(html.unescape(text))
    return " ".join(_without_controls(text).split())


def _without_tags(text: str) -> str:
    """Known HTML tags go, whole or torn off at the end; `<Suspense>` and `a < b` are somebody's words and stay."""
    text = _BREAKS.sub(lambda tag: " " + tag[0], text)
    return _TORN_TAG.sub("", _TAG.sub("", text))


_ZERO_WIDTH_JOINERS = "\u200c\u200d"  # Persian and emoji need them


def _without_controls(text: str) -> str:
    """Control, format and surrogate characters go (U+FEFF, bidi overrides), line breaks become white space."""
    if text.isprintable():
        return text
    return "".join(c for c in text if c.isspace() or c in _ZERO_WIDTH_JOINERS or unicodedata.category(c) not in _UNSEEN)


_UNSEEN = {"Cc", "Cf", "Cs", "Cn", "Co"}


def folded(text: str) -> str:
    """The form under which names are compared: trimmed, one space between words, case-folded."""
    return " ".join(text.split()).casefold()


def storable(text: str) -> str:
    """What somebody typed, for a database: JSON can carry half a character (a lone surrogate), UTF-8 cannot, and
    PostgreSQL takes no NUL."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
