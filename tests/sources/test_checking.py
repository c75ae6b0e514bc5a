"""Checking files without a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import UserError
from bot.sources.checking import check_paths
from tests.support.cards import page


def test_a_check_counts_cards_notes_and_errors_of_files_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "cards"
    folder.mkdir()
    (folder / "good.md").write_bytes(page())
    (folder / "note.md").write_text("text")
    bad = tmp_path / "bad.md"
    bad.write_bytes(page(quality="high"))
    checked = check_paths([folder, bad])
    assert (checked.files, checked.cards, checked.errors, len(checked.findings)) == (3, 1, 1, 2)
    assert {finding.file for finding in checked.findings} == {str(folder / "note.md"), str(bad)}


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither a file nor a folder"):
        check_paths([tmp_path / "nowhere"])
