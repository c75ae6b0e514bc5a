"""Locate a file's front matter and parse it as YAML, TOML or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import frontmatter
from frontmatter.default_handlers import BaseHandler

from bot.cards.json_frontmatter import read_json
from bot.cards.parsed_matter import FrontMatterError, ParsedMatter, Path
from bot.cards.toml_frontmatter import read_toml
from bot.cards.yaml_frontmatter import YamlScalar, read_yaml

__all__ = [
    "FrontMatter",
    "FrontMatterError",
    "MatterPosition",
    "YamlScalar",
    "locate_front_matter",
    "split_front_matter",
]


@dataclass(frozen=True, slots=True)
class MatterPosition:
    """Location of the front matter and start of the body, as character offsets, and the front matter's language."""

    start: int
    end: int
    body: int
    language: str


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """A file's fields, their location, and the text they were parsed from."""

    matter: ParsedMatter
    place: MatterPosition
    text: str
    is_repaired: bool = False
    """Whether `secured` was removed from the text because it made the front matter unparseable."""

    @property
    def fields(self) -> dict[str, Any]:
        return self.matter.fields or {}

    @property
    def first_line(self) -> int:
        """Line number of the opening fence in the file, from 1."""
        return 1 + self.text.count("\n", 0, self.place.start)

    def line_of(self, *path: str | int) -> int:
        """Line number of a value in the file, or of the deepest existing part of its path."""
        return self.first_line + (self.matter.line_of(path) or 0)

    def duplicate_keys(self) -> Iterator[tuple[Path, int]]:
        """Duplicate keys, with their line numbers in the file."""
        return ((path, self.first_line + line) for path, line in self.matter.duplicate_keys())

    def raw_text(self) -> str:
        """The raw front matter, to which the offsets of `YamlScalar` scalars refer."""
        return self.text[self.place.start : self.place.end]

    def body_line(self) -> int | None:
        """Line number of the first text below the front matter; None if there is none."""
        if not (body := _SOLID.search(self.text, self.place.body)):
            return None
        return 1 + self.text.count("\n", 0, body.start())


_SOLID = re.compile(r"\S")
_FENCE = r"(?P<fence>-{{3,}}|\+{{3,}})[^\S\n]*(?P<language>{language})?(?P<rest>[^\S\n]*(?:(?<=\s)#[^\n]*)?)(?:\n|\Z)"
_OPENING = re.compile(_FENCE.format(language=r"[A-Za-z][\w+-]*"))
_REFUSED = re.compile(r";;;[^\S\n]*(?P<language>[A-Za-z][\w+-]*)[^\S\n]*$", re.MULTILINE)
# They start with the preceding newline, because `^` would be tried at every character.
_CLOSING = {
    "-": re.compile(r"\n(?:-{3,}|\.{3})[^\S\n]*(?:(?<=\s)#[^\n]*)?(?:\n|\Z)"),
    "+": re.compile(r"\n\+{3,}[^\S\n]*(?:(?<=\s)#[^\n]*)?(?:\n|\Z)"),
}
_OBJECT = re.compile(r'\{(?:\s*["}]|[^\S\n]*(?:\n|\Z))')
_LANGUAGES = {"yaml": "yaml", "yml": "yaml", "toml": "toml", "json": "json"}
_LANGUAGE_OF = {"-": "yaml", "+": "toml"}
_CUT_OFF = {"-", "--", "+", "++"}  # a file that is still being written


class _FencedHandler(BaseHandler):
    """Front matter between fences of three or more characters. The first may name the language and have a comment."""

    def __init__(self, sign: str) -> None:
        super().__init__(_OPENING)
        self._sign = sign

    def detect(self, text: str) -> bool:
        return text[:1] == self._sign and _OPENING.match(text) is not None

    def find_position(self, text: str) -> MatterPosition:
        opening: Any = _OPENING.match(text)
        language = opening["language"] or _LANGUAGE_OF[self._sign]
        if (known := _LANGUAGES.get(language.lower())) is None:
            raise _unknown_language_error(language)
        closing = _CLOSING[self._sign].search(text, opening.end() - 1)
        if closing is None:
            raise _unclosed_error()
        # A comment after the fence is valid in YAML and TOML, but not in JSON.
        start = opening.end() if known == "json" else opening.start("rest")
        return MatterPosition(start, closing.start() + 1, closing.end(), known)


class _BareJsonHandler(BaseHandler):
    """A JSON object without fences; its end is only known after parsing."""

    def __init__(self) -> None:
        super().__init__(_OBJECT)

    def find_position(self, text: str) -> MatterPosition:
        return MatterPosition(0, len(text), len(text), "json")


def _unknown_language_error(language: str) -> FrontMatterError:
    return FrontMatterError(
        f"front matter in {language!r} is refused: only YAML, TOML and JSON are read, and none is run"
    )


_HANDLERS = (_FencedHandler("-"), _FencedHandler("+"), _BareJsonHandler())


def locate_front_matter(text: str) -> MatterPosition | None:
    """Locate the front matter; None if there is none. Raises `FrontMatterError` with the line in the file.

    A byte order mark and blank lines may precede it. For JSON without fences, the end is that of the text; only
    `split_front_matter` determines the real one.
    """
    begin = len(text) - len(text.lstrip("\ufeff").lstrip())
    try:
        place = _locate(text[begin:])
    except FrontMatterError as error:
        raise FrontMatterError(error.problem, 1 + text.count("\n", 0, begin)) from None
    return place and MatterPosition(place.start + begin, place.end + begin, place.body + begin, place.language)


def _locate(text: str) -> MatterPosition | None:
    if refused := _REFUSED.match(text):
        raise _unknown_language_error(refused["language"])
    if text[:4].rstrip() in _CUT_OFF and not text[2:].strip():
        raise _unclosed_error()
    handler: Any = frontmatter.detect_format(text, _HANDLERS)
    place: MatterPosition | None = handler and handler.find_position(text)
    return place


def _unclosed_error() -> FrontMatterError:
    return FrontMatterError("the front matter is opened but never closed")


def split_front_matter(text: str) -> FrontMatter | None:
    """Parse a file's front matter; None if it has none. Raises `FrontMatterError` with the line in the file."""
    if "\r" in text and "\n" not in text:
        text = text.replace("\r", "\n")
    place = locate_front_matter(text)
    if place is None:
        return None
    try:
        return _read_matter(text, place)
    except FrontMatterError as error:
        problem = error
    for repaired, its_place in _drop_secured(text, place):
        try:
            return replace(_read_matter(repaired, its_place), is_repaired=True)
        except FrontMatterError as error:
            problem = error
    raise problem


def _read_matter(text: str, place: MatterPosition) -> FrontMatter:
    raw = text[place.start : place.end]
    first_line = 1 + text.count("\n", 0, place.start)
    try:
        if place.language == "json":
            matter, end = read_json(raw)
            place = _position_ending_at(place, text, end)
        else:
            matter = read_toml(raw) if place.language == "toml" else read_yaml(raw)
    except FrontMatterError as error:
        raise FrontMatterError(error.problem, first_line + error.line - 1) from error
    if not isinstance(matter.fields, dict | None):
        raise FrontMatterError("the front matter is not a list of fields", first_line)
    return FrontMatter(matter, place, text)


def _position_ending_at(place: MatterPosition, text: str, length: int) -> MatterPosition:
    """The location of a JSON object of this length; between fences, nothing may follow it."""
    end = place.start + length
    if place.body == len(text) == place.end:
        return replace(place, end=end, body=end)
    if _SOLID.search(text, end, place.end):
        raise FrontMatterError("not valid JSON: more than one object", 1 + text.count("\n", place.start, end))
    return place


def drop_broken_bytes(text: str) -> str | None:
    """Remove `secured` if that removes all lone surrogates, which stand for invalid UTF-8; None otherwise."""
    try:
        place = locate_front_matter(text)
    except FrontMatterError:
        return None
    for repaired, _ in _drop_secured(text, place) if place else ():
        if not _HALF.search(repaired):
            return repaired
    return None


_HALF = re.compile("[\ud800-\udfff]")

# Corrupted ciphertext in `secured` must not invalidate a card, as it is dropped anyway. It may contain an unterminated
# string, unindented lines or an invalid escape.
_NEXT_KEY = r"""["']?[A-Za-z][\w-]*+["']?[ \t]*[:=](?:\s|\Z)"""
_LINES = rf"""^["']?secured["']?[ \t]*[:=][^\n]*+(?:\n(?!{_NEXT_KEY}|\[|\}})[^\n]*+)*+"""
_QUOTED = r"""(?P<key>["']?secured["']?\s*[:=]\s*)"""
_SECURED = (
    (re.compile(_LINES, re.MULTILINE), ""),
    (re.compile(_QUOTED + r'"(?:[^"\\]|\\.)*+"(?=\s*[,}])', re.DOTALL), r"\g<key>null"),
    (re.compile(_QUOTED + r"[^\n]*?(?=\s*,?[^\S\n]*$)", re.MULTILINE), r"\g<key>null"),
    (re.compile(_QUOTED + r"[^\n]*+"), r"\g<key>null}"),
)
_SECURED_KEY = re.compile(r"""\bsecured["']?\s*[:=]""")


def _drop_secured(text: str, place: MatterPosition) -> Iterator[tuple[str, MatterPosition]]:
    """Yield the text with `secured` removed in one way after another, preserving line numbers, and the new location."""
    raw = text[place.start : place.end]
    if not _SECURED_KEY.search(raw):
        return
    for pattern, instead in _SECURED:
        repaired = pattern.sub(lambda found, to=instead: found.expand(to) + "\n" * found[0].count("\n"), raw)  # type: ignore[misc]
        shift = len(repaired) - len(raw)
        yield (
            text[: place.start] + repaired + text[place.end :],
            replace(place, end=place.end + shift, body=place.body + shift),
        )
