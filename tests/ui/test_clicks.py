"""Clicks that simcord cannot make: many at once, and forged ones; against a Discord in another process."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import discord
import pytest
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.app import open_bot
from bot.client.bot import NewsBot
from bot.client.interaction_queue import AT_ONCE, InteractionQueue
from bot.settings import load_settings
from bot.sources.feeds.link_lookup import LinkLookup
from bot.sources.feeds.page_metadata import PageMetadata
from bot.store.database import Database
from tests.support.polling import PATIENCE
from tests.support.stage import BotStage, ManualClock
from tests.support.stores import new_database, query_database
from tests.wire.client import Person, WireDiscord
from tests.wire.permissions import MEMBER
from tests.wire.results import Outcome, WireMessage

MODERATORS = 200


@dataclass
class ClickLine:
    """The bot logged in to a Discord in another process, with a desk and a channel that is subscribed."""

    wire: WireDiscord
    bot: NewsBot
    clock: ManualClock
    folder: Path
    desk: int
    news: int

    def write_card(self, slug: str, **fields: str) -> None:
        BotStage.write_card(self, slug, **fields)  # type: ignore[arg-type]  # it only needs the folder

    async def click(self, message: WireMessage, **more: Any) -> Outcome:
        return await self.wire.click_component(message, **more)


@pytest.fixture
async def harness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ClickLine]:
    monkeypatch.setattr(Route, "BASE", Route.BASE)  # the bot sets both, and they are discord.py's own
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    folder = tmp_path / "cards"
    folder.mkdir()
    url = new_database(tmp_path / "clicks.db")
    clock = ManualClock()
    async with WireDiscord() as wire:
        await wire.configure_settings(acknowledge_within=PATIENCE)
        monkeypatch.setattr("bot.client.acknowledgement._TOO_LATE", PATIENCE)
        guild = await wire.add_guild("text:desk", "text:news", everyone=0)
        desk, news = (channel.id for channel in guild.channels)
        settings = load_settings(_env_file=None, database_url=url, cards=folder, discord_api=wire.address.api)
        async with open_bot(settings, clock=clock, background=False) as bot:
            serving = asyncio.create_task(bot.start("a.test.token"))
            await wire.wait_for_sessions()
            await bot.store.subscriptions.add_subscription(
                guild_id=guild.id, channel_id=news, created_by=1, now=clock()
            )
            await bot.store.moderation.reviews.set_channel(guild.id, desk, 10, clock(), settings.max_age)
            clock.advance(seconds=1)
            yield ClickLine(wire, bot, clock, folder, desk, news)
            await bot.close()
            await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.parametrize("by", ["the button of a review", "a command"])
async def test_two_hundred_decisions_at_once_are_one_decision_one_entry_one_post(
    harness: ClickLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    harness.write_card("one", published="false", heat="10")
    await harness.bot.worker.load_cards()
    await harness.bot.pipeline.plan_and_deliver()
    (review,) = await harness.wire.list_messages(harness.desk)
    people = [Person(f"moderator {number}") for number in range(MODERATORS)]
    if by == "a command":
        _hold_until_all_clicked(harness, monkeypatch)
        card = {"card": "one"}
        acts = [harness.wire.run_slash(harness.desk, "desk publish", card, person=each) for each in people]
    else:
        acts = [harness.wire.click_component(review, label="Publish", person=each) for each in people]
    outcomes = await asyncio.gather(*acts)
    await harness.bot.pipeline.plan_and_deliver()
    refused = [each for each in outcomes if "was faster" in each.words or "already published here" in each.words]
    assert len(refused) == MODERATORS - 1
    assert all(each.acknowledged and not each.refused for each in outcomes)
    assert [message.title for message in await harness.wire.list_messages(harness.news)] == ["Title of one"]
    with closing(sqlite3.connect(tmp_path / "clicks.db")) as connection:
        assert connection.execute("SELECT count(*) FROM audit_log").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM decisions").fetchone() == (1,)


def _hold_until_all_clicked(harness: ClickLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody goes on to decide before as many have found the card as can be at work."""
    barrier, look_up = asyncio.Barrier(AT_ONCE), harness.bot.store.cards.get_by_slug

    async def waiting(*args: Any, **more: Any) -> Any:
        found = await look_up(*args, **more)
        if len(arrived) < AT_ONCE:
            arrived.append(True)
            await barrier.wait()
        return found

    arrived: list[bool] = []
    monkeypatch.setattr(harness.bot.store.cards, "get_by_slug", waiting)


async def test_ten_clicks_at_once_submit_a_link_once(
    harness: ClickLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = PageMetadata("https://paper.example/story", "The harbour opens")
    lookup = LinkLookup(page, "https://paper.example/story", ("paper.example/story",))
    monkeypatch.setattr(harness.bot.links._lookups, "find_page", AsyncMock(return_value=lookup))
    member = Person("member", permissions=int(MEMBER))
    asked = await harness.wire.run_slash(harness.news, "submit", {"url": "paper.example/story"}, member)
    assert asked.reply is not None

    outcomes = await asyncio.gather(*(harness.click(asked.reply, label="Submit", person=member) for _ in range(10)))

    assert sum("Submitted." in outcome.words for outcome in outcomes) >= 1
    assert all(outcome.acknowledged and not outcome.refused for outcome in outcomes)
    with closing(sqlite3.connect(tmp_path / "clicks.db")) as connection:
        assert connection.execute("SELECT count(*) FROM submissions").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM cards").fetchone() == (1,)


async def test_a_review_whose_answer_was_lost_is_found_again_and_follows_its_decision(harness: ClickLine) -> None:
    await harness.wire.configure_settings(nonce_window=0.0)
    await harness.wire.add_fault("lost", "POST", "/messages$")
    harness.write_card("one", published="false", heat="10")
    await harness.bot.worker.load_cards()
    for _ in range(3):
        await harness.bot.pipeline.plan_and_deliver()
        harness.clock.advance(minutes=10)
    (review,) = await harness.wire.list_messages(harness.desk)
    clicked = await harness.wire.click_component(review, label="Publish")
    assert "Published by" in clicked.text
    await harness.bot.pipeline.plan_and_deliver()
    (record,) = await harness.wire.list_messages(harness.desk)
    assert "Published by" in record.content


async def test_what_nobody_made_is_answered_as_well(harness: ClickLine) -> None:
    garbage = ["garbage", "nd:", "nd:review:p:1", "nd:undo:-1", "x" * 100]
    view = discord.ui.View(timeout=None)
    view.stop()
    for custom_id in garbage:
        view.add_item(discord.ui.Button(label=custom_id[:10], custom_id=custom_id))
    channel = harness.bot.get_channel(harness.news)
    assert isinstance(channel, discord.TextChannel)
    await channel.send("Forged", view=view)
    (message,) = await harness.wire.list_messages(harness.news)
    for custom_id in garbage:
        outcome = await harness.wire.click_component(message, custom_id)
        assert "expired" in outcome.text, custom_id


@dataclass
class Hold:
    """A database that answers nothing until it is released."""

    is_queried: asyncio.Event
    released: asyncio.Event


@pytest.fixture
def hold(monkeypatch: pytest.MonkeyPatch) -> Hold:
    hold, begin = Hold(asyncio.Event(), asyncio.Event()), Database._begin
    hold.released.set()

    @asynccontextmanager
    async def waiting(database: Any, options: Any) -> AsyncIterator[Any]:
        hold.is_queried.set()
        await hold.released.wait()
        async with begin(database, options) as connection:
            yield connection

    monkeypatch.setattr(Database, "_begin", waiting)
    return hold


async def _news(harness: ClickLine, slug: str = "one", **fields: str) -> WireMessage:
    harness.write_card(slug, **fields)
    await harness.bot.worker.load_cards()
    await harness.bot.pipeline.plan_and_deliver()
    (message,) = await harness.wire.list_messages(harness.desk if fields else harness.news)
    return message


async def _review(harness: ClickLine) -> WireMessage:
    return await _news(harness, published="false", heat="10")


def _saved(harness: ClickLine) -> list[Any]:
    return query_database(harness.bot.settings.database_url, "SELECT user_id, card_id FROM saved_cards")


def _decided(harness: ClickLine) -> list[Any]:
    return query_database(harness.bot.settings.database_url, "SELECT decided_by, verdict FROM decisions")


SLOW = ("Save", "More…", "Publish", "Publish in…", "Why?")


@pytest.mark.parametrize("label", SLOW)
async def test_a_click_that_takes_long_is_never_called_stale(harness: ClickLine, hold: Hold, label: str) -> None:
    message = await (_review(harness) if label in SLOW[2:] else _news(harness))
    hold.is_queried.clear()
    hold.released.clear()
    shown = await harness.click(message, label=label, until="ack")
    assert shown.acknowledged
    await hold.is_queried.wait()
    await asyncio.sleep(0)
    assert not (await harness.wire.get_outcome(shown.id)).replied
    hold.released.set()
    done = await harness.wire.get_outcome(shown.id, "reply")
    assert done.replied
    assert "expired" not in done.words
    assert "went wrong" not in done.words
    assert done.refused == []


async def test_who_finds_the_queue_full_is_told_so_in_the_same_reply_and_nothing_is_done(
    harness: ClickLine, hold: Hold
) -> None:
    message = await _news(harness)
    harness.bot.workload = InteractionQueue(1, 0)
    hold.released.clear()
    first = await harness.click(message, label="Save", person=Person("first"), until="ack")
    second = await harness.click(message, label="Save", person=Person("second"))
    assert "I'm busy" in second.text
    assert second.followups == []
    hold.released.set()
    assert "Saved" in (await harness.wire.get_outcome(first.id, "reply")).text
    assert [user for user, _ in _saved(harness)] == [await harness.wire.get_user_id("first")]


async def test_who_finds_the_queue_full_at_a_message_for_everybody_is_told_alone(
    harness: ClickLine, hold: Hold
) -> None:
    review = await _review(harness)
    harness.bot.workload = InteractionQueue(1, 0)
    hold.released.clear()
    first = await harness.click(review, label="Why?", until="ack")
    second = await harness.click(review, label="Publish")
    assert [("I'm busy" in each.content, each.ephemeral) for each in second.followups] == [(True, True)]
    hold.released.set()
    await harness.wire.get_outcome(first.id, "reply")
    assert _decided(harness) == []


@pytest.mark.parametrize("label", ["Save", "Publish"])
async def test_what_fails_after_the_acknowledgement_is_told(
    harness: ClickLine, monkeypatch: pytest.MonkeyPatch, label: str
) -> None:
    message = await (_review(harness) if label == "Publish" else _news(harness))

    async def fails(*_args: Any, **_more: Any) -> Any:
        raise RuntimeError("a defect")

    monkeypatch.setattr(harness.bot.store.cards, "get_card", fails)
    outcome = await harness.click(message, label=label)
    assert "something went wrong" in outcome.words
    assert len(outcome.followups) == (label == "Publish"), "a reply is filled in, a message for everybody is not"


@pytest.mark.parametrize("fault", ["lost", "reset"])
@pytest.mark.parametrize("label", ["Save", "Publish"])
async def test_an_acknowledgement_whose_line_broke_is_sent_once_more(
    harness: ClickLine, fault: str, label: str
) -> None:
    message = await (_review(harness) if label == "Publish" else _news(harness))
    await harness.wire.add_fault(fault, "POST", "/callback$")
    outcome = await harness.click(message, label=label)
    assert ("Saved" if label == "Save" else "Published by") in outcome.words


@pytest.mark.parametrize("label", ["Save", "Publish"])
async def test_what_discord_does_not_take_in_time_is_not_done(harness: ClickLine, label: str) -> None:
    message = await (_review(harness) if label == "Publish" else _news(harness))
    await harness.wire.configure_settings(acknowledge_within=0.0)
    outcome = await harness.click(message, label=label, until="ack", within=0.5)
    assert not outcome.acknowledged
    assert (await harness.wire.get_outcome(outcome.id)).refused == [10062]
    assert _saved(harness) == []
    assert _decided(harness) == []


async def test_a_double_click_is_done_once_and_both_are_told_so_in_order(harness: ClickLine, hold: Hold) -> None:
    message = await _news(harness)
    hold.released.clear()
    clicks = [await harness.click(message, label="Save", until="ack") for _ in range(3)]
    hold.released.set()
    words = [(await harness.wire.get_outcome(each.id, "reply")).words for each in clicks]
    assert [each.startswith("Saved") for each in words] == [True, False, False]
    assert all("already" in each for each in words[1:])
    assert len(_saved(harness)) == 1


async def test_of_two_moderators_the_second_hears_who_was_faster(harness: ClickLine, hold: Hold) -> None:
    review = await _review(harness)
    hold.released.clear()
    first = await harness.click(review, label="Publish", person=Person("first"), until="ack")
    second = await harness.click(review, label="Publish", person=Person("second"), until="ack")
    hold.released.set()
    assert "Published by" in (await harness.wire.get_outcome(first.id, "reply")).words
    reply = await harness.wire.get_outcome(second.id, "reply")
    assert [f"<@{await harness.wire.get_user_id('first')}> was faster" in each.content for each in reply.followups] == [
        True
    ]
    assert _decided(harness) == [(await harness.wire.get_user_id("first"), "published")]


async def test_a_decision_on_a_message_that_is_deleted_meanwhile_stands_and_is_told(
    harness: ClickLine, hold: Hold
) -> None:
    review = await _review(harness)
    hold.released.clear()
    clicked = await harness.click(review, label="Publish", until="ack")
    await harness.wire.delete_message(review)
    hold.released.set()
    reply = await harness.wire.get_outcome(clicked.id, "reply")
    assert [("Published by" in each.content, each.ephemeral) for each in reply.followups] == [(True, True)]
    assert len(_decided(harness)) == 1


@pytest.mark.parametrize("label", ["Publish", "Publish in…", "Withdraw", "Edit topics", "Why?"])
async def test_who_lost_the_permission_is_refused_and_told(harness: ClickLine, label: str) -> None:
    review = await _review(harness)
    outcome = await harness.click(review, label=label, person=Person("demoted", permissions=0))
    assert "Manage Messages" in outcome.words
    assert outcome.modal is None
    assert _decided(harness) == []


async def test_completions_that_take_too_long_suggest_nothing_and_keep_nobody_waiting(
    harness: ClickLine, hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _news(harness)
    monkeypatch.setattr("bot.client.error_handler.MAX_COMPLETION_SECONDS", 0.1)
    harness.bot.completions = InteractionQueue(2, 3, 0.1)
    hold.released.clear()
    requests = [
        harness.wire.run_autocomplete(harness.news, "latest", "topic", "P", person=Person(f"reader {number}"))
        for number in range(12)
    ]
    assert await asyncio.gather(*requests) == [[]] * 12
    hold.released.set()
    monkeypatch.setattr("bot.client.error_handler.MAX_COMPLETION_SECONDS", 30.0)
    harness.bot.completions = InteractionQueue(2, 3, 30.0)
    found = await harness.wire.run_autocomplete(harness.news, "latest", "topic", "P")
    assert [each["value"] for each in found] == ["Python"]
