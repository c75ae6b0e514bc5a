"""What the loader makes of a source that is no folder, and whose each card is."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.cards.model import Card, ParseResult, SourceItem, SourceKind
from bot.errors import UserError
from bot.sources.folder_source import FolderSource
from bot.sources.loader import Loader, LoadReport
from bot.sources.source import ItemToRead, Listing, ReadItem, Source
from bot.store import Store
from tests.sources.test_loader import CardFolder
from tests.support.cards import NOW, card_file, make_card


class MemorySource:
    """A source whose items are at hand, and leave it without meaning anything: as a feed's do."""

    kind = SourceKind.FEED
    language: str | None = None
    interval = timedelta(minutes=1)

    def __init__(self, address: str, gone_after: timedelta | None = None) -> None:
        self.address = address
        self.gone_after = gone_after
        self.cards: dict[str, Card] = {}
        self.read: list[str] = []
        self.known: list[str] = []

    def add_card(self, key: str, **fields: object) -> None:
        self.cards[key] = make_card(self.slug_for_key(key), **fields)

    async def resolve_key(self) -> str:
        return self.address

    async def list_items(self, known: Collection[str]) -> Listing:
        self.known = sorted(known)
        return Listing([SourceItem(key, str(hash(card))) for key, card in self.cards.items()])

    async def read_items(self, items: Sequence[ItemToRead], _now: datetime) -> AsyncGenerator[Sequence[ReadItem], None]:
        for item, _digest in items:
            self.read.append(item.key)
            yield [(item, ParseResult(self.cards[item.key]))]

    def slug_for_key(self, key: str) -> str:
        return f"feeds/{self.address}/{key}"

    def describe_key(self, key: str) -> str:
        return f"{self.address}#{key}"


@pytest.fixture
def folder(tmp_path: Path, store: Store) -> CardFolder:
    return CardFolder(tmp_path / "cards", store)


async def load_sources(store: Store, *sources: Source, now: datetime = NOW) -> LoadReport:
    return await Loader(store.cards.importer, *sources).load_cards(lambda: now)


async def slugs_in(store: Store) -> set[str]:
    return {stored.card.slug for stored in (await store.cards.list_latest(0, limit=99)).cards}


async def test_only_what_is_new_or_changed_is_read(store: Store) -> None:
    feed = MemorySource("a.example")
    for key in ("1", "2"):
        feed.add_card(key)
    first = await load_sources(store, feed)
    assert (first.files, first.added, feed.read, feed.known) == (2, 2, ["1", "2"], [])
    feed.add_card("2", title="Other")
    second = await load_sources(store, feed)
    assert (second.unchanged, second.changed, feed.read, feed.known) == (1, 1, ["1", "2", "2"], ["1", "2"])


async def test_what_an_items_absence_means_is_the_sources_to_say(store: Store) -> None:
    window, archive = MemorySource("window.example"), MemorySource("archive.example", timedelta())
    for feed in (window, archive):
        feed.add_card("1")
    await load_sources(store, window, archive)
    for feed in (window, archive):
        feed.cards.clear()
    report = await load_sources(store, window, archive)
    assert (report.withdrawn, report.missing) == (1, 0)
    assert await slugs_in(store) == {"feeds/window.example/1"}


async def test_an_item_that_returns_to_the_window_is_the_same_card(store: Store) -> None:
    feed = MemorySource("a.example")
    feed.add_card("1")
    await load_sources(store, feed)
    before = await store.cards.get_by_slug("feeds/a.example/1", 0)
    feed.cards.clear()
    await load_sources(store, feed, now=NOW + timedelta(days=40))
    feed.add_card("1")
    report = await load_sources(store, feed, now=NOW + timedelta(days=41))
    assert (report.added, report.changed, report.unchanged) == (0, 0, 1)
    assert await store.cards.get_by_slug("feeds/a.example/1", 0) == before


async def test_a_card_that_vanished_elsewhere_is_taken_over_by_folders_alone(store: Store, folder: CardFolder) -> None:
    first, second = MemorySource("a.example", timedelta()), MemorySource("b.example")
    first.add_card("1", title="The same", aliases=())
    await load_sources(store, first, second, folder.source)
    mine = await store.cards.get_by_slug("feeds/a.example/1", 0)
    assert mine
    first.cards.clear()
    second.cards["1"] = replace(mine.card, slug="feeds/b.example/1")
    assert (await load_sources(store, first, second)).added == 1
    theirs = await store.cards.get_by_slug("feeds/b.example/1", 0)
    assert theirs
    assert theirs.id != mine.id


async def test_a_file_named_like_an_item_of_a_feed_takes_nothing_from_it(store: Store, folder: CardFolder) -> None:
    feed = MemorySource("a.example")
    feed.add_card("1")
    await load_sources(store, feed)
    folder.write_file("feeds/a.example/1.md", card_file(title="From the folder"))
    report = await load_sources(store, folder.source)
    assert (report.added, report.problems) == (0, 1)
    stored = await store.cards.get_by_slug("feeds/a.example/1", 0)
    assert stored
    assert stored.card.title != "From the folder"


async def test_a_folder_that_was_renamed_keeps_its_cards_and_withdraws_them_with_their_files(
    store: Store, folder: CardFolder
) -> None:
    for name in ("one", "two"):
        folder.write_file(f"{name}.md")
    await folder.load_cards()
    before = [await folder.id_of(name) for name in ("one", "two")]
    folder.root = folder.root.rename(folder.root.with_name("renamed"))
    folder.source = FolderSource(folder.root)
    folder.loader = Loader(store.cards.importer, folder.source)
    report = await folder.load_cards()
    assert (report.added, report.changed, report.withdrawn) == (0, 0, 0)
    assert [await folder.id_of(name) for name in ("one", "two")] == before
    (folder.root / "one.md").unlink()
    assert (await folder.look_again()).withdrawn == 1
    assert await folder.visible_slugs() == {"two"}


async def test_a_source_that_cannot_be_listed_lets_none_change_anything(store: Store, folder: CardFolder) -> None:
    feed = MemorySource("a.example")
    feed.add_card("1")
    with pytest.raises(UserError, match="doesn't exist"):
        await load_sources(store, feed, FolderSource(folder.root / "nowhere"))
    assert await slugs_in(store) == set()


async def test_the_loader_looks_as_often_as_its_most_frequent_source_wants(store: Store, folder: CardFolder) -> None:
    loader = Loader(store.cards.importer, folder.source, MemorySource("a.example"))
    assert loader.interval == timedelta(minutes=1)
    assert loader.folders == [folder.source]
