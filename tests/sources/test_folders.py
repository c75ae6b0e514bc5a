"""Cards from several folders: one store, the first folder wins, a move between them is no withdrawal."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import UserError
from bot.sources.checking import check_paths
from bot.sources.loader import BRAKE_CARDS, SECOND_LOOK, Loader
from bot.store import Store
from tests.sources.test_loading import Folder, counts
from tests.support.cards import NOW, page


class Shelf:
    """Two folders that one loader reads."""

    def __init__(self, place: Path, store: Store) -> None:
        self.first, self.second = Folder(place / "first", store), Folder(place / "second", store)
        self.loader = Loader(store.cabinet, self.first.root, self.second.root)
        self.store = store

    async def load(self) -> dict[str, int]:
        return counts(await self.loader.load(NOW))

    async def look_again(self) -> dict[str, int]:
        await self.loader.load(NOW)
        return counts(await self.loader.load(NOW + SECOND_LOOK))

    async def title(self, slug: str) -> str:
        filed = await self.store.archive.by_slug(slug, 0)
        assert filed
        return filed.card.title


@pytest.fixture
def shelf(tmp_path: Path, store: Store) -> Shelf:
    return Shelf(tmp_path, store)


async def test_what_the_folders_hold_is_summed_and_no_file_that_is_no_card_stands_in_the_way(shelf: Shelf) -> None:
    for folder, name in ((shelf.first, "one.md"), (shelf.second, "two.md"), (shelf.second, "three.md")):
        folder.write(name)
        folder.write("README.md", b"# About these cards")
    assert await shelf.load() == {"files": 5, "cards": 3, "added": 3, "skipped": 2}
    assert await shelf.load() == {"files": 5, "cards": 3, "unchanged": 3, "skipped": 2}
    assert await shelf.first.shown() == {"one", "two", "three"}


async def test_of_one_slug_in_two_folders_the_first_folder_wins_and_it_is_one_problem(shelf: Shelf) -> None:
    shelf.second.write("one.md", page(title="Of the second"))
    await Loader(shelf.store.cabinet, shelf.second.root).load(NOW)
    path = shelf.first.write("one.md", page(title="Of the first"))
    for _ in range(2):
        report = await shelf.loader.load(NOW)
        assert await shelf.title("one") == "Of the first"
        (problem,) = report.findings
        assert problem.file == str(shelf.second.root / "one.md")
        assert problem.problem.startswith(f"{path} has the same name, and its folder comes first")
    path.unlink()
    assert (await shelf.look_again()).get("withdrawn") is None
    assert await shelf.title("one") == "Of the second"


async def test_a_third_folder_is_told_of_the_first_one(shelf: Shelf, tmp_path: Path) -> None:
    third = Folder(tmp_path / "third", shelf.store)
    for folder in (shelf.first, shelf.second, third):
        folder.write("one.md")
    report = await Loader(shelf.store.cabinet, shelf.first.root, shelf.second.root, third.root).load(NOW)
    assert [str(shelf.first.root / "one.md") in each.problem for each in report.findings] == [True, True]


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("name", ["one.md", "renamed.md"])
async def test_a_file_that_moves_to_the_other_folder_keeps_its_card(shelf: Shelf, back: bool, name: str) -> None:
    source, target = (shelf.second, shelf.first) if back else (shelf.first, shelf.second)
    path = source.write("one.md")
    await shelf.load()
    before = await source.id_of("one")
    target.write(name, path.read_bytes())
    path.unlink()
    assert (await shelf.look_again()).get("withdrawn") is None
    assert await target.id_of(name.removesuffix(".md")) == before


async def test_the_brake_weighs_what_all_folders_lose_together(shelf: Shelf) -> None:
    paths = [folder.write(f"{folder.root.name}-{number}.md") for number in range(BRAKE_CARDS // 2 + 1)
             for folder in (shelf.first, shelf.second)]  # fmt: skip
    await shelf.load()
    for path in paths:
        path.unlink()
    assert (await shelf.look_again())["held_back"] == len(paths)
    accepted = await shelf.loader.load(NOW + SECOND_LOOK, accept_withdrawals=True)
    assert accepted.withdrawn == len(paths)


async def test_a_folder_that_is_missing_stops_the_load_before_anything_is_changed(shelf: Shelf) -> None:
    shelf.first.write("one.md")
    shelf.second.write("two.md")
    await shelf.load()
    (shelf.second.root / "two.md").rename(shelf.second.root.parent / "two.md")
    (shelf.first.root / "one.md").unlink()
    shelf.second.root.rmdir()
    with pytest.raises(UserError, match=f"{shelf.second.root} does not exist"):
        await shelf.load()
    assert await shelf.first.shown() == {"one", "two"}


async def test_a_decision_is_written_into_the_file_whose_card_is_shown(shelf: Shelf) -> None:
    theirs = shelf.second.write("two.md")
    ours, other = shelf.first.write("one.md"), shelf.second.write("one.md")
    await shelf.load()
    for slug in ("one", "two"):
        card_id = await shelf.first.id_of(slug)
        assert card_id
        await shelf.loader.write_back(card_id, False)
    assert [b"published: false" in path.read_bytes() for path in (ours, other, theirs)] == [True, False, True]


def test_a_check_of_several_folders_names_the_slug_that_both_have(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "one.md").write_bytes(page())
        (tmp_path / name / "README.md").write_text("text")
    checked = check_paths([tmp_path / "first", tmp_path / "second"])
    assert (checked.files, checked.cards, checked.errors) == (4, 1, 1)
