"""/feed on a server, with a site on loopback: from an address to the first card in a channel, and back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.domain.feed import NewFeed
from tests.support.feed_server import FeedServer, serve_feeds
from tests.support.feeds import story
from tests.support.play import open_commands
from tests.support.stage import BotStage, button_ids, newest, open_stage

PAGE = "<!doctype html><title>Paper</title>{links}<p>Words.</p>"
LINK = '<link rel="alternate" type="application/rss+xml" title="{title}" href="{href}">'


@pytest.fixture
def site() -> Iterator[FeedServer]:
    with serve_feeds() as server:
        server.items["/feed"] = [story(1)]
        server.items["/other"] = [story(7)]
        yield server


@pytest.fixture
async def stage(tmp_path: Path, site: FeedServer) -> AsyncIterator[BotStage]:
    async with open_stage(tmp_path, fetch_private=site.host, feeds_per_server=2) as opened:
        yield opened


@pytest.fixture
def manager(stage: BotStage) -> Any:
    role = stage.guild.create_role("Managers", permissions=discord.Permissions(manage_guild=True))
    return stage.guild.add_member(stage.env.create_user("manager"), roles=[role])


async def poll(stage: BotStage) -> None:
    """The feeds are looked at, and what came is posted."""
    stage.clock.advance(hours=2)
    await stage.bot.feeds.poller.poll_due()
    await stage.bot.pipeline.plan_and_deliver()


async def follow(stage: BotStage, manager: Any, url: str, **options: Any) -> Any:
    preview = await manager.slash(stage.news, "feed add", url=url, **options)
    return await manager.click(preview.response, label="Follow this feed")


async def list_feeds(stage: BotStage, manager: Any) -> str:
    shown = (await manager.slash(stage.news, "feed list")).response
    return str(shown.embeds[0].description) if shown.embeds else shown.content


@pytest.mark.slow
async def test_after_a_restart_a_preview_says_how_to_go_on(stage: BotStage, manager: Any, site: FeedServer) -> None:
    links = "".join(LINK.format(title=path, href=path) for path in ("/feed", "/other"))
    site.pages["/"] = PAGE.format(links=links)
    chosen = (await manager.slash(stage.news, "feed add", url=site.url_of("/"))).response
    preview = (await manager.slash(stage.news, "feed add", url=site.url_of("/feed"))).response
    await stage.restart_bot()
    lost = [await manager.click(preview, label="Follow this feed"), await manager.select(chosen, ["0"])]
    assert [each.response.content for each in lost] == ["This preview has expired. Run `/feed add` again."] * 2
    assert all(each.response.ephemeral for each in lost)
    assert "doesn't follow any feeds yet" in await list_feeds(stage, manager)


async def test_from_the_address_to_the_first_card_in_the_channel(
    stage: BotStage, manager: Any, site: FeedServer
) -> None:
    await stage.subscribe_channel()
    preview = (await manager.slash(stage.news, "feed add", url=site.url_of("/feed"), policy="publish")).response
    assert "every card is published" in preview.content
    assert [embed.title for embed in preview.embeds] == ["Story 1"]
    done = await manager.click(preview, label="Follow this feed")
    assert "This server now follows the feed." in done.response.content
    assert not button_ids(done.response)

    await poll(stage)
    assert stage.list_posts() == [], "what the feed held before is not news"
    assert (await stage.member.slash(stage.news, "latest")).response.embeds[0].title == "Story 1"

    site.items["/feed"] = [story(2), story(1)]
    await poll(stage)
    assert stage.list_titles() == ["Story 2"]
    assert "✅ fine" in await list_feeds(stage, manager)


async def test_the_newest_are_posted_at_once_if_somebody_asks_for_it(
    stage: BotStage, manager: Any, site: FeedServer
) -> None:
    await stage.subscribe_channel()
    site.items["/feed"] = [story(number, date=f"Mon, 01 Jun 2026 0{number}:00:00 GMT") for number in (3, 1, 2)]
    stage.clock.advance(seconds=1)
    preview = await manager.slash(stage.news, "feed add", url=site.url_of("/feed"), newest=2)
    polling = asyncio.create_task(stage.bot.feeds.poller.run_polling(lambda: True))
    try:
        done = await manager.click(preview.response, label="Follow this feed")
    finally:
        polling.cancel()
    assert "Its newest 2 cards are published." in done.response.content
    await stage.bot.pipeline.plan_and_deliver()
    assert stage.list_titles() == ["Story 2", "Story 3"]
    await poll(stage)
    assert stage.list_titles() == ["Story 2", "Story 3"]


async def test_without_a_policy_the_moderators_decide(stage: BotStage, manager: Any, site: FeedServer) -> None:
    await stage.subscribe_channel()
    done = await follow(stage, manager, site.url_of("/feed"))
    assert "/desk queue" in done.response.content
    await poll(stage)
    site.items["/feed"] = [story(2), story(1)]
    await poll(stage)
    assert stage.list_posts() == []
    queue = await stage.admin.slash(stage.news, "desk queue")
    assert [embed.title for embed in queue.response.embeds] == ["Story 2"]
    before = await stage.admin.slash(stage.news, "desk queue", backlog=True)
    assert [embed.title for embed in before.response.embeds] == ["Story 1"]


async def test_a_page_that_names_one_feed_will_do(stage: BotStage, manager: Any, site: FeedServer) -> None:
    comments = LINK.format(title="Comments", href="/comments/feed")
    site.pages["/"] = PAGE.format(links=LINK.format(title="News", href="/feed") + comments)

    preview = (await manager.slash(stage.news, "feed add", url=site.url_of("/"))).response

    assert [embed.title for embed in preview.embeds] == ["Story 1"]


async def test_of_several_feeds_one_is_chosen(stage: BotStage, manager: Any, site: FeedServer) -> None:
    links = LINK.format(title="News", href="/feed") + LINK.format(title="Others", href="/other")
    site.pages["/"] = PAGE.format(links=links)
    choice = (await manager.slash(stage.news, "feed add", url=site.url_of("/"), policy="publish")).response
    assert "several feeds" in choice.content

    preview = (await manager.select(choice, ["1"])).response

    assert [embed.title for embed in preview.embeds] == ["Story 7"]
    await manager.click(preview, label="Follow this feed")
    assert "The Paper" in await list_feeds(stage, manager)


@pytest.mark.parametrize(
    ("path", "words"),
    [("/page", "This page doesn't link to a feed."), ("/missing", "There is nothing at this address. (404)")],
)
async def test_what_is_no_feed_is_explained(
    stage: BotStage, manager: Any, site: FeedServer, path: str, words: str
) -> None:
    site.pages["/page"] = PAGE.format(links="")

    answer = await manager.slash(stage.news, "feed add", url=site.url_of(path))

    assert words in answer.response.content
    assert not answer.response.components


async def test_an_address_of_the_own_network_is_refused(stage: BotStage, manager: Any) -> None:
    answer = await manager.slash(stage.news, "feed add", url="http://127.0.0.1/feed")

    assert "private network" in answer.response.content


@pytest.mark.slow
async def test_following_twice_changes_nothing_and_there_is_a_limit(
    stage: BotStage, manager: Any, site: FeedServer
) -> None:
    await follow(stage, manager, site.url_of("/feed"))
    assert "already follows that feed" in newest(await follow(stage, manager, site.url_of("/feed"))).content
    await follow(stage, manager, site.url_of("/other"))
    site.items["/third"] = []
    assert "can follow 2 feeds" in newest(await follow(stage, manager, site.url_of("/third"))).content
    assert len((await list_feeds(stage, manager)).splitlines()) == 5


async def test_what_everybody_gets_is_not_followed(stage: BotStage, manager: Any, site: FeedServer) -> None:
    await stage.bot.store.feeds.add_feeds([NewFeed(site.url_of("/feed"))], stage.clock())

    assert "Every server already gets this feed" in newest(await follow(stage, manager, site.url_of("/feed"))).content


@pytest.mark.slow
async def test_the_log_says_when_the_operator_adds_a_feed_that_the_server_follows(
    stage: BotStage, manager: Any, site: FeedServer
) -> None:
    await follow(stage, manager, site.url_of("/feed"))
    await poll(stage)
    await stage.bot.store.feeds.add_feeds([NewFeed(site.url_of("/feed"))], stage.clock())

    log = (await stage.admin.slash(stage.news, "desk log")).response.content
    title, sentence = log.splitlines()
    assert title == "**The Paper**"
    assert sentence.startswith("📡 Feed added for every server by the bot's operator <t:")
    assert sentence.endswith("; this server no longer has to follow it")


@pytest.mark.slow
async def test_an_edit_holds_for_what_comes_after_it(stage: BotStage, manager: Any, site: FeedServer) -> None:
    await stage.subscribe_channel()
    await follow(stage, manager, site.url_of("/feed"), policy="publish", topics="Ships")
    await poll(stage)
    site.items["/feed"] = [story(2), story(1)]
    await poll(stage)

    changed = await manager.slash(stage.news, "feed edit", feed="The Paper", policy="review", topics="none")
    site.items["/feed"] = [story(3), story(2), story(1)]
    await poll(stage)

    assert "a moderator decides on each card" in changed.response.embeds[0].fields[0].value
    assert stage.list_titles() == ["Story 2"]
    again = await manager.slash(stage.news, "feed edit", feed="The Paper", policy="review")
    assert "Nothing to change" in again.response.content


@pytest.mark.slow
async def test_what_comes_while_a_feed_is_paused_is_not_posted(stage: BotStage, manager: Any, site: FeedServer) -> None:
    await stage.subscribe_channel()
    await follow(stage, manager, site.url_of("/feed"), policy="publish")
    await poll(stage)
    await manager.slash(stage.news, "feed pause", feed="The Paper")
    assert "⏸️ paused" in await list_feeds(stage, manager)
    assert "Already paused" in (await manager.slash(stage.news, "feed pause", feed="The Paper")).response.content
    site.items["/feed"] = [story(2), story(1)]
    await poll(stage)
    await manager.slash(stage.news, "feed resume", feed="The Paper")
    site.items["/feed"] = [story(3), story(2), story(1)]
    await poll(stage)

    assert stage.list_titles() == ["Story 3"]
    assert "isn't paused" in (await manager.slash(stage.news, "feed resume", feed="The Paper")).response.content


@pytest.mark.slow
@pytest.mark.parametrize(("posts", "left"), [("keep", ["Story 2"]), ("delete", [])])
async def test_removing_keeps_or_deletes_the_posts(
    stage: BotStage, manager: Any, site: FeedServer, posts: str, left: list[str]
) -> None:
    await stage.subscribe_channel()
    await follow(stage, manager, site.url_of("/feed"), policy="publish")
    await poll(stage)
    site.items["/feed"] = [story(2), story(1)]
    await poll(stage)
    await manager.slash(stage.news, "feed remove", feed="The Paper", posts=posts)
    site.items["/feed"] = [story(3), story(2, title="Edited"), story(1)]
    before = sum(site.answers.values())
    await poll(stage)

    assert stage.list_titles() == left
    assert sum(site.answers.values()) == before, "what nobody follows is not fetched"
    assert "doesn't follow any feeds yet" in await list_feeds(stage, manager)

    await follow(stage, manager, site.url_of("/feed"), policy="publish")
    await poll(stage)
    assert stage.list_titles() == left, "following again posts nothing again"


@pytest.mark.slow
async def test_a_check_explains_what_the_site_answers_now(stage: BotStage, manager: Any, site: FeedServer) -> None:
    await follow(stage, manager, site.url_of("/feed"))
    await poll(stage)
    fine = (await manager.slash(stage.news, "feed check", feed="The Paper")).response
    assert "1 item" in fine.content
    del site.items["/feed"]
    gone = (await manager.slash(stage.news, "feed check", feed="The Paper")).response
    assert "There is nothing at this address. (404)" in gone.content


async def test_a_list_goes_out_and_comes_in(stage: BotStage, manager: Any, site: FeedServer) -> None:
    await follow(stage, manager, site.url_of("/feed"), topics="Ships", policy="publish")
    answer = await manager.slash(stage.news, "feed export")
    assert answer.response.content == "1 feed, as OPML."
    exported = stage.file_of(answer)
    assert site.url_of("/feed") in exported
    assert "Ships" in exported
    known = (await manager.slash(stage.news, "feed import", file=("feeds.opml", exported.encode()))).response
    assert not known.components, "there is nothing to follow"

    both = exported.replace("/feed", "/other")
    preview = (await manager.slash(stage.news, "feed import", file=("feeds.opml", both.encode()))).response
    done = await manager.click(preview, label="Follow 1 feed")

    assert "1 more feed" in done.response.content
    assert len((await list_feeds(stage, manager)).splitlines()) == 5


async def test_a_list_goes_out_without_keys_and_says_so(stage: BotStage, manager: Any, site: FeedServer) -> None:
    site.items["/feed?token=s3cret"] = [story(1)]
    await follow(stage, manager, site.url_of("/feed?token=s3cret"))
    answer = await manager.slash(stage.news, "feed export")
    assert "s3cret" not in stage.file_of(answer)
    assert "leaves out the password or key of 1 address" in answer.response.content


async def test_what_is_no_list_is_refused(stage: BotStage, manager: Any) -> None:
    words = (await manager.slash(stage.news, "feed import", file=("a.txt", b"words"))).response.content
    assert "This isn't a list of feeds." in words
    long = (await manager.slash(stage.news, "feed import", file=("a.opml", b"x" * 1_000_001))).response.content
    assert "larger than 1 MB" in long


async def test_who_may_not_manage_the_server_may_not_follow(stage: BotStage, site: FeedServer) -> None:
    await open_commands(stage)

    answer = await stage.member.slash(stage.news, "feed add", url=site.url_of("/feed"))

    assert "**Manage Server**" in answer.response.content


async def test_feeds_are_completed_by_words_of_their_titles(stage: BotStage, manager: Any, site: FeedServer) -> None:
    await follow(stage, manager, site.url_of("/feed"))

    assert [each["name"] for each in await manager.autocomplete(stage.news, "feed edit", "feed", "pap")] == [
        "The Paper"
    ]
    assert await manager.autocomplete(stage.news, "feed edit", "feed", "nothing") == []
    unknown = await manager.slash(stage.news, "feed pause", feed="nothing")
    assert "I can't find that feed." in unknown.response.content
