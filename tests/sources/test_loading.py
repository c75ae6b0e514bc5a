"""The store follows the folder: what is new, changed, broken, renamed or gone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from bot.cards.model import State
from bot.errors import UserError
from bot.sources.ahead import Answer, Reader
from bot.sources.folder import CardFile
from bot.sources.loader import BRAKE_CARDS, SECOND_LOOK, Loader, LoadReport
from bot.sources.reader import failed
from bot.store import Store, open_store
from tests.support.cards import CORPUS, NOW, page

BROKEN = b"---\ncategory: news\ntitle: [\n---\n"


class Folder:
    """A folder of cards and the loader that reads it. Every write looks newer than the one before."""

    def __init__(self, root: Path, store: Store) -> None:
        self.root = root
        self.store = store
        self.loader = Loader(store.cabinet, root)
        self.writes = 0
        self.now = NOW
        root.mkdir(exist_ok=True)

    def write(self, name: str, content: bytes | None = None) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            page(title=f"Title of {name}", webUrl=f"https://news.example/{name}") if content is None else content
        )
        self.writes += 1
        os.utime(path, ns=(self.writes * 10**9, self.writes * 10**9))
        return path

    async def load(self, *, accept_withdrawals: bool = False) -> LoadReport:
        return await self.loader.load(self.now, accept_withdrawals=accept_withdrawals)

    async def look_again(self, *, accept_withdrawals: bool = False) -> LoadReport:
        """Load now, and once more when what is missing counts as gone."""
        first = await self.load(accept_withdrawals=accept_withdrawals)
        self.now += SECOND_LOOK
        return (await self.load(accept_withdrawals=accept_withdrawals)).after(first)

    async def id_of(self, slug: str) -> int | None:
        filed = await self.store.archive.by_slug(slug, 0)
        return filed.id if filed else None

    async def shown(self) -> set[str]:
        return {filed.card.slug for filed in (await self.store.archive.latest(0, limit=1000)).cards}


@pytest.fixture
def folder(tmp_path: Path, store: Store) -> Folder:
    return Folder(tmp_path / "cards", store)


def counts(report: LoadReport) -> dict[str, int]:
    return {name: value for name, value in report.counts().items() if value and name != "seconds"}


async def test_a_load_says_what_it_found_and_a_second_one_finds_nothing_new(folder: Folder) -> None:
    folder.write("one.md")
    folder.write("deep/er/two.markdown")
    folder.write("note.md", b"# No card")
    folder.write("broken.md", BROKEN)
    folder.write("other.txt")
    folder.write(".hidden/three.md")
    first = await folder.load()
    assert counts(first) == {"files": 4, "cards": 2, "added": 2, "skipped": 2, "problems": 1}
    assert [(found.file, found.line) for found in first.findings] == [("broken.md", 4)]
    second = await folder.load()
    assert counts(second) == {"files": 4, "cards": 2, "unchanged": 2, "skipped": 2, "problems": 1}
    assert second.findings == first.findings
    assert (first.news, second.news) == (True, False)
    assert await folder.shown() == {"one", "deep/er/two"}


async def test_only_files_that_look_changed_are_read_again(folder: Folder) -> None:
    path = folder.write("one.md", page(title="Before"))
    folder.write("two.md")
    await folder.load()
    looks = path.stat()
    path.write_bytes(page(title="Behind"))
    os.utime(path, ns=(looks.st_atime_ns, looks.st_mtime_ns))
    done: list[tuple[int, int]] = []
    report = await folder.loader.load(NOW, progress=lambda *progress: done.append(progress))
    assert counts(report) == {"files": 2, "cards": 2, "changed": 1, "unchanged": 1}
    assert done == [(1, 1)]


async def test_a_touched_file_and_another_cipher_change_nothing(folder: Folder) -> None:
    folder.write("one.md", page(secured="A"))
    await folder.load()
    folder.write("one.md", page(secured="B"))
    report = await folder.load()
    assert counts(report) == {"files": 1, "cards": 1, "unchanged": 1}
    assert not report.news


async def test_a_broken_file_keeps_its_card_and_stays_a_problem_until_it_is_mended(folder: Folder) -> None:
    folder.write("one.md")
    await folder.load()
    before = await folder.id_of("one")
    folder.write("one.md", BROKEN)
    for _ in range(2):
        report = await folder.load()
        assert (report.problems, report.cards, report.withdrawn) == (1, 1, 0)
        assert await folder.id_of("one") == before
    folder.write("one.md", page(title="Mended"))
    assert counts(await folder.load()) == {"files": 1, "cards": 1, "changed": 1}
    assert await folder.id_of("one") == before


async def test_a_vanished_file_withdraws_its_card_and_the_same_file_brings_it_back(folder: Folder) -> None:
    path = folder.write("one.md")
    await folder.load()
    before = await folder.id_of("one")
    content = path.read_bytes()
    path.unlink()
    assert counts(await folder.load()) == {"missing": 1}
    assert counts(await folder.look_again()) == {"withdrawn": 1}
    assert await folder.shown() == set()
    assert counts(await folder.load()) == {}
    folder.write("one.md", content)
    assert counts(await folder.load()) == {"files": 1, "cards": 1, "changed": 1}
    assert await folder.id_of("one") == before


@pytest.mark.parametrize("loads", [1, 2])
async def test_a_renamed_file_keeps_its_card(folder: Folder, loads: int) -> None:
    path = folder.write("one.md")
    await folder.load()
    before = await folder.id_of("one")
    content = path.read_bytes()
    path.unlink()
    if loads == 2:
        await folder.load()
    folder.write("moved/uno.md", content)
    report = await folder.look_again()
    assert (report.added, report.withdrawn) == (0, 0)
    assert (await folder.id_of("one"), await folder.id_of("moved/uno")) == (None, before)


async def test_a_copied_file_is_a_card_of_its_own(folder: Folder) -> None:
    content = folder.write("one.md").read_bytes()
    await folder.load()
    folder.write("copy.md", content)
    assert (await folder.load()).added == 1
    assert await folder.shown() == {"one", "copy"}


@pytest.mark.parametrize("content", [page(category="learning"), b"# text", page(removed=True)])
async def test_a_file_that_is_no_news_any_more_withdraws_its_card(folder: Folder, content: bytes) -> None:
    folder.write("one.md")
    await folder.load()
    folder.write("one.md", content)
    report = await folder.look_again()
    assert (report.withdrawn, report.problems) == (1, 0)
    assert await folder.shown() == set()
    assert not (await folder.load()).news


async def test_a_card_that_its_file_holds_back_again_is_shown_no_more(folder: Folder) -> None:
    folder.write("one.md")
    await folder.load()
    folder.write("one.md", page(published=False))
    assert (await folder.load()).changed == 1
    assert await folder.shown() == set()
    filed = await folder.store.archive.by_slug("one", 0, hidden=True)
    assert filed
    assert filed.card.state is State.HELD


async def test_of_two_files_with_one_name_the_first_is_the_card_and_the_other_a_problem(folder: Folder) -> None:
    folder.write("a.md", page(title="From md"))
    folder.write("a.markdown", page(title="From markdown"))
    for _ in range(2):
        report = await folder.load()
        assert [(found.file, found.problem) for found in report.findings] == [
            ("a.md", "a.markdown has the same name: rename one of the two")
        ]
        filed = await folder.store.archive.by_slug("a", 0)
        assert filed
        assert filed.card.title == "From markdown"


async def test_a_twin_that_comes_later_is_a_problem_and_leaves_the_card_to_the_other_when_it_goes(
    folder: Folder,
) -> None:
    folder.write("a.md", page(title="From md"))
    await folder.load()
    before = await folder.id_of("a")
    twin = folder.write("a.markdown", page(title="From markdown"))
    for _ in range(2):
        assert (await folder.load()).problems == 1
    twin.unlink()
    report = await folder.load()
    assert (report.problems, report.withdrawn) == (0, 0)
    filed = await folder.store.archive.by_slug("a", 0)
    assert filed
    assert (filed.id, filed.card.title) == (before, "From md")


async def test_a_twin_that_was_there_from_the_start_becomes_the_card_when_the_other_goes(folder: Folder) -> None:
    folder.write("a.md", page(title="From md"))
    twin = folder.write("a.markdown", page(title="From markdown"))
    await folder.load()
    twin.unlink()
    await folder.load()
    filed = await folder.store.archive.by_slug("a", 0)
    assert filed
    assert filed.card.title == "From md"


async def test_a_file_that_cannot_be_opened_keeps_its_card_and_is_tried_again(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("one.md")
    await folder.load()
    folder.write("one.md", page(title="After"))

    def refused(self: Reader, files: Sequence[CardFile], stop: object) -> list[Answer]:
        return [failed(file.stat, "cannot be read: Permission denied") for file in files]

    with monkeypatch.context() as patched:
        patched.setattr(Reader, "read", refused)
        report = await folder.load()
    assert [found.problem for found in report.findings] == ["cannot be read: Permission denied"]
    assert await folder.shown() == {"one"}
    assert counts(await folder.load()) == {"files": 1, "cards": 1, "changed": 1}


@pytest.mark.parametrize("how", ["missing", "dangling", "a file", "unreadable"])
async def test_a_folder_that_cannot_be_listed_is_an_error_and_changes_nothing(
    folder: Folder, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write("in/one.md")
    await folder.load()

    def refused(path: str) -> object:
        raise PermissionError(13, "Permission denied", path)

    aside = folder.root.with_name("aside")
    if how == "unreadable":
        monkeypatch.setattr(os, "scandir", refused)
    else:
        folder.root.rename(aside)
    if how == "dangling":
        folder.root.symlink_to(aside.with_name("nowhere"))
    if how == "a file":
        folder.root.write_text("x")
    with pytest.raises(UserError, match=r"does not exist|cannot be listed: Permission denied"):
        await folder.load()
    assert await folder.shown() == {"in/one"}


async def test_names_that_are_not_text_dangling_links_and_pipes_are_left_out(folder: Folder) -> None:
    folder.write("one.md")
    Path(os.fsdecode(bytes(folder.root) + b"/bad\xff.md")).write_bytes(page())
    (folder.root / "dangling.md").symlink_to("nowhere.md")
    os.mkfifo(folder.root / "pipe.md")
    (folder.root / "folder.md").mkdir()
    assert counts(await folder.load()) == {"files": 1, "cards": 1, "added": 1}


async def test_linked_and_hidden_folders_are_not_entered(folder: Folder, tmp_path: Path) -> None:
    folder.write("one.md")
    folder.write(".hidden/two.md")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/three.md").write_bytes(page())
    (folder.root / "linked").symlink_to(tmp_path / "outside")
    assert counts(await folder.load()) == {"files": 1, "cards": 1, "added": 1}


async def test_a_link_to_a_file_that_is_no_card_gives_nothing_of_it_away(folder: Folder, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("NEWSDESK_TOKEN=PLANTED\n", "utf-8")
    (folder.root / "linked.md").symlink_to(tmp_path / "secret")
    report = await folder.load()
    assert "PLANTED" not in str(report)
    assert await folder.shown() == set()


async def test_an_emptied_folder_stops_before_it_withdraws_until_somebody_accepts(folder: Folder) -> None:
    paths = [folder.write(f"card-{number}.md") for number in range(BRAKE_CARDS + 1)]
    await folder.load()
    for path in paths:
        path.unlink()
    for _ in range(2):
        report = await folder.look_again()
        assert (report.withdrawn, report.held_back, report.news) == (0, BRAKE_CARDS + 1, False)
        assert len(await folder.shown()) == BRAKE_CARDS + 1
    report = await folder.load(accept_withdrawals=True)
    assert (report.withdrawn, report.held_back) == (BRAKE_CARDS + 1, 0)
    assert await folder.shown() == set()


@pytest.mark.parametrize("content", [page(removed=True), page(published=False), page(category="event")])
async def test_the_brake_weighs_rewritten_files_as_well_and_files_the_rest(folder: Folder, content: bytes) -> None:
    for number in range(BRAKE_CARDS + 1):
        folder.write(f"card-{number}.md")
    await folder.load()
    for number in range(BRAKE_CARDS + 1):
        folder.write(f"card-{number}.md", content)
    folder.write("new.md")
    report = await folder.load()
    assert (report.added, report.held_back) == (1, BRAKE_CARDS + 1)
    assert len(await folder.shown()) == BRAKE_CARDS + 2
    assert (await folder.load(accept_withdrawals=True)).held_back == 0
    assert await folder.shown() == {"new"}


@pytest.mark.parametrize(("total", "leaving", "held_back"), [(30, 20, 0), (105, 21, 0), (104, 21, 21)])
async def test_the_brake_needs_more_than_twenty_cards_and_more_than_a_fifth(
    folder: Folder, total: int, leaving: int, held_back: int
) -> None:
    paths = [folder.write(f"card-{number}.md") for number in range(total)]
    await folder.load()
    for path in paths[:leaving]:
        path.unlink()
    report = await folder.look_again()
    assert (report.held_back, report.withdrawn) == (held_back, leaving - held_back)


async def test_held_cards_leave_without_the_brake(folder: Folder) -> None:
    paths = [folder.write(f"card-{number}.md", page(title=f"T{number}", published=False)) for number in range(40)]
    await folder.load()
    for path in paths:
        path.unlink()
    assert (await folder.look_again()).withdrawn == 40


async def test_two_loads_at_once_are_one_after_the_other(folder: Folder) -> None:
    import asyncio

    for number in range(30):
        folder.write(f"card-{number}.md")
    reports = await asyncio.gather(folder.load(), folder.load())
    assert sorted(report.added for report in reports) == [0, 30]


async def test_what_was_loaded_is_there_after_a_restart(folder: Folder, database_url: str) -> None:
    folder.write("one.md", page(topics=["AI"], provider={"name": "ESA", "images": [{"url": "/i.png"}]}))
    await folder.load()
    async with open_store(database_url) as again:
        reopened = Folder(folder.root, again)
        assert counts(await reopened.load()) == {"files": 1, "cards": 1, "unchanged": 1}
        filed, same = await again.archive.by_slug("one", 0), await folder.store.archive.by_slug("one", 0)
        assert filed == same
        assert filed
        assert filed.card.topics == ("AI",)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real cards is not beside the repository")
async def test_every_rewrite_of_a_real_card_keeps_it_one_card(folder: Folder) -> None:
    stories = sorted(path for path in (CORPUS / "cards" / "evolution").iterdir() if path.is_dir())
    assert stories
    for story in stories:
        ids = set()
        for version in sorted(story.iterdir()):
            folder.write(f"{story.name}.md", version.read_bytes())
            report = await folder.load(accept_withdrawals=True)
            assert report.problems == 0
            filed = await folder.store.archive.by_slug(story.name, 0, hidden=True)
            assert filed
            ids.add(filed.id)
        assert len(ids) == 1
    subscription = {"guild_id": 1, "channel_id": 2, "created_by": 3, "now": NOW - timedelta(days=9)}
    await folder.store.subscriptions.add(**subscription)  # type: ignore[arg-type]
    await folder.store.deliveries.plan(NOW, timedelta(days=99_999))
    assert await folder.store.deliveries.plan(NOW, timedelta(days=99_999)) == 0
