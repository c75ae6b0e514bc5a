"""Parse YAML front matter, keeping every scalar as written, with its position.

YAML would turn a topic `NO` into False, `1984` into a number and a title `2020-02-05` into a date. So only null is
resolved here; `bot.cards.converters` converts each field to the type it should have.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from bot.cards.parsed_matter import DEEPEST, MAX_EXPANDED, FrontMatterError, ParsedMatter, Path


class YamlScalar(str):
    """A YAML scalar as written: its text, whether it was unquoted (`plain`), and its position in the front matter.

    `line` is its first line (from 0), `end` the character offset after it.
    """

    __slots__ = ("end", "line", "plain")
    line: int
    end: int
    plain: bool


# libyaml rejects C1 control characters, which broken exports leave in titles (a closing quote is "â€" + U+009D).
# They are mapped to private-use characters while parsing.
_C1 = re.compile("[\x80-\x84\x86-\x9f]")
_TO_PRIVATE = {code: 0xE000 + code for code in range(0x80, 0xA0) if code != 0x85}
_FROM_PRIVATE = {private: code for code, private in _TO_PRIVATE.items()}

_NULLS = {"", "~", "null", "Null", "NULL"}
_NULL_TAG = "tag:yaml.org,2002:null"
_MERGE = "<<"
# libyaml compares each `%TAG` with all previous ones (quadratic time); front matter has no use for directives.
_DIRECTIVE = re.compile(r"(?:[ \t]*+(?:#[^\n]*+)?\r?\n)*+%")

_CParser: Any = vars(yaml.cyaml)["CParser"]


def read_yaml(text: str) -> ParsedMatter:
    """Parse YAML front matter. Raises `FrontMatterError` with the line within the front matter."""
    if directive := _DIRECTIVE.match(text):
        raise FrontMatterError(
            "not valid YAML: a line with % has no place here", text.count("\n", 0, directive.end()) + 1
        )
    builder = _DocumentBuilder(text)
    try:
        fields = builder.build_document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = f"not valid YAML: {error.problem or error.context}"
        raise FrontMatterError(problem, mark.line + 1 if mark else 1) from error
    except yaml.YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0) or 0) + 1
        raise FrontMatterError(f"not valid YAML: {_describe_error(error)}", line) from error
    return ParsedMatter(
        fields, lambda path: _line_of(fields, path), lambda: [((key,), key.line) for key in builder.duplicate_keys]
    )


def _describe_error(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        # libyaml gives the code point, PyYAML the character.
        code = error.character if isinstance(error.character, int) else ord(error.character)
        return f"the character U+{code:04X} is not allowed"
    return str(error)


def _holds_c1(text: str) -> bool:
    """Whether the text has C1 controls. In UTF-8 they all start with 0xC2, and searching bytes is 20 times as fast."""
    return not text.isascii() and b"\xc2" in text.encode("utf-8", "surrogatepass") and _C1.search(text) is not None


class _DocumentBuilder:
    """Build one document directly from libyaml events, twice as fast as with nodes and constructors.

    Explicit tags (`!!python/object`, `!ruby/object`) are reduced to the plain node. `duplicate_keys` are the duplicate
    keys.
    """

    def __init__(self, text: str) -> None:
        self.duplicate_keys: list[YamlScalar] = []
        self._hidden = _holds_c1(text)
        self._next = _CParser(text.translate(_TO_PRIVATE) if self._hidden else text).get_event
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._depth = 0
        self._end = 0  # end of the most recently closed collection
        self._expanded = 0  # total characters repeated by aliases, as if expanded

    def build_document(self) -> Any:
        self._next()
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None
        value = self._build_value(self._next())
        self._next()
        if not isinstance(event := self._next(), yaml.StreamEndEvent):
            raise _event_error("expected a single document", event)
        return value

    def _build_value(self, event: Any) -> Any:
        value: Any
        expanded = self._expanded
        if isinstance(event, yaml.ScalarEvent):
            value = self._build_scalar(event)
        elif isinstance(event, yaml.MappingStartEvent):
            value = self._build_mapping(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._build_sequence(event)
        else:
            return self._resolve_alias(event)
        if event.anchor:
            self._anchors[event.anchor] = (
                value,
                self._node_size(event, isinstance(value, str)) + self._expanded - expanded,
            )
        return value

    def _node_size(self, event: Any, is_scalar: bool) -> int:
        """Length in characters of the node that started with this event and was just read."""
        return int((event.end_mark.index if is_scalar else self._end) - event.start_mark.index)

    def _resolve_alias(self, event: Any) -> Any:
        if event.anchor not in self._anchors:
            raise _event_error("found undefined alias", event)
        value, size = self._anchors[event.anchor]
        self._expanded += size
        if self._expanded > MAX_EXPANDED:
            raise _event_error(f"its aliases repeat more than {MAX_EXPANDED:,} characters", event)
        return value

    def _build_scalar(self, event: Any) -> YamlScalar | None:
        value = event.value
        plain = not event.style  # libyaml says "", PyYAML None
        if event.tag == _NULL_TAG or (plain and not event.tag and value in _NULLS):
            return None
        text = YamlScalar(value.translate(_FROM_PRIVATE) if self._hidden else value)
        text.line = event.start_mark.line
        text.end = event.end_mark.index
        text.plain = plain
        return text

    def _build_sequence(self, event: Any) -> list[Any]:
        result = []
        self._enter_node(event)
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            result.append(self._build_value(event))
        self._leave_node(event)
        return result

    def _build_mapping(self, event: Any) -> dict[Any, Any]:
        """Build a map. Of duplicate keys the last one wins, with its line; merged keys (`<<`) come after its own."""
        result: dict[Any, Any] = {}
        merged: list[Any] = []
        self._enter_node(event)
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key = self._build_value(event)
            if isinstance(key, dict | list):
                raise _event_error("a list or map cannot be a key", event)
            if key == _MERGE and key.plain:
                merged.append(self._build_value(self._next()))
                continue
            if key in result:
                del result[key]
                self._note_second(key)
            result[key] = self._build_value(self._next())
        self._leave_node(event)
        for value in merged:
            _merge_map(result, value, event)
        return result

    def _note_second(self, key: YamlScalar | None) -> None:
        if key is not None:
            self.duplicate_keys.append(key)

    def _enter_node(self, event: Any) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise _event_error("too deeply nested", event)

    def _leave_node(self, event: Any) -> None:
        self._depth -= 1
        self._end = event.end_mark.index


def _merge_map(found: dict[Any, Any], value: Any, event: Any) -> None:
    """Add keys that the map does not define itself; of several merged maps the first wins."""
    for each in value if isinstance(value, list) else [value]:
        if not isinstance(each, dict):
            raise _event_error("`<<` takes a map, or a list of maps", event)
        for key, inner in each.items():
            found.setdefault(key, inner)


def _event_error(problem: str, event: Any) -> FrontMatterError:
    return FrontMatterError(f"not valid YAML: {problem}", event.start_mark.line + 1)


def _line_of(value: Any, path: Path) -> int | None:
    """The line of the deepest existing part of a path, from 0."""
    line: int | None = None
    for step in path:
        if isinstance(value, dict) and step in value:
            key = next(key for key in value if key == step)
            line = key.line if isinstance(key, YamlScalar) else line
            value = value[step]
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
            line = _first_line_of(value, line)
        else:
            break
    return line


def _first_line_of(value: Any, line: int | None) -> int | None:
    """The line of an item's first scalar; `line` if it has none."""
    while isinstance(value, dict | list) and value:
        value = next(iter(value))
    return value.line if isinstance(value, YamlScalar) else line
