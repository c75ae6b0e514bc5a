"""Repair text for display: mojibake, HTML entities, stray tags and whitespace. Cards keep the raw value as well."""

from __future__ import annotations

import html
import re
from html.entities import html5

import regex  # type: ignore[import-untyped]  # it comes without types
from ftfy import TextFixerConfig, fix_text
from ftfy.badness import is_bad

from bot.cards.html_markup import strip_markup

# Fix only certain mojibake: keep curly quotes, ligatures and character widths, and do not normalize.
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

# The semicolon is required: a URL in running text may contain `&copy=2`. Longer numbers are not code points.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def clean_text(raw: str) -> str:
    """Repair a text for display: one line, no HTML markup, no mojibake. Empty if nothing visible is left."""
    text = raw
    if not text.isascii() and (is_bad(text) or "\n" in text):  # ftfy's own precheck, which it applies per line
        text = fix_text(text, _MOJIBAKE_ONLY)
    if "<" in text:
        text = strip_markup(text)
    if "&" in text:
        text = _unescape_entities(_unescape_entities(text))
    text = " ".join(_strip_controls(text).split())
    return text if text.isascii() or _VISIBLE.search(text) else ""


def _unescape_entities(text: str) -> str:
    return _ENTITY.sub(_entity_character, text)


def _entity_character(entity: re.Match[str]) -> str:
    """Unescape one whole entity: `html.unescape` alone would expand the prefix of `&copyright;`."""
    name = entity[0][1:]
    return html.unescape(entity[0]) if name.startswith("#") else html5.get(name, entity[0])


# Persian and emoji need zero-width joiners, subdivision flags need tag characters (a black flag, the region's code,
# U+E007F); elsewhere, tags are invisible text. Unassigned characters (Cn) may be new emoji and are kept, except for
# noncharacters.
_FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
_UNSEEN = regex.compile(
    rf"{_FLAG}(*SKIP)(*FAIL)|[[\p{{Cc}}\p{{Cf}}\p{{Cs}}\p{{Co}}\p{{Noncharacter_Code_Point}}]--[\s\x1c-\x1f\u200c\u200d]]"
    r"|[\p{Cn}&&\p{Default_Ignorable_Code_Point}]",
    regex.VERSION1,
)
# Excludes characters categorized as letters or symbols that are invisible: fillers, the blank Braille pattern.
_VISIBLE = regex.compile(
    r"[^\p{Default_Ignorable_Code_Point}\p{Mark}\p{Separator}\p{Cc}\p{Cf}\u2800]|" + _FLAG, regex.VERSION1
)


def _strip_controls(text: str) -> str:
    """Remove control, format and surrogate characters (U+FEFF, bidi overrides); line breaks are kept as whitespace."""
    return text if text.isprintable() else str(_UNSEEN.sub("", text))


def normalize_name(text: str) -> str:
    """Fold a name for comparison: trimmed, single spaces, case-folded."""
    return " ".join(text.split()).casefold()


def strip_unstorable(text: str) -> str:
    """Make user input storable: replace lone surrogates, which JSON allows but UTF-8 does not, and remove NUL, which
    PostgreSQL rejects."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
