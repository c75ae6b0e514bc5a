"""Split a file into its front matter's fields, with every scalar as written and the line it stands on.

YAML would turn a topic `NO` into False, `1984` into a number and a title `2020-02-05` into a date. So the YAML reader
here resolves nothing but null: `bot.cards.reading` decides what each field is to be.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from typing import Any

import frontmatter
import yaml
from frontmatter.default_handlers import BaseHandler, JSONHandler, YAMLHandler


class FrontMatterError(Exception):
    """The front matter cannot be read. `line` counts from 1 within the file."""

    def __init__(self, problem: str, line: int = 1) -> None:
        super().__init__(problem)
        self.problem = problem
        self.line = line


class Written(str):
    """A scalar as written in YAML: its text, its line in the front matter (from 0), and whether it was unquoted."""

    __slots__ = ("line", "plain")
    line: int
    plain: bool


# libyaml refuses C1 control characters, which broken exports leave in titles (a closing quote is "â€" + U+009D).
# They travel through the parser as private-use characters.
_C1 = re.compile("[\x80-\x84\x86-\x9f]")
_TO_PRIVATE = {code: 0xE000 + code for code in range(0x80, 0xA0) if code != 0x85}
_FROM_PRIVATE = {private: code for code, private in _TO_PRIVATE.items()}

_NULLS = {"", "~", "null", "Null", "NULL"}
_NULL_TAG = "tag:yaml.org,2002:null"

_CParser: Any = vars(yaml.cyaml)["CParser"]


class _Builder:
    """Builds one document from libyaml's events: nodes and constructors in between would take twice the time.

    An explicit tag (`!!python/object`, `!ruby/object`) is taken for the plain shape it stands on.
    """

    def __init__(self, text: str) -> None:
        self._hidden = _C1.search(text) is not None
        self._next = _CParser(text.translate(_TO_PRIVATE) if self._hidden else text).get_event
        self._anchored: dict[str, Any] = {}

    def document(self) -> Any:
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        try:
            value = self._value(self._next())
        except RecursionError:
            raise _refused("too deeply nested", self._next()) from None
        self._next()
        if not isinstance(event := self._next(), yaml.StreamEndEvent):
            raise _refused("expected a single document", event)
        return value

    def _value(self, event: Any) -> Any:
        value: Any
        if isinstance(event, yaml.ScalarEvent):
            value = self._scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            value = self._mapping()
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence()
        elif event.anchor in self._anchored:
            return self._anchored[event.anchor]
        else:
            raise _refused("found undefined alias", event)
        if event.anchor:
            self._anchored[event.anchor] = value
        return value

    def _scalar(self, event: Any) -> Written | None:
        value = event.value
        plain = not event.style  # libyaml says "", PyYAML None
        if event.tag == _NULL_TAG or (plain and not event.tag and value in _NULLS):
            return None
        text = Written(value.translate(_FROM_PRIVATE) if self._hidden else value)
        text.line = event.start_mark.line
        text.plain = plain
        return text

    def _sequence(self) -> list[Any]:
        found = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            found.append(self._value(event))
        return found

    def _mapping(self) -> dict[Any, Any]:
        """Of a key that stands twice the last one counts, with its line."""
        found: dict[Any, Any] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._value(event)
            if isinstance(key, dict | list):
                raise _refused("a list or map cannot be a key", event)
            found.pop(key, None)
            found[key] = self._value(self._next())
        return found


def _refused(problem: str, event: Any) -> FrontMatterError:
    return FrontMatterError(f"not valid YAML: {problem}", event.start_mark.line + 1)


class _Yaml(YAMLHandler):
    def load(self, fm: str, **_: object) -> Any:
        try:
            return _Builder(fm).document()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise FrontMatterError(
                f"not valid YAML: {error.problem or error.context}", mark.line + 1 if mark else 1
            ) from error
        except yaml.YAMLError as error:
            line = fm.count("\n", 0, getattr(error, "position", 0) or 0) + 1
            raise FrontMatterError(f"not valid YAML: {_reason(error)}", line) from error


def _reason(error: BaseException) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        # libyaml gives the character's number, PyYAML the character itself.
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return f"the character U+{code:04X} is not allowed"
    return "too deeply nested" if isinstance(error, RecursionError) else str(error)


class _Toml(BaseHandler):
    FM_BOUNDARY = re.compile(r"^\+{3,}\s*$", re.MULTILINE)
    START_DELIMITER = END_DELIMITER = "+++"

    def load(self, fm: str) -> Any:
        try:
            return tomllib.loads(fm.replace("\r\n", "\n"))
        except (ValueError, RecursionError) as error:
            line = re.search(r"at line (\d+)", str(error))
            raise FrontMatterError(f"not valid TOML: {_reason(error)}", int(line[1]) if line else 1) from error


class _Json(JSONHandler):
    def load(self, fm: str, **_: object) -> Any:
        try:
            return json.loads(fm)
        except (ValueError, RecursionError) as error:
            raise FrontMatterError(f"not valid JSON: {_reason(error)}", getattr(error, "lineno", 1)) from error


_HANDLERS = (_Yaml(), _Toml(), _Json())
_LANGUAGE = re.compile(r"\A(?:---|\+\+\+|;;;)[ \t]*([A-Za-z][\w+-]*)[ \t]*\r?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class FrontMatter:
    """A file's fields, and the line of the file on which they begin (from 1)."""

    fields: dict[str, Any]
    first_line: int = 1

    def line(self, name: str) -> int:
        """The line in the file where a field stands: exact for YAML, else that of the front matter."""
        for key in self.fields:
            if key == name and isinstance(key, Written):
                return self.first_line + key.line
        return self.first_line


# Ciphertext that broke in transit is the one thing that must not cost a card its place: it is dropped anyway.
_SECURED = re.compile(r"^secured[ \t]*[:=].*(?:\n[ \t]+.*)*", re.MULTILINE)


def split(text: str) -> FrontMatter | None:
    """A file's front matter, or None when it has none. Raises `FrontMatterError`, with the file's line."""
    text = text.lstrip("\ufeff")
    if language := _LANGUAGE.match(text):
        raise FrontMatterError(
            f"front matter in {language[1]!r} is refused: only YAML, TOML and JSON are read, and none is run"
        )
    handler = frontmatter.detect_format(text, _HANDLERS)
    if handler is None:
        return None
    try:
        raw, _ = handler.split(text)
    except ValueError:
        raise FrontMatterError("the front matter is opened but never closed") from None
    first_line = 1 + text.count("\n", 0, max(0, text.find(raw.strip("{}"))))
    try:
        fields = _loaded(handler, raw, first_line)
    except FrontMatterError:
        if not _SECURED.search(raw):
            raise
        fields = _loaded(handler, _SECURED.sub(lambda lines: "\n" * lines[0].count("\n"), raw), first_line)
    return FrontMatter(fields, first_line)


def _loaded(handler: BaseHandler, raw: str, first_line: int) -> dict[str, Any]:
    try:
        fields = handler.load(raw)
    except FrontMatterError as error:
        raise FrontMatterError(error.problem, first_line + error.line - 1) from error
    if not isinstance(fields, dict | None):
        raise FrontMatterError("the front matter is not a list of fields", first_line)
    return fields or {}
