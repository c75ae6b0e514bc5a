"""Feeds in the store: what is due, the operator's list, and results that arrive late."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.domain.feed import FeedOptions, NewFeed
from bot.domain.feed_schedule import FeedState
from bot.store import Store
from bot.store.sources.feeds import FetchNote, ListChanges
from tests.support.stage import NOW

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def feed(name: str, *topics: str) -> NewFeed:
    return NewFeed(f"https://{name}.example/feed", name.title(), FeedOptions(topics=topics))


async def note_all(store: Store, wait: timedelta) -> None:
    """As if all feeds had been fetched now."""
    state = FeedState(etag='"1"', next_fetch_at=NOW + wait)
    notes = [FetchNote(each.source_id, state, is_read=True) for each in await store.feeds.list_feeds()]
    await store.feeds.note_results(notes, NOW)


async def due(store: Store, after: timedelta = timedelta(), limit: int = 10, busy: tuple[str, ...] = ()) -> list[str]:
    return [each.host.partition(".")[0] for each in await store.feeds.fetch_due(NOW + after, limit, busy)]


async def test_what_is_new_is_due_and_then_by_its_time(store: Store) -> None:
    assert await store.feeds.add_feeds([feed("a"), feed("b"), feed("a")], NOW) == 2
    assert await store.feeds.add_feeds([feed("b")], NOW) == 0
    assert await due(store) == ["a", "b"]
    assert await due(store, busy=("a.example",)) == ["b"]
    assert await due(store, limit=1) == ["a"]
    await note_all(store, HOUR)
    assert await due(store) == []
    assert await due(store, HOUR) == ["a", "b"]


async def test_a_result_keeps_what_it_does_not_name(store: Store) -> None:
    await store.feeds.add_feeds([feed("a")], NOW)
    (before,) = await store.feeds.list_feeds()
    state = FeedState(etag='"1"', last_modified="today", body_hash="x", next_fetch_at=NOW + HOUR, moved_on=NOW.date())
    await store.feeds.note_results([FetchNote(before.source_id, state)], NOW)
    (after,) = await store.feeds.list_feeds()
    assert after == replace(before, state=state, fetched_at=NOW)
    moved = FetchNote(before.source_id, state, is_read=True, url="https://new.example/x", title="New", language="de")
    await store.feeds.note_results([moved], NOW)
    (after,) = await store.feeds.list_feeds()
    assert (after.key, after.url, after.host) == (before.key, "https://new.example/x", "new.example")
    assert (after.title, after.language, after.site, after.read_at) == ("New", "de", "", NOW)


async def test_a_feed_that_moved_is_known_by_both_addresses(store: Store) -> None:
    await store.feeds.add_feeds([feed("a")], NOW)
    (known,) = await store.feeds.list_feeds()
    await store.feeds.note_results([FetchNote(known.source_id, known.state, url=feed("b").url)], NOW)
    assert await store.feeds.add_feeds([feed("a"), feed("b")], NOW) == 0
    assert [each.source_id for each in await store.feeds.find_feeds([feed("a").url, feed("b").url])] == [
        known.source_id
    ]


async def test_trap_48_what_is_gone_from_the_list_is_paused(store: Store) -> None:
    await store.feeds.add_feeds([feed("own")], NOW)
    assert await store.feeds.apply_list([feed("a"), feed("b", "Ships")], NOW) == ListChanges(added=2)
    await note_all(store, HOUR)
    assert not await store.feeds.apply_list([feed("a"), feed("b", "Ships")], NOW)
    assert await store.feeds.apply_list([feed("a", "Trains")], NOW) == ListChanges(paused=1)
    assert await due(store, DAY) == ["own", "a"]
    by_name = {each.title: each for each in await store.feeds.list_feeds()}
    assert by_name["A"].options.topics == ("Trains",)
    assert by_name["B"].paused_at == NOW
    assert by_name["Own"].paused_at is None, "it was added by hand"
    assert await store.feeds.apply_list([feed("a"), feed("b")], NOW + HOUR) == ListChanges(resumed=1)
    (back,) = await store.feeds.find_feeds([feed("b").url])
    assert (back.paused_at, back.read_at, back.state.next_fetch_at) == (None, NOW, NOW + HOUR)


async def test_a_feed_that_was_added_by_hand_joins_the_list(store: Store) -> None:
    await store.feeds.add_feeds([feed("a")], NOW)
    assert not await store.feeds.apply_list([feed("a")], NOW)
    assert await store.feeds.apply_list([], NOW) == ListChanges(paused=1)


async def test_a_feed_that_stopped_stays_stopped_while_the_list_names_it(store: Store) -> None:
    await store.feeds.apply_list([feed("a")], NOW)
    (known,) = await store.feeds.list_feeds()
    gone = replace(known.state, next_fetch_at=None, problem="gone", failures=1)
    await store.feeds.note_results([FetchNote(known.source_id, gone)], NOW)
    assert not await store.feeds.apply_list([feed("a")], NOW)
    assert await due(store, DAY) == []
    assert await store.feeds.resume_feeds([known.source_id], NOW) == 1
    assert await due(store) == ["a"]


async def test_a_result_that_comes_after_the_pause_changes_nothing(store: Store) -> None:
    await store.feeds.add_feeds([feed("a")], NOW)
    (known,) = await store.feeds.list_feeds()
    await store.feeds.pause_feeds([known.source_id], NOW)
    await note_all(store, timedelta())
    assert await due(store, DAY) == []
    assert await store.feeds.count_states() == {"fine": 0, "failing": 0, "stopped": 0, "paused": 1}


async def test_a_long_list_of_one_host_does_not_hide_the_others(store: Store) -> None:
    many = [NewFeed(f"https://many.example/{number}") for number in range(2000)]
    await store.feeds.add_feeds([*many, feed("z")], NOW)
    assert await due(store, limit=5) == ["many"]
    assert await due(store, limit=5, busy=("many.example",)) == ["z"]


async def test_times_of_a_clock_that_ran_fast_are_forgotten(store: Store) -> None:
    await store.feeds.add_feeds([feed("a"), feed("b")], NOW)
    await note_all(store, 10 * HOUR)
    assert await store.feeds.reschedule_all(NOW + HOUR, NOW + DAY) == 0
    assert await store.feeds.reschedule_all(NOW - HOUR, NOW + DAY) == 2, "fetched in what is now the future"
    assert await due(store, -HOUR) == ["a", "b"]
    await note_all(store, 10 * DAY)
    assert await store.feeds.reschedule_all(NOW, NOW + DAY) == 2, "waits longer than any feed may"


@pytest.mark.slow
async def test_trap_43_a_list_of_5000_feeds_is_taken_in_and_followed(store: Store) -> None:
    many = [NewFeed(f"https://{number}.example/feed") for number in range(5000)]
    assert await store.feeds.apply_list([*many, *many[:10]], NOW) == ListChanges(added=5000)
    assert not await store.feeds.apply_list(many, NOW)
    assert await store.feeds.apply_list(many[:100], NOW) == ListChanges(paused=4900)
    assert await store.feeds.count_states() == {"fine": 100, "failing": 0, "stopped": 0, "paused": 4900}
