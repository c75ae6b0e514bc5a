"""Cards from several folders: one store, the first folder wins, a move between them is no withdrawal."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import UserError
from bot.sources.folder_source import SECOND_LOOK, FolderSource
from bot.sources.lint import check_paths
from bot.sources.loader import BRAKE_CARDS, Loader
from bot.store import Store
from tests.sources.test_loader import CardFolder, report_counts
from tests.support.cards import NOW, card_file


class TwoFolders:
    """Two folders that one loader reads."""

    def __init__(self, place: Path, store: Store) -> None:
        self.first, self.second = CardFolder(place / "first", store), CardFolder(place / "second", store)
        self.loader = Loader(store.cards.importer, FolderSource(self.first.root), FolderSource(self.second.root))
        self.store = store

    async def load_counts(self) -> dict[str, int]:
        return report_counts(await self.loader.load_cards(lambda: NOW))

    async def look_again(self) -> dict[str, int]:
        await self.loader.load_cards(lambda: NOW)
        return report_counts(await self.loader.load_cards(lambda: NOW + SECOND_LOOK))

    async def find_title(self, slug: str) -> str:
        stored = await self.store.cards.get_by_slug(slug, 0)
        assert stored
        return stored.card.title


@pytest.fixture
def folders(tmp_path: Path, store: Store) -> TwoFolders:
    return TwoFolders(tmp_path, store)


async def test_what_the_folders_hold_is_summed_and_no_file_that_is_no_card_stands_in_the_way(
    folders: TwoFolders,
) -> None:
    for folder, name in ((folders.first, "one.md"), (folders.second, "two.md"), (folders.second, "three.md")):
        folder.write_file(name)
        folder.write_file("README.md", b"# About these cards")
    assert await folders.load_counts() == {"files": 5, "cards": 3, "added": 3, "skipped": 2}
    assert await folders.load_counts() == {"files": 5, "cards": 3, "unchanged": 3, "skipped": 2}
    assert await folders.first.visible_slugs() == {"one", "two", "three"}


async def test_of_one_slug_in_two_folders_the_first_folder_wins_and_it_is_one_problem(folders: TwoFolders) -> None:
    folders.second.write_file("one.md", card_file(title="Of the second"))
    await Loader(folders.store.cards.importer, FolderSource(folders.second.root)).load_cards(lambda: NOW)
    path = folders.first.write_file("one.md", card_file(title="Of the first"))
    for _ in range(2):
        report = await folders.loader.load_cards(lambda: NOW)
        assert await folders.find_title("one") == "Of the first"
        (problem,) = report.findings
        assert problem.file == str(folders.second.root / "one.md")
        assert problem.problem.startswith(f"{path} has the same name, and its folder comes first")
    path.unlink()
    assert (await folders.look_again()).get("withdrawn") is None
    assert await folders.find_title("one") == "Of the second"


async def test_a_third_folder_is_told_of_the_first_one(folders: TwoFolders, tmp_path: Path) -> None:
    third = CardFolder(tmp_path / "third", folders.store)
    for folder in (folders.first, folders.second, third):
        folder.write_file("one.md")
    sources = [FolderSource(each.root) for each in (folders.first, folders.second, third)]
    report = await Loader(folders.store.cards.importer, *sources).load_cards(lambda: NOW)
    assert [str(folders.first.root / "one.md") in each.problem for each in report.findings] == [True, True]


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("name", ["one.md", "renamed.md"])
async def test_a_file_that_moves_to_the_other_folder_keeps_its_card(folders: TwoFolders, back: bool, name: str) -> None:
    source, target = (folders.second, folders.first) if back else (folders.first, folders.second)
    path = source.write_file("one.md")
    await folders.load_counts()
    before = await source.id_of("one")
    target.write_file(name, path.read_bytes())
    path.unlink()
    assert (await folders.look_again()).get("withdrawn") is None
    assert await target.id_of(name.removesuffix(".md")) == before


async def test_the_brake_weighs_what_all_folders_lose_together(folders: TwoFolders) -> None:
    paths = [folder.write_file(f"{folder.root.name}-{number}.md") for number in range(BRAKE_CARDS // 2 + 1)
             for folder in (folders.first, folders.second)]  # fmt: skip
    await folders.load_counts()
    for path in paths:
        path.unlink()
    assert (await folders.look_again())["held_back"] == len(paths)
    accepted = await folders.loader.load_cards(lambda: NOW + SECOND_LOOK, accept_withdrawals=True)
    assert accepted.withdrawn == len(paths)


async def test_a_folder_that_is_missing_stops_the_load_before_anything_is_changed(folders: TwoFolders) -> None:
    folders.first.write_file("one.md")
    folders.second.write_file("two.md")
    await folders.load_counts()
    (folders.second.root / "two.md").rename(folders.second.root.parent / "two.md")
    (folders.first.root / "one.md").unlink()
    folders.second.root.rmdir()
    with pytest.raises(UserError, match=f"{folders.second.root} doesn't exist"):
        await folders.load_counts()
    assert await folders.first.visible_slugs() == {"one", "two"}


async def test_a_decision_is_written_into_the_file_whose_card_is_shown(folders: TwoFolders) -> None:
    theirs = folders.second.write_file("two.md")
    ours, other = folders.first.write_file("one.md"), folders.second.write_file("one.md")
    await folders.load_counts()
    for slug in ("one", "two"):
        card_id = await folders.first.id_of(slug)
        assert card_id
        await folders.loader.write_back_card(card_id, False)
    assert [b"published: false" in path.read_bytes() for path in (ours, other, theirs)] == [True, False, True]


def test_a_check_of_several_folders_names_the_slug_that_both_have(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.md").write_bytes(card_file())
        (tmp_path / name / "README.md").write_text("text")
    checked = check_paths([tmp_path / "first", tmp_path / "second"])
    assert (checked.files, checked.cards, checked.errors) == (4, 1, 1)
