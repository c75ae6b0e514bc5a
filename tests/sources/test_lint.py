"""Checking files without a store."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cards.model import Problem, Severity
from bot.cli.card_files import format_as_text
from bot.errors import UserError
from bot.sources.folder import ReadingRules
from bot.sources.lint import LintReport, check_paths
from tests.support.cards import card_file


def test_a_check_counts_cards_notes_and_errors_of_files_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "cards"
    folder.mkdir()
    (folder / "good.md").write_bytes(card_file())
    (folder / "note.md").write_text("text")
    bad = tmp_path / "bad.md"
    bad.write_bytes(card_file(quality="high"))
    checked = check_paths([folder, bad])
    assert (checked.files, checked.cards, checked.errors, len(checked.findings)) == (3, 1, 1, 2)
    assert {finding.file for finding in checked.findings} == {str(folder / "note.md"), str(bad)}


def test_a_path_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither a file nor a folder"):
        check_paths([tmp_path / "nowhere"])


def lines(*paths: Path) -> list[tuple[str, int, str, str]]:
    return [(Path(each.file).name, each.line, each.field, each.problem) for each in check_paths(paths).findings]


@pytest.mark.slow
def test_two_files_with_one_address_are_noted_wherever_they_lie(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    first, second = tmp_path / "one" / "a.md", tmp_path / "two" / "b.sync-conflict-20261129-110000-ABCDEFG.md"
    first.write_bytes(card_file(webUrl="https://news.example/a"))
    second.write_bytes(card_file(title="Other", webUrl="http://www.news.example/a/?utm_source=x"))
    note = (second.name, 5, "webUrl", f"{first} has the same address")
    assert lines(tmp_path) == lines(tmp_path / "one", tmp_path / "two") == lines(first, second) == [note]
    assert lines(first, first) == []
    second.write_bytes(card_file(webUrl="https://news.example/a", removed=True))
    assert lines(tmp_path) == []


def test_a_video_without_a_web_url_has_its_address_in_another_field(tmp_path: Path) -> None:
    for name in ("a.md", "b.md"):
        (tmp_path / name).write_bytes(card_file(webUrl=None, originalUrl="https://news.example/v"))
    assert [found[1:3] for found in lines(tmp_path)] == [(7, "originalUrl")]


def test_two_files_with_one_name_are_an_error_as_for_a_load(tmp_path: Path) -> None:
    for name in ("a.MD", "a.markdown"):
        (tmp_path / name).write_bytes(card_file())
    checked = check_paths([tmp_path])
    assert (checked.cards, checked.errors) == (1, 1)
    assert f"{tmp_path / 'a.MD'} has the same name: rename one of the two" in {each[3] for each in lines(tmp_path)}


@pytest.mark.parametrize("name", ["a.txt", "a.mdx", "a.md.bak", "a.yaml", "README", ".a.md"])
def test_a_file_that_a_load_leaves_out_is_left_out_by_each_check(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(card_file())
    (only,) = lines(tmp_path / name)
    assert only[:3] == (name, 1, "")
    assert only[3].startswith("left out: ")
    found = lines(tmp_path)
    assert len(found) == (not name.startswith("."))
    assert all(each[3].startswith("files left out: 1 (") for each in found)


@pytest.mark.parametrize("name", ["a.MD", "a.Markdown"])
def test_a_suffix_in_capitals_is_a_suffix_for_each_check(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(card_file())
    assert check_paths([tmp_path]).cards == check_paths([tmp_path / name]).cards == 1


def test_what_is_left_out_is_one_note_a_folder_however_many_it_is(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for number in range(30):
        (tmp_path / "in" / f"{number}.png").touch()
    (tmp_path / "b.txt").touch()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "c.txt").touch()
    assert lines(tmp_path) == [
        (tmp_path.name, 1, "", "files left out: 31 (.png 30, .txt 1); a card's file ends in .md or .markdown")
    ]


def test_a_check_goes_by_the_setting_on_categories(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_bytes(card_file(category=None))
    assert check_paths([tmp_path]).cards == 1
    assert check_paths([tmp_path], ReadingRules(need_category=True)).cards == 0


def test_notes_that_say_the_same_of_many_files_are_a_number() -> None:
    notes = [Problem(f"{number}.md", 1, "x", "not read", Severity.NOTE) for number in range(40)]
    errors = [Problem(f"{number}.md", 1, "x", "not read") for number in range(40)]
    few = [Problem(f"{number}.md", 1, "y", "not read", Severity.NOTE) for number in range(6)]
    text = format_as_text(LintReport(40, 0, (*notes, *errors, *few))).splitlines()
    assert len(text) == 5 + 40 + 6 + 1 + 1
    assert text[-2:] == ["35 more notes: x: not read", "40 files, 0 news cards, 40 errors, 46 notes"]
