"""A moment is no decision: what a file is for a second changes no post; what is still to come is nowhere yet."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.cards.model import SourceKind
from bot.domain.moderation import Decision, DecisionSource, Verdict
from bot.errors import UserError
from bot.sources.folder_source import SECOND_LOOK, FolderSource
from bot.sources.loader import BRAKE_CARDS, Loader
from bot.store import Store
from bot.store.cards.card_query import CardQuery, SearchOrder
from bot.store.moderation.queue import QueueFilters
from tests.sources.test_loader import BROKEN, CardFolder
from tests.support.cards import NOW, card_file

GUILD = 7
AGES_AGO = timedelta(days=9_999)


@pytest.fixture
def folder(tmp_path: Path, store: Store) -> CardFolder:
    return CardFolder(tmp_path / "cards", store)


async def subscribe_channel(folder: CardFolder) -> None:
    await folder.store.subscriptions.add_subscription(
        guild_id=GUILD, channel_id=2, created_by=3, now=NOW - timedelta(days=9)
    )


async def count_planned(folder: CardFolder) -> int:
    """How many new messages are wanted now."""
    return await folder.store.outbox.planner.plan_deliveries(folder.now, AGES_AGO)


MOMENTS: list[bytes | None] = [
    None, b"", b"\n", b" \t\r\n" * 9, b"\0" * 4096, b"\xef\xbb\xbf", b"-", b"--", b"---\n", b"---\ntitle: half a",
    b"# text", BROKEN, b"\xff\xfe\x00", card_file()[:40], card_file(title=None),
]  # fmt: skip


@pytest.mark.parametrize("moment", MOMENTS)
async def test_what_a_file_is_for_a_moment_changes_nothing(folder: CardFolder, moment: bytes | None) -> None:
    await subscribe_channel(folder)
    path = folder.write_file("one.md")
    content = path.read_bytes()
    await folder.load_cards()
    assert await count_planned(folder) == 1
    before = await folder.id_of("one")
    for _ in range(2):
        if moment is None:
            path.unlink()
        else:
            path.write_bytes(moment)
        folder.now += timedelta(seconds=1.5)
        report = await folder.load_cards()
        assert (report.withdrawn, report.changed, report.added) == (0, 0, 0)
        assert await folder.visible_slugs() == {"one"}
        assert await folder.store.outbox.queue.next_due_at(folder.now) is not None
        folder.write_file("one.md", content)
        folder.now += SECOND_LOOK
        report = await folder.load_cards()
        assert (report.withdrawn, report.changed, report.added, report.unchanged) == (0, 0, 0, 1)
        assert await folder.id_of("one") == before
        assert await count_planned(folder) == 0


@pytest.mark.parametrize("moment", [None, b"# text"])
@pytest.mark.parametrize(("seconds", "gone"), [(4.9, False), (5.0, True), (500.0, True)])
async def test_a_card_goes_at_the_first_look_five_seconds_after_it_was_missed(
    folder: CardFolder, moment: bytes | None, seconds: float, gone: bool
) -> None:
    path = folder.write_file("one.md")
    await folder.load_cards()
    if moment is None:
        path.unlink()
    else:
        path.write_bytes(moment)
    first = await folder.load_cards()
    assert (first.missing, first.withdrawn, first.look_at) == (1, 0, folder.now + SECOND_LOOK)
    folder.now += timedelta(seconds=seconds)
    second = await folder.load_cards()
    assert (second.missing, second.withdrawn) == (not gone, gone)
    assert (second.look_at is None) is gone


async def test_a_clock_that_is_set_back_makes_the_wait_no_shorter_and_not_endless(folder: CardFolder) -> None:
    folder.write_file("one.md").unlink()
    folder.write_file("one.md")
    await folder.load_cards()
    (folder.root / "one.md").unlink()
    await folder.load_cards()
    folder.now -= timedelta(days=1)
    assert (await folder.load_cards()).missing == 1
    folder.now += SECOND_LOOK
    assert (await folder.load_cards()).withdrawn == 1


@pytest.mark.parametrize("words", [{"removed": True}, {"published": False}, {"category": "event"}])
async def test_what_a_file_says_itself_counts_at_once(folder: CardFolder, words: dict[str, object]) -> None:
    folder.write_file("one.md")
    await folder.load_cards()
    folder.write_file("one.md", card_file(**words))
    await folder.load_cards()
    assert await folder.visible_slugs() == set()


async def test_after_the_bots_own_pull_one_look_is_enough(folder: CardFolder) -> None:
    folder.write_file("one.md").unlink()
    path = folder.write_file("two.md")
    await folder.load_cards()
    path.unlink()
    folder.source.mark_settled()
    report = await folder.load_cards()
    assert (report.missing, report.withdrawn) == (0, 1)
    folder.write_file("three.md")
    await folder.load_cards()
    (folder.root / "three.md").unlink()
    report = await folder.load_cards()
    assert (report.missing, report.withdrawn) == (1, 0)


async def test_a_restart_between_the_two_looks_makes_no_third_one_necessary(folder: CardFolder) -> None:
    path = folder.write_file("one.md")
    await folder.load_cards()
    path.unlink()
    await folder.load_cards()
    report = await Loader(folder.store.cards.importer, FolderSource(folder.root)).load_cards(
        lambda: folder.now + SECOND_LOOK
    )
    assert report.withdrawn == 1


async def test_a_card_may_be_renamed_between_the_two_looks_and_edited_after(folder: CardFolder) -> None:
    path = folder.write_file("one.md")
    content = path.read_bytes()
    await folder.load_cards()
    before = await folder.id_of("one")
    path.unlink()
    await folder.load_cards()
    folder.now += timedelta(seconds=2)
    folder.write_file("uno.md", content)
    await folder.load_cards()
    folder.now += SECOND_LOOK
    report = await folder.load_cards()
    assert (report.withdrawn, report.missing) == (0, 0)
    assert await folder.id_of("uno") == before
    folder.write_file("one.md", content)
    assert (await folder.load_cards()).added == 1
    assert await folder.visible_slugs() == {"one", "uno"}


async def test_a_file_whose_card_another_took_while_it_was_away_is_a_card_of_its_own_when_it_is_back(
    folder: CardFolder,
) -> None:
    path = folder.write_file("one.md")
    content, stat = path.read_bytes(), path.stat()
    await folder.load_cards()
    path.rename(folder.root / "one.aside")
    folder.write_file("copy.md", content)
    await folder.load_cards()
    (folder.root / "one.aside").rename(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    await folder.load_cards()
    assert await folder.visible_slugs() == {"one", "copy"}


async def test_the_brake_counts_at_the_second_look(folder: CardFolder) -> None:
    paths = [folder.write_file(f"{number}.md") for number in range(BRAKE_CARDS + 1)]
    await folder.load_cards()
    for path in paths:
        path.rename(path.with_suffix(".aside"))
    first = await folder.load_cards()
    assert (first.held_back, first.missing) == (0, len(paths))
    for path in paths:
        path.with_suffix(".aside").rename(path)
    folder.now += SECOND_LOOK
    assert (await folder.load_cards()).unchanged == len(paths)
    for path in paths:
        path.unlink()
    assert (await folder.look_again()).held_back == len(paths)


@pytest.mark.parametrize("how", ["gone", "another"])
async def test_a_whole_folder_that_is_away_keeps_everything_and_says_so(folder: CardFolder, how: str) -> None:
    folder.write_file("one.md")
    await folder.load_cards()
    aside = folder.root.with_name("aside")
    folder.root.rename(aside)
    if how == "another":
        folder.root.mkdir()
    for _ in range(3):
        with pytest.raises(UserError, match=r"doesn't exist|Is its disk mounted\? Nothing was changed"):
            await folder.load_cards()
        folder.now += SECOND_LOOK
    assert await folder.visible_slugs() == {"one"}
    if how == "another":
        folder.root.rmdir()
    aside.rename(folder.root)
    assert (await folder.load_cards()).unchanged == 1


async def test_a_folder_that_is_emptied_on_purpose_is_believed(folder: CardFolder) -> None:
    path = folder.write_file("one.md")
    await folder.load_cards()
    path.unlink()
    assert (await folder.look_again()).withdrawn == 1


NAMES = ["café", "Ångström", "Ελλάδα ή", "각", "ệ/ô"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("forms", [("NFD", "NFC"), ("NFC", "NFD")])
@pytest.mark.parametrize("edited", [False, True])
@pytest.mark.parametrize("order", ["at once", "new first", "old first"])
async def test_a_name_in_another_form_is_the_same_card(
    folder: CardFolder, name: str, forms: tuple[str, str], edited: bool, order: str
) -> None:
    old, new = (f"{unicodedata.normalize(form, name)}.md" for form in forms)  # type: ignore[arg-type]
    path = folder.write_file(old, card_file())
    await folder.load_cards()
    slug = unicodedata.normalize("NFC", name)
    before = await folder.id_of(slug)
    assert before
    content = card_file(title="Edited") if edited else card_file()
    if order == "new first":
        folder.write_file(new, content)
        await folder.load_cards()
    path.unlink()
    if order == "old first":
        await folder.load_cards()
    folder.write_file(new, content)
    await folder.look_again()
    assert (await folder.id_of(slug), await folder.visible_slugs()) == (before, {slug})


def _write_the_same(path: Path) -> None:
    path.write_bytes(path.read_bytes())


def _copy_into_its_place(path: Path) -> None:
    other = path.with_suffix(".copy")
    other.write_bytes(path.read_bytes())
    other.replace(path)


LOOKS: list[Callable[[Path], None]] = [
    lambda path: os.utime(path, ns=(1, 1)),
    lambda path: path.chmod(0o600),
    _write_the_same,
    _copy_into_its_place,
]


@pytest.mark.parametrize("touch", LOOKS)
async def test_a_file_that_only_looks_different_is_no_change_and_not_parsed(
    folder: CardFolder, touch: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder.write_file("one.md")
    folder.write_file("broken.md", BROKEN)
    first = await folder.load_cards()
    touch(path)
    touch(folder.root / "broken.md")
    before = await folder.store.cards.importer.known_items(SourceKind.FOLDER, str(folder.root.resolve()))
    report = await folder.load_cards()
    assert (report.changed, report.unchanged, report.findings) == (0, 1, first.findings)
    after = await folder.store.cards.importer.known_items(SourceKind.FOLDER, str(folder.root.resolve()))
    assert after["one.md"].fingerprint != before["one.md"].fingerprint
    assert after["one.md"].digest == before["one.md"].digest
    assert (await folder.load_cards()).unchanged == 1


@pytest.mark.parametrize("how", ["in place", "replaced"])
async def test_the_same_size_and_time_are_no_proof(folder: CardFolder, how: str) -> None:
    path = folder.write_file("one.md", card_file(title="Old title"))
    looks = path.stat()
    await folder.load_cards()
    other = path.with_suffix(".new")
    if how == "in place":
        path.write_bytes(card_file(title="New title"))
    else:
        other.write_bytes(card_file(title="New title"))
        other.replace(path)
    os.utime(path, ns=(looks.st_atime_ns, looks.st_mtime_ns))
    assert path.stat().st_size == looks.st_size
    assert (await folder.load_cards()).changed == 1
    stored = await folder.store.cards.get_by_slug("one", 0)
    assert stored
    assert stored.card.title == "New title"


async def test_files_that_an_older_version_noted_are_read_once_and_nothing_is_planned_for_them(
    folder: CardFolder,
) -> None:
    from sqlalchemy import update

    from bot.store.tables import source_items

    await subscribe_channel(folder)
    for number in range(5):
        folder.write_file(f"{number}.md")
    await folder.load_cards()
    assert await count_planned(folder) == 5
    async with folder.store.cards.importer._database.begin_write() as connection:
        await connection.execute(update(source_items).values(fingerprint="1 1 0 0", digest=None))
    assert (await folder.load_cards()).unchanged == 5
    assert await count_planned(folder) == 0


# --- what is still to come


async def readable_slugs(folder: CardFolder) -> set[str]:
    """The slugs that any way of reading gives in the server now, to members or to moderators."""
    store, now = folder.store, folder.now
    archive, long_ago = store.cards, now - AGES_AGO
    found: list[object] = []
    for guild in (0, GUILD):
        found += (await archive.list_latest(guild, limit=99)).cards
        found += (await archive.list_latest(guild, topic="Space", limit=99)).cards
        found += await archive.complete_cards("", guild, limit=25)
        found += await archive.complete_cards("", guild, limit=25, hidden=True)
        found += await archive.complete_cards("title", guild, limit=25, hidden=True)
        for order in SearchOrder:
            found += (await archive.search_cards(CardQuery("title", order=order), guild, limit=99)).cards
            found += (await archive.search_cards(CardQuery(topic="Space", order=order), guild, limit=99)).cards
        candidate_pool = await store.outbox.candidates.load_pool([guild], long_ago, long_ago)
        found += (await archive.get_by_ids([each.card_id for each in candidate_pool.for_guild(guild)], guild)).values()
        waiting = await store.moderation.queue.get_page(guild, QueueFilters(), limit=99, offset=0)
        found += [each.card for each in waiting.waiting]
        found += (await store.members.saved_cards.get_page(1, guild, limit=99, offset=0)).cards
    assert all(each.card.published_at <= now for each in found)  # type: ignore[attr-defined]
    return {each.card.slug for each in found}  # type: ignore[attr-defined]


async def card_counts(folder: CardFolder) -> tuple[int, int, int]:
    """Cards that topics and trends count, and those by state."""
    store, now = folder.store, folder.now
    topics = sum(each.count for each in await store.cards.list_topics(GUILD, limit=99))
    trends = sum(each.count for each in await store.cards.trends.count_topics(GUILD, now, limit=99))
    states = (await store.health.read_health(now)).cards
    return topics, trends, states.get("published", 0) + states.get("held", 0)


FUTURE = [timedelta(hours=14, seconds=1), timedelta(days=2), timedelta(days=40), timedelta(days=36 * 365)]


@pytest.mark.parametrize("ahead", FUTURE)
@pytest.mark.parametrize("published", [True, False])
async def test_a_card_whose_time_is_to_come_is_nowhere_until_then(
    folder: CardFolder, ahead: timedelta, published: bool
) -> None:
    await subscribe_channel(folder)
    folder.write_file("later.md", card_file(publishedDateTime=NOW + ahead, topics=["Space"], published=published))
    for _ in range(2):
        report = await folder.load_cards()
        assert (report.scheduled, report.added, report.problems, report.look_at) == (1, 0, 0, NOW + ahead)
        assert await readable_slugs(folder) == set()
        assert await card_counts(folder) == (0, 0, 0)
        assert await count_planned(folder) == 0
    folder.now = NOW + ahead - timedelta(hours=1)
    await folder.load_cards()
    assert await readable_slugs(folder) == set()
    folder.now = NOW + ahead
    report = await folder.load_cards()
    assert (report.scheduled, report.added, report.look_at) == (0, 1, None)
    assert await readable_slugs(folder) == {"later"}
    assert await count_planned(folder) == published


async def test_the_load_notes_what_is_to_come_once(folder: CardFolder) -> None:
    folder.write_file("later.md", card_file(publishedDateTime=datetime(2062, 11, 29, 9, tzinfo=NOW.tzinfo)))
    (note,) = (await folder.load_cards()).notes
    assert (note.file, note.field, note.severity) == ("later.md", "publishedDateTime", "note")
    assert note.problem == "in the future: the card comes out on 2062-11-29 at 09:00 UTC"


@pytest.mark.parametrize("ahead", [timedelta(seconds=1), timedelta(hours=9), timedelta(hours=14)])
async def test_a_card_some_hours_ahead_counts_as_of_now_and_stays_so(folder: CardFolder, ahead: timedelta) -> None:
    await subscribe_channel(folder)
    folder.write_file("one.md", card_file(publishedDateTime=NOW + ahead, topics=["Space"]))
    assert (await folder.load_cards()).added == 1
    assert await readable_slugs(folder) == {"one"}
    assert await count_planned(folder) == 1
    for hours in (1, 20):
        folder.now = NOW + timedelta(hours=hours)
        folder.write_file("one.md", card_file(publishedDateTime=NOW + ahead, topics=["Space"], secured="x" * hours))
        assert (await folder.load_cards()).unchanged == 1
        stored = await folder.store.cards.get_by_slug("one", 0)
        assert stored
        assert stored.card.published_at == NOW
        assert await count_planned(folder) == 0


@pytest.mark.parametrize("decided", [None, Verdict.PUBLISH])
async def test_a_card_that_was_there_leaves_every_list_while_its_time_is_to_come_and_keeps_its_message(
    folder: CardFolder, decided: Verdict | None
) -> None:
    """A typing error in the year: its post says so, and is the same message once it is put right."""
    await subscribe_channel(folder)
    right = card_file(topics=["Space"])
    folder.write_file("one.md", right)
    await folder.load_cards()
    assert await count_planned(folder) == 1
    before = await folder.id_of("one")
    assert before
    await folder.store.members.saved_cards.save_card(1, before, NOW)
    if decided:
        act = Decision(GUILD, before, decided, 9, NOW)
        await folder.store.moderation.decisions.decide_card(act, source=DecisionSource.COMMAND, expected=None)
    folder.write_file("one.md", card_file(topics=["Space"], publishedDateTime=NOW + timedelta(days=365)))
    report = await folder.load_cards()
    assert (report.withdrawn, report.scheduled) == (1, 1)
    assert await readable_slugs(folder) == set()
    assert (await card_counts(folder))[2] == 0
    await count_planned(folder)
    folder.write_file("one.md", right)
    await folder.load_cards()
    assert await readable_slugs(folder) == {"one"}
    assert await folder.id_of("one") == before
    assert await count_planned(folder) == 0
