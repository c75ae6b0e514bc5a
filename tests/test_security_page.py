"""Each threat on the security page names tests that there are, or says that none holds it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/security.md").read_text("utf-8")
THREATS = re.findall(r"^\| (.+?) \| (.+) \| (.+) \|$", PAGE.split("## Threats")[1], re.MULTILINE)[2:]
NAMED = sorted(set(re.findall(r"`(tests/[^`]+)`", PAGE)))


def _tests_in(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, kinds) and node.name.startswith("test_")}


@pytest.mark.slow
@pytest.mark.parametrize("named", NAMED)
def test_every_named_test_exists(named: str) -> None:
    path, _, test = named.partition("::")
    assert test in _tests_in(ROOT / path)


def test_every_threat_says_what_holds_it() -> None:
    assert len(THREATS) > 50
    for threat, _, held_by in THREATS:
        assert re.fullmatch(r"(`tests/[\w/]+\.py::test_\w+`(, )?)+|not held by a test(: .+)?", held_by), threat
