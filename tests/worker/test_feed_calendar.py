"""Ten days of a daily feed, and what each of three servers has on each of them.

The servers follow it by other policies, change these, leave and come back. The feed holds its newest four items.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from bot.domain.follows import FollowPolicy
from bot.sources.feeds.document_reader import DocumentReader
from tests.support.feed_stage import FeedStage, ServerView, open_feed_stage
from tests.support.feeds import story

REVIEW, PUBLISH, COVERED, ARCHIVE = FollowPolicy
Action = Callable[[FeedStage], Awaitable[None]]
TITLES = (
    "Apple harvest begins two weeks early",
    "Banana freighter reaches the new port",
    "Cherry festival moves to the old station",
    "Damson jam wins the county prize",
    "Elder statesman opens the reading room",
    "Fig trees survive the coldest winter",
    "Grape growers ask for longer contracts",
    "Hazel coppice reopens to walkers after the storm",
    "Iris show draws a record number of visitors",
    "Juniper berries become dearer for distillers",
    "Kiwi chick hatches in the city zoo",
)
WINDOW = 4


class Day(NamedTuple):
    """What people do before and after the look of a day, new titles of older items, and what each server has then."""

    servers: tuple[ServerView, ServerView, ServerView]
    before: tuple[Action, ...] = ()
    edits: Mapping[str, str] = {}
    after: tuple[Action, ...] = ()


def follow(guild_id: int, policy: FollowPolicy) -> Action:
    return lambda stage: stage.follow(guild_id, policy)


def edit(guild_id: int, policy: FollowPolicy) -> Action:
    return lambda stage: stage.edit_policy(guild_id, policy)


def unfollow(guild_id: int, *, keep_posts: bool) -> Action:
    return lambda stage: stage.unfollow(guild_id, keep_posts=keep_posts)


def publish(guild_id: int, word: str) -> Action:
    return lambda stage: stage.publish(guild_id, word)


NOTHING = ServerView()
DAYS = (
    Day(
        before=(follow(1, PUBLISH), follow(2, REVIEW)),
        servers=(ServerView(found="Apple"), ServerView(backlog="Apple"), NOTHING),
    ),
    Day(
        servers=(
            ServerView(posts="Banana", found="Apple Banana"),
            ServerView(reviews="Banana", desk="Banana", backlog="Apple"),
            NOTHING,
        ),
    ),
    Day(
        before=(follow(3, ARCHIVE),),
        servers=(
            ServerView(posts="Banana Cherry", found="Apple Banana Cherry"),
            ServerView(reviews="Banana Cherry", desk="Banana Cherry", backlog="Apple"),
            ServerView(found="Apple Banana Cherry"),
        ),
    ),
    Day(
        edits={"Banana": "Bramble"},
        after=(publish(2, "Cherry"),),
        servers=(
            ServerView(posts="Bramble Cherry Damson", found="Apple Bramble Cherry Damson"),
            ServerView(
                posts="Cherry",
                reviews="Bramble Cherry Damson",
                desk="Bramble Damson",
                backlog="Apple",
                found="Cherry",
            ),
            ServerView(found="Apple Bramble Cherry Damson"),
        ),
    ),
    Day(
        before=(edit(1, REVIEW), edit(2, PUBLISH)),
        servers=(
            ServerView(
                posts="Bramble Cherry Damson",
                reviews="Elder",
                desk="Elder",
                found="Apple Bramble Cherry Damson",
            ),
            ServerView(
                posts="Cherry Elder",
                reviews="Bramble Cherry Damson",
                desk="Bramble Damson",
                backlog="Apple",
                found="Cherry Elder",
            ),
            ServerView(found="Apple Bramble Cherry Damson Elder"),
        ),
    ),
    Day(
        before=(unfollow(1, keep_posts=True), unfollow(2, keep_posts=False)),
        edits={"Cherry": "Currant"},
        servers=(
            ServerView(posts="Bramble Cherry Damson"),
            NOTHING,
            ServerView(found="Apple Bramble Currant Damson Elder Fig"),
        ),
    ),
    Day(
        before=(edit(3, PUBLISH),),
        servers=(
            ServerView(posts="Bramble Cherry Damson"),
            NOTHING,
            ServerView(posts="Grape", found="Apple Bramble Currant Damson Elder Fig Grape"),
        ),
    ),
    Day(
        before=(follow(1, COVERED), follow(2, PUBLISH)),
        servers=(
            ServerView(
                posts="Bramble Cherry Damson",
                reviews="Hazel",
                desk="Hazel",
                found="Apple Bramble Currant Damson Elder Fig Grape",
            ),
            ServerView(posts="Hazel", found="Apple Bramble Currant Damson Elder Fig Grape Hazel"),
            ServerView(posts="Grape Hazel", found="Apple Bramble Currant Damson Elder Fig Grape Hazel"),
        ),
    ),
    Day(
        edits={"Grape": "Guava"},
        after=(lambda stage: stage.store_gazette(TITLES[7]),),
        servers=(
            ServerView(
                posts="Bramble Cherry Damson Hazel",
                reviews="Hazel Iris",
                desk="Iris",
                found="Apple Bramble Currant Damson Elder Fig Guava Hazel",
            ),
            ServerView(posts="Hazel Iris", found="Apple Bramble Currant Damson Elder Fig Guava Hazel Iris"),
            ServerView(posts="Guava Hazel Iris", found="Apple Bramble Currant Damson Elder Fig Guava Hazel Iris"),
        ),
    ),
    Day(
        before=(unfollow(3, keep_posts=True),),
        after=(publish(1, "Iris"),),
        servers=(
            ServerView(
                posts="Bramble Cherry Damson Hazel Iris",
                reviews="Hazel Iris Juniper",
                desk="Juniper",
                found="Apple Bramble Currant Damson Elder Fig Guava Hazel Iris",
            ),
            ServerView(
                posts="Hazel Iris Juniper", found="Apple Bramble Currant Damson Elder Fig Guava Hazel Iris Juniper"
            ),
            ServerView(posts="Guava Hazel Iris"),
        ),
    ),
    Day(
        before=(follow(3, REVIEW),),
        edits={"Hazel": "Hawthorn"},
        servers=(
            ServerView(
                posts="Bramble Cherry Damson Hawthorn Iris",
                reviews="Hawthorn Iris Juniper Kiwi",
                desk="Juniper Kiwi",
                found="Apple Bramble Currant Damson Elder Fig Guava Hawthorn Iris",
            ),
            ServerView(
                posts="Hawthorn Iris Juniper Kiwi",
                found="Apple Bramble Currant Damson Elder Fig Guava Hawthorn Iris Juniper Kiwi",
            ),
            ServerView(
                posts="Guava Hazel Iris",
                reviews="Kiwi",
                desk="Kiwi",
                backlog="Apple Bramble Currant Damson Elder Fig Guava Hawthorn Iris Juniper",
            ),
        ),
    ),
)


@pytest.fixture(scope="module")
def reader() -> Iterator[DocumentReader]:
    reader = DocumentReader()
    yield reader
    reader.close()


@pytest.mark.slow
async def test_ten_days_of_a_daily_feed(tmp_path: Path, reader: DocumentReader) -> None:
    titles = list(TITLES)
    async with open_feed_stage(tmp_path, reader) as stage:
        for guild_id in (1, 2, 3):
            await stage.open_server(guild_id)
        for number, day in enumerate(DAYS):
            for act in day.before:
                await act(stage)
            titles = [_rename(title, day.edits) for title in titles]
            written = [_write(each, titles[each]) for each in range(number, max(-1, number - WINDOW), -1)]
            await stage.look(*written)
            for act in day.after:
                await act(stage)
            assert tuple([await stage.view(guild_id) for guild_id in (1, 2, 3)]) == day.servers, f"day {number}"


def _rename(title: str, edits: Mapping[str, str]) -> str:
    word, rest = title.split(" ", 1)
    return f"{edits.get(word, word)} {rest}"


def _write(number: int, title: str) -> str:
    return story(number, title=title, date=f"{number + 2:02} Jun 2026 10:00:00 GMT")


@pytest.mark.parametrize("keep_posts", [True, False])
async def test_a_month_in_which_nobody_follows(tmp_path: Path, reader: DocumentReader, keep_posts: bool) -> None:
    async with open_feed_stage(tmp_path, reader) as stage:
        await stage.open_server(1)
        await stage.follow(1, PUBLISH)
        await stage.look(_write(0, TITLES[0]))
        await stage.look(_write(1, TITLES[1]), _write(0, TITLES[0]))
        kept = "Banana" if keep_posts else ""
        await stage.unfollow(1, keep_posts=keep_posts)
        report = await stage.look(*(_write(number, TITLES[number]) for number in (2, 1, 0)), days=30)
        assert report.fetched == 0
        assert await stage.view(1) == ServerView(posts=kept)
        await stage.follow(1, PUBLISH)
        await stage.look(*(_write(number, TITLES[number]) for number in (2, 1, 0)), hours=1)
        assert await stage.view(1) == ServerView(posts=kept, found="Apple Banana Cherry")
        await stage.look(*(_write(number, TITLES[number]) for number in (3, 2, 1, 0)))
        posts = f"{kept} Damson".strip()
        assert await stage.view(1) == ServerView(posts=posts, found="Apple Banana Cherry Damson")
