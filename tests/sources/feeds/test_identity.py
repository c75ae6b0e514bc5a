"""An item is one card, whatever its feed does to its identity."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.sources.feeds.identity import ItemMatches, StoredItem, match_items
from bot.sources.feeds.model import FeedItem, FeedProblem
from tests.sources.feeds.documents import NOW, read, rss, rss_item


def daily(number: int, **changes: str | None) -> str:
    """The item of a day, with title, link, guid and date of its own."""
    day = NOW - timedelta(days=30 - number)
    fields: dict[str, str | None] = {
        "title": f"News of day {number}",
        "link": f"https://paper.example/{number}",
        "guid": f"http://paper.example/?p={number}",
        "date": f"{day:%a, %d %b %Y %H:%M:%S} GMT",
    }
    return rss_item(**(fields | changes))


def items(*written: str) -> tuple[FeedItem, ...]:
    return read(rss(*written)).items


def store(*stored: FeedItem) -> list[StoredItem]:
    return [StoredItem(item.key, item.title, item.canonical, item.published_at, item.content_hash) for item in stored]


def match(before: tuple[FeedItem, ...], after: tuple[FeedItem, ...]) -> ItemMatches:
    return match_items(after, store(*before))


def titles(new: tuple[FeedItem, ...]) -> list[str]:
    return [item.title for item in new]


def test_the_first_fetch_brings_all_and_the_second_nothing() -> None:
    first = items(*map(daily, range(5)))
    assert len(match((), first).new) == 5
    assert match(first, items(*map(daily, range(5)))) == ItemMatches(unchanged=5)


def test_trap_02_when_all_guids_change_nothing_is_new() -> None:
    before = items(*map(daily, range(10)))
    after = items(*(daily(number, guid=f"urn:item:{number}") for number in range(1, 10)), daily(20))
    found = match(before, after)
    assert titles(found.new) == ["News of day 20"]
    assert [(old.title, item.title) for old, item in found.rekeyed] == [(f"News of day {n}",) * 2 for n in range(1, 10)]
    assert all(old.key != item.key for old, item in found.rekeyed)


def test_trap_02_and_11_when_guids_and_dates_change_together_nothing_is_new() -> None:
    before = items(*map(daily, range(6)))
    after = items(*(daily(number, guid=f"{number}", date="Mon, 30 Nov 2026 11:00:00 GMT") for number in range(6)))
    assert match(before, after).new == ()
    undated = items(*(daily(number, guid=f"{number}", date=None) for number in range(6)))
    assert match(before, undated).new == ()


def test_trap_02_a_minority_that_shares_title_and_address_with_older_items_is_new() -> None:
    before = items(*map(daily, range(6)))
    again = [daily(n, guid=f"again-{n}", date="Mon, 30 Nov 2026 11:00:00 GMT") for n in (0, 1)]
    assert titles(match(before, items(*map(daily, range(2, 6)), *again)).new) == ["News of day 0", "News of day 1"]


def test_trap_03_a_guid_that_becomes_https_stays_the_same() -> None:
    before, after = (items(daily(1, guid=f"{scheme}://paper.example/?p=1", link=None)) for scheme in ("http", "https"))
    assert match(before, after) == ItemMatches(unchanged=1)


def test_a_guid_that_is_relative_does_not_change_when_the_feed_moves() -> None:
    body = rss(daily(1, guid="7", link=None))
    assert read(body).items[0].key == read(body, url="https://paper.example/moved/rss").items[0].key
    assert read(body).items[0].link is None


def test_trap_04_items_that_share_a_guid_are_told_apart_by_their_links() -> None:
    feed = read(rss(*(daily(number, guid="always-the-same") for number in range(3))))
    assert len({item.key for item in feed.items}) == 3
    assert feed.problems == (FeedProblem.REPEATED,)


def test_trap_04_an_item_that_is_repeated_is_read_once_in_its_newest_form() -> None:
    older, newer = daily(1, title="Draft"), daily(1, date="Sun, 29 Nov 2026 08:00:00 GMT")
    assert titles(items(older, newer)) == titles(items(newer, older)) == ["News of day 1"]
    assert match(items(older), items(older, newer)).new == ()


def test_trap_04_a_guid_that_comes_to_be_shared_brings_the_new_item_alone() -> None:
    first = items(daily(1, guid="same"))
    found = match(first, items(daily(1, guid="same"), daily(2, guid="same")))
    assert titles(found.new) == ["News of day 2"]


def test_trap_05_without_guid_the_link_identifies_and_without_both_title_and_date() -> None:
    linked = items(daily(1, guid=None))
    assert match(linked, items(daily(1, guid=None, title="Edited", date=None))).new == ()
    bare = items(daily(1, guid=None, link=None), daily(2, guid=None, link=None))
    assert len({item.key for item in bare}) == 2
    assert match(bare, bare[:1]) == ItemMatches(unchanged=1)
    assert titles(match(bare, items(daily(3, guid=None, link=None))).new) == ["News of day 3"]


def test_trap_06_an_edited_title_is_an_edit() -> None:
    before, after = items(daily(1)), items(daily(1, title="News, corrected"))
    ((old, item),) = match(before, after).edited
    assert (old.title, item.title) == ("News of day 1", "News, corrected")
    assert match(before, after).new == ()


def test_trap_07_and_08_an_item_that_leaves_and_returns_is_nothing_new() -> None:
    all_of_them = items(*map(daily, range(5)))
    assert match(all_of_them, items(daily(4))) == ItemMatches(unchanged=1)
    assert match(all_of_them, items(daily(0), daily(4))) == ItemMatches(unchanged=2)


@pytest.mark.parametrize("bare", [{}, {"guid": None}, {"guid": None, "link": None}])
def test_trap_11_when_all_items_are_dated_anew_none_is_new_or_edited(bare: dict[str, None]) -> None:
    before = items(*(daily(number, **bare) for number in range(5)))
    after = items(*(daily(number, date="Mon, 30 Nov 2026 11:00:00 GMT", **bare) for number in range(5)))
    found = match(before, after)
    assert (found.new, found.edited) == ((), ())
    assert all(old.content_hash == item.content_hash for old, item in found.rekeyed)


@pytest.mark.parametrize("window", [1, 2, 7])
@pytest.mark.parametrize(
    "identity",
    [
        {"guid": "briefing-{}", "link": "https://paper.example/briefing"},
        {"guid": "briefing-{}", "link": None},
        {"guid": None, "link": "https://paper.example/briefing-{}"},
        {"guid": None, "link": None},
    ],
)
def test_trap_25_and_47_a_title_that_comes_back_is_another_item(identity: dict[str, str | None], window: int) -> None:
    days = [
        daily(n, title="Morning briefing", **{key: value and value.format(n) for key, value in identity.items()})
        for n in range(7)
    ]
    known: dict[str, FeedItem] = {}
    posts: list[datetime | None] = []
    for day in range(7):
        found = match_items(items(*days[max(0, day - window + 1) : day + 1]), store(*known.values()))
        known = {key: item for key, item in known.items() if key not in {old.key for old, _ in found.rekeyed}}
        known |= {item.key: item for item in (*found.new, *(item for _, item in found.rekeyed))}
        posts += [item.published_at for item in found.new]
    assert len(posts) == len(set(posts)) == 7


def test_trap_26_versions_are_items_of_their_own() -> None:
    before = items(daily(1, title="Tool 1.20 released"))
    assert titles(match(before, items(daily(2, title="Tool 1.21 released"))).new) == ["Tool 1.21 released"]


def test_trap_24_one_address_in_two_feeds_has_one_canonical_form() -> None:
    (here,) = items(daily(1, link="https://paper.example/a?utm_source=rss"))
    (there,) = items(daily(1, link="http://www.paper.example/a/", guid="other"))
    assert here.canonical == there.canonical
    assert here.key != there.key


def test_an_item_pairs_with_one_stored_item_only() -> None:
    (item,) = items(daily(1, guid="new-1"))
    twins = [replace(item, key="a"), replace(item, key="b")]
    found = match_items([item], store(*twins))
    assert [old.key for old, _ in found.rekeyed] == ["a"]


def test_a_link_with_other_tracking_and_a_picture_with_another_signature_are_no_edit() -> None:
    before, after = (
        items(
            daily(1, link=f"https://paper.example/a?utm_id={n}").replace(
                "</item>", f'<media:thumbnail url="https://i.example/a.jpg?sig={n}" width="300"/></item>'
            )
        )
        for n in (1, 2)
    )
    assert before[0].image != after[0].image
    assert match(before, after) == ItemMatches(unchanged=1)


def test_a_guid_that_is_the_link_of_another_item_gives_no_two_items_one_key() -> None:
    found = items(daily(1, guid="https://paper.example/2"), daily(2, guid=None), daily(3, guid=None, link=None))
    assert len({item.key for item in found}) == 3


_FORMS = st.builds(
    daily,
    st.integers(0, 3),
    guid=st.sampled_from([None, "a", "b", "https://paper.example/1"]),
    link=st.sampled_from([None, "https://paper.example/1", "https://paper.example/2"]),
    title=st.sampled_from(["Morning briefing", "Harbour opens"]),
    date=st.sampled_from([None, "Sun, 29 Nov 2026 08:00:00 GMT", "Sat, 28 Nov 2026 08:00:00 GMT"]),
)


@given(st.lists(_FORMS, max_size=6), st.lists(_FORMS, max_size=6))
def test_each_item_is_new_edited_rekeyed_or_unchanged_and_none_is_two(before: list[str], after: list[str]) -> None:
    old, new = items(*before), items(*after)
    assert len({item.key for item in new}) == len(new)
    found = match(old, new)
    keys = [item.key for item in (*found.new, *(item for _, item in (*found.edited, *found.rekeyed)))]
    assert len(set(keys)) == len(keys) == len(new) - found.unchanged
    assert not {item.key for item in found.new} & {item.key for item in old}
    taken = [stored.key for stored, _ in (*found.edited, *found.rekeyed)]
    assert len(set(taken)) == len(taken)
    assert match(new, new) == ItemMatches(unchanged=len(new))
