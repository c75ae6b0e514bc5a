"""No content of a file can make reading it fail otherwise than with a problem."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.cards.fields import MAX_FINDINGS
from bot.cards.model import ParseResult, Severity
from tests.support.cards import parse_file, raw_card_file

_LINES = st.sampled_from([
    "---", "+++", "{", "}", "category: news", "title: T", "title:", "publishedDateTime: 2020-01-01", "topics:", "- a",
    "  - null", "topics: [a, b", "images: [{url: /a}]", "related: [{webUrl: '', title: T}]", "heat: -1", "x: &a [1]",
    "y: *a", "? ", ": ", "<<: {title: U}", "!!set {a}", "published: yes", "removed: no", "secured: \"", "title: |",
    "  text", "\ttab", "#", "%YAML 1.1", "...", "\u009d", "\x85", "\ufeff", "webUrl: https://a.example/\u4e2d",
    "category = 'news'", "title = 1", "provider: {name: a, images: [{url: //a}]}", '"category": "news",', "\x00", "'",
])  # fmt: skip


def check_result(found: ParseResult) -> None:
    """A card, or at least one reason why it is none; each with a place, and on one line."""
    severities = {each.severity for each in found.problems}
    assert (found.card is None) <= bool(severities)
    assert (found.card is None) >= (Severity.ERROR in severities)
    assert all(each.line >= 1 and each.problem.isprintable() and each.field.isprintable() for each in found.problems)
    assert len(found.problems) <= MAX_FINDINGS + 1


@given(st.binary(max_size=300))
def test_any_bytes_are_read(content: bytes) -> None:
    check_result(parse_file(content))


@given(
    st.sampled_from([b"---\n", b"+++\n", b"{", b"---json\n", b"---toml\n", b"\xef\xbb\xbf\n---\n"]),
    st.binary(max_size=300),
)
def test_any_bytes_behind_a_fence_are_read(fence: bytes, content: bytes) -> None:
    check_result(parse_file(fence + content + b"\n" + fence.strip()[:3]))


@given(st.lists(st.one_of(_LINES, st.text(max_size=20)), max_size=14), st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_lines_of_front_matter_are_read(lines: list[str], end: str) -> None:
    check_result(parse_file(end.join(["---", *lines, "---", ""]).encode("utf-8", "replace")))


@given(st.lists(_LINES, max_size=6))
def test_any_lines_beside_good_ones_are_read(lines: list[str]) -> None:
    check_result(parse_file(raw_card_file("\n".join(lines))))


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_FIELDS = ["category", "title", "excerpt", "publishedDateTime", "webUrl", "published", "removed", "quality", "heat",
           "provider", "topics", "images", "related", "type", "secured", "ampUrl"]  # fmt: skip


@given(st.dictionaries(st.sampled_from(_FIELDS), _VALUES, max_size=8))
def test_any_values_of_the_fields_are_read(fields: dict[str, object]) -> None:
    import json

    written = json.dumps({"category": "news", "title": "T", "publishedDateTime": "2020-01-01"} | fields)
    check_result(parse_file(f"{{\n{written[1:-1]}\n}}\n".encode()))


@pytest.mark.parametrize("written", ["1" * 400, "-" * 400, "é" * 400])
def test_a_problem_quotes_no_more_than_a_little_of_the_file(written: str) -> None:
    assert len(parse_file(raw_card_file(f"quality: {written}")).problems[0].problem) < 120
