"""What reading one file may cost is bounded by its size, whatever is in it. Work is counted, not timed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest

from bot.cards import building, text
from bot.cards import reading as reading_module
from bot.cards.matter import DEEPEST, MAX_EXPANDED
from bot.cards.model import Severity
from bot.cards.reading import MAX_FILE_BYTES
from tests.support.cards import loaded, problem, raw, reading

SIZE = 150_000
_TOML = 'category = "news"\ntitle = "T"\npublishedDateTime = 2020-01-01\n'
_JSON = '"category": "news", "title": "T", "publishedDateTime": "2020-01-01"'


def yaml(lines: str) -> str:
    return raw(lines).decode()


def toml(lines: str) -> str:
    return f"+++\n{_TOML}{lines}\n+++\n"


def fill(unit: str) -> str:
    return unit * (SIZE // len(unit.encode()))


HOSTILE: dict[str, str] = {
    "a long text, repeated in every title": yaml(
        f"x: &a {'x' * 15_000}\nrelated: [" + "{title: *a, webUrl: *a}, " * 3000 + "]"
    ),
    "a long list, repeated": yaml("x: &a [" + "a," * 5000 + "]\ny: [" + "*a," * 40_000 + "]"),
    "aliases of aliases": yaml(
        "a0: &a0 [x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 60))
        + "topics: *a59"
    ),
    "a map, merged many times": yaml(
        "x: &a {" + ",".join(f"k{n}: 1" for n in range(300)) + "}\ny: {" + "<<: *a," * 20_000 + "}"
    ),
    "merges in a list": yaml("x: &a {" + ",".join(f"k{n}: 1" for n in range(99)) + "}\n<<: [" + "*a," * 40_000 + "]"),
    "tag directives": "---\n" + "".join(f"%TAG !a{n}! b\n" for n in range(9000)) + "---\n",
    "topics": yaml("topics: [" + ",".join(f"t{n}" for n in range(20_000)) + "]"),
    "topics of the wrong kind": yaml("topics: [" + "[]," * 40_000 + "]"),
    "topics in one string": yaml("topics: " + fill("a,")),
    "images": yaml("images: [" + "{url: /a}," * 12_000 + "]"),
    "related stories": yaml("related: [" + "{title: T, webUrl: 'https://a.example/'}," * 3500 + "]"),
    "related stories of the wrong kind": yaml("related: [" + "{title: []}," * 12_000 + "]"),
    "unknown keys": yaml("".join(f"titel{n}: 1\n" for n in range(9000))),
    "one key again and again": yaml("title: T\n" * 15_000),
    "depth": yaml("x: " + fill("[")),
    "depth of lists": yaml("x:\n  " + fill("- ")),
    "dots in a key": toml(fill("a.") + "a = 1"),
    "dots in a quoted key": toml(fill("'a'.") + "a = 1"),
    "dots in a header": toml("[" + fill("a.") + "a]"),
    "dots in a map": toml("x = {" + fill("a . ") + "a = 1}"),
    "dots in a list of tables": toml("[[" + fill("a.") + "a]]"),
    "depth in TOML": toml("x = " + fill("[")),
    "depth of maps in TOML": toml("x = " + fill("{a = ")),
    "a long number in TOML": toml("x = " + fill("9")),
    "a long hexadecimal number in TOML": toml("x = 0x" + fill("f")),
    "many keys in TOML": toml("".join(f"k{n} = 1\n" for n in range(12_000))),
    "depth in JSON": "{" + _JSON + ', "x": ' + fill("["),
    "a long number in JSON": "{" + _JSON + ', "x": ' + fill("9") + "}",
    "one key in JSON again and again": "{" + _JSON + ', "title": "T"' * 10_000 + "}",
    "a list in JSON": "{" + _JSON + ', "y": 1, "x": [' + "1," * 60_000 + "1]}",
    "broken ciphers": yaml('secured: "\n' * 12_000),
    "broken ciphers in JSON": "{" + '"secured": "\\q", ' * 7000,
    "comments": yaml("topics:\n" + "- # a\n" * 20_000),
    "fences that are none": fill("--- x\n"), "white space behind a fence": "---" + fill(" "), "dashes": fill("-"),
    "a byte order mark again and again": fill("\ufeff"), "blank lines": fill("\n \t") + "x",
} | {
    f"{unit!r} in {field}": yaml(f'{field}: "{fill(unit)}"')
    for field in ("title", "excerpt", "type", "webUrl", "topics", "publishedDateTime", "category")
    for unit in ("a", "é", "&#1", "&amp;", "<b ", "<b a=", "<b>", "</b>", "<br>", "â€™", "\u200b", "https://", "ß.",
                 "🏴\U000e0067")
}  # fmt: skip


@contextmanager
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Calls of Python and of C, and the characters that repair and links are given."""
    work = [0]

    def given(function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(value: str, *args: Any) -> Any:
            work[0] += len(value)
            return function(value, *args)

        return counted

    def called(_frame: FrameType, event: str, _arg: Any) -> None:
        work[0] += event in ("call", "c_call")

    for module, names in (
        (building, ("repaired", "link", "normalised", "folded")),
        (text, ("fix_text", "without_markup")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, given(getattr(module, name)))
    sys.setprofile(called)
    try:
        yield work
    finally:
        sys.setprofile(None)


@pytest.mark.parametrize("what", HOSTILE)
def test_no_file_costs_more_work_than_its_size_allows(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    content = HOSTILE[what].encode()
    assert len(content) <= MAX_FILE_BYTES
    with counting(monkeypatch) as work:
        found = reading(content)
    assert found.card or found.problems
    assert work[0] < 8 * len(content) + 100_000
    assert len(repr(found)) < 2 * len(content) + 20_000


@pytest.mark.parametrize("repeats", [1, 3, 40])
def test_aliases_count_as_if_they_were_written_out(repeats: int) -> None:
    chunk = MAX_EXPANDED // 4
    content = raw(f"x: &a '{'x' * (chunk - 2)}'\ny: [{', '.join(['*a'] * repeats)}]")
    if repeats * chunk <= MAX_EXPANDED:
        assert reading(content).card
    else:
        assert problem(content)[::2] == (6, f"not valid YAML: its aliases repeat more than {MAX_EXPANDED:,} characters")


def test_what_people_repeat_by_aliases_is_read() -> None:
    card = loaded(
        raw(
            "x: &a {name: ESA, domain: esa.int}\nprovider: *a\n"
            "related:\n- {title: T, webUrl: 'https://a.example/', provider: *a}"
        )
    )
    assert card.provider
    assert (card.provider.name, card.related[0].provider) == ("ESA", "ESA")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("{a: ", "}")])
def test_nesting_has_a_depth(opening: str, closing: str) -> None:
    deep = DEEPEST - 1  # the fields themselves are the first level
    assert reading(raw(f"x: {opening * deep}{closing * deep}")).card
    assert "too deeply nested" in problem(raw(f"x: {opening * (deep + 1)}{closing * (deep + 1)}"))[2]


@pytest.mark.parametrize(
    "error", [ValueError, RecursionError, MemoryError, KeyError, OverflowError, AssertionError, UnicodeError]
)
@pytest.mark.parametrize("where", ["split", "build_card"])
def test_whatever_reading_a_file_raises_is_that_files_problem(
    where: str, error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise error("CIPHER")

    monkeypatch.setattr(reading_module, where, fails)
    found = reading(raw("x: 1"))
    assert [(each.line, each.severity) for each in found.problems] == [(1, Severity.ERROR)]
    assert "CIPHER" not in repr(found)
    assert found.problems[0].problem == f"cannot be read: {error.__name__}"
