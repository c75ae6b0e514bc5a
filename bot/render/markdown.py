"""Escape untrusted text for Discord: no formatting, links or mentions; and truncate it at readable boundaries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import quote

import regex  # type: ignore[import-untyped]  # no type stubs

from bot.i18n import format_list, tr
from bot.render.limits import count_units

ELLIPSIS = "…"
_NEAR = 24
"""Maximum distance to the last space at which a cut may go back to it."""

_GRAPHEME = regex.compile(r"\X")
# Keep punctuation that a "prepended" letter has absorbed into its grapheme.
_LOOSE_END = regex.compile(r"(?<!\p{Grapheme_Cluster_Break=Prepend})[,;:–—-]+\Z")

_GAP = "\u200b"
# A backslash hides a mention from clients, but the server still notifies: break these up.
_MENTION = regex.compile(r"@(?=everyone|here)|<(?=[@#&!/:]|a:|t:|id:)", regex.IGNORECASE)
_SPECIAL = regex.compile(
    r"[\\*_~`|\[\]<]"
    r"|:(?=//|[\w+-]+:)"  # bare URLs, and :emoji: by name
    r"|(?<=^[^\S\n]*)(?:>|#(?=#{0,2}\s)|[-+](?=[\s#]))"  # quotes, headings, lists, small print
    r"|(?<=^[^\S\n]*\d+)\.(?=\s)",  # numbered lists
    regex.MULTILINE,
)


def escape_markdown(text: str) -> str:
    """Escape text for a title, description or field, so that every character is literal."""
    return str(_SPECIAL.sub(r"\\\g<0>", neutralize_mentions(text)))


def escape_with_marks(text: str, marks: Sequence[tuple[int, str]]) -> str:
    """Like `escape_markdown`, with our own markup inserted before the characters at these positions (in order)."""
    added = [(place, 0, mark) for place, mark in marks]
    added += [(match.end(), -1, _GAP) for match in _MENTION.finditer(text)]
    added += [(match.start(), 1, "\\") for match in _SPECIAL.finditer(text)]
    parts, done = [], 0
    for place, _, mark in sorted(added):
        parts += [text[done:place], mark]
        done = place
    return "".join([*parts, text[done:]])


def neutralize_mentions(text: str) -> str:
    """Break up mentions, for places that do not render Markdown: author, footer."""
    return str(_MENTION.sub(rf"\g<0>{_GAP}", text))


# Link labels cannot be escaped: Discord shows the backslashes there (issue 6185 of its documentation) yet still
# formats, and does not link if the label contains a URL (issue 7721) or an unbalanced bracket. So a title that would
# be formatted is put before its link, escaped as everywhere else.
_FORMATS = regex.compile(r"[\\\[\]]|\*[^*]*\*|_[^_]*_|~~|\|\||`[^`]*`")
_COLON = regex.compile(r":(?=//|[\w+-]+:)")
_UNSAFE_IN_TARGET = regex.compile(r"""[\s<>\\"'`]|@(?=everyone|here)""", regex.IGNORECASE)


def masked_link(text: str, url: str) -> str:
    """Return a masked link with literal text; text that would be formatted goes before a separate link.

    A URL with parentheses is wrapped in angle brackets, to keep it byte for byte.
    """
    target = _UNSAFE_IN_TARGET.sub(lambda found: quote(found[0], safe=""), url)
    target = f"<{target}>" if "(" in target or ")" in target else target
    line = " ".join(text.split())
    if _FORMATS.search(line):
        return f"{escape_markdown(line)} [{tr('Open')}]({target})"
    return f"[{_link_label(line)}]({target})"


def _link_label(line: str) -> str:
    return _COLON.sub(rf":{_GAP}", neutralize_mentions(line)) or "link"


def cut_text(text: str, limit: int) -> str:
    """Truncate to `limit` UTF-16 units: whole graphemes, at a space if one is near, then an ellipsis."""
    if count_units(text) <= limit:
        return text
    return _LOOSE_END.sub("", _leading_part(text, limit - 1)) + ELLIPSIS if limit > 0 else ""


def _leading_part(text: str, limit: int) -> str:
    used = end = word = 0
    after_space = True
    for grapheme in _GRAPHEME.finditer(text):
        is_space = grapheme[0].isspace()
        word = end if is_space and not after_space else word
        used += count_units(grapheme[0])
        if used > limit:
            break
        end, after_space = grapheme.end(), is_space
    return text[: word if word and end - word <= _NEAR else end]


def fit_escaped(text: str, limit: int) -> str:
    """Escape and truncate, so that the escaped form fits."""
    return fit_form(escape_markdown, text, limit)


def fit_plain(text: str, limit: int) -> str:
    """Return one line for places that do not render Markdown, truncated to fit."""
    return fit_form(neutralize_mentions, " ".join(text.split()), limit)


_SHORTEST_LABEL = 12


def fit_link(text: str, url: str, limit: int) -> str:
    """Return a masked link with its label truncated to fit; empty if the URL leaves no room for one."""
    if count_units(masked_link("", url)) + _SHORTEST_LABEL > limit:
        return ""
    return fit_form(partial(masked_link, url=url), text, limit)


def fit_form(form: Callable[[str], str], text: str, limit: int) -> str:
    """Return the longest cut whose form fits. `form` never shortens a text, so the search starts at the limit."""
    short = cut_text(text, limit)
    if count_units(form(short)) <= limit:
        return form(short)
    fits, too_long = 0, limit
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        fits, too_long = (middle, too_long) if count_units(form(cut_text(short, middle))) <= limit else (fits, middle)
    return form(cut_text(short, fits))


def bold_names(names: Sequence[str]) -> str:
    """Return `**One**, **Two** and **Three**`; for our own or Discord's names, which need no escaping."""
    return format_list(f"**{name}**" for name in names)
