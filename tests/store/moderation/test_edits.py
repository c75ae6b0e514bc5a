"""Edits: what a server changed of a card is what it reads, posts and finds everywhere; no other server sees a trace."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.cards.model import CardState, Image, ParseResult, Provider, SourceItem, SourceKind
from bot.domain.card_edit import CardEdit
from bot.domain.follows import FollowPolicy
from bot.domain.moderation import EVERYWHERE, DecisionSource
from bot.store import Store, open_store
from bot.store.cards.card_query import CardQuery, SearchOrder
from bot.store.cards.name_counts import TopicCount
from bot.store.cards.rows import StoredCard
from bot.store.moderation.audit_log import AuditFilter, ModerationAct
from bot.store.moderation.queue import QueueFilters
from bot.store.transfer.export import EXPORTED
from tests.support.cards import NOW, make_card, make_older, store_cards
from tests.support.edits import edit_card, make_act
from tests.support.follows import (
    HERE,
    LATER,
    LONG_AGO,
    MAX_AGE,
    THERE,
    add_feed,
    follow_feed,
    make_item,
    plan,
    post_due,
    store_items,
    subscribe,
)
from tests.support.reading_walk import MEMBER, read_everything
from tests.support.stores import new_database

PICTURE = "https://img.example/comet.png"
EDIT: dict[str, Any] = {
    "title": "Zeppelin over Berlin",
    "excerpt": "A quixotic flight",
    "image_url": PICTURE,
    "topics": ("Airships",),
}


BROKEN: tuple[Any, ...] = (
    {"title": 5},
    {"title": ""},
    {"image_url": "javascript:x"},
    {"topics": "x"},
    {"x": ""},
    {},
    [],
    None,
)
"""Fields of an edit in an export that somebody has played with."""


async def undo(store: Store, guild_id: int, entry_id: int) -> None:
    act = ModerationAct(8, LATER, DecisionSource.COMMAND)
    outcome = await store.moderation.decisions.undo_entry(guild_id, entry_id, act)
    assert outcome
    assert outcome.accepted


async def get_card(store: Store, card_id: int, guild_id: int = HERE) -> StoredCard:
    stored = await store.cards.get_card(card_id, guild_id, hidden=True)
    assert stored
    return stored


async def find_ids(store: Store, words: str, guild_id: int = HERE, **query: Any) -> set[int]:
    """The hits of a search, which are the same in every order."""
    found = []
    for order in SearchOrder:
        page = await store.cards.search_cards(CardQuery(words, order=order, **query), guild_id, limit=9)
        found.append({stored.id for stored in page.cards})
    assert found[0] == found[1] == found[2]
    return found[0]


async def add_cards(store: Store) -> list[int]:
    """A card that is everybody's, and one of a feed that two servers follow and gave a topic."""
    comet = {"topics": ("Space",), "excerpt": "It comes close", "provider": Provider("Herald")}
    shared = await store_cards(store, make_card("shared", title="Comet nears Earth", **comet))
    feed = await add_feed(store)
    for guild in (HERE, THERE):
        await follow_feed(store, guild, feed, topics=("Sky",))
    own = await store_items(store, feed, make_item("comet", title="Comet nears Moon", **comet))
    return [*shared, *own]


@pytest.mark.slow
async def test_an_edit_is_what_its_server_reads_everywhere_and_leaves_no_trace_elsewhere(store: Store) -> None:
    ids = await add_cards(store)
    for card_id in ids:
        await store.members.saved_cards.save_card(MEMBER, card_id, NOW)
    others = {guild: await read_everything(store, guild) for guild in (THERE, 3, EVERYWHERE)}
    for card_id in ids:
        await edit_card(store, HERE, card_id, **EDIT)
    for guild, before in others.items():
        after = await read_everything(store, guild)
        for way, shown in before.items():
            assert repr(after[way]) == repr(shown), (guild, way)
        assert await find_ids(store, "zeppelin", guild) == set()
        assert await find_ids(store, "comet", guild, topic="airships") == set()
        assert await store.cards.complete_cards("zepp", guild, limit=9) == []
        assert await store.cards.list_topics(guild, "air", limit=9) == []
    shown = await read_everything(store, HERE)
    for way in ("latest", "saved", "completion of 'comet nears'", "completion of '' for moderators"):
        assert repr(shown[way]).count("title='Zeppelin over Berlin', published_at") == 2, way
        assert repr(shown[way]).count("excerpt='A quixotic flight'") == 2, way
    for way, found in shown.items():
        # A form also knows what it was before.
        assert way == "forms" or "title='Comet" not in repr(found), way
    stored = await get_card(store, ids[1])
    assert (stored.card.image, stored.card.topics) == (Image(PICTURE), ("Airships",))
    log = (await store.moderation.audit_log.get_page(HERE, AuditFilter(), limit=9)).entries
    assert [entry.title for entry in log] == ["Zeppelin over Berlin"] * 2


async def test_a_card_is_found_by_its_edited_words_and_by_those_that_they_replaced(store: Store) -> None:
    ids = set(await add_cards(store))
    for card_id in ids:
        await edit_card(store, HERE, card_id, **EDIT)
    for words in ("zeppelin", "quix*", "comet", "zeppelin comet close", '"over Berlin"', "herald", "airships", "zepp"):
        assert await find_ids(store, words) == ids, words
    assert await find_ids(store, "zeppelin -quixotic") == set()
    assert await find_ids(store, "zeppelin", provider="Herald") == ids
    assert await find_ids(store, "zeppelin", since=NOW) == set()
    best = CardQuery("zeppelin", order=SearchOrder.BEST)
    assert {each.id for each in (await store.cards.search_cards(best, HERE, limit=9)).cards} == ids
    assert {each.id for each in await store.cards.complete_cards("zepp", HERE, limit=9)} == ids
    assert {each.id for each in await store.cards.complete_cards("zepp", HERE, limit=9, hidden=True)} == ids
    pages = [await store.cards.search_cards(CardQuery("berlin"), HERE, limit=1, offset=number) for number in (0, 1)]
    assert pages[0].has_older


async def test_edited_words_correct_and_complete_a_search_of_their_server_alone(store: Store) -> None:
    ids = set(await add_cards(store))
    for card_id in ids:
        await edit_card(store, HERE, card_id, **EDIT)
    for words, meant in (("zepelin", "zeppelin"), ("berlim", "berlin"), ("arships", "airships"), ("cmoet", "comet")):
        found = await store.cards.spelling.suggest_query(CardQuery(words), HERE)
        assert found
        assert found.words == meant
        if meant != "comet":
            assert await store.cards.spelling.suggest_query(CardQuery(words), THERE) is None
    # Another known word begins alike: it must not hide what only the edit says.
    (other,) = await store_cards(store, make_card("zeppole", title="Zeppole for breakfast"))
    assert await find_ids(store, "zepp") == {other, *ids}
    assert await find_ids(store, "zepp", THERE) == {other}


async def test_lists_filters_and_counts_go_by_the_edited_topics(store: Store) -> None:
    shared, own = await add_cards(store)
    assert await store.cards.list_topics(HERE, limit=9) == [TopicCount("Space", 2), TopicCount("Sky", 1)]
    for card_id in (shared, own):
        await edit_card(store, HERE, card_id, topics=("Airships", "Sky"))
    assert await store.cards.list_topics(HERE, limit=9) == [TopicCount("Airships", 2), TopicCount("Sky", 2)]
    assert await store.cards.list_topics(THERE, limit=9) == [TopicCount("Space", 2), TopicCount("Sky", 1)]
    for topic, ids in (("airships", {shared, own}), ("Sky", {shared, own}), ("Space", set())):
        latest = await store.cards.list_latest(HERE, topic=topic, limit=9)
        assert {each.id for each in latest.cards} == ids, topic
        assert await find_ids(store, "comet", topic=topic) == ids, topic
        spans = await store.cards.trends.count_spans(HERE, topic, LONG_AGO, LATER)
        assert sum(each.cards for each in spans) == len(ids), topic
    trends = await store.cards.trends.count_topics(HERE, LATER, limit=9)
    assert [(each.name, each.count, each.recent) for each in trends] == [("Airships", 2, 2), ("Sky", 2, 2)]
    await edit_card(store, HERE, own, topics=())
    assert await store.cards.list_topics(HERE, limit=9) == [TopicCount("Airships", 1), TopicCount("Sky", 1)]
    assert await find_ids(store, "comet", topic="Sky") == {shared}
    assert (await get_card(store, own)).card.topics == ()


async def test_the_queue_goes_by_the_edited_topics(store: Store) -> None:
    (card_id,) = await store_cards(store, make_card(state=CardState.HELD, topics=("Space",)))
    await edit_card(store, HERE, card_id, title="Zeppelin", topics=("Airships",))
    for guild, topic, title in ((HERE, "airships", "Zeppelin"), (THERE, "space", "Title of a-card")):
        queue = await store.moderation.queue.get_page(guild, QueueFilters(topic), limit=9, offset=0)
        assert [each.card.card.title for each in queue.waiting] == [title]
    empty = await store.moderation.queue.get_page(HERE, QueueFilters("space"), limit=9, offset=0)
    assert empty.waiting == ()


async def test_channels_get_a_card_by_what_the_server_made_of_it(store: Store) -> None:
    shared, own = await add_cards(store)
    for guild in (HERE, THERE):
        await subscribe(store, guild, 10 * guild, topics=("Airships",))
        await subscribe(store, guild, 10 * guild + 1, topics=("Space", "Sky"))
        await subscribe(store, guild, 10 * guild + 2, excluded=("zeppelin",))
    for card_id in (shared, own):
        await edit_card(store, HERE, card_id, **EDIT)
    await plan(store)
    posted = {channel: len(await post_due(store, channel)) for channel in (10, 11, 12, 20, 21, 22)}
    assert posted == {10: 2, 11: 0, 12: 0, 20: 0, 21: 2, 22: 2}


async def test_a_digest_goes_by_what_the_server_made_of_a_card(store: Store) -> None:
    ids = await add_cards(store)
    for card_id in ids:
        await edit_card(store, HERE, card_id, topics=("Airships",))
    pool = await store.outbox.candidates.load_pool([HERE, THERE], LONG_AGO, LONG_AGO)
    here, there = ({each.card_id: each for each in pool.for_guild(guild)} for guild in (HERE, THERE))
    assert {each.topics for each in here.values()} == {frozenset({"airships"})}
    assert {each.topics for each in there.values()} == {frozenset({"space"}), frozenset({"space", "sky"})}
    assert all(here[card_id].revision != there[card_id].revision for card_id in ids)
    shown = await store.cards.get_by_ids(ids, HERE)
    assert {card_id: each.revision for card_id, each in here.items()} == {id_: s.revision for id_, s in shown.items()}


async def test_a_post_follows_an_edit_once_and_its_source_only_in_what_was_left_alone(store: Store) -> None:
    feed = await add_feed(store)
    for guild in (HERE, THERE):
        await follow_feed(store, guild, feed)
        await subscribe(store, guild, 10 * guild)
    item = make_item("item", title="One", excerpt="First")
    (card_id,) = await store_items(store, feed, item)

    async def acts() -> list[list[str]]:
        await plan(store, LATER)
        return [[act for act, _ in await post_due(store, channel, LATER)] for channel in (10, 20)]

    assert await acts() == [["post"], ["post"]]
    entry = await edit_card(store, HERE, card_id, title="Ours", image_url=PICTURE)
    assert await acts() == [["edit"], []]
    assert await acts() == [[], []]
    await store_items(store, feed, replace(item, title="Two"), now=LATER)
    assert await acts() == [[], ["edit"]]
    await store_items(store, feed, replace(item, title="Three", excerpt="Second"), now=LATER)
    assert await acts() == [["edit"], ["edit"]]
    stored = await get_card(store, card_id)
    assert (stored.card.title, stored.card.excerpt, stored.card.image) == ("Ours", "Second", Image(PICTURE))
    assert await find_ids(store, "ours second three") == {card_id}
    assert await find_ids(store, "one") == set()
    await undo(store, HERE, entry.id)
    assert await acts() == [["edit"], []]
    assert (await get_card(store, card_id)).card == replace((await get_card(store, card_id, THERE)).card)


async def test_an_edit_is_undone_step_by_step(store: Store) -> None:
    (card_id, _) = await add_cards(store)
    before = await get_card(store, card_id)
    first = await edit_card(store, HERE, card_id, title="First")
    second = await edit_card(store, HERE, card_id, title="Second", topics=("Moon",))
    await undo(store, HERE, second.id)
    stored = await get_card(store, card_id)
    assert (stored.card.title, stored.card.topics) == ("First", ("Space",))
    assert await find_ids(store, "second") == set()
    act = make_act()
    refused = await store.moderation.decisions.undo_entry(HERE, first.id, act)
    assert refused
    assert not refused.accepted
    last = await store.moderation.audit_log.get_last_own(HERE, card_id)
    assert last
    await undo(store, HERE, last.id)
    assert (await get_card(store, card_id)).card.title == "Second"
    assert await store.moderation.decisions.undo_entry(THERE, first.id, act) is None
    await edit_card(store, HERE, card_id)
    assert await get_card(store, card_id) == before


async def test_of_two_moderators_the_second_is_told_who_was_faster(store: Store) -> None:
    (card_id, _) = await add_cards(store)
    edits = store.moderation.edits
    outcomes = [
        await edits.edit_card(HERE, card_id, CardEdit(title=f"By {actor}"), make_act(actor), expected=None)
        for actor in (7, 8)
    ]
    assert [outcome.accepted for outcome in outcomes] == [True, False]
    assert outcomes[1].entry == outcomes[0].entry
    assert outcomes[0].entry
    assert outcomes[0].entry.actor_id == 7
    elsewhere = await edits.edit_card(THERE, card_id, CardEdit(title="Theirs"), make_act(9), expected=None)
    assert elsewhere.accepted
    assert [(await get_card(store, card_id, guild)).card.title for guild in (HERE, THERE)] == ["By 7", "Theirs"]


async def test_a_card_of_another_server_cannot_be_edited(store: Store) -> None:
    feed = await add_feed(store)
    await follow_feed(store, THERE, feed, FollowPolicy.REVIEW)
    (card_id,) = await store_items(store, feed, make_item("item"))
    edits = store.moderation.edits
    assert await edits.load_card(HERE, card_id) is None
    outcome = await edits.edit_card(HERE, card_id, CardEdit(title="Mine"), make_act(), expected=None)
    assert (outcome.accepted, outcome.entry) == (False, None)
    assert (await store.moderation.audit_log.get_page(HERE, AuditFilter(), limit=9)).entries == ()
    await edit_card(store, THERE, card_id, title="Theirs")
    await store.cards.follows.unfollow_source(THERE, feed, LATER, keep_posts=True)
    assert await find_ids(store, "theirs", THERE) == set()
    await follow_feed(store, THERE, feed, followed_at=LATER)
    assert await find_ids(store, "theirs", THERE) == {card_id}


async def test_an_edited_card_is_kept_when_what_nobody_needs_is_deleted(store: Store) -> None:
    feed = await add_feed(store)
    await follow_feed(store, HERE, feed)
    edited, _ = await store_items(store, feed, make_item("edited"), make_item("plain"))
    await edit_card(store, HERE, edited, title="Ours")
    await store.cards.follows.delete_unused(NOW + timedelta(days=91))
    assert [each.card.title for each in (await store.cards.list_latest(HERE, limit=9)).cards] == ["Ours"]
    await store.cards.importer.forget_items(feed, ["edited"], LATER)
    assert await find_ids(store, "ours") == set()


async def test_a_form_is_filled_with_what_the_server_filters_by(store: Store) -> None:
    _, own = await add_cards(store)
    editable = await store.moderation.edits.load_card(HERE, own)
    assert editable
    assert editable.seen == editable.original
    assert editable.seen.topics == ("Space", "Sky")
    await edit_card(store, HERE, own, topics=("Airships",))
    editable = await store.moderation.edits.load_card(HERE, own)
    assert editable
    assert (editable.seen.topics, editable.original.topics) == (("Airships",), ("Space", "Sky"))


async def test_topics_are_written_as_the_server_knows_them(store: Store) -> None:
    await add_cards(store)
    edits = store.moderation.edits
    assert await edits.known_topics(HERE, ("sPACE", "Moon", "space", "moon")) == ("Space", "Moon")
    assert await edits.known_topics(3, ("sky",)) == ("sky",)


@pytest.mark.parametrize("guild", [HERE, THERE])
async def test_many_edits_of_one_server_page_without_a_gap(store: Store, guild: int) -> None:
    cards = [make_older(make_card(f"card-{number}", title="Comet"), hours=number) for number in range(9)]
    ids = await store_cards(store, *cards)
    for card_id in ids[::2]:
        await edit_card(store, HERE, card_id, title="Comet and zeppelin")
    met: list[int] = []
    page = await store.cards.search_cards(CardQuery("comet", order=SearchOrder.BEST), guild, limit=4)
    while True:
        met += [each.id for each in page.cards]
        if not page.has_older:
            break
        query = CardQuery("comet", order=SearchOrder.BEST)
        page = await store.cards.search_cards(query, guild, limit=4, offset=len(met))
    assert met == ids


async def test_held_backlog_of_an_operators_feed_is_reviewed_by_nobody(store: Store) -> None:
    feed = await store.cards.importer.ensure_source(SourceKind.FEED, "https://all.example/rss")
    await store.moderation.reviews.set_channel(HERE, 11, 5, NOW, MAX_AGE)
    for slug, is_backlog in (("old", True), ("new", False)):
        batch = [(SourceItem(slug, "1"), ParseResult(make_item(slug)))]
        await store.cards.importer.import_batch(feed, batch, vanished=(), now=NOW, withdraw=True, is_backlog=is_backlog)
    await plan(store)
    assert await post_due(store, 11) == [("post", ("new",))]
    await store.moderation.reviews.set_channel(HERE, 12, 5, NOW, MAX_AGE)
    await plan(store)
    assert await post_due(store, 12) == [("post", ("new",))]
    for is_backlog, slug in ((True, "old"), (False, "new")):
        filters = QueueFilters(is_backlog=is_backlog)
        queue = await store.moderation.queue.get_page(HERE, filters, limit=9, offset=0)
        assert ([each.card.card.slug for each in queue.waiting], queue.total) == ([slug], 1)


async def test_edits_move_with_an_export_and_so_do_the_topics_of_an_older_one(store: Store, tmp_path: Path) -> None:
    ids = await add_cards(store)
    entry = await edit_card(store, HERE, ids[0], **EDIT)
    async with store.transfer.exporter.take_snapshot() as snapshot:
        exported = {kind: [row async for row in snapshot.export_rows(kind)] for kind in EXPORTED}
    (row,) = exported["edits"]
    edited = {**EDIT, "topics": ["Airships"]}
    assert row == {"guild_id": HERE, "card": "shared", "audit_id": entry.id, "fields": edited}
    older = {"guild_id": HERE, "card": "shared", "audit_id": entry.id, "topics": ["Old", "Airships"]}
    versions = {"new": exported, "old": {**exported, "edits": [], "card_topics": [older]}}
    for name, found in versions.items():
        async with open_store(new_database(tmp_path / f"{name}.db")) as other:
            await add_cards(other)
            assert (await other.transfer.importer.import_all(found, NOW)).added["edits"] == 1
            assert (await other.transfer.importer.import_all(found, NOW)).kept["edits"] == 1
            (latest,) = (await other.cards.list_latest(HERE, topic="airships", limit=9)).cards
            words = "airships" if name == "old" else "zeppelin"
            assert await find_ids(other, words) == {latest.id}
            assert latest.card.title == ("Comet nears Earth" if name == "old" else "Zeppelin over Berlin")
            for broken in BROKEN:
                with pytest.raises((ValueError, TypeError)):
                    await other.transfer.importer.import_all({**found, "edits": [{**row, "fields": broken}]}, NOW)


async def test_what_a_member_edited_is_in_their_data(store: Store) -> None:
    (card_id, _) = await add_cards(store)
    await edit_card(store, HERE, card_id, title="Ours")
    exported = await store.members.privacy.export_member(9)
    assert [(row["subject"], "Ours" in str(row["after"])) for row in exported["log"]] == [("topics", True)]
