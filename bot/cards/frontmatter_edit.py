"""Change the value of `published` in a card file's bytes, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from bot.cards.converters import ValueShapeError, get_bool
from bot.cards.frontmatter import FrontMatterError, split_front_matter
from bot.i18n import tr_noop


class FrontMatterEditError(Exception):
    """The file cannot be rewritten; `advice` says what to do with the `{file}`, and is to be translated with `tr`."""

    def __init__(self, advice: str) -> None:
        super().__init__(advice)
        self.advice = advice


_UNSAFE = tr_noop("I can't change `{file}` safely. Set `published` in it yourself.")
_UNPLAIN = tr_noop("`published` in `{file}` is neither true nor false. Set it to one of them yourself.")
_UNREADABLE_MATTER = tr_noop("I can't read the front matter of `{file}`. Find the line to fix with `newsdesk check`.")
_NONE = tr_noop("`{file}` has no `published` in its front matter. Add it yourself, as true or false.")
_SEVERAL = tr_noop("`{file}` has `published` more than once in its front matter. Keep one line, as true or false.")
_WORDS = {b"true": True, b"True": True, b"TRUE": True, b"false": False, b"False": False, b"FALSE": False}


def set_published(content: bytes, published: bool) -> bytes:
    """Return a card file's bytes with `published` set in the front matter and all other bytes unchanged.

    Returns equal bytes if the value is already set. Raises `FrontMatterEditError`.
    """
    start, end = _locate_value(content)
    current_value = _WORDS.get(content[start:end])
    if current_value is None:
        raise FrontMatterEditError(_UNPLAIN)
    # A value that is right already keeps its spelling, so that the bytes stay equal.
    word = content[start:end] if current_value is published else b"true" if published else b"false"
    changed = content[:start] + word + content[end:]
    # The search may have taken text for the field: only parsing both versions proves the edit right.
    if not _only_published_differs(content, changed, published):
        raise FrontMatterEditError(_UNSAFE)
    return changed


def _locate_value(content: bytes) -> tuple[int, int]:
    """Start and end of the value, as byte offsets."""
    try:
        spans = _find_values(_decode_content(content))
    except FrontMatterError:
        raise FrontMatterEditError(_UNREADABLE_MATTER) from None
    except yaml.YAMLError:
        raise FrontMatterEditError(_UNSAFE) from None
    if len(spans) != 1:
        raise FrontMatterEditError(_SEVERAL if spans else _NONE)
    text = content.decode("utf-8", "surrogateescape")
    # Parsers count characters, files are bytes.
    start, end = (len(text[:index].encode("utf-8", "surrogateescape")) for index in spans[0])
    return start, end


# Invalid UTF-8 and control characters that libyaml rejects; replaced one for one to preserve offsets.
_UNREADABLE = re.compile("[\x80-\x84\x86-\x9f\ud800-\udfff]")


def _decode_content(content: bytes) -> str:
    return _UNREADABLE.sub("\ufffd", content.decode("utf-8", "surrogateescape"))


def _find_values(text: str) -> list[tuple[int, int]]:
    """Character spans of values of `published` in the front matter. Raises `FrontMatterError`, `YAMLError`."""
    matter = split_front_matter(text)
    if matter is None:
        return []
    if matter.is_repaired:
        raise yaml.YAMLError("its text is not the one that is read")
    found = (_find_in_yaml if matter.place.language == "yaml" else _find_in_other_formats)(matter.raw_text())
    return [(first + matter.place.start, last + matter.place.start) for first, last in found]


def _find_in_yaml(matter: str) -> Iterator[tuple[int, int]]:
    """Find values by libyaml events: composing nodes recurses on the C stack, which deep nesting would overflow."""
    depth, key = 0, None
    for event in yaml.parse(matter, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases of aliases would take forever to compare")
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.NodeEvent):
            if depth == 1:
                if key is not None and getattr(key, "value", None) == "published":
                    yield _event_span(event)
                key = event if key is None else None
            depth += isinstance(event, yaml.CollectionStartEvent)


def _event_span(event: Any) -> tuple[int, int]:
    return event.start_mark.index, event.end_mark.index


_KEY = re.compile(r"""(?:^[ \t]*|["'])published["']?[ \t]*[:=][ \t]*(\w*)""", re.MULTILINE)


def _find_in_other_formats(matter: str) -> Iterator[tuple[int, int]]:
    """Find candidates by regex, as TOML and JSON parsers report no offsets. The comparison afterwards verifies them."""
    return (match.span(1) for match in _KEY.finditer(matter))


def _only_published_differs(old: bytes, new: bytes, published: bool) -> bool:
    """Whether both versions parse to the same fields, except for the decision."""
    try:
        before, after = _parse_fields(old), _parse_fields(new)
        return get_bool(after.get("published")) is published and before | {"published": 0} == after | {"published": 0}
    except (FrontMatterError, ValueShapeError, RecursionError):
        return False


def _parse_fields(content: bytes) -> dict[str, Any]:
    matter = split_front_matter(_decode_content(content))
    return matter.fields if matter else {}
