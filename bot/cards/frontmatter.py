"""Split a file into its front matter's fields, with every scalar as written and the line it stands on.

YAML would turn a topic `NO` into False, `1984` into a number and a title `2020-02-05` into a date. So the YAML loader
here resolves nothing but null: `bot.cards.reading` decides what each field is to be.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass
from typing import Any, cast

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

_NULL = re.compile(r"^(?:~|null|Null|NULL|)$")
_NULL_TAG = "tag:yaml.org,2002:null"


class _Resolver(yaml.resolver.BaseResolver):
    pass


_Resolver.add_implicit_resolver(_NULL_TAG, _NULL, ["~", "n", "N", ""])

_CParser: Any = vars(yaml.cyaml)["CParser"]


class _Loader(_CParser, yaml.constructor.BaseConstructor, _Resolver):  # type: ignore[misc]
    """libyaml's parser with text-only scalars."""

    def __init__(self, stream: str) -> None:
        self.hidden = _C1.search(stream) is not None
        _CParser.__init__(self, stream.translate(_TO_PRIVATE) if self.hidden else stream)
        yaml.constructor.BaseConstructor.__init__(self)
        _Resolver.__init__(self)

    def written(self, node: yaml.ScalarNode) -> Written:
        text = Written(node.value.translate(_FROM_PRIVATE) if self.hidden else node.value)
        text.line = node.start_mark.line
        text.plain = not node.style  # libyaml says "", PyYAML None
        return text

    def sequence(self, node: yaml.SequenceNode) -> list[Any]:
        return self.construct_sequence(node, deep=True)

    def mapping(self, node: yaml.MappingNode) -> dict[Any, Any]:
        return self.construct_mapping(node, deep=True)

    def unknown(self, node: yaml.Node) -> Any:
        """An explicit tag (`!!python/object`, `!ruby/object`) is taken for the plain shape it stands on."""
        if isinstance(node, yaml.ScalarNode):
            return self.written(node)
        if isinstance(node, yaml.SequenceNode):
            return self.sequence(node)
        return self.mapping(cast("yaml.MappingNode", node))


_Loader.add_constructor(_NULL_TAG, lambda _loader, _node: None)
_Loader.add_constructor(_Resolver.DEFAULT_SCALAR_TAG, _Loader.written)
_Loader.add_constructor(_Resolver.DEFAULT_SEQUENCE_TAG, _Loader.sequence)
_Loader.add_constructor(_Resolver.DEFAULT_MAPPING_TAG, _Loader.mapping)
_Loader.add_constructor(None, _Loader.unknown)


class _Yaml(YAMLHandler):
    def load(self, fm: str, **_: object) -> Any:
        loader = _Loader(fm)
        try:
            return loader.get_single_data()
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise FrontMatterError(
                f"not valid YAML: {error.problem or error.context}", mark.line + 1 if mark else 1
            ) from error
        except (yaml.YAMLError, RecursionError) as error:
            line = fm.count("\n", 0, getattr(error, "position", 0) or 0) + 1
            raise FrontMatterError(f"not valid YAML: {_reason(error)}", line) from error
        finally:
            loader.dispose()


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
