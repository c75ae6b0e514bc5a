"""Clicks that simcord cannot make: many at once, and forged ones; against a Discord in another process."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.app import open_bot
from bot.gateway.client import NewsBot
from bot.gateway.workload import AT_ONCE, Workload
from bot.settings import load_settings
from bot.store.database import Database
from tests.support.stage import Clock, Stage
from tests.support.stores import ask, new_database
from tests.wire.client import Person, WireDiscord
from tests.wire.results import Outcome, WireMessage

MODERATORS = 200
PATIENCE = 60.0
"""Seconds that everything may take here: the machine may have much else to do."""


@dataclass
class Line:
    """The bot logged in to a Discord in another process, with a desk and a channel that is subscribed."""

    wire: WireDiscord
    bot: NewsBot
    clock: Clock
    folder: Path
    desk: int
    news: int

    def write(self, slug: str, **fields: str) -> None:
        Stage.write(self, slug, **fields)  # type: ignore[arg-type]  # it only needs the folder

    async def click(self, message: WireMessage, **more: Any) -> Outcome:
        return await self.wire.click(message, **{"within": PATIENCE} | more)


@pytest.fixture
async def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    monkeypatch.setattr(Route, "BASE", Route.BASE)  # the bot sets both, and they are discord.py's own
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    folder = tmp_path / "cards"
    folder.mkdir()
    url = new_database(tmp_path / "clicks.db")
    clock = Clock()
    async with WireDiscord() as wire:
        await wire.configure(acknowledge_within=PATIENCE)
        monkeypatch.setattr("bot.gateway.acknowledgement._TOO_LATE", PATIENCE)
        guild = await wire.add_guild("text:desk", "text:news", everyone=0)
        desk, news = (channel.id for channel in guild.channels)
        settings = load_settings(_env_file=None, database_url=url, cards=folder, discord_api=wire.address.api)
        async with open_bot(settings, clock=clock, background=False) as bot:
            serving = asyncio.create_task(bot.start("a.test.token"))
            await wire.connected()
            await bot.store.subscriptions.add(guild_id=guild.id, channel_id=news, created_by=1, now=clock())
            await bot.store.reviews.set_channel(guild.id, desk, 10, clock(), settings.max_age)
            clock.move(seconds=1)
            yield Line(wire, bot, clock, folder, desk, news)
            await bot.close()
            await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("by", ["the button of a review", "a command"])
async def test_two_hundred_decisions_at_once_are_one_decision_one_entry_one_post(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    line.write("one", published="false", heat="10")
    await line.bot.newsroom.load()
    await line.bot.newsroom.tick()
    (review,) = await line.wire.messages(line.desk)
    people = [Person(f"moderator {number}") for number in range(MODERATORS)]
    if by == "a command":
        _all_at_once(line, monkeypatch)
        card = {"card": "one"}
        acts = [line.wire.slash(line.desk, "desk publish", card, person=each, within=PATIENCE) for each in people]
    else:
        acts = [line.wire.click(review, label="Publish", person=each, within=PATIENCE) for each in people]
    outcomes = await asyncio.gather(*acts)
    await line.bot.newsroom.tick()
    refused = [each for each in outcomes if "was faster" in each.words or "published here already" in each.words]
    assert len(refused) == MODERATORS - 1
    assert all(each.acknowledged and not each.refused for each in outcomes)
    assert [message.title for message in await line.wire.messages(line.news)] == ["Title of one"]
    with closing(sqlite3.connect(tmp_path / "clicks.db")) as connection:
        assert connection.execute("SELECT count(*) FROM audit").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM decisions").fetchone() == (1,)


def _all_at_once(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody goes on to decide before as many have found the card as can be at work."""
    barrier, look_up = asyncio.Barrier(AT_ONCE), line.bot.store.archive.by_slug

    async def waiting(*args: Any, **more: Any) -> Any:
        found = await look_up(*args, **more)
        if len(arrived) < AT_ONCE:
            arrived.append(True)
            await barrier.wait()
        return found

    arrived: list[bool] = []
    monkeypatch.setattr(line.bot.store.archive, "by_slug", waiting)


async def test_a_review_whose_answer_was_lost_is_found_again_and_follows_its_decision(line: Line) -> None:
    await line.wire.configure(nonce_window=0.0)
    await line.wire.fault("lost", "POST", "/messages$")
    line.write("one", published="false", heat="10")
    await line.bot.newsroom.load()
    for _ in range(3):
        await line.bot.newsroom.tick()
        line.clock.move(minutes=10)
    (review,) = await line.wire.messages(line.desk)
    clicked = await line.wire.click(review, label="Publish")
    assert "Published by" in clicked.text
    await line.bot.newsroom.tick()
    (record,) = await line.wire.messages(line.desk)
    assert "Published by" in record.content


async def test_what_nobody_made_is_answered_as_well(line: Line) -> None:
    garbage = ["garbage", "nd:", "nd:review:p:1", "nd:undo:-1", "x" * 100]
    view = discord.ui.View(timeout=None)
    view.stop()
    for custom_id in garbage:
        view.add_item(discord.ui.Button(label=custom_id[:10], custom_id=custom_id))
    channel = line.bot.get_channel(line.news)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("Forged", view=view)
    (message,) = await line.wire.messages(line.news)
    for custom_id in garbage:
        outcome = await line.wire.click(message, custom_id)
        assert "not open any more" in outcome.text, custom_id


@dataclass
class Hold:
    """A database that answers nothing until it is told to."""

    asked: asyncio.Event
    released: asyncio.Event


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Hold:
    hold, begun = Hold(asyncio.Event(), asyncio.Event()), Database._begun
    hold.released.set()

    @asynccontextmanager
    async def waiting(database: Any, options: Any) -> AsyncIterator[Any]:
        hold.asked.set()
        await hold.released.wait()
        async with begun(database, options) as connection:
            yield connection

    monkeypatch.setattr(Database, "_begun", waiting)
    return hold


async def _news(line: Line, slug: str = "one", **fields: str) -> WireMessage:
    line.write(slug, **fields)
    await line.bot.newsroom.load()
    await line.bot.newsroom.tick()
    (message,) = await line.wire.messages(line.desk if fields else line.news)
    return message


async def _review(line: Line) -> WireMessage:
    return await _news(line, published="false", heat="10")


def _saved(line: Line) -> list[Any]:
    return ask(line.bot.settings.database_url, "SELECT user_id, card_id FROM saved")


def _decided(line: Line) -> list[Any]:
    return ask(line.bot.settings.database_url, "SELECT decided_by, verdict FROM decisions")


SLOW = ("Save", "More from this topic", "Publish", "Publish in…", "Why?")


@pytest.mark.parametrize("label", SLOW)
async def test_a_click_that_takes_long_is_never_called_stale(line: Line, hold: Hold, label: str) -> None:
    message = await (_review(line) if label in SLOW[2:] else _news(line))
    hold.asked.clear()
    hold.released.clear()
    shown = await line.click(message, label=label, until="ack")
    assert shown.acknowledged
    await hold.asked.wait()
    await asyncio.sleep(0)
    assert not (await line.wire.outcome(shown.id)).replied
    hold.released.set()
    done = await line.wire.outcome(shown.id, "reply", PATIENCE)
    assert done.replied
    assert "not open any more" not in done.words
    assert "went wrong" not in done.words
    assert done.refused == []


async def test_who_finds_the_queue_full_is_told_so_in_the_same_reply_and_nothing_is_done(
    line: Line, hold: Hold
) -> None:
    message = await _news(line)
    line.bot.workload = Workload(1, 0)
    hold.released.clear()
    first = await line.click(message, label="Save", person=Person("first"), until="ack")
    second = await line.click(message, label="Save", person=Person("second"))
    assert "I am busy" in second.text
    assert second.followups == []
    hold.released.set()
    assert "Saved" in (await line.wire.outcome(first.id, "reply", PATIENCE)).text
    assert [user for user, _ in _saved(line)] == [await line.wire.user_id("first")]


async def test_who_finds_the_queue_full_at_a_message_for_everybody_is_told_alone(line: Line, hold: Hold) -> None:
    review = await _review(line)
    line.bot.workload = Workload(1, 0)
    hold.released.clear()
    first = await line.click(review, label="Why?", until="ack")
    second = await line.click(review, label="Publish")
    assert [("I am busy" in each.content, each.ephemeral) for each in second.followups] == [(True, True)]
    hold.released.set()
    await line.wire.outcome(first.id, "reply", PATIENCE)
    assert _decided(line) == []


@pytest.mark.parametrize("label", ["Save", "Publish"])
async def test_what_fails_after_the_acknowledgement_is_told(
    line: Line, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    message = await (_review(line) if label == "Publish" else _news(line))

    async def fails(*_args: Any, **_more: Any) -> Any:
        raise RuntimeError("a defect")

    monkeypatch.setattr(line.bot.store.archive, "card", fails)
    outcome = await line.click(message, label=label)
    assert "something went wrong" in outcome.words
    assert len(outcome.followups) == (label == "Publish"), "a reply is filled in, a message for everybody is not"


@pytest.mark.parametrize("fault", ["lost", "reset"])
@pytest.mark.parametrize("label", ["Save", "Publish"])
async def test_an_acknowledgement_whose_line_broke_is_sent_once_more(line: Line, fault: str, label: str) -> None:
    message = await (_review(line) if label == "Publish" else _news(line))
    await line.wire.fault(fault, "POST", "/callback$")
    outcome = await line.click(message, label=label)
    assert ("Saved" if label == "Save" else "Published by") in outcome.words


@pytest.mark.parametrize("label", ["Save", "Publish"])
async def test_what_discord_does_not_take_in_time_is_not_done(line: Line, label: str) -> None:
    message = await (_review(line) if label == "Publish" else _news(line))
    await line.wire.configure(acknowledge_within=0.0)
    outcome = await line.click(message, label=label, until="ack", within=0.5)
    assert not outcome.acknowledged
    assert (await line.wire.outcome(outcome.id)).refused == [10062]
    assert _saved(line) == []
    assert _decided(line) == []


async def test_a_double_click_is_done_once_and_both_are_told_so_in_order(line: Line, hold: Hold) -> None:
    message = await _news(line)
    hold.released.clear()
    clicks = [await line.click(message, label="Save", until="ack") for _ in range(3)]
    hold.released.set()
    words = [(await line.wire.outcome(each.id, "reply", PATIENCE)).words for each in clicks]
    assert [each.startswith("Saved") for each in words] == [True, False, False]
    assert all("already" in each for each in words[1:])
    assert len(_saved(line)) == 1


async def test_of_two_moderators_the_second_hears_who_was_faster(line: Line, hold: Hold) -> None:
    review = await _review(line)
    hold.released.clear()
    first = await line.click(review, label="Publish", person=Person("first"), until="ack")
    second = await line.click(review, label="Publish", person=Person("second"), until="ack")
    hold.released.set()
    assert "Published by" in (await line.wire.outcome(first.id, "reply", PATIENCE)).words
    told = await line.wire.outcome(second.id, "reply", PATIENCE)
    assert [f"<@{await line.wire.user_id('first')}> was faster" in each.content for each in told.followups] == [True]
    assert _decided(line) == [(await line.wire.user_id("first"), "published")]


async def test_a_decision_on_a_message_that_is_deleted_meanwhile_stands_and_is_told(line: Line, hold: Hold) -> None:
    review = await _review(line)
    hold.released.clear()
    clicked = await line.click(review, label="Publish", until="ack")
    await line.wire.delete(review)
    hold.released.set()
    told = await line.wire.outcome(clicked.id, "reply", PATIENCE)
    assert [("Published by" in each.content, each.ephemeral) for each in told.followups] == [(True, True)]
    assert len(_decided(line)) == 1


@pytest.mark.parametrize("label", ["Publish", "Publish in…", "Withdraw", "Edit topics", "Why?"])
async def test_who_lost_the_permission_is_refused_and_told(line: Line, label: str) -> None:
    review = await _review(line)
    outcome = await line.click(review, label=label, person=Person("demoted", permissions=0))
    assert "Manage Messages" in outcome.words
    assert outcome.modal is None
    assert _decided(line) == []


async def test_completions_that_take_too_long_suggest_nothing_and_keep_nobody_waiting(
    line: Line, hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _news(line)
    monkeypatch.setattr("bot.gateway.failures.LONGEST_COMPLETION", 0.1)
    line.bot.completions = Workload(2, 3, 0.1)
    hold.released.clear()
    asked = [
        line.wire.autocomplete(line.news, "latest", "topic", "P", person=Person(f"reader {number}"))
        for number in range(12)
    ]
    assert await asyncio.gather(*asked) == [[]] * 12
    hold.released.set()
    monkeypatch.setattr("bot.gateway.failures.LONGEST_COMPLETION", 30.0)
    line.bot.completions = Workload(2, 3, 30.0)
    found = await line.wire.autocomplete(line.news, "latest", "topic", "P")
    assert [each["value"] for each in found] == ["Python"]
