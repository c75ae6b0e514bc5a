"""HTML fragments of feeds: their text and the first picture worth showing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode

from bot.cards.model import Image
from bot.cards.text import clean_text
from bot.cards.urls import is_svg, parse_link

MAX_FRAGMENT = 32 * 1024
"""Maximum characters of a fragment that are parsed. HTML engines take quadratic time for hostile nesting: 32 kB stay
under 0.15 s with every engine tried, 256 kB hang for more than 10 s."""
_MAX_TEXT = 4000  # characters of text that are repaired; an excerpt has far fewer
_MIN_SIDE = 200
"""Minimum width and height in pixels of a picture in a text; smaller ones are icons and tracking pixels."""
_MAX_SEARCHED = 50  # pictures looked at

_BLOCK = re.compile(
    r"<(?=/?(?:article|blockquote|br|dd|div|dt|figure|figcaption|h[1-6]|hr|li|p|pre|section|t[dhr])\b)", re.I
)
_HIDDEN = re.compile(r"<(?:script|style|iframe|noscript|object|template|svg|form)\b", re.IGNORECASE)
_HIDDEN_TAGS = ["script", "style", "iframe", "noscript", "object", "template", "svg", "form"]
# The line that WordPress puts under each text of its feeds.
_APPEARED = re.compile(r"\s*The post .{1,300} (?:appeared first on|first appeared on) .{1,100}$")
# All that forums write about a post that is no more than a link.
_NOT_A_TEXT = re.compile(r"(?:submitted by /u/\S+|\[link\]|\[comments\]|Comments|\s)+")
_SHORT = 200  # characters; the pattern would take quadratic time for a long text


def parse_fragment(source: str) -> LexborHTMLParser:
    """Parse the beginning of a fragment."""
    # A space before each block keeps the words of neighbouring blocks apart; between inline tags there must be none.
    tree = LexborHTMLParser(_BLOCK.sub(" <", source[:MAX_FRAGMENT]))
    if _HIDDEN.search(source, 0, MAX_FRAGMENT):
        tree.strip_tags(_HIDDEN_TAGS, recursive=True)
    return tree


def extract_text(source: str) -> str:
    """Return the text of a fragment on one line, repaired for display."""
    if "<" in source:
        body = parse_fragment(source).body
        source = body.text() if body else ""
    text = " ".join(source[: 4 * _MAX_TEXT].split())[:_MAX_TEXT]
    text = _APPEARED.sub("", clean_text(text))
    return "" if len(text) <= _SHORT and _NOT_A_TEXT.fullmatch(text) else text


def find_image(source: str, base: str) -> Image | None:
    """Return the first picture of a fragment that is not known to be small or to track readers."""
    if "<img" not in source[:MAX_FRAGMENT].lower():
        return None
    for node in parse_fragment(source).css("img")[:_MAX_SEARCHED]:
        if image := _to_image(node, base):
            return image
    return None


_UNIT = re.compile(r"\s*(\d{1,5})(?:\.\d+)?\s*(?:px)?\s*$", re.IGNORECASE)
_STYLED = re.compile(r"(?:^|;)\s*(width|height)\s*:\s*(\d{1,5})px", re.IGNORECASE)
# Pictures that stand in most texts of a feed and show nothing of the story.
_DECORATION = re.compile(
    r"/~r/|/~ff/|feedburner|feedsportal|doubleclick|gravatar\.com/avatar|/emoji/|/smil(?:ey|ies)/"
    r"|[/_-](?:spacer|blank|1x1|avatar)[._-]|/(?:pixel|tracking|counter|share|icons?)[/.]|//(?:pixel|stats?)\."
    r"|/count\b",
    re.IGNORECASE,
)


def _to_image(node: LexborNode, base: str) -> Image | None:
    attributes = node.attributes
    sizes = {name: parse_size(attributes.get(name)) for name in ("width", "height")}
    sizes |= {name.lower(): int(size) for name, size in _STYLED.findall(attributes.get("style") or "")}
    if any(0 < size < _MIN_SIDE for size in sizes.values()) or _is_zero(attributes):
        return None
    for address in _iter_addresses(attributes):
        url = resolve_link(address, base)
        if url and not is_svg(url) and not _DECORATION.search(url):
            return Image(url, sizes["width"], sizes["height"])
    return None


def _is_zero(attributes: dict[str, str | None]) -> bool:
    return any((attributes.get(name) or "").strip() in ("0", "0px") for name in ("width", "height"))


def _iter_addresses(attributes: dict[str, str | None]) -> Iterator[str]:
    """Yield the addresses of a picture, also of one that a script of the page would load later."""
    for name in ("src", "data-src", "data-lazy-src", "data-original"):
        address = (attributes.get(name) or "").strip()
        if address and not address.startswith("data:"):
            yield address
    if candidates := (attributes.get("srcset") or "").split():
        yield candidates[0].rstrip(",")


def parse_size(value: object) -> int:
    """Parse a width or height in pixels; 0 if unknown."""
    match = _UNIT.match(str(value or ""))
    return int(match[1]) if match else 0


def resolve_link(address: str, base: str) -> str | None:
    """Resolve a link; None if it is empty or must not be linked."""
    if not address.strip():
        return None  # it would be the base itself
    is_absolute = address.startswith(("https://", "http://"))
    return parse_link(address if is_absolute else join_url(base, address.strip()))


def join_url(base: str, address: str) -> str:
    """Resolve an address, which need not be fit for linking; a malformed one counts as missing."""
    try:
        return urljoin(base, address)
    except ValueError:
        return base


_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)\]]*(?=\s|$)|[。！？]")
_LEAST_SHARE = 0.4


def cut_at_sentence(text: str, limit: int) -> str:
    """Cut a text to at most `limit` characters, after a whole sentence if there is one in its last part."""
    if len(text) <= limit:
        return text
    ends = [match.end() for match in _SENTENCE_END.finditer(text[:limit])]
    if ends and ends[-1] >= limit * _LEAST_SHARE:
        return text[: ends[-1]]
    head = text[: limit - 1]
    words = head.rpartition(" ")[0]
    return (words if len(words) >= limit * _LEAST_SHARE else head).rstrip(" ,;:–-") + "…"
