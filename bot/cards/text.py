"""Repair text for display: mojibake, HTML entities, torn tags, stray white space. The raw value is kept beside it."""

from __future__ import annotations

import html
import re
from html.entities import html5

import regex  # type: ignore[import-untyped]  # it comes without types
from ftfy import TextFixerConfig, fix_text
from ftfy.badness import is_bad

from bot.cards.markup import without_markup

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

# Only with its semicolon: an address in running text may hold `&copy=2`. Of longer numbers there is no character.
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def repaired(raw: str) -> str:
    """The text as a reader should see it: one line, no markup of HTML, no mojibake. Empty when nothing is left."""
    text = raw
    if not text.isascii() and (is_bad(text) or "\n" in text):  # what ftfy asks first; of each line
        text = fix_text(text, _MOJIBAKE_ONLY)
    if "<" in text:
        text = without_markup(text)
    if "&" in text:
        text = _unescaped(_unescaped(text))
    text = " ".join(_without_controls(text).split())
    return text if text.isascii() or _VISIBLE.search(text) else ""


def _unescaped(text: str) -> str:
    return _ENTITY.sub(_character, text)


def _character(entity: re.Match[str]) -> str:
    """`html.unescape` alone would take the beginning of `&copyright;` for an entity of its own."""
    name = entity[0][1:]
    return html.unescape(entity[0]) if name.startswith("#") else html5.get(name, entity[0])


# Zero-width joiners are needed by Persian and emoji, tags by flags of subdivisions (a black flag, the region's code,
# U+E007F): elsewhere they are text that nobody sees. Characters that these tables do not know yet (Cn) may be new emoji
# and stay; noncharacters are none.
_FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
_UNSEEN = regex.compile(
    rf"{_FLAG}(*SKIP)(*FAIL)|[[\p{{Cc}}\p{{Cf}}\p{{Cs}}\p{{Co}}\p{{Noncharacter_Code_Point}}]--[\s\x1c-\x1f\u200c\u200d]]"
    r"|[\p{Cn}&&\p{Default_Ignorable_Code_Point}]",
    regex.VERSION1,
)
# Signs that are letters or marks by name and show nothing: fillers, the blank pattern of Braille.
_VISIBLE = regex.compile(
    r"[^\p{Default_Ignorable_Code_Point}\p{Mark}\p{Separator}\p{Cc}\p{Cf}\u2800]|" + _FLAG, regex.VERSION1
)


def _without_controls(text: str) -> str:
    """Control, format and surrogate characters go (U+FEFF, bidi overrides), line breaks become white space."""
    return text if text.isprintable() else str(_UNSEEN.sub("", text))


def folded(text: str) -> str:
    """The form under which names are compared: trimmed, one space between words, case-folded."""
    return " ".join(text.split()).casefold()


def storable(text: str) -> str:
    """What somebody typed, for a database: JSON can carry half a character (a lone surrogate), UTF-8 cannot, and
    PostgreSQL takes no NUL."""
    if text.isascii() and "\x00" not in text:
        return text
    return text.encode("utf-8", "replace").decode("utf-8").replace("\x00", "")
