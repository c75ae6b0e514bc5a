"""Foreign text for Discord: nothing in it formats, links or mentions, and it is cut where a reader would cut it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from urllib.parse import quote

import regex  # type: ignore[import-untyped]  # it comes without types

from bot.language import joined, tr
from bot.render.limits import units

ELLIPSIS = "…"
_NEAR = 24
"""A cut goes back to the last space when it is at most this far away."""

_GRAPHEME = regex.compile(r"\X")
# Punctuation that a "prepended" letter has drawn into its own grapheme stays.
_LOOSE_END = regex.compile(r"(?<!\p{Grapheme_Cluster_Break=Prepend})[,;:–—-]+\Z")

_GAP = "\u200b"
# A backslash hides a mention from the client that shows it, not from the server that notifies: these are torn apart.
_MENTION = regex.compile(r"@(?=everyone|here)|<(?=[@#&!/:]|a:|t:|id:)", regex.IGNORECASE)
_SPECIAL = regex.compile(
    r"[\\*_~`|\[\]<]"
    r"|:(?=//|[\w+-]+:)"  # bare addresses, and :emoji: by name
    r"|(?<=^[^\S\n]*)(?:>|#(?=#{0,2}\s)|[-+](?=[\s#]))"  # quotes, headings, lists, small print
    r"|(?<=^[^\S\n]*\d+)\.(?=\s)",  # numbered lists
    regex.MULTILINE,
)


def escaped(text: str) -> str:
    """The text for a title, a description or a field, where each of its characters stands for itself."""
    return str(_SPECIAL.sub(r"\\\g<0>", unmentioned(text)))


def escaped_with(text: str, marks: Sequence[tuple[int, str]]) -> str:
    """`escaped`, with marks of our own before the characters at these places (in order)."""
    added = [(place, 0, mark) for place, mark in marks]
    added += [(found.end(), -1, _GAP) for found in _MENTION.finditer(text)]
    added += [(found.start(), 1, "\\") for found in _SPECIAL.finditer(text)]
    parts, done = [], 0
    for place, _, mark in sorted(added):
        parts += [text[done:place], mark]
        done = place
    return "".join([*parts, text[done:]])


def unmentioned(text: str) -> str:
    """The text for places that show no Markdown: author, footer."""
    return str(_MENTION.sub(rf"\g<0>{_GAP}", text))


# A link's label cannot be escaped: Discord shows the backslashes there (issue 6185 of its documentation), formats all
# the same, and shows no link where the label holds an address (issue 7721) or a bracket without its counterpart. So a
# title that would format stands before its link, escaped as everywhere.
_FORMATS = regex.compile(r"[\\\[\]]|\*[^*]*\*|_[^_]*_|~~|\|\||`[^`]*`")
_COLON = regex.compile(r":(?=//|[\w+-]+:)")
_UNSAFE_IN_TARGET = regex.compile(r"""[\s<>\\"'`]|@(?=everyone|here)""", regex.IGNORECASE)


def link(text: str, url: str) -> str:
    """A masked link, each sign of its text as it is; a text that would format stands before a link of its own.

    An address with parentheses stands in angle brackets, so that its bytes stay as they are.
    """
    target = _UNSAFE_IN_TARGET.sub(lambda found: quote(found[0], safe=""), url)
    target = f"<{target}>" if "(" in target or ")" in target else target
    line = " ".join(text.split())
    if _FORMATS.search(line):
        return f"{escaped(line)} [{tr('Open')}]({target})"
    return f"[{_label(line)}]({target})"


def _label(line: str) -> str:
    return _COLON.sub(rf":{_GAP}", unmentioned(line)) or "link"


def cut(text: str, limit: int) -> str:
    """At most `limit` UTF-16 units of the text: whole graphemes, at a space where one is near, then an ellipsis."""
    if units(text) <= limit:
        return text
    return _LOOSE_END.sub("", _beginning(text, limit - 1)) + ELLIPSIS if limit > 0 else ""


def _beginning(text: str, limit: int) -> str:
    used = end = word = 0
    after_space = True
    for grapheme in _GRAPHEME.finditer(text):
        is_space = grapheme[0].isspace()
        word = end if is_space and not after_space else word
        used += units(grapheme[0])
        if used > limit:
            break
        end, after_space = grapheme.end(), is_space
    return text[: word if word and end - word <= _NEAR else end]


def fitted(text: str, limit: int) -> str:
    """Escaped, and cut so that the escaped form fits."""
    return fitted_by(escaped, text, limit)


def fitted_plain(text: str, limit: int) -> str:
    """One line for a place that shows no Markdown, cut to fit."""
    return fitted_by(unmentioned, " ".join(text.split()), limit)


_SHORTEST_LABEL = 12


def fitted_link(text: str, url: str, limit: int) -> str:
    """A masked link whose label is cut until the whole fits; empty when the address leaves no room for a label."""
    if units(link("", url)) + _SHORTEST_LABEL > limit:
        return ""
    return fitted_by(partial(link, url=url), text, limit)


def fitted_by(form: Callable[[str], str], text: str, limit: int) -> str:
    """The longest cut whose form fits. Forms only ever grow a text, so the search begins at the limit itself."""
    short = cut(text, limit)
    if units(form(short)) <= limit:
        return form(short)
    fits, too_long = 0, limit
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        fits, too_long = (middle, too_long) if units(form(cut(short, middle))) <= limit else (fits, middle)
    return form(cut(short, fits))


def bold_names(names: Sequence[str]) -> str:
    """`**One**, **Two** and **Three**`; for names of our own or of Discord's, which need no escaping."""
    return joined(f"**{name}**" for name in names)
