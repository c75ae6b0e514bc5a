"""Parse TOML front matter, rejecting input on which `tomllib` would be too slow."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache

from bot.cards.parsed_matter import DEEPEST, FrontMatterError, ParsedMatter, Path, line_in

_MOST_DOTS = 32
"""Maximum number of dots in a key: tomllib takes quadratic time in them. A card's keys have two parts."""
_LONGEST_WORD = 1000
"""Maximum length of a bare key or number in characters: Python refuses to print very long numbers."""

_UNREAD = re.compile(
    r'''"""(?:[^\\]|\\.)*?(?:"""|\Z)|'{3}.*?(?:'{3}|\Z)|"(?:[^"\\\n]|\\[^\n])*+"?|'[^'\n]*+'?|#[^\n]*+''', re.DOTALL
)
_STATEMENT = re.compile(r"[^\n=,\[\]{}]+")
_BRACKET = re.compile(r"[\[\]{}]")
_LONG_WORD = re.compile(rf"\w{{{_LONGEST_WORD + 1}}}")
_AT_LINE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


def read_toml(text: str) -> ParsedMatter:
    """Parse TOML front matter. Raises `FrontMatterError` with the line within the front matter."""
    text = text.replace("\r\n", "\n")
    # Of the same length, so that an offset in one text is an offset in the other.
    masked = _mask_strings(text)
    _check_size(masked)
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Only the text says where; the error has `lineno` from Python 3.14 on.
        at = _AT_LINE.search(str(error))
        line = int(at[1]) if at and at[1] else text.rstrip().count("\n") + 1
        raise FrontMatterError(f"not valid TOML: {_AT_LINE.sub('', str(error))}", line) from error
    except (ValueError, RecursionError) as error:
        raise FrontMatterError(f"not valid TOML: {error}") from error
    lines = cache(lambda: dict(_key_positions(text, masked)))
    return ParsedMatter(fields, lambda path: line_in(lines(), path), tuple)  # duplicate keys are invalid TOML


def _mask_strings(text: str) -> str:
    """Blank out strings and comments, preserving lines and offsets."""
    return _UNREAD.sub(_blank_match, text)


def _blank_match(match: re.Match[str]) -> str:
    sign = " " if match[0].startswith("#") else '"'
    return "\n".join(sign * len(line) for line in match[0].split("\n"))


def _check_size(masked: str) -> None:
    for match in _STATEMENT.finditer(masked):
        if match[0].count(".") > _MOST_DOTS:
            raise _parse_error(f"a key has more than {_MOST_DOTS} dots", masked, match.start())
    if found_long := _LONG_WORD.search(masked):
        raise _parse_error(f"a key or number has more than {_LONGEST_WORD:,} characters", masked, found_long.start())
    depth = 0
    for bracket in _BRACKET.finditer(masked):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > DEEPEST:
            raise _parse_error("too deeply nested", masked, bracket.start())


def _parse_error(problem: str, text: str, place: int) -> FrontMatterError:
    return FrontMatterError(f"not valid TOML: {problem}", text.count("\n", 0, place) + 1)


_HEADER = re.compile(r"[ \t]*+(\[\[?)([^\]]*)\]")
_KEY = re.compile(r"([^=\n]+)=")
_NAME = re.compile(r'"((?:[^"\\]|\\.)*+)"|\'([^\']*+)\'|([\w-]++)')


def _key_positions(text: str, masked: str) -> Iterator[tuple[Path, int]]:
    """Yield path and line of tables and of keys at the start of a line; not of keys within brackets or braces."""
    table: Path = ()
    seen: dict[Path, int] = {}  # index of the current table of each array of tables
    depth = start = 0
    for number, line in enumerate(masked.split("\n")):
        written = text[start : start + len(line)]
        start += len(line) + 1
        if depth == 0 and (header := _HEADER.match(line)):
            table = _table_path(_parse_names(written[header.start(2) : header.end(2)]), seen)
            if header[1] == "[[":
                seen[table] = seen.get(table, -1) + 1
                table = (*table, seen[table])
            yield table, number
            continue
        if depth == 0 and (key := _KEY.match(line)):
            yield table + _parse_names(written[key.start(1) : key.end(1)]), number
        depth += line.count("[") + line.count("{") - line.count("]") - line.count("}")


def _table_path(names: Path, seen: Mapping[Path, int]) -> Path:
    """The full path of a table; arrays of tables along it refer to their last item."""
    path: Path = ()
    for name in names[:-1]:
        path = (*path, name)
        if path in seen:
            path = (*path, seen[path])
    return path + names[-1:]


def _parse_names(written: str) -> Path:
    return tuple("".join(groups) for groups in _NAME.findall(written))
