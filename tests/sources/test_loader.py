"""The store follows the folder: what is new, changed, broken, renamed or gone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from bot.cards.model import CardState
from bot.errors import UserError
from bot.sources import parallel_reader
from bot.sources.folder import CardFile
from bot.sources.folder_source import SECOND_LOOK, FolderSource
from bot.sources.loader import BRAKE_CARDS, Loader, LoadReport
from bot.sources.parallel_reader import Reader
from bot.sources.reader_process import error_result
from bot.sources.source import Listing, ReadItem
from bot.store import Store, open_store
from bot.store.cards import importer
from tests.support.cards import CORPUS, NOW, card_file

BROKEN = b"---\ncategory: news\ntitle: [\n---\n"


class CardFolder:
    """A folder of cards and the loader that reads it. Every write looks newer than the one before."""

    def __init__(self, root: Path, store: Store) -> None:
        self.root = root
        self.store = store
        self.source = FolderSource(root)
        self.loader = Loader(store.cards.importer, self.source)
        self.writes = 0
        self.now = NOW
        root.mkdir(exist_ok=True)

    def write_file(self, name: str, content: bytes | None = None) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(
            card_file(title=f"Title of {name}", webUrl=f"https://news.example/{name}") if content is None else content
        )
        self.writes += 1
        os.utime(path, ns=(self.writes * 10**9, self.writes * 10**9))
        return path

    async def load_cards(self, *, accept_withdrawals: bool = False) -> LoadReport:
        return await self.loader.load_cards(lambda: self.now, accept_withdrawals=accept_withdrawals)

    async def look_again(self, *, accept_withdrawals: bool = False) -> LoadReport:
        """Load now, and once more when what is missing counts as gone."""
        first = await self.load_cards(accept_withdrawals=accept_withdrawals)
        self.now += SECOND_LOOK
        return (await self.load_cards(accept_withdrawals=accept_withdrawals)).combined_with(first)

    async def id_of(self, slug: str) -> int | None:
        stored = await self.store.cards.get_by_slug(slug, 0)
        return stored.id if stored else None

    async def visible_slugs(self) -> set[str]:
        return {stored.card.slug for stored in (await self.store.cards.list_latest(0, limit=1000)).cards}


@pytest.fixture
def folder(tmp_path: Path, store: Store) -> CardFolder:
    return CardFolder(tmp_path / "cards", store)


def report_counts(report: LoadReport) -> dict[str, int]:
    return {name: value for name, value in report.to_counts().items() if value and name != "seconds"}


async def test_a_load_says_what_it_found_and_a_second_one_finds_nothing_new(folder: CardFolder) -> None:
    folder.write_file("one.md")
    folder.write_file("deep/er/two.markdown")
    folder.write_file("note.md", b"# No card")
    folder.write_file("broken.md", BROKEN)
    folder.write_file("other.txt")
    folder.write_file(".hidden/three.md")
    first = await folder.load_cards()
    assert report_counts(first) == {"files": 4, "cards": 2, "added": 2, "skipped": 2, "problems": 1}
    assert [(found.file, found.line) for found in first.findings] == [("broken.md", 4)]
    second = await folder.load_cards()
    assert report_counts(second) == {"files": 4, "cards": 2, "unchanged": 2, "skipped": 2, "problems": 1}
    assert second.findings == first.findings
    assert (first.has_changes, second.has_changes) == (True, False)
    assert await folder.visible_slugs() == {"one", "deep/er/two"}


async def test_only_files_that_look_changed_are_read_again(folder: CardFolder) -> None:
    path = folder.write_file("one.md", card_file(title="Before"))
    folder.write_file("two.md")
    await folder.load_cards()
    looks = path.stat()
    path.write_bytes(card_file(title="Behind"))
    os.utime(path, ns=(looks.st_atime_ns, looks.st_mtime_ns))
    done: list[tuple[int, int]] = []
    report = await folder.loader.load_cards(lambda: NOW, progress=lambda *progress: done.append(progress))
    assert report_counts(report) == {"files": 2, "cards": 2, "changed": 1, "unchanged": 1}
    assert done == [(1, 1)]


async def test_a_touched_file_and_another_cipher_change_nothing(folder: CardFolder) -> None:
    folder.write_file("one.md", card_file(secured="A"))
    await folder.load_cards()
    folder.write_file("one.md", card_file(secured="B"))
    report = await folder.load_cards()
    assert report_counts(report) == {"files": 1, "cards": 1, "unchanged": 1}
    assert not report.has_changes


async def test_a_broken_file_keeps_its_card_and_stays_a_problem_until_it_is_mended(folder: CardFolder) -> None:
    folder.write_file("one.md")
    await folder.load_cards()
    before = await folder.id_of("one")
    folder.write_file("one.md", BROKEN)
    for _ in range(2):
        report = await folder.load_cards()
        assert (report.problems, report.cards, report.withdrawn) == (1, 1, 0)
        assert await folder.id_of("one") == before
    folder.write_file("one.md", card_file(title="Mended"))
    assert report_counts(await folder.load_cards()) == {"files": 1, "cards": 1, "changed": 1}
    assert await folder.id_of("one") == before


async def test_a_vanished_file_withdraws_its_card_and_the_same_file_brings_it_back(folder: CardFolder) -> None:
    path = folder.write_file("one.md")
    await folder.load_cards()
    before = await folder.id_of("one")
    content = path.read_bytes()
    path.unlink()
    assert report_counts(await folder.load_cards()) == {"missing": 1}
    assert report_counts(await folder.look_again()) == {"withdrawn": 1}
    assert await folder.visible_slugs() == set()
    assert report_counts(await folder.load_cards()) == {}
    folder.write_file("one.md", content)
    assert report_counts(await folder.load_cards()) == {"files": 1, "cards": 1, "changed": 1}
    assert await folder.id_of("one") == before


@pytest.mark.parametrize("loads", [1, 2])
async def test_a_renamed_file_keeps_its_card(folder: CardFolder, loads: int) -> None:
    path = folder.write_file("one.md")
    await folder.load_cards()
    before = await folder.id_of("one")
    content = path.read_bytes()
    path.unlink()
    if loads == 2:
        await folder.load_cards()
    folder.write_file("moved/uno.md", content)
    report = await folder.look_again()
    assert (report.added, report.withdrawn) == (0, 0)
    assert (await folder.id_of("one"), await folder.id_of("moved/uno")) == (None, before)


async def test_a_copied_file_is_a_card_of_its_own(folder: CardFolder) -> None:
    content = folder.write_file("one.md").read_bytes()
    await folder.load_cards()
    folder.write_file("copy.md", content)
    assert (await folder.load_cards()).added == 1
    assert await folder.visible_slugs() == {"one", "copy"}


@pytest.mark.parametrize("content", [card_file(category="learning"), b"# text", card_file(removed=True)])
async def test_a_file_that_is_no_news_any_more_withdraws_its_card(folder: CardFolder, content: bytes) -> None:
    folder.write_file("one.md")
    await folder.load_cards()
    folder.write_file("one.md", content)
    report = await folder.look_again()
    assert (report.withdrawn, report.problems) == (1, 0)
    assert await folder.visible_slugs() == set()
    assert not (await folder.load_cards()).has_changes


async def test_a_card_that_its_file_holds_back_again_is_shown_no_more(folder: CardFolder) -> None:
    folder.write_file("one.md")
    await folder.load_cards()
    folder.write_file("one.md", card_file(published=False))
    assert (await folder.load_cards()).changed == 1
    assert await folder.visible_slugs() == set()
    stored = await folder.store.cards.get_by_slug("one", 0, hidden=True)
    assert stored
    assert stored.card.state is CardState.HELD


async def test_of_two_files_with_one_name_the_first_is_the_card_and_the_other_a_problem(folder: CardFolder) -> None:
    folder.write_file("a.md", card_file(title="From md"))
    folder.write_file("a.markdown", card_file(title="From markdown"))
    for _ in range(2):
        report = await folder.load_cards()
        assert [(found.file, found.problem) for found in report.findings] == [
            ("a.md", "a.markdown has the same name: rename one of the two")
        ]
        stored = await folder.store.cards.get_by_slug("a", 0)
        assert stored
        assert stored.card.title == "From markdown"


async def test_a_twin_that_comes_later_is_a_problem_and_leaves_the_card_to_the_other_when_it_goes(
    folder: CardFolder,
) -> None:
    folder.write_file("a.md", card_file(title="From md"))
    await folder.load_cards()
    before = await folder.id_of("a")
    twin = folder.write_file("a.markdown", card_file(title="From markdown"))
    for _ in range(2):
        assert (await folder.load_cards()).problems == 1
    twin.unlink()
    report = await folder.load_cards()
    assert (report.problems, report.withdrawn) == (0, 0)
    stored = await folder.store.cards.get_by_slug("a", 0)
    assert stored
    assert (stored.id, stored.card.title) == (before, "From md")


async def test_a_twin_that_was_there_from_the_start_becomes_the_card_when_the_other_goes(folder: CardFolder) -> None:
    folder.write_file("a.md", card_file(title="From md"))
    twin = folder.write_file("a.markdown", card_file(title="From markdown"))
    await folder.load_cards()
    twin.unlink()
    await folder.load_cards()
    stored = await folder.store.cards.get_by_slug("a", 0)
    assert stored
    assert stored.card.title == "From md"


async def test_a_file_that_cannot_be_opened_keeps_its_card_and_is_tried_again(
    folder: CardFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_file("one.md")
    await folder.load_cards()
    folder.write_file("one.md", card_file(title="After"))

    def refused(self: Reader, files: Sequence[CardFile], stop: object) -> list[ReadItem]:
        return [error_result(file.item, "cannot be read: Permission denied") for file in files]

    with monkeypatch.context() as patched:
        patched.setattr(Reader, "read", refused)
        report = await folder.load_cards()
    assert [found.problem for found in report.findings] == ["cannot be read: Permission denied"]
    assert await folder.visible_slugs() == {"one"}
    assert report_counts(await folder.load_cards()) == {"files": 1, "cards": 1, "changed": 1}


@pytest.mark.parametrize("how", ["missing", "dangling", "a file", "unreadable"])
async def test_a_folder_that_cannot_be_listed_is_an_error_and_changes_nothing(
    folder: CardFolder, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_file("in/one.md")
    await folder.load_cards()

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
    with pytest.raises(UserError, match=r"doesn't exist|can't read the folder .*: Permission denied"):
        await folder.load_cards()
    assert await folder.visible_slugs() == {"in/one"}


async def test_names_that_are_not_text_dangling_links_and_pipes_are_left_out(folder: CardFolder) -> None:
    folder.write_file("one.md")
    Path(os.fsdecode(bytes(folder.root) + b"/bad\xff.md")).write_bytes(card_file())
    (folder.root / "dangling.md").symlink_to("nowhere.md")
    os.mkfifo(folder.root / "pipe.md")
    (folder.root / "folder.md").mkdir()
    assert report_counts(await folder.load_cards()) == {"files": 1, "cards": 1, "added": 1}


async def test_linked_and_hidden_folders_are_not_entered(folder: CardFolder, tmp_path: Path) -> None:
    folder.write_file("one.md")
    folder.write_file(".hidden/two.md")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/three.md").write_bytes(card_file())
    (folder.root / "linked").symlink_to(tmp_path / "outside")
    assert report_counts(await folder.load_cards()) == {"files": 1, "cards": 1, "added": 1}


async def test_a_link_to_a_file_that_is_no_card_gives_nothing_of_it_away(folder: CardFolder, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("NEWSDESK_TOKEN=PLANTED\n", "utf-8")
    (folder.root / "linked.md").symlink_to(tmp_path / "secret")
    report = await folder.load_cards()
    assert "PLANTED" not in str(report)
    assert await folder.visible_slugs() == set()


async def test_an_emptied_folder_stops_before_it_withdraws_until_somebody_accepts(folder: CardFolder) -> None:
    paths = [folder.write_file(f"card-{number}.md") for number in range(BRAKE_CARDS + 1)]
    await folder.load_cards()
    for path in paths:
        path.unlink()
    for _ in range(2):
        report = await folder.look_again()
        assert (report.withdrawn, report.held_back, report.has_changes) == (0, BRAKE_CARDS + 1, False)
        assert len(await folder.visible_slugs()) == BRAKE_CARDS + 1
    report = await folder.load_cards(accept_withdrawals=True)
    assert (report.withdrawn, report.held_back) == (BRAKE_CARDS + 1, 0)
    assert await folder.visible_slugs() == set()


@pytest.mark.parametrize("content", [card_file(removed=True), card_file(published=False), card_file(category="event")])
async def test_the_brake_weighs_rewritten_files_as_well_and_files_the_rest(folder: CardFolder, content: bytes) -> None:
    for number in range(BRAKE_CARDS + 1):
        folder.write_file(f"card-{number}.md")
    await folder.load_cards()
    for number in range(BRAKE_CARDS + 1):
        folder.write_file(f"card-{number}.md", content)
    folder.write_file("new.md")
    report = await folder.load_cards()
    assert (report.added, report.held_back) == (1, BRAKE_CARDS + 1)
    assert len(await folder.visible_slugs()) == BRAKE_CARDS + 2
    assert (await folder.load_cards(accept_withdrawals=True)).held_back == 0
    assert await folder.visible_slugs() == {"new"}


@pytest.mark.parametrize(("total", "leaving", "held_back"), [(30, 20, 0), (105, 21, 0), (104, 21, 21)])
async def test_the_brake_needs_more_than_twenty_cards_and_more_than_a_fifth(
    folder: CardFolder, total: int, leaving: int, held_back: int
) -> None:
    paths = [folder.write_file(f"card-{number}.md") for number in range(total)]
    await folder.load_cards()
    for path in paths[:leaving]:
        path.unlink()
    report = await folder.look_again()
    assert (report.held_back, report.withdrawn) == (held_back, leaving - held_back)


async def test_held_cards_leave_without_the_brake(folder: CardFolder) -> None:
    paths = [
        folder.write_file(f"card-{number}.md", card_file(title=f"T{number}", published=False)) for number in range(40)
    ]
    await folder.load_cards()
    for path in paths:
        path.unlink()
    assert (await folder.look_again()).withdrawn == 40


async def test_two_loads_at_once_are_one_after_the_other(folder: CardFolder) -> None:
    import asyncio

    for number in range(30):
        folder.write_file(f"card-{number}.md")
    reports = await asyncio.gather(folder.load_cards(), folder.load_cards())
    assert sorted(report.added for report in reports) == [0, 30]


async def test_what_was_loaded_is_there_after_a_restart(folder: CardFolder, database_url: str) -> None:
    folder.write_file("one.md", card_file(topics=["AI"], provider={"name": "ESA", "images": [{"url": "/i.png"}]}))
    await folder.load_cards()
    async with open_store(database_url) as again:
        reopened = CardFolder(folder.root, again)
        assert report_counts(await reopened.load_cards()) == {"files": 1, "cards": 1, "unchanged": 1}
        stored, same = await again.cards.get_by_slug("one", 0), await folder.store.cards.get_by_slug("one", 0)
        assert stored == same
        assert stored
        assert stored.card.topics == ("AI",)


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the corpus of real cards is not beside the repository")
async def test_every_rewrite_of_a_real_card_keeps_it_one_card(folder: CardFolder) -> None:
    stories = sorted(path for path in (CORPUS / "cards" / "evolution").iterdir() if path.is_dir())
    assert stories
    for story in stories:
        ids = set()
        for version in sorted(story.iterdir()):
            folder.write_file(f"{story.name}.md", version.read_bytes())
            report = await folder.load_cards(accept_withdrawals=True)
            assert report.problems == 0
            stored = await folder.store.cards.get_by_slug(story.name, 0, hidden=True)
            assert stored
            ids.add(stored.id)
        assert len(ids) == 1
    subscription = {"guild_id": 1, "channel_id": 2, "created_by": 3, "now": NOW - timedelta(days=9)}
    await folder.store.subscriptions.add_subscription(**subscription)  # type: ignore[arg-type]
    await folder.store.outbox.planner.plan_deliveries(NOW, timedelta(days=99_999))
    assert await folder.store.outbox.planner.plan_deliveries(NOW, timedelta(days=99_999)) == 0


async def test_a_load_that_waits_brings_cards_that_are_new_to_who_subscribed_meanwhile(folder: CardFolder) -> None:
    folder.write_file("a.md")
    async with folder.loader.load_lock:
        load = asyncio.create_task(folder.load_cards())
        await asyncio.sleep(0)
        folder.now += timedelta(seconds=30)
        await folder.store.subscriptions.add_subscription(guild_id=1, channel_id=2, created_by=3, now=folder.now)
        folder.now += timedelta(seconds=30)
    assert (await load).added == 1
    assert await folder.store.outbox.planner.plan_deliveries(folder.now, timedelta(days=14)) == 1


async def test_a_card_that_is_read_late_is_new_to_who_subscribed_meanwhile(
    folder: CardFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write_file("a.md")
    list_items = folder.source.list_items

    async def list_slowly(known: Collection[str]) -> Listing:
        listing = await list_items(known)
        folder.now += timedelta(seconds=30)
        await folder.store.subscriptions.add_subscription(guild_id=1, channel_id=2, created_by=3, now=folder.now)
        folder.now += timedelta(seconds=30)
        return listing

    monkeypatch.setattr(folder.source, "list_items", list_slowly)
    assert (await folder.load_cards()).added == 1
    assert await folder.store.outbox.planner.plan_deliveries(folder.now, timedelta(days=14)) == 1


def test_what_is_read_together_fits_into_one_transaction() -> None:
    assert parallel_reader.BATCH <= importer.BATCH
