"""Policy by policy: what becomes of a feed's cards in a server, whatever the feed does with its items.

The feed holds Elm and Oak when it is followed; Ash and Birch come a day later. Another publisher, whose cards are
everybody's, has the story of Birch. Then the feed does something with its items, and brings Cedar beside it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain.follows import FollowPolicy
from bot.sources.feeds.document_reader import DocumentReader
from tests.support.feed_stage import FeedStage, ServerView, open_feed_stage
from tests.support.feeds import story

REVIEW, PUBLISH, COVERED, ARCHIVE = FollowPolicy
UNTOUCHED = {
    PUBLISH: ServerView(posts="Ash Birch", found="Ash Birch Elm Oak"),
    REVIEW: ServerView(reviews="Ash Birch", desk="Ash Birch", backlog="Elm Oak"),
    COVERED: ServerView(posts="Birch", reviews="Ash Birch", desk="Ash", found="Birch Elm Oak"),
    ARCHIVE: ServerView(found="Ash Birch Elm Oak"),
}
EDITED = {
    PUBLISH: ServerView(posts="Birch Smoke", found="Birch Elm Oak Smoke"),
    REVIEW: ServerView(reviews="Birch Smoke", desk="Birch Smoke", backlog="Elm Oak"),
    COVERED: ServerView(posts="Birch", reviews="Birch Smoke", desk="Smoke", found="Birch Elm Oak"),
    ARCHIVE: ServerView(found="Birch Elm Oak Smoke"),
}
AFTER_40_DAYS = {  # reviews are open for two weeks; the desk still has what nobody decided
    PUBLISH: ServerView(posts="Ash Birch", found="Ash Birch Elm Oak"),
    REVIEW: ServerView(desk="Ash Birch", backlog="Elm Oak"),
    COVERED: ServerView(posts="Birch", reviews="Birch", desk="Ash", found="Birch Elm Oak"),
    ARCHIVE: ServerView(found="Ash Birch Elm Oak"),
}
CEDAR = {
    PUBLISH: ServerView(posts="Cedar", found="Cedar"),
    REVIEW: ServerView(reviews="Cedar", desk="Cedar"),
    COVERED: ServerView(reviews="Cedar", desk="Cedar"),
    ARCHIVE: ServerView(found="Cedar"),
}

_TITLES = {
    "Ash": "Ash cloud delays the morning ferries",
    "Birch": "Birch bridge opens after a year of building",
    "Cedar": "Cedar wood fetches record prices at auction",
    "Elm": "Elm avenue closes for two weeks of repairs",
    "Oak": "Oak planted beside the town hall",
}
_NUMBERS = {"Ash": 1, "Birch": 2, "Cedar": 3, "Elm": 4, "Oak": 5}
_ALL = ("Ash", "Birch", "Elm", "Oak")


def write(word: str, **changes: str | None) -> str:
    number = _NUMBERS[word]
    return story(number, **{"title": _TITLES[word], "guid": f"http://paper.example/?p={number}", **changes})


async def bring_news(stage: FeedStage) -> None:
    await stage.look(write("Cedar"), *map(write, _ALL))


async def edit_title(stage: FeedStage) -> None:
    await stage.look(write("Cedar"), write("Ash", title="Smoke delays the morning ferries"), *map(write, _ALL[1:]))


async def lose_item(stage: FeedStage) -> None:
    await stage.look(write("Cedar"), *map(write, _ALL[1:]))


async def return_later(stage: FeedStage) -> None:
    await stage.look(write("Birch"))
    await stage.look(write("Cedar"), *map(write, _ALL), days=40)


async def set_dates_to_now(stage: FeedStage) -> None:
    now = f"{stage.clock() + timedelta(days=1):%a, %d %b %Y %H:%M:%S} GMT"
    await stage.look(write("Cedar"), *(write(word, date=now) for word in _ALL))


def change_guids(*words: str, **more: str | None) -> Callable[[FeedStage], Awaitable[None]]:
    async def change(stage: FeedStage) -> None:
        items = (write(word, **({"guid": f"urn:item:{word}", **more} if word in words else {})) for word in _ALL)
        await stage.look(write("Cedar"), *items)

    return change


async def move_guids_to_https(stage: FeedStage) -> None:
    await stage.look(*(write(word, guid=f"https://paper.example/?p={_NUMBERS[word]}") for word in ("Cedar", *_ALL)))


EVENTS: dict[str, tuple[Callable[[FeedStage], Awaitable[None]], dict[FollowPolicy, ServerView]]] = {
    "new item": (bring_news, UNTOUCHED),
    "edited": (edit_title, EDITED),
    "vanished": (lose_item, UNTOUCHED),
    "returned after 40 days": (return_later, AFTER_40_DAYS),
    "re-dated": (set_dates_to_now, UNTOUCHED),
    "all guids changed": (change_guids(*_ALL), UNTOUCHED),
    "all guids changed, without dates": (change_guids(*_ALL, date=None), UNTOUCHED),
    "one guid changed": (change_guids("Ash"), UNTOUCHED),
    "half of the guids changed": (change_guids("Ash", "Elm"), UNTOUCHED),
    "guids with https": (move_guids_to_https, UNTOUCHED),
}


@pytest.fixture(scope="module")
def reader() -> Iterator[DocumentReader]:
    reader = DocumentReader()
    yield reader
    reader.close()


@pytest.fixture
async def stage(tmp_path: Path, reader: DocumentReader) -> AsyncIterator[FeedStage]:
    async with open_feed_stage(tmp_path, reader) as opened:
        yield opened


async def play(stage: FeedStage, event: str, servers: dict[int, tuple[FollowPolicy, FollowPolicy]]) -> None:
    """Follow by the first policy, change to the second one before the event."""
    for guild_id, (policy, _) in servers.items():
        await stage.open_server(guild_id)
        await stage.follow(guild_id, policy)
    await stage.look(write("Elm"), write("Oak"), hours=1)
    await stage.look(*map(write, _ALL))
    await stage.store_gazette(_TITLES["Birch"])
    for guild_id, (before, after) in servers.items():
        assert await stage.view(guild_id) == UNTOUCHED[before], guild_id
        if before is not after:
            await stage.edit_policy(guild_id, after)
    await EVENTS[event][0](stage)


def join_views(one: ServerView, other: ServerView) -> ServerView:
    fields = ServerView.__slots__
    return replace(one, **{name: _join_words(getattr(one, name), getattr(other, name)) for name in fields})


def _join_words(*words: str) -> str:
    return " ".join(sorted(" ".join(words).split()))


@pytest.mark.parametrize("policy", FollowPolicy)
@pytest.mark.parametrize("event", EVENTS)
async def test_one_server(stage: FeedStage, event: str, policy: FollowPolicy) -> None:
    await play(stage, event, {1: (policy, policy)})
    assert await stage.view(1) == join_views(EVENTS[event][1][policy], CEDAR[policy])


@pytest.mark.slow
@pytest.mark.parametrize("event", EVENTS)
async def test_servers_of_all_policies_some_of_which_change_theirs(stage: FeedStage, event: str) -> None:
    """The policy in force when a card came is its policy in that server."""
    pairs = [(before, after) for before in FollowPolicy for after in FollowPolicy]
    servers = dict(enumerate(pairs, 1))
    await play(stage, event, servers)
    for guild_id, (before, after) in servers.items():
        expected = join_views(EVENTS[event][1][before], CEDAR[after])
        assert await stage.view(guild_id) == expected, (before, after)


async def test_a_card_is_covered_by_one_that_was_there_first(stage: FeedStage) -> None:
    await stage.store_gazette(_TITLES["Birch"])
    await stage.open_server(1)
    await stage.follow(1, COVERED)
    await stage.look(write("Elm"), write("Oak"), hours=1)
    await stage.look(*map(write, _ALL))
    assert await stage.view(1) == ServerView(posts="Birch", reviews="Ash", desk="Ash", found="Birch Elm Oak")
