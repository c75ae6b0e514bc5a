"""Strip HTML markup but keep text about HTML: `<b>bold</b>` is stripped, `Why <b> is bad` is kept.

A tag is markup if it has attributes or is self-closing, if its counterpart is present, or if it is attached to a word,
like an unpaired tag (`<p>The story begins`, `its end</p>`). Otherwise it is text.
"""

from __future__ import annotations

import re
from collections import defaultdict

_NAMES = (
    "a|abbr|b|blockquote|br|cite|div|em|figure|font|h[1-6]|hr|i|iframe|img|li|ol|p|small|span|strong|sub|sup|table|td|tr"
    "|u|ul"
)
_SEPARATING = frozenset({"br", "div", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "p", "td", "tr"})
_ALONE = frozenset({"br", "hr"})
"""Tags without a counterpart."""

_TAG = re.compile(rf"<(?P<close>/)?(?P<name>{_NAMES})(?P<whole>\s+[\w-]+\s*=[^<>]*+|\s*/)?\s*>", re.IGNORECASE)
_TORN_TAG = re.compile(rf"<(?:{_NAMES})\s+[\w-]+\s*=[^<>]*+\Z|</(?:{_NAMES})\Z", re.IGNORECASE)
_WORD = re.compile(r"\w")
_BEGINS_WORD = re.compile(r"[\w\"'“‘«„¿¡(\[$€£#@&]")
_ENDS_WORD = re.compile(r"[\w\"'”’»).!?,;:…%\]]")


def strip_markup(text: str) -> str:
    """Strip tags from a text; tags that separate words become a space."""
    tags = list(_TAG.finditer(text))
    markup = _paired_tags(tags) | {tag.start() for tag in tags if tag["whole"]}
    beginnings, ends = {tag.start(): tag for tag in tags}, {tag.end(): tag for tag in tags}
    for tag in reversed(tags):  # an opening tag may be attached to another one
        follows = beginnings.get(tag.end())
        if not tag["close"] and _opens_word(text, tag, follows is not None and follows.start() in markup):
            markup.add(tag.start())
    for tag in tags:
        before = ends.get(tag.start())
        # In text order: a closing tag may be attached to the one before it.
        if tag["close"] and _closes_word(text, tag, before is not None and before.start() in markup):
            markup.add(tag.start())
    parts, done = [], 0
    for tag in (tag for tag in tags if tag.start() in markup):
        parts += [text[done : tag.start()], " " * (tag["name"].lower() in _SEPARATING)]
        done = tag.end()
    return _TORN_TAG.sub("", "".join([*parts, text[done:]]))


def _paired_tags(tags: list[re.Match[str]]) -> set[int]:
    """Offsets of tags with a counterpart; a `<br>` pairs with another `<br>`."""
    opened: defaultdict[str, list[int]] = defaultdict(list)
    paired: set[int] = set()
    for tag in tags:
        name = tag["name"].lower()
        if name in _ALONE and opened[name]:
            paired |= {opened[name][-1], tag.start()}
        if not tag["close"]:
            opened[name].append(tag.start())
        elif opened[name]:
            # Tags nest, so that the latest open one of the name is the counterpart.
            paired |= {opened[name].pop(), tag.start()}
    return paired


def _opens_word(text: str, tag: re.Match[str], is_before_markup: bool) -> bool:
    before, after = text[: tag.start()][-1:], text[tag.end() :][:1]
    if _is_quoted(before, after):
        return False
    name = tag["name"].lower()
    if name in _ALONE and _ENDS_WORD.match(before):
        return True
    if name not in _SEPARATING and _WORD.match(before):
        return False  # `List<b>x`
    return is_before_markup or _BEGINS_WORD.match(after) is not None


def _closes_word(text: str, tag: re.Match[str], is_behind_markup: bool) -> bool:
    before, after = text[: tag.start()][-1:], text[tag.end() :][:1]
    return not _is_quoted(before, after) and (is_behind_markup or _ENDS_WORD.match(before) is not None)


def _is_quoted(before: str, after: str) -> bool:
    """Whether a tag is quoted, so that it is text about HTML."""
    return bool(before) and before + after in _QUOTES


_QUOTES = {'""', "''", "``", "()", "[]", "“”", "„“", "‘’", "«»", "»«", "„”", "「」"}
