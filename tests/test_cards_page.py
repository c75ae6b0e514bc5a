"""docs/cards.md and the code name the same fields and the same problems."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bot.cards import known_keys
from bot.cards.model import CardState
from bot.cards.parser import parse_card

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "cards.md").read_text("utf-8")
READERS = [
    *(
        ROOT / "bot" / "cards" / f"{name}.py"
        for name in ("parser", "fields", "card_builder", "converters", "lint", "urls")
    ),
    *(ROOT / "bot" / "cards").glob("*frontmatter.py"),
    *(ROOT / "bot" / "sources" / f"{name}.py" for name in ("lint", "folder", "parallel_reader", "reader_process")),
]
NO_PROBLEMS = {"a map", "a list", "… is neither a file nor a folder.", "without a suffix", "not an ordinary file"}
"""Parts of sentences, and what is said about the command's own arguments."""
HEADS = {"the file …", "not a news card: …", "not linked: …", "left out: …", "files left out: … (……); …"}
"""Sentences that never stand alone: what follows is in the table with them."""


def find_sentences(path: Path) -> Iterator[str]:
    """The texts of a module that hold words, with `…` for what is filled in; docstrings and patterns are left out."""
    tree = ast.parse(path.read_text("utf-8"))
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            skipped.add(node.value)
        elif isinstance(node, ast.JoinedStr):
            skipped.update(node.values)
        elif isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            skipped.update(ast.walk(node.format_spec))
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "re.compile":
            skipped.update(ast.walk(node))
    for node in ast.walk(tree):
        text = node not in skipped and _text_of(node)
        if text and re.search(r"[a-z]{2,} |[a-z]{2,}: ", text):
            yield text


def _text_of(node: ast.AST) -> str | None:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def documented_problems() -> set[str]:
    return {
        match[2].strip()
        for match in re.finditer(r"^\| (`+)(.+?)\1 \|", PAGE.split("## What `newsdesk check`")[1], re.M)
    }


def test_every_problem_is_on_the_page_with_its_fix() -> None:
    said = {each for path in READERS for each in find_sentences(path)} - NO_PROBLEMS - HEADS
    documented = documented_problems()
    assert len(said) > 60
    assert {each for each in said if not any(_simplify(each) in _simplify(row) for row in documented)} == set()
    assert {row for row in documented if not any(_simplify(each) in _simplify(row) for each in said)} == set()


def _simplify(sentence: str) -> str:
    return re.sub("…+", "…", sentence)


def test_the_fields_on_the_page_are_those_that_are_read() -> None:
    table = PAGE.split("## Fields")[1].split("\nIn `provider`")[0]
    fields = {name for row in re.findall(r"^\| (`.+?`) \|", table, re.M) for name in re.findall(r"`(\w+)`", row)}
    assert fields == known_keys.CARD
    rest = set(re.findall(r"`(\w+)`", PAGE.split("## Fields")[1].split("\n## ")[0]))
    assert rest >= known_keys.PROVIDER | known_keys.IMAGE | known_keys.OF_SITES


def test_the_minimal_card_is_one_without_any_problem() -> None:
    (example,) = re.findall(r"```markdown\n(.+?)```", PAGE, re.S)
    result = parse_card(example.encode(), file="card.md", slug="card", now=datetime(2026, 11, 25, tzinfo=UTC))
    assert result.problems == ()
    assert result.card is not None
    assert result.card.state is CardState.PUBLISHED
    assert len(example.splitlines()) - 2 == 5
