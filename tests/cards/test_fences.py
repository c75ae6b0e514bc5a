"""Where front matter begins and ends, in every spelling that people and site generators have for it."""

from __future__ import annotations

import json

import pytest

from bot.cards.model import Severity
from tests.support.cards import parse_file, parse_problem, parse_valid, raw_card_file

_YAML = "category: news\ntitle: T\npublishedDateTime: 2020-01-01T10:00:00Z\nwebUrl: https://news.example/a\n"
_TOML = "category = 'news'\ntitle = 'T'\npublishedDateTime = 2020-01-01T10:00:00Z\nwebUrl = 'https://news.example/a'\n"
_FIELDS = {
    "category": "news", "title": "T", "publishedDateTime": "2020-01-01T10:00:00Z", "webUrl": "https://news.example/a"
}  # fmt: skip
_JSON = json.dumps(_FIELDS)

SPELLINGS = {
    "plain": f"---\n{_YAML}---\n",
    "no last line end": f"---\n{_YAML}---",
    "dots close": f"---\n{_YAML}...\n",
    "dots close, text follows": f"---\n{_YAML}...\ntext\n---\n",
    "long fences": f"-----\n{_YAML}------\n",
    "white space behind fences": f"--- \t\n{_YAML}---  \n",
    "comment behind the opening fence": f"--- # a card\n{_YAML}---\n",
    "comment behind the closing fence": f"---\n{_YAML}--- # that was it\n",
    "language named": f"---yaml\n{_YAML}---\n",
    "language named with a space": f"--- yml\n{_YAML}---\n",
    "language and comment": f"---yaml # a card\n{_YAML}---\n",
    "blank lines before": f"\n\n  \n\t\n---\n{_YAML}---\n",
    "byte order mark": f"\ufeff---\n{_YAML}---\n",
    "byte order mark and blank lines": f"\ufeff\r\n---\n{_YAML}---\n",
    "rules in the body": f"---\n{_YAML}---\ntext\n---\ntext\n",
    "merge key": f"---\nbase: &base {{category: news, title: other}}\n<<: *base\n{_YAML[15:]}---\n",
    "merge keys": f"---\na: &a {{category: news}}\nb: &b {{category: people}}\n{_YAML[15:]}<<: [*a, *b]\n---\n",
    "flow map": "---\n{" + ", ".join(f'{key}: "{value}"' for key, value in _FIELDS.items()) + "}\n---\n",
    "TOML": f"+++\n{_TOML}+++\n",
    "TOML with a comment behind the fence": f"+++ # a card\n{_TOML}+++\n",
    "TOML between dashes": f"---toml\n{_TOML}---\n",
    "JSON on one line": _JSON,
    "JSON on one line, text follows": f"{_JSON}\n\ntext {{with}} braces\n",
    "JSON, text behind it on its line": f"{_JSON} text",
    "JSON over several lines": json.dumps(_FIELDS, indent=2) + "\n",
    "JSON with other indents": json.dumps(_FIELDS, indent=2).replace("\n}", "\n  }") + "\n",
    "JSON with maps in it": json.dumps(_FIELDS | {"provider": {"images": [{"url": "/}"}]}}, indent=1),
    "JSON between dashes": f"---json\n{json.dumps(_FIELDS, indent=2)}\n---\ntext\n",
    "JSON of another key first": json.dumps({"x": "}\n{"} | _FIELDS),
}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_each_spelling_of_front_matter_gives_the_same_card(spelling: str, end: str) -> None:
    card = parse_valid(SPELLINGS[spelling].replace("\r\n", "\n").replace("\n", end).encode())
    assert (card.title, card.url, card.published_at.year) == ("T", "https://news.example/a", 2020)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_file_that_is_still_being_written_is_never_taken_for_one_that_is_no_card(spelling: str) -> None:
    whole = SPELLINGS[spelling].encode()
    for end in range(len(whole)):
        found = parse_file(whole[:end])
        assert found.card or found.problems[0].severity is Severity.ERROR, whole[:end]


@pytest.mark.parametrize("language", ["js", "javascript", "coffee", "clojure", "python"])
@pytest.mark.parametrize("fence", ["---", "+++", ";;;", "--- ", "\n---"])
def test_front_matter_in_a_language_that_could_run_is_refused(fence: str, language: str) -> None:
    line, _, why = parse_problem(f"{fence}{language}\nmodule.exports = {{}}\n---\n".encode())
    assert line == 1 + fence.count("\n")
    assert why.startswith(f"front matter in '{language}' is refused")


@pytest.mark.parametrize("content", [
    "# Title\n\n---\ncategory: news\n---\n", "category: news\ntitle: T\n", "~~~\n'category': news\n~~~\n",
    "<!-- x -->\n---\nCategory: News\n---\n",
])  # fmt: skip
def test_a_card_whose_front_matter_is_not_at_the_top_says_so(content: str) -> None:
    (only,) = parse_file(content.encode()).problems
    assert (only.severity, only.field) == (Severity.NOTE, "category")
    assert only.line == 1 + content.lower().partition("category")[0].count("\n")
    assert "front matter stands first" in only.problem


@pytest.mark.parametrize("content", [b"text\0", b"\0\0---\n", b"n\0e\0w\0s\0\n\0"])
def test_a_file_with_nul_bytes_and_no_front_matter_is_an_error(content: bytes) -> None:
    assert "NUL" in parse_problem(content)[2]


@pytest.mark.parametrize("line", ["%YAML 1.1", "%TAG ! tag:example,2026:", " # x\n\n%x", "%"])
def test_directives_have_no_place_in_front_matter(line: str) -> None:
    found = parse_problem(f"---\n{line}\ncategory: news\n---\n".encode())
    assert found[0] == 2 + line.count("\n")
    assert "a line with %" in found[2]


def test_of_two_json_objects_between_fences_none_is_guessed() -> None:
    assert parse_problem(b'---json\n{"category": "news"}\n{}\n---\n')[::2] == (
        2,
        "not valid JSON: more than one object",
    )


@pytest.mark.parametrize("merged", ["<<: x", "<<: [x]", "<<:", "<<: [[]]"])
def test_only_maps_can_be_merged(merged: str) -> None:
    assert "`<<` takes a map" in parse_problem(raw_card_file(merged))[2]


def test_merged_keys_never_replace_what_the_map_says_itself() -> None:
    card = parse_valid(raw_card_file("a: &a {title: Merged, excerpt: Merged}\n<<: *a"))
    assert (card.title, card.excerpt) == ("A title", "Merged")
