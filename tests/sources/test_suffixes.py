"""Which files of a folder are cards follows one rule for all callers."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.sources.folder import is_card_file, list_folder, slug_for_path
from tests.support.cards import card_file

CARDS = ["a.md", "a.MD", "a.Md", "a.markdown", "a.MARKDOWN", "a.b.md", "a.sync-conflict-20261129-110000-ABCDEFG.md"]
OTHERS = ["a.txt", "a.mdx", "a.md.bak", "a.md~", "a.yaml", "a.json", "README", "md", ".md", ".a.md", ".a.md.swp", "amd"]


@pytest.mark.parametrize("name", CARDS + OTHERS)
def test_a_scan_finds_the_files_that_the_rule_names(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(card_file())
    assert is_card_file(name) is (name in CARDS)
    assert [item.key for item in list_folder(tmp_path).items] == [name] * is_card_file(name)


@pytest.mark.parametrize(("path", "slug"), [("x.y/A.MD", "x.y/A"), ("a.b.Markdown", "a.b"), ("a.mdx", "a.mdx")])
def test_a_slug_is_the_path_without_the_suffix_in_whatever_case(path: str, slug: str) -> None:
    assert slug_for_path(path) == slug
