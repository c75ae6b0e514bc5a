"""What reading one file may cost is bounded by its size, whatever is in it. Work is counted, not timed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from bot.cards import card_builder, text
from bot.cards import parser as reading_module
from bot.cards.model import Severity
from bot.cards.parsed_matter import DEEPEST, MAX_EXPANDED
from bot.cards.parser import MAX_FILE_BYTES
from tests.support.cards import parse_file, parse_problem, parse_valid, raw_card_file

SIZE = 150_000
_TOML = 'category = "news"\ntitle = "T"\npublishedDateTime = 2020-01-01\n'
_JSON = '"category": "news", "title": "T", "publishedDateTime": "2020-01-01"'


def yaml_card(lines: str) -> str:
    return raw_card_file(lines).decode()


def toml_card(lines: str) -> str:
    return f"+++\n{_TOML}{lines}\n+++\n"


def fill_with(unit: str) -> str:
    return unit * (SIZE // len(unit.encode()))


HOSTILE: dict[str, str] = {
    "a long text, repeated in every title": yaml_card(
        f"x: &a {'x' * 15_000}\nrelated: [" + "{title: *a, webUrl: *a}, " * 3000 + "]"
    ),
    "a long list, repeated": yaml_card("x: &a [" + "a," * 5000 + "]\ny: [" + "*a," * 40_000 + "]"),
    "aliases of aliases": yaml_card(
        "a0: &a0 [x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 60))
        + "topics: *a59"
    ),
    "a map, merged many times": yaml_card(
        "x: &a {" + ",".join(f"k{n}: 1" for n in range(300)) + "}\ny: {" + "<<: *a," * 20_000 + "}"
    ),
    "merges in a list": yaml_card(
        "x: &a {" + ",".join(f"k{n}: 1" for n in range(99)) + "}\n<<: [" + "*a," * 40_000 + "]"
    ),
    "tag directives": "---\n" + "".join(f"%TAG !a{n}! b\n" for n in range(9000)) + "---\n",
    "topics": yaml_card("topics: [" + ",".join(f"t{n}" for n in range(20_000)) + "]"),
    "topics of the wrong kind": yaml_card("topics: [" + "[]," * 40_000 + "]"),
    "topics in one string": yaml_card("topics: " + fill_with("a,")),
    "images": yaml_card("images: [" + "{url: /a}," * 12_000 + "]"),
    "related stories": yaml_card("related: [" + "{title: T, webUrl: 'https://a.example/'}," * 3500 + "]"),
    "related stories of the wrong kind": yaml_card("related: [" + "{title: []}," * 12_000 + "]"),
    "unknown keys": yaml_card("".join(f"titel{n}: 1\n" for n in range(9000))),
    "one key again and again": yaml_card("title: T\n" * 15_000),
    "depth": yaml_card("x: " + fill_with("[")),
    "depth of lists": yaml_card("x:\n  " + fill_with("- ")),
    "dots in a key": toml_card(fill_with("a.") + "a = 1"),
    "dots in a quoted key": toml_card(fill_with("'a'.") + "a = 1"),
    "dots in a header": toml_card("[" + fill_with("a.") + "a]"),
    "dots in a map": toml_card("x = {" + fill_with("a . ") + "a = 1}"),
    "dots in a list of tables": toml_card("[[" + fill_with("a.") + "a]]"),
    "depth in TOML": toml_card("x = " + fill_with("[")),
    "depth of maps in TOML": toml_card("x = " + fill_with("{a = ")),
    "a long number in TOML": toml_card("x = " + fill_with("9")),
    "a long hexadecimal number in TOML": toml_card("x = 0x" + fill_with("f")),
    "many keys in TOML": toml_card("".join(f"k{n} = 1\n" for n in range(12_000))),
    "depth in JSON": "{" + _JSON + ', "x": ' + fill_with("["),
    "a long number in JSON": "{" + _JSON + ', "x": ' + fill_with("9") + "}",
    "one key in JSON again and again": "{" + _JSON + ', "title": "T"' * 10_000 + "}",
    "a list in JSON": "{" + _JSON + ', "y": 1, "x": [' + "1," * 60_000 + "1]}",
    "broken ciphers": yaml_card('secured: "\n' * 12_000),
    "broken ciphers in JSON": "{" + '"secured": "\\q", ' * 7000,
    "comments": yaml_card("topics:\n" + "- # a\n" * 20_000),
    "fences that are none": fill_with("--- x\n"),
    "white space behind a fence": "---" + fill_with(" "),
    "dashes": fill_with("-"),
    "a byte order mark again and again": fill_with("\ufeff"),
    "blank lines": fill_with("\n \t") + "x",
} | {
    f"{unit!r} in {field}": yaml_card(f'{field}: "{fill_with(unit)}"')
    for field in ("title", "excerpt", "type", "webUrl", "topics", "publishedDateTime", "category")
    for unit in (
        "a",
        "é",
        "&#1",
        "&amp;",
        "<b ",
        "<b a=",
        "<b>",
        "</b>",
        "<br>",
        "â€™",
        "\u200b",
        "https://",
        "ß.",
        "🏴\U000e0067",
    )
}


@contextmanager
def count_calls(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Calls of Python and of C, and the characters that repair and links are given."""
    work = [0]

    def count_arguments(function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(value: str, *args: Any) -> Any:
            work[0] += len(value)
            return function(value, *args)

        return counted

    def called(_frame: FrameType, event: str, _arg: Any) -> None:
        work[0] += event in ("call", "c_call")

    for module, names in (
        (card_builder, ("clean_text", "sanitize_url", "normalize_url", "normalize_name")),
        (text, ("fix_text", "strip_markup")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, count_arguments(getattr(module, name)))
    sys.setprofile(called)
    try:
        yield work
    finally:
        sys.setprofile(None)


@pytest.mark.slow
@pytest.mark.parametrize("what", HOSTILE)
def test_no_file_costs_more_work_than_its_size_allows(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = HOSTILE[what].encode()
    assert len(content) <= MAX_FILE_BYTES
    with count_calls(monkeypatch) as work:
        found = parse_file(content)
    assert found.card or found.problems
    assert work[0] < 8 * len(content) + 100_000
    assert len(repr(found)) < 2 * len(content) + 20_000


@pytest.mark.parametrize("repeats", [1, 3, 40])
def test_aliases_count_as_if_they_were_written_out(repeats: int) -> None:
    chunk = MAX_EXPANDED // 4
    content = raw_card_file(f"x: &a '{'x' * (chunk - 2)}'\ny: [{', '.join(['*a'] * repeats)}]")
    if repeats * chunk <= MAX_EXPANDED:
        assert parse_file(content).card
    else:
        assert parse_problem(content)[::2] == (
            6,
            f"not valid YAML: its aliases repeat more than {MAX_EXPANDED:,} characters",
        )


def test_what_people_repeat_by_aliases_is_read() -> None:
    card = parse_valid(
        raw_card_file(
            "x: &a {name: ESA, domain: esa.int}\nprovider: *a\n"
            "related:\n- {title: T, webUrl: 'https://a.example/', provider: *a}"
        )
    )
    assert card.provider
    assert (card.provider.name, card.related[0].provider) == ("ESA", "ESA")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_nesting_has_a_depth(opening: str, closing: str) -> None:
    deep = DEEPEST - 1  # the fields themselves are the first level
    assert parse_file(raw_card_file(f"x: {opening * deep}{closing * deep}")).card
    assert "too deeply nested" in parse_problem(raw_card_file(f"x: {opening * (deep + 1)}{closing * (deep + 1)}"))[2]


@pytest.mark.parametrize(
    "error", [ValueError, RecursionError, MemoryError, KeyError, OverflowError, AssertionError, UnicodeError]
)
@pytest.mark.parametrize("where", ["split_front_matter", "build_card"])
def test_whatever_reading_a_file_raises_is_that_files_problem(
    where: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise error("CIPHER")

    monkeypatch.setattr(reading_module, where, fails)
    found = parse_file(raw_card_file("x: 1"))
    assert [(each.line, each.severity) for each in found.problems] == [(1, Severity.ERROR)]
    assert "CIPHER" not in repr(found)
    assert found.problems[0].problem == f"cannot be read: {error.__name__}"
